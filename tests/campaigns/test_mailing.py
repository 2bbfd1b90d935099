"""E-mails: each invitation once, whoever sends and whatever breaks."""

import logging
import smtplib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any, ClassVar

import pytest
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection, transaction
from pytest_django import Settings

from accounts.models import Person, User
from campaigns import tasks
from campaigns.actions import decline, send_due_invitations
from campaigns.links import invitation_url
from campaigns.models import Campaign, Invitation
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, CampaignFactory, InvitationFactory


def _due(address: str = "ann@example.org", **given: Any) -> Invitation:
    made: Invitation = InvitationFactory.create(
        person=PersonFactory.create(email=address, name="Ann Ash"), delivery="due", **given
    )
    return made


def _delivery() -> list[str]:
    return list(Invitation.objects.order_by("pk").values_list("delivery", flat=True))


class Broken(EmailBackend):
    """A mail server that fails as told for some addresses, and takes the rest."""

    failures: dict[str, Exception] = {}

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        for message in messages:
            if error := self.failures.get(message.to[0]):
                raise error
        return super().send_messages(messages)


@pytest.fixture
def broken(settings: Settings) -> Callable[[dict[str, Exception]], None]:
    settings.EMAIL_BACKEND = f"{__name__}.Broken"

    def fail(failures: dict[str, Exception]) -> None:
        Broken.failures = failures

    return fail


@pytest.mark.django_db
def test_a_due_invitation_is_sent_once(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.PUBLIC_URL = "https://sway.example"
    campaign = CampaignFactory.create(
        brand__name="Maple & Air", perk_text="a free\nflight <to> Toronto", brief="Two\n\nlines"
    )
    invitation = _due(campaign=campaign)
    with caplog.at_level(logging.DEBUG):
        assert send_due_invitations(now=NOW) == 1
        assert send_due_invitations(now=NOW) == 0
    (message,) = mail.outbox
    assert message.to == ["ann@example.org"]
    assert message.subject == "Maple & Air invites you: a free flight <to> Toronto"
    link = invitation_url(invitation, "https://sway.example")
    assert link in message.body
    assert "Hello Ann Ash," in message.body
    assert "Maple & Air invites you" in message.body
    assert not isinstance(message, EmailMultiAlternatives)
    assert "invites you: a free flight <to> Toronto.\n\nTwo\n\nlines\n\nRead more" in message.body
    invitation.refresh_from_db()
    assert (invitation.delivery, invitation.sending_since, invitation.state) == ("sent", None, "invited")
    assert invitation.sent_at is not None
    assert NOW <= invitation.sent_at < NOW + timedelta(seconds=30)
    assert "Ann" not in caplog.text
    assert "ann@" not in caplog.text


@pytest.mark.django_db
def test_the_address_of_the_login_comes_first() -> None:
    invitation = _due("imported@example.org")
    user = User.objects.create_user("ann", email="own@example.org")
    person = invitation.person
    person.user, person.claimed_at, person.claimed_via = user, NOW, "invitation"
    person.save()
    send_due_invitations(now=NOW)
    assert mail.outbox[0].to == ["own@example.org"]


@pytest.mark.django_db
def test_what_is_not_due_is_not_sent() -> None:
    InvitationFactory.create(delivery="by_hand", person__email="a@example.org")
    InvitationFactory.create(delivery="sent", person__email="b@example.org")
    InvitationFactory.create(delivery="failed", person__email="c@example.org")
    _due(state="accepted", answered_at=NOW)
    _due(campaign=CampaignFactory.create(starts_on=date(2026, 1, 1), ends_on=date(2026, 2, 28)))
    hidden = _due()
    hidden.person.is_hidden = True
    hidden.person.save()
    InvitationFactory.create(delivery="due")
    assert send_due_invitations(now=NOW) == 0
    assert mail.outbox == []
    assert _delivery() == ["by_hand", "sent", "failed", "due", "due", "due", "by_hand"]


class Meanwhile(EmailBackend):
    """A mail server that is so slow that things happen while it takes the first mail."""

    happens: ClassVar[Callable[[], object]]

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        if not mail.outbox:
            Meanwhile.happens()
        return super().send_messages(messages)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("happens", "left"),
    [
        (lambda last: Person.objects.filter(pk=last.person_id).update(is_hidden=True), ["sent", "due"]),
        (lambda last: Person.objects.filter(pk=last.person_id).delete(), ["sent"]),
        (lambda last: decline(last, by=None, now=NOW), ["sent", "due"]),
        (lambda last: Campaign.objects.filter(pk=last.campaign_id).update(ends_on=date(2026, 2, 28)), ["sent", "due"]),
    ],
    ids=["hides", "is erased", "declines", "campaign ends"],
)
def test_who_is_out_of_it_before_their_turn_gets_no_mail(
    settings: Settings, happens: Callable[[Invitation], object], left: list[str]
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Meanwhile"
    _due("first@example.org")
    last = _due("last@example.org")
    Meanwhile.happens = lambda: happens(last)
    assert send_due_invitations(now=NOW) == 1
    assert [message.to for message in mail.outbox] == [["first@example.org"]]
    assert _delivery() == left
    assert set(Invitation.objects.values_list("sending_since", flat=True)) == {None}


@pytest.mark.django_db
def test_the_address_is_the_one_of_the_moment(settings: Settings) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Meanwhile"
    _due("first@example.org")
    last = _due("last@example.org")
    Meanwhile.happens = lambda: Person.objects.filter(pk=last.person_id).update(email="")
    assert send_due_invitations(now=NOW) == 1
    assert _delivery() == ["sent", "by_hand"]


class Timed(EmailBackend):
    """A mail server that is told how long it may take."""

    told: ClassVar[list[float]] = []

    def __init__(self, *, timeout: float, **given: Any) -> None:
        super().__init__(**given)
        self.told.append(timeout)


@pytest.mark.django_db
def test_a_mail_server_has_longer_than_while_a_page_waits(settings: Settings) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Timed"
    for seconds in (10, 90):
        settings.EMAIL_TIMEOUT = seconds
        _due()
        send_due_invitations(now=NOW)
    assert Timed.told == [60, 90]


@pytest.mark.django_db
def test_who_has_sent_for_most_of_a_minute_leaves_the_rest_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(5):
        _due(f"a{n}@example.org")
    monkeypatch.setattr("campaigns.actions.postbox.monotonic", lambda: 100.0 + 20 * len(mail.outbox))
    assert send_due_invitations(now=NOW) == 3
    assert _delivery() == ["sent", "sent", "sent", "due", "due"]
    assert send_due_invitations(now=NOW) == 2


@pytest.mark.django_db
def test_a_claim_is_taken_again_after_ten_minutes() -> None:
    _due(sending_since=NOW - timedelta(minutes=9, seconds=30))
    Invitation.objects.update(delivery="sending")
    assert send_due_invitations(now=NOW) == 0
    assert send_due_invitations(now=NOW + timedelta(minutes=1)) == 1
    assert len(mail.outbox) == 1
    assert _delivery() == ["sent"]


@pytest.mark.django_db
def test_an_address_turned_down_fails_and_the_rest_goes_out(broken: Callable[[dict[str, Exception]], None]) -> None:
    for name in ("gone", "later", "full", "busy", "fine"):
        _due(f"{name}@example.org")
    _due("not an address\nBcc: all@example.org")
    broken(
        {
            "gone@example.org": smtplib.SMTPRecipientsRefused({"gone@example.org": (550, b"no such user")}),
            "later@example.org": smtplib.SMTPRecipientsRefused({"later@example.org": (450, b"greylisted")}),
            "full@example.org": smtplib.SMTPDataError(552, b"too much"),
            "busy@example.org": smtplib.SMTPDataError(451, b"try again"),
        }
    )
    assert send_due_invitations(now=NOW) == 1
    assert _delivery() == ["failed", "due", "failed", "due", "sent", "failed"]
    assert set(Invitation.objects.values_list("sending_since", flat=True)) == {None}
    broken({})
    assert send_due_invitations(now=NOW) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        smtplib.SMTPServerDisconnected(),
        smtplib.SMTPAuthenticationError(535, b""),
    ],
)
def test_a_server_that_is_down_leaves_everything_due(
    error: Exception, broken: Callable[[dict[str, Exception]], None]
) -> None:
    for n in range(3):
        _due(f"a{n}@example.org")
    broken({"a1@example.org": error})
    assert send_due_invitations(now=NOW) == 1
    assert _delivery() == ["sent", "due", "due"]
    assert set(Invitation.objects.values_list("sending_since", flat=True)) == {None}
    broken({})
    assert send_due_invitations(now=NOW) == 2


