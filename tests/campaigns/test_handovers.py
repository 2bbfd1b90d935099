"""What a perk needs to know of who accepted: given, corrected, moved on by the brand, and forgotten in time."""

import csv
import io
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.actions import erase_person
from accounts.models import Person, User
from campaigns import tasks
from campaigns.actions import (
    AlreadyDone,
    DetailsRefused,
    Given,
    NotOpen,
    NotOut,
    NotYours,
    add_member,
    announce_details,
    forget_details,
    give_details,
    move_on,
    redeem,
    send_due_notices,
    set_fulfilment,
    take_back,
)
from campaigns.models import AuditEntry, Campaign, Handover, Invitation, Membership, Notice, PerkCode
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import address, holder, open_campaign, shown
from tests.campaigns.perks import codes, guest, says_yes
from tests.factories.campaigns import NOW, HandoverFactory, NoticeFactory

pytestmark = pytest.mark.django_db
LIST = reverse("admin:campaigns_handover_changelist")
HOME = {"full_name": "Ann Ash", "street": "1 Elm Road", "postcode": "M5V 1A1", "city": "Toronto", "country": "CA"}
State = PerkCode.Fulfilment


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    return open_campaign(brand=airlines.brand, name="Suitcases", details_kind="address", details_kept_days=30)


@pytest.fixture
def ann(campaign: Campaign) -> Invitation:
    return says_yes(guest(campaign, "ann"), now=timezone.now())


def _user(invitation: Invitation) -> User:
    assert invitation.person.user is not None
    return invitation.person.user


def _gives(client: Client, invitation: Invitation, **given: Any) -> str:
    response = client.post(address(invitation), {"answer": "details", **HOME, "note": "", **given}, follow=True)
    return response.content.decode()


def _given(invitation: Invitation, **more: Any) -> Handover:
    given: dict[str, Any] = {**HOME, **more}
    return give_details(invitation, given=Given(**given), by=_user(invitation), now=timezone.now())


def _text(client: Client, path: str, **data: Any) -> str:
    return client.get(path, data).content.decode()


# On the person's page.


def test_who_accepted_gives_an_address_and_corrects_it_until_it_is_sent(
    client: Client, airlines: Airlines, campaign: Campaign, ann: Invitation, caplog: Any
) -> None:
    client.force_login(_user(ann))
    until = campaign.ends_on + timedelta(days=30)
    page = shown(client, address(ann))
    assert "Where to send it" in page
    assert f"After {until:%-d %B %Y} it is deleted" in page
    assert "Say where to send it" in shown(client, "/me")
    with caplog.at_level(logging.DEBUG):
        assert "Thank you. Maple Air sees it now." in _gives(client, ann)
    row = Handover.objects.get()
    assert (row.kind, row.full_name, row.street, row.country, row.state) == (
        "address",
        *list(HOME.values())[:2],
        "CA",
        "none",
    )
    assert (row.kept_until, row.given_by) == (until, _user(ann))
    assert "Elm" not in caplog.text
    assert "Ann Ash, 1 Elm Road, M5V 1A1 Toronto, Canada" in shown(client, address(ann))
    assert "What you gave is noted" in shown(client, "/me")
    _gives(client, ann, street="2 Oak Road")
    assert Handover.objects.get().street == "2 Oak Road"
    move_on(row, to=State.SHIPPED, reference=" 1Z\n999 ", by=airlines.manager, now=NOW)
    page = shown(client, address(ann))
    assert "Status Sent Tracking 1Z 999" in page
    assert "Correct it" not in page
    assert "It is sent already" in _gives(client, ann, street="3 Fir Road")
    assert Handover.objects.get().street == "2 Oak Road"
    assert "It was sent to you." in shown(client, "/me")


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(client: Client, ann: Invitation) -> None:
    client.force_login(_user(ann))
    for wrong in ({"full_name": " "}, {"street": ""}, {"city": ""}, {"country": ""}, {"country": "Canada"}):
        page = _gives(client, ann, **wrong)
        assert 'class="field wrong"' in page
        assert "M5V 1A1" in page
    assert not Handover.objects.exists()


