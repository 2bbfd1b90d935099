"""E-mails to who comes off the waiting list, or gets a code later: each once, and only if it is so."""

import smtplib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Person
from campaigns import tasks
from campaigns.actions import (
    AlreadyDone,
    NotYours,
    add_codes,
    decline,
    note_told,
    revoke,
    send_due_notices,
    take_back,
)
from campaigns.models import Campaign, Invitation, Notice, PerkCode
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import open_campaign
from tests.campaigns.perks import codes, guest, says_yes, stands
from tests.campaigns.test_mailing import Broken, broken
from tests.factories.campaigns import NOW, NoticeFactory

__all__ = ["broken"]


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    return open_campaign(brand=airlines.brand, seats=1, perk_text="a flight")


def _guest(campaign: Campaign, name: str) -> Invitation:
    invitation = guest(campaign, name)
    Person.objects.filter(pk=invitation.person_id).update(email=f"{name}@example.org", name=name.title())
    return invitation


def _notices() -> list[tuple[str, str, str]]:
    rows = Notice.objects.order_by("pk")
    return [(row.invitation.person.name, row.kind, row.delivery) for row in rows.select_related("invitation__person")]


@pytest.mark.django_db
def test_who_comes_off_the_list_is_told_once_and_who_accepts_is_not(
    campaign: Campaign, airlines: Airlines, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://sway.example"
    (code,) = codes(campaign, 1)
    ann, ben, cy = (_guest(campaign, name) for name in ("ann", "ben", "cy"))
    for invitation in (ann, ben, cy):
        says_yes(invitation)
    assert _notices() == []
    take_back(code, by=airlines.manager, now=NOW)
    assert stands(ben) == ("accepted", "C1", "issued")
    assert _notices() == [("Ben", "seat", "due")]
    assert send_due_notices(now=NOW) == 1
    assert send_due_notices(now=NOW) == 0
    (message,) = mail.outbox
    assert (message.to, message.subject) == (["ben@example.org"], "A seat is yours: a flight")
    assert message.body.startswith(
        "Hello Ben,\n\nyou are off the waiting list of Maple Air, and have a seat: a flight."
    )
    assert "Your code is on your page, after signing in:\n\nhttps://sway.example/me\n" in message.body
    assert "To be hidden here, or to object" in message.body
    assert "C1" not in f"{message.subject} {message.body}"
    assert _notices() == [("Ben", "seat", "sent")]


@pytest.mark.django_db
def test_more_seats_tell_everybody_who_gets_one(campaign: Campaign, airlines: Airlines) -> None:
    rows = [_guest(campaign, name) for name in ("ann", "ben", "cy", "dee")]
    for invitation in rows:
        says_yes(invitation)
    Campaign.objects.filter(pk=campaign.pk).update(seats=3)
    assert tasks.serve_waiting_lists() == 2
    assert tasks.serve_waiting_lists() == 0
    assert tasks.send_due_notices() == 2
    assert sorted(message.to for message in mail.outbox) == [["ben@example.org"], ["cy@example.org"]]
    assert "What comes next is on your page" in mail.outbox[0].body


@pytest.mark.django_db
def test_who_had_a_seat_is_told_of_the_code_that_comes_later(campaign: Campaign, airlines: Airlines) -> None:
    ann = says_yes(_guest(campaign, "ann"))
    add_codes(campaign=campaign, codes=["W1", "W2"], expires_on=None, by=airlines.manager, now=NOW)
    assert _notices() == [("Ann", "code", "due")]
    assert send_due_notices(now=NOW) == 1
    assert mail.outbox[0].subject == "Your code is there: a flight"
    # And of the one that takes the place of a dead one.
    revoke(PerkCode.objects.get(code="W1"), by=airlines.manager, now=NOW, keeps_seat=True)
    assert stands(ann) == ("accepted", "W2", "issued")
    assert send_due_notices(now=NOW) == 1


@pytest.mark.django_db
def test_who_lost_the_seat_again_is_not_told_that_they_have_it(campaign: Campaign, airlines: Airlines) -> None:
    (code,) = codes(campaign, 1)
    ann, ben = says_yes(_guest(campaign, "ann")), says_yes(_guest(campaign, "ben"))
    take_back(code, by=airlines.manager, now=NOW)
    take_back(code, by=airlines.manager, now=NOW)
    assert (stands(ann)[0], stands(ben)[0]) == ("withdrawn", "withdrawn")
    assert send_due_notices(now=NOW) == 0
    assert (mail.outbox, _notices()) == ([], [])


@pytest.mark.django_db
def test_who_leaves_the_list_is_not_told(campaign: Campaign) -> None:
    says_yes(_guest(campaign, "ann"))
    ben = says_yes(_guest(campaign, "ben"))
    decline(ben, by=ben.person.user, now=NOW)
    Campaign.objects.filter(pk=campaign.pk).update(seats=3)
    tasks.serve_waiting_lists()
    assert _notices() == []


@pytest.mark.django_db
def test_nothing_goes_to_who_hid_and_by_hand_where_no_address_is_known(
    campaign: Campaign, airlines: Airlines, broken: Callable[[dict[str, Exception]], None]
) -> None:
    hidden, nowhere, gone = (NoticeFactory.create(invitation__campaign=campaign) for _ in range(3))
    Person.objects.filter(pk=hidden.invitation.person_id).update(is_hidden=True, email="hid@example.org")
    Person.objects.filter(pk=gone.invitation.person_id).update(email="gone@example.org")
    broken({"gone@example.org": smtplib.SMTPRecipientsRefused({"gone@example.org": (550, b"")})})
    assert send_due_notices(now=NOW) == 0
    assert list(Notice.objects.order_by("pk").values_list("delivery", flat=True)) == ["due", "by_hand", "failed"]
    assert set(Notice.objects.to_tell()) == {nowhere, gone}
    with pytest.raises(NotYours):
        note_told(nowhere.invitation, by=airlines.other_manager, now=NOW)
    note_told(nowhere.invitation, by=airlines.manager, now=NOW)
    with pytest.raises(AlreadyDone):
        note_told(nowhere.invitation, by=airlines.manager, now=NOW)
    assert set(Notice.objects.to_tell()) == {gone}


@pytest.mark.django_db
def test_a_server_that_is_down_leaves_it_due(
    campaign: Campaign, broken: Callable[[dict[str, Exception]], None]
) -> None:
    NoticeFactory.create(invitation__campaign=campaign, invitation__person__email="a@example.org")
    broken({"a@example.org": ConnectionRefusedError()})
    assert send_due_notices(now=NOW) == 0
    broken({})
    assert send_due_notices(now=NOW) == 1


class Counted(Broken):
    """A mail server that is slow enough for others to try the same."""

    sent: list[str] = []

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        Counted.sent += [message.to[0] for message in messages]
        return len(messages)


@pytest.mark.django_db(transaction=True)
def test_four_senders_at_once_tell_each_once(settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Counted"
    Counted.sent = []
    for number in range(20):
        NoticeFactory.create(invitation__person__email=f"a{number}@example.org")

    def send(_: int) -> int:
        try:
            return send_due_notices(now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(send, range(4))) == 20
    assert sorted(Counted.sent) == sorted(f"a{number}@example.org" for number in range(20))


@pytest.mark.django_db
def test_the_manager_sees_whom_to_tell(manager: Client, campaign: Campaign) -> None:
    notice = NoticeFactory.create(invitation__campaign=campaign, delivery="by_hand")
    NoticeFactory.create(invitation__campaign=campaign, delivery="sent", sent_at=NOW)
    NoticeFactory.create(delivery="by_hand")
    page = manager.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).content.decode()
    assert "No e-mail could tell 1 person of a seat, a code or what they are asked for" in page
    rows = f"{reverse('admin:campaigns_invitation_changelist')}?campaign={campaign.pk}&for_you=tell"
    assert rows.replace("&", "&amp;") in page
    assert manager.get(rows).context["cl"].result_count == 1
    one = reverse("admin:campaigns_invitation_change", args=[notice.invitation_id])
    assert "came off the waiting list: by hand" in manager.get(one).content.decode()
    said = manager.post(rows, {"action": "told_by_hand", "_selected_action": [notice.invitation_id]}, follow=True)
    assert "1 is noted as told." in said.content.decode()
    page = manager.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).content.decode()
    assert "No e-mail could tell" not in page
