"""What a perk needs to know, in time: who is told that it is asked, what stays asked, and when it is forgotten."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.actions import erase_person
from accounts.models import Person, User
from campaigns import tasks
from campaigns.actions import (
    NotOpen,
    NotYours,
    announce_details,
    forget_details,
    move_on,
    redeem,
    send_due_notices,
    serve_waiting,
    take_back,
)
from campaigns.models import Campaign, Handover, Invitation, Notice, PerkCode
from tests.campaigns.conftest import Airlines
from tests.campaigns.details import State, ann, campaign, gave, gives, login_of, text
from tests.campaigns.invited import address, open_campaign, shown
from tests.campaigns.perks import codes, guest, says_yes
from tests.factories.campaigns import NOW, NoticeFactory

__all__ = ["ann", "campaign"]

pytestmark = pytest.mark.django_db


def test_it_is_deleted_on_the_day_that_was_told(client: Client, campaign: Campaign, ann: Invitation) -> None:
    row = gave(ann)
    # A later end doesn't put off what the person was told.
    Campaign.objects.filter(pk=campaign.pk).update(ends_on=campaign.ends_on + timedelta(days=300))
    last = datetime.combine(row.kept_until, time(23, 59), UTC)
    assert forget_details(now=last) == 0
    assert forget_details(now=last + timedelta(minutes=1)) == 1
    assert forget_details(now=last + timedelta(minutes=1)) == 0
    assert Invitation.objects.filter(pk=ann.pk).exists()
    assert tasks.forget_details() == 0
    Campaign.objects.filter(pk=campaign.pk).update(starts_on=date(2020, 1, 1), ends_on=date(2020, 2, 1))
    client.force_login(login_of(ann))
    assert "Where to send it" not in shown(client, address(ann))
    with pytest.raises(NotOpen):
        gave(ann)


def test_who_had_the_perk_is_not_asked_again_when_the_campaign_is_put_off(
    client: Client, airlines: Airlines, campaign: Campaign, ann: Invitation
) -> None:
    ben = says_yes(guest(campaign, "ben"), now=timezone.now())
    sent, kept = gave(ann), gave(ben)
    move_on(sent, to=State.SHIPPED, reference="1", by=airlines.manager, now=NOW)
    Campaign.objects.filter(pk=campaign.pk).update(ends_on=campaign.ends_on + timedelta(days=300))
    assert forget_details(now=datetime.combine(kept.kept_until, time(), UTC) + timedelta(days=1)) == 2
    # Ben was never sent anything, and has to say it again.
    assert list(Invitation.objects.owing_details(timezone.now())) == [ben]
    client.force_login(login_of(ann))
    assert "Say where to send it" not in text(client, "/me")
    assert "Where to send it" not in shown(client, address(ann))
    with pytest.raises(NotOpen, match="You have had"):
        gave(ann)
    client.force_login(login_of(ben))
    assert "Say where to send it" in text(client, "/me")


def test_what_the_wrong_claimant_gave_is_asked_anew_and_forgotten(
    client: Client, campaign: Campaign, ann: Invitation
) -> None:
    wrong = gave(ann, street="9 Wrong Way")
    _now_holds(ann, "right")
    client.force_login(login_of(ann))
    assert "Say where to send it" in text(client, "/me")
    page = shown(client, address(ann))
    assert "Where to send it" in page
    assert "9 Wrong Way" not in page
    assert forget_details(now=timezone.now()) == 1
    assert not Handover.objects.filter(pk=wrong.pk).exists()
    assert "Where to send it" in shown(client, address(ann))
    gives(client, ann, street="1 Right Road")
    row = Handover.objects.get(invitation=ann)
    assert (row.street, row.given_by) == ("1 Right Road", login_of(ann))
    assert forget_details(now=timezone.now()) == 0


def test_nothing_is_asked_anew_for_what_was_redeemed(
    client: Client, airlines: Airlines, campaign: Campaign, ann: Invitation
) -> None:
    (code,) = codes(campaign, 1)
    serve_waiting(campaign=campaign, by=airlines.manager, now=NOW)
    gave(ann)
    redeem(PerkCode.objects.get(pk=code.pk), by=airlines.manager, now=NOW)
    _now_holds(ann, "right")
    client.force_login(login_of(ann))
    assert "Say where to send it" not in text(client, "/me")
    assert "Where to send it" not in shown(client, address(ann))
    with pytest.raises(NotOpen, match="You have had"):
        gave(ann)


def test_what_went_to_the_wrong_claimant_is_gone(
    client: Client, airlines: Airlines, campaign: Campaign, ann: Invitation
) -> None:
    move_on(gave(ann), to=State.SHIPPED, reference="1", by=airlines.manager, now=NOW)
    _now_holds(ann, "right")
    client.force_login(login_of(ann))
    assert "Say where to send it" not in text(client, "/me")
    assert "Where to send it" not in shown(client, address(ann))
    assert forget_details(now=timezone.now()) == 0
    assert Handover.objects.filter(invitation=ann).exists()


def _now_holds(invitation: Invitation, name: str) -> None:
    """Give the profile to another login, as an operator does whose it is."""
    invitation.person.user = User.objects.create_user(name)
    invitation.person.save()


def test_it_goes_with_its_person_and_with_the_seat(airlines: Airlines, campaign: Campaign) -> None:
    first, second = codes(campaign, 2)
    ann, ben = (says_yes(guest(campaign, name), now=timezone.now()) for name in ("ann", "ben"))
    gave(ann)
    sent = gave(ben)
    move_on(sent, to=State.SHIPPED, reference="1", by=airlines.manager, now=NOW)
    take_back(first, by=airlines.manager, now=NOW)
    assert list(Handover.objects.all()) == [sent]
    take_back(second, by=airlines.manager, now=NOW)
    assert list(Handover.objects.all()) == [sent]
    erase_person(ben.person, by=airlines.operator, now=NOW)
    assert not Handover.objects.exists()


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
    client.force_login(login_of(used))
    assert "Say where to send it" not in text(client, "/me")
    assert "Where to send it" not in shown(client, address(used))
    with pytest.raises(NotOpen, match="You have had"):
        gave(used)
    take_back(PerkCode.objects.get(invitation=gone), by=airlines.manager, now=NOW)
    gave(given)
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
    gave(ann)
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
    gave(ann)
    page = _saves(manager, path, details_kind="booking")
    assert "People gave what it asked for already" in page
    _saves(manager, path, details_kind="address", details_kept_days="90")
    row = Campaign.objects.get()
    assert (row.details_kind, row.details_kept_days) == ("address", 90)
    assert Handover.objects.get().kept_until == campaign.ends_on + timedelta(days=30)


def test_what_is_given_to_a_campaign_without_an_end_in_sight_is_taken(
    client: Client, airlines: Airlines, campaign: Campaign, ann: Invitation
) -> None:
    Campaign.objects.update(ends_on=date.max)
    client.force_login(login_of(ann))
    assert "After 31 December 9999 it is deleted" in shown(client, address(ann))
    assert "Say where to send it" in shown(client, "/me")
    assert gave(ann).kept_until == date.max
    client.force_login(airlines.manager)
    assert client.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).status_code == 200