@pytest.mark.django_db
def test_our_own_fault_gives_the_claim_back_and_is_heard(broken: Callable[[dict[str, Exception]], None]) -> None:
    _due()
    broken({"ann@example.org": KeyError("a fault of ours")})
    with pytest.raises(KeyError):
        send_due_invitations(now=NOW)
    assert _delivery() == ["due"]


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_claims_while_we_wait_for_it_is_theirs() -> None:
    invitation = _due()
    claimed, waited = threading.Event(), threading.Event()

    def other_sender() -> None:
        with transaction.atomic():
            Invitation.objects.filter(pk=invitation.pk).update(delivery="sending", sending_since=NOW)
            claimed.set()
            waited.wait(0.5)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(other_sender)
        claimed.wait()
        # The row still reads as due; the update waits for the other's lock, and then looks again.
        assert send_due_invitations(now=NOW) == 0
        waited.set()
        done.result()
    assert mail.outbox == []


@pytest.mark.django_db(transaction=True)
def test_four_senders_at_once_send_each_once() -> None:
    for n in range(40):
        _due(f"a{n}@example.org")

    def send(_: int) -> int:
        try:
            return send_due_invitations(now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(send, range(4))) == 40
    assert sorted(message.to[0] for message in mail.outbox) == sorted(f"a{n}@example.org" for n in range(40))
    assert set(_delivery()) == {"sent"}


@pytest.mark.django_db
def test_the_tasks_call_the_actions() -> None:
    _due(campaign=CampaignFactory.create(starts_on=date(2020, 1, 1), ends_on=date(2099, 1, 1)))
    InvitationFactory.create(campaign=CampaignFactory.create(starts_on=date(2020, 1, 1), ends_on=date(2020, 1, 2)))
    assert tasks.send_due_invitations() == 1
    assert tasks.expire_invitations() == 1
