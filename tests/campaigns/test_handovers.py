"""Perks to send or book, in the admin: who sees them, how they are moved on, and the file."""

import csv
import io
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Person, User
from campaigns.actions import AlreadyDone, NotOut, NotYours, add_member, move_on, set_fulfilment
from campaigns.models import AuditEntry, Campaign, Handover, Invitation, Membership, PerkCode
from tests.campaigns.conftest import Airlines
from tests.campaigns.details import HOME, State, ann, campaign, gave, text
from tests.campaigns.invited import open_campaign
from tests.campaigns.perks import codes, guest, says_yes
from tests.factories.campaigns import NOW, HandoverFactory, NoticeFactory

__all__ = ["ann", "campaign"]

pytestmark = pytest.mark.django_db
LIST = reverse("admin:campaigns_handover_changelist")


@pytest.mark.django_db(transaction=True)
def test_of_two_managers_who_send_one_parcel_at_once_the_first_reference_stays(
    airlines: Airlines, ann: Invitation
) -> None:
    row = gave(ann)
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


def test_only_managers_of_the_campaign_see_it_and_move_it_on(
    client: Client, airlines: Airlines, ann: Invitation
) -> None:
    row = gave(ann)
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
    row = gave(ann)
    page = " ".join(text(manager, reverse("admin:campaigns_campaign_change", args=[campaign.pk])).split())
    assert "<b>1</b> to send" in page
    assert re.search(r'<b>1</b> <a [^>]*for_you=ask">accepted and gave nothing yet', page)
    assert "1 Elm Road, M5V 1A1 Toronto, Canada" in text(manager, LIST, campaign=campaign.pk)
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
    row = gave(ann)
    NoticeFactory.create(invitation=late, delivery="by_hand")
    NoticeFactory.create(delivery="by_hand")
    rows, first = reverse("admin:campaigns_invitation_changelist"), reverse("admin:index")
    client.force_login(airlines.manager)
    assert list(client.get(rows, {"for_you": "ask"}).context["cl"].result_list) == [late]
    page = " ".join(text(client, first).split())
    assert "1 perk waits to be sent or booked" in page
    assert "1 person waits to be told by you" in page
    assert list(client.get(LIST, {"state__exact": "none"}).context["cl"].result_list) == [row]
    move_on(row, to=State.SHIPPED, by=airlines.manager, now=NOW)
    assert "to be sent or booked" not in text(client, first)
    # Nobody can give anything once it would be deleted at once.
    Campaign.objects.filter(pk=campaign.pk).update(starts_on=date(2020, 1, 1), ends_on=date(2020, 2, 1))
    assert client.get(rows, {"for_you": "ask"}).context["cl"].result_count == 0
    # Who only looks on isn't told who gave what.
    Campaign.objects.filter(pk=campaign.pk).update(ends_on=date(2099, 2, 1))
    viewer = User.objects.create_user("viewer")
    add_member(brand=airlines.brand, user=viewer, role=Membership.Role.VIEWER, by=airlines.operator)
    client.force_login(viewer)
    assert client.get(rows, {"for_you": "ask"}).context["cl"].result_count == 0
    assert "waits to be" not in text(client, first)


def test_one_perks_page_is_in_plain_words(manager: Client, ann: Invitation) -> None:
    row = gave(ann)
    Handover.objects.filter(pk=row.pk).update(kept_until=date(2027, 3, 29))
    page = text(manager, reverse("admin:campaigns_handover_change", args=[row.pk]))
    assert "For Ann Ash: to send" in page
    assert "29 Mar 2027" in page
    assert "March 29" not in page
    assert f"Perk for invitation {ann.pk}: to send" in page
    assert "handover of" not in page.lower()
    assert "(&#x27;none&#x27;" not in page


def test_the_file_has_what_is_packed_and_is_written_down(manager: Client, airlines: Airlines, ann: Invitation) -> None:
    row = gave(ann, note="=size M")
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
    gave(ann, full_name="A. Ash")
    Person.objects.filter(pk=ann.person_id).update(is_hidden=True)
    page = text(manager, LIST)
    assert "A. Ash" in page
    assert "somebody who hid their profile" in page
    assert ann.person.handle not in page


def test_the_status_stands_in_one_place(airlines: Airlines, manager: Client, campaign: Campaign) -> None:
    (code,) = codes(campaign, 1)
    ann = says_yes(guest(campaign, "ann"), now=timezone.now())
    with pytest.raises(NotOut):
        set_fulfilment(PerkCode.objects.get(pk=code.pk), fulfilment=State.SHIPPED, by=airlines.manager, now=NOW)
    move_on(gave(ann), to=State.SHIPPED, by=airlines.manager, now=NOW)
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