def test_a_booking_asks_for_a_name_and_days(client: Client, airlines: Airlines) -> None:
    campaign = open_campaign(brand=airlines.brand, details_kind="booking")
    ben = says_yes(guest(campaign, "ben"), now=timezone.now())
    client.force_login(_user(ben))
    page = shown(client, address(ben))
    assert "What to book" in page
    assert "Street" not in page
    today = timezone.now().date()
    days = {"full_name": "Ben Beech", "first_day": str(today + timedelta(9)), "last_day": str(today + timedelta(5))}
    assert "This is before the first day." in _gives(client, ben, **days)
    assert "This day has passed." in _gives(client, ben, **{**days, "first_day": str(today - timedelta(1))})
    assert "more than two years ahead" in _gives(client, ben, **{**days, "last_day": str(today + timedelta(900))})
    assert not Handover.objects.exists()
    _gives(client, ben, **{**days, "last_day": str(today + timedelta(12))})
    row = Handover.objects.get()
    assert (row.kind, row.street, row.first_day) == ("booking", "", today + timedelta(9))
    with pytest.raises(DetailsRefused):
        move_on(row, to=State.BOOKED, reference=" ", by=airlines.manager, now=NOW)
    with pytest.raises(AlreadyDone):
        move_on(row, to=State.SHIPPED, reference="1", by=airlines.manager, now=NOW)
    move_on(row, to=State.BOOKED, reference="QX7", by=airlines.manager, now=NOW)
    assert "Status Booked Reference QX7" in shown(client, address(ben))


def test_nobody_else_is_asked_or_shown_or_can_give(
    client: Client, airlines: Airlines, campaign: Campaign, ann: Invitation
) -> None:
    _given(ann)
    other = says_yes(guest(campaign, "other"), now=timezone.now())
    for user in (None, holder("bob")[0], _user(other), airlines.manager, airlines.other_manager, airlines.operator):
        client.logout()
        if user is not None:
            client.force_login(user)
        assert "Elm Road" not in client.get(address(ann), follow=True).content.decode(), user
        _gives(client, ann, street="Elsewhere")
        assert Handover.objects.get(invitation=ann).street == "1 Elm Road"
        if user is not None:
            with pytest.raises(NotYours):
                give_details(ann, given=Given(full_name="Eve", street="x", city="y", country="CA"), by=user, now=NOW)
    # Whoever comes to hold the profile isn't shown what was given before.
    heir = User.objects.create_user("heir")
    Person.objects.filter(pk=ann.person_id).update(user=heir)
    client.force_login(heir)
    assert "Elm Road" not in _text(client, address(ann)) + _text(client, "/me")


@pytest.mark.parametrize("state", ["invited", "waiting", "declined", "withdrawn"])
def test_who_has_no_seat_gives_nothing(campaign: Campaign, ann: Invitation, state: str) -> None:
    answered = None if state == "invited" else NOW
    Invitation.objects.filter(pk=ann.pk).update(
        state=state, answered_at=answered, turn=1 if state == "waiting" else None
    )
    with pytest.raises(NotOpen):
        _given(ann)


def test_a_campaign_that_needs_nothing_asks_nothing(client: Client, airlines: Airlines) -> None:
    ben = says_yes(guest(open_campaign(brand=airlines.brand), "ben"), now=timezone.now())
    client.force_login(_user(ben))
    assert "Where to send it" not in shown(client, address(ben))
    _gives(client, ben)
    with pytest.raises(NotOpen):
        _given(ben)
    assert not Handover.objects.exists()


def test_what_the_form_lets_through_the_action_and_the_database_refuse(ann: Invitation) -> None:
    for wrong in ({"full_name": ""}, {"street": ""}, {"first_day": date(2026, 3, 1)}):
        with pytest.raises(DetailsRefused):
            _given(ann, **wrong)
    for broken in (
        {"full_name": ""},
        {"street": ""},
        {"kind": "booking"},
        {"kind": "none"},
        {"state": "booked", "moved_at": NOW},
        {"state": "shipped"},
        {"reference": "1"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            HandoverFactory.create(invitation=ann, **broken)


# Forgotten.


def test_it_is_deleted_on_the_day_that_was_told(client: Client, campaign: Campaign, ann: Invitation) -> None:
    row = _given(ann)
    # A later end doesn't put off what the person was told.
    Campaign.objects.filter(pk=campaign.pk).update(ends_on=campaign.ends_on + timedelta(days=300))
    last = datetime.combine(row.kept_until, time(23, 59), UTC)
    assert forget_details(now=last) == 0
    assert forget_details(now=last + timedelta(minutes=1)) == 1
    assert forget_details(now=last + timedelta(minutes=1)) == 0
    assert Invitation.objects.filter(pk=ann.pk).exists()
    assert tasks.forget_details() == 0
    Campaign.objects.filter(pk=campaign.pk).update(starts_on=date(2020, 1, 1), ends_on=date(2020, 2, 1))
    client.force_login(_user(ann))
    assert "Where to send it" not in shown(client, address(ann))
    with pytest.raises(NotOpen):
        _given(ann)


def test_it_goes_with_its_person_and_with_the_seat(airlines: Airlines, campaign: Campaign) -> None:
    first, second = codes(campaign, 2)
    ann, ben = (says_yes(guest(campaign, name), now=timezone.now()) for name in ("ann", "ben"))
    _given(ann)
    sent = _given(ben)
    move_on(sent, to=State.SHIPPED, reference="1", by=airlines.manager, now=NOW)
    take_back(first, by=airlines.manager, now=NOW)
    assert list(Handover.objects.all()) == [sent]
    take_back(second, by=airlines.manager, now=NOW)
    assert list(Handover.objects.all()) == [sent]
    erase_person(ben.person, by=airlines.operator, now=NOW)
    assert not Handover.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_managers_who_send_one_parcel_at_once_the_first_reference_stays(
    airlines: Airlines, ann: Invitation
) -> None:
    row = _given(ann)
    sent, told = threading.Event(), threading.Event()

    def other_manager() -> None:
        with transaction.atomic():
            Handover.objects.filter(pk=row.pk).update(state=State.SHIPPED, reference="first", moved_at=NOW)
            sent.set()
            told.wait(0.5)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(other_manager)
        sent.wait()
        # It still reads as to send; the update waits for the other's lock, and then looks again.
        with pytest.raises(AlreadyDone, match="It is sent"):
            move_on(row, to=State.SHIPPED, reference="second", by=airlines.manager, now=NOW)
        told.set()
        done.result()
    row.refresh_from_db()
    assert (row.state, row.reference) == ("shipped", "first")


# In the admin.


def test_only_managers_of_the_campaign_see_it_and_move_it_on(
    client: Client, airlines: Airlines, ann: Invitation
) -> None:
    row = _given(ann)
    viewer = User.objects.create_user("viewer")
    add_member(brand=airlines.brand, user=viewer, role=Membership.Role.VIEWER, by=airlines.operator)
    for user in (viewer, airlines.other_manager):
        client.force_login(user)
        for path in (LIST, reverse("admin:campaigns_handover_change", args=[row.pk])):
            page = client.get(path, {"q": "Ann"}, follow=True)
            assert "Elm Road" not in page.content.decode()
        for action in ("mark_sent", "mark_arrived", "put_back", "export_csv"):
            data = {"action": action, "_selected_action": [row.pk], "confirmed": "1", f"reference_{row.pk}": "1"}
            answer = client.post(LIST, data, follow=True)
            assert "Elm Road" not in b"".join(getattr(answer, "streaming_content", [b""])).decode()
        with pytest.raises(NotYours):
            move_on(row, to=State.SHIPPED, by=user, now=NOW)
        own = reverse("admin:campaigns_campaign_change", args=[ann.campaign_id])
        assert "gave nothing yet" not in client.get(own, follow=True).content.decode()
    assert Handover.objects.get().state == "none"
    assert not AuditEntry.objects.filter(kind="exported").exists()


def test_a_manager_sends_and_notes_what_arrived(manager: Client, campaign: Campaign, ann: Invitation) -> None:
    says_yes(guest(campaign, "late"), now=timezone.now())
    row = _given(ann)
    page = " ".join(_text(manager, reverse("admin:campaigns_campaign_change", args=[campaign.pk])).split())
    assert "<b>1</b> to send" in page
    assert re.search(r'<b>1</b> <a [^>]*for_you=ask">accepted and gave nothing yet', page)
    assert "1 Elm Road, M5V 1A1 Toronto, Canada" in _text(manager, LIST, campaign=campaign.pk)
    data: dict[str, Any] = {"action": "mark_sent", "_selected_action": [row.pk]}
    asked = manager.post(LIST, data).content.decode()
    assert f'name="reference_{row.pk}"' in asked
    said = manager.post(LIST, {**data, "confirmed": "1", f"reference_{row.pk}": "1Z 999"}, follow=True)
    assert "1 sent." in said.content.decode()
    row.refresh_from_db()
    assert (row.state, row.reference, row.said) == ("shipped", "1Z 999", "sent")
    assert "None of these is to send." in manager.post(LIST, data, follow=True).content.decode()
    assert (
        "None of these is to book."
        in manager.post(LIST, {**data, "action": "mark_booked"}, follow=True).content.decode()
    )
    manager.post(LIST, {**data, "action": "mark_arrived"})
    row.refresh_from_db()
    assert (row.state, row.reference) == ("delivered", "1Z 999")
    assert "It is arrived." in manager.post(LIST, {**data, "action": "mark_arrived"}, follow=True).content.decode()
    manager.post(LIST, {**data, "action": "put_back"})
    row.refresh_from_db()
    assert (row.state, row.reference, row.moved_at) == ("none", "", None)


def test_a_manager_finds_who_gave_nothing_and_what_waits(
    client: Client, airlines: Airlines, campaign: Campaign, ann: Invitation
) -> None:
    late, plain = guest(campaign, "late"), guest(open_campaign(brand=airlines.brand), "plain")
    guest(campaign, "unanswered")
    for invitation in (late, plain):
        says_yes(invitation, now=timezone.now())
    HandoverFactory.create()
    others = open_campaign(brand=airlines.other_brand, details_kind="address")
    says_yes(guest(others, "elsewhere"), now=timezone.now())
    row = _given(ann)
    NoticeFactory.create(invitation=late, delivery="by_hand")
    NoticeFactory.create(delivery="by_hand")
    rows, first = reverse("admin:campaigns_invitation_changelist"), reverse("admin:index")
    client.force_login(airlines.manager)
    assert list(client.get(rows, {"for_you": "ask"}).context["cl"].result_list) == [late]
    page = " ".join(_text(client, first).split())
    assert "1 perk waits to be sent or booked" in page
    assert "1 person waits to be told by you" in page
    assert list(client.get(LIST, {"state__exact": "none"}).context["cl"].result_list) == [row]
    move_on(row, to=State.SHIPPED, by=airlines.manager, now=NOW)
    assert "to be sent or booked" not in _text(client, first)
    # Nobody can give anything once it would be deleted at once.
    Campaign.objects.filter(pk=campaign.pk).update(starts_on=date(2020, 1, 1), ends_on=date(2020, 2, 1))
    assert client.get(rows, {"for_you": "ask"}).context["cl"].result_count == 0
    # Who only looks on isn't told who gave what.
    Campaign.objects.filter(pk=campaign.pk).update(ends_on=date(2099, 2, 1))
    viewer = User.objects.create_user("viewer")
    add_member(brand=airlines.brand, user=viewer, role=Membership.Role.VIEWER, by=airlines.operator)
    client.force_login(viewer)
    assert client.get(rows, {"for_you": "ask"}).context["cl"].result_count == 0
    assert "waits to be" not in _text(client, first)


def test_one_perks_page_is_in_plain_words(manager: Client, ann: Invitation) -> None:
    row = _given(ann)
    Handover.objects.filter(pk=row.pk).update(kept_until=date(2027, 3, 29))
    page = _text(manager, reverse("admin:campaigns_handover_change", args=[row.pk]))
    assert "For Ann Ash: to send" in page
    assert "29 Mar 2027" in page
    assert "March 29" not in page
    assert f"Perk for invitation {ann.pk}: to send" in page
    assert "handover of" not in page.lower()
    assert "(&#x27;none&#x27;" not in page


def test_the_file_has_what_is_packed_and_is_written_down(manager: Client, airlines: Airlines, ann: Invitation) -> None:
    row = _given(ann, note="=size M")
    HandoverFactory.create()
    response = manager.post(LIST, {"action": "export_csv", "_selected_action": [row.pk]})
    (line,) = csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig")))  # type: ignore[attr-defined]
    assert {name: line[name] for name in HOME if name != "full_name"} == {
        k: v for k, v in HOME.items() if k != "full_name"
    }
    assert (line["name"], line["status"], line["handle"]) == ("Ann Ash", "to send", ann.person.handle)
    assert not line["note"].startswith("=")
    trail = AuditEntry.objects.filter(kind="exported").values_list("brand__name", "what")
    assert list(trail) == [("Maple Air", "perks to send or book")]


def test_who_hid_since_still_gets_the_parcel_but_shows_no_profile(manager: Client, ann: Invitation) -> None:
    _given(ann, full_name="A. Ash")
    Person.objects.filter(pk=ann.person_id).update(is_hidden=True)
    page = _text(manager, LIST)
    assert "A. Ash" in page
    assert "somebody who hid their profile" in page
    assert ann.person.handle not in page


def test_the_status_stands_in_one_place(airlines: Airlines, manager: Client, campaign: Campaign) -> None:
    (code,) = codes(campaign, 1)
    ann = says_yes(guest(campaign, "ann"), now=timezone.now())
    with pytest.raises(NotOut):
        set_fulfilment(PerkCode.objects.get(pk=code.pk), fulfilment=State.SHIPPED, by=airlines.manager, now=NOW)
    move_on(_given(ann), to=State.SHIPPED, by=airlines.manager, now=NOW)
    row = manager.get(reverse("admin:campaigns_perkcode_changelist")).content.decode()
    assert re.search(r"field-status[^>]*>\s*(<[^>]*>\s*)*sent\b", row)
    # Its filter and its order are those of what it shows, and of the code's own column where nothing is asked.
    elsewhere = open_campaign(brand=airlines.brand)
    other, unsent = codes(elsewhere, 2)
    for name in ("ben", "cy"):
        says_yes(guest(elsewhere, name), now=timezone.now())
    set_fulfilment(other, fulfilment=State.BOOKED, by=airlines.manager, now=NOW)

    def listed(**asked: str) -> list[PerkCode]:
        return list(manager.get(reverse("admin:campaigns_perkcode_changelist"), asked).context["cl"].result_list)

    assert listed(fulfilment="shipped") == [code]
    assert listed(fulfilment="booked") == [other]
    assert listed(fulfilment="none") == [unsent]
    assert len(listed(fulfilment="lost")) == 3
    # By how far it has come, as the list's fifth column.
    assert listed(o="5") == [other, unsent, code]


def test_who_accepted_before_it_was_asked_is_told_once(
    client: Client, manager: Client, airlines: Airlines, settings: Settings
) -> None:
    campaign = open_campaign(brand=airlines.brand, name="Late", perk_text="a suitcase", seats=9)
    codes(campaign, 4)
    ann, used, gone, given = (guest(campaign, name) for name in ("ann", "used", "gone", "given"))
    for invitation in (ann, used, gone, given):
        Person.objects.filter(pk=invitation.person_id).update(email=f"{invitation.pk}@example.org")
        says_yes(invitation, now=timezone.now())
    guest(campaign, "unanswered")
    redeem(PerkCode.objects.get(invitation=used), by=airlines.manager, now=NOW)
    path = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    _saves(manager, path, details_kind="address")
    assert set(Notice.objects.values_list("kind", "invitation")) == {
        ("details", invitation.pk) for invitation in (ann, gone, given)
    }
    # Who used the code has had it without.
    client.force_login(_user(used))
    assert "Say where to send it" not in _text(client, "/me")
    assert "Where to send it" not in shown(client, address(used))
    with pytest.raises(NotOpen, match="You have had"):
        _given(used)
    take_back(PerkCode.objects.get(invitation=gone), by=airlines.manager, now=NOW)
    _given(given)
    assert send_due_notices(now=timezone.now()) == 1
    (message,) = mail.outbox
    assert (message.to, message.subject) == (
        [f"{ann.pk}@example.org"],
        "Maple Air needs to know something: a suitcase",
    )
    assert "A form that asks where to send it is on your page, after signing in:" in message.body
    # However often the campaign changes its mind.
    Handover.objects.all().delete()
    client.force_login(airlines.manager)
    _saves(manager, path, details_kind="none")
    _saves(manager, path, details_kind="booking")
    assert Campaign.objects.get(pk=campaign.pk).details_kind == "booking"
    assert Notice.objects.filter(kind="details", invitation=ann).count() == 1
    assert announce_details(campaign=campaign, by=airlines.manager, now=timezone.now()) == 0
    with pytest.raises(NotYours):
        announce_details(campaign=campaign, by=airlines.other_manager, now=NOW)


def test_nobody_is_asked_to_tell_who_gave_it_meanwhile(ann: Invitation) -> None:
    notice = NoticeFactory.create(invitation=ann, kind="details", delivery="by_hand")
    assert list(Notice.objects.to_tell()) == [notice]
    _given(ann)
    assert not Notice.objects.to_tell().exists()


def _saves(manager: Client, path: str, **given: str) -> str:
    page = manager.get(path)
    form = page.context["adminform"].form
    data = {name: form.initial.get(name) for name in form.fields if form.initial.get(name) is not None}
    data |= {"topics": []}
    for inline in page.context["inline_admin_formsets"]:
        data |= {f"{inline.formset.prefix}-TOTAL_FORMS": "0", f"{inline.formset.prefix}-INITIAL_FORMS": "0"}
    return manager.post(path, {**data, **given}).content.decode()


def test_what_is_asked_stays_once_somebody_gave_it(manager: Client, campaign: Campaign, ann: Invitation) -> None:
    path = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    _saves(manager, path, details_kind="booking")
    assert Campaign.objects.get().details_kind == "booking"
    Campaign.objects.update(details_kind="address")
    _given(ann)
    page = _saves(manager, path, details_kind="booking")
    assert "People gave what it asked for already" in page
    _saves(manager, path, details_kind="address", details_kept_days="90")
    row = Campaign.objects.get()
    assert (row.details_kind, row.details_kept_days) == ("address", 90)
    assert Handover.objects.get().kept_until == campaign.ends_on + timedelta(days=30)
