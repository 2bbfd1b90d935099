"""What a refusal marks while e-mails are handed over, and that none goes to a marked address."""

import smtplib
from collections.abc import Callable

import pytest
from django.core import mail
from pytest_django import Settings

from accounts.models import Person
from campaigns.actions import invite, send_due_invitations
from campaigns.envelopes import sender_of
from campaigns.models import BouncedAddress, Invitation
from campaigns.queries import invitable
from tests.campaigns.bounced import bounce_address, delivery_of
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import open_campaign
from tests.campaigns.mail_server import mail_server
from tests.campaigns.test_mailing import broken
from tests.factories.accounts import PersonFactory, UserFactory
from tests.factories.campaigns import NOW, BouncedAddressFactory, InvitationFactory, ShortlistingFactory

__all__ = ["bounce_address", "broken"]


@pytest.mark.django_db
def test_a_refusal_while_handing_over_marks_too_unless_it_is_about_us(
    broken: Callable[[dict[str, Exception]], None],
) -> None:
    said = {
        "gone": b"5.1.1 no such user",
        "disabled": b"5.2.1 disabled\nfor good",
        "plain": b"relay not permitted",
        "later": b"relay not permitted, not even for 5.1.1",
        "relay": b"5.7.1 Relay access denied",
        "sender": b"5.1.8 bad sender's system address",
        "over": b"5.2.2 over quota",
    }
    for name in (*said, "full"):
        InvitationFactory.create(person__email=f"{name}@example.org", delivery="due")
    broken(
        {
            **{
                f"{name}@example.org": smtplib.SMTPRecipientsRefused({f"{name}@example.org": (550, text)})
                for name, text in said.items()
            },
            "full@example.org": smtplib.SMTPDataError(552, b"too much"),
        }
    )
    assert send_due_invitations(now=NOW) == 0
    assert set(Invitation.objects.values_list("delivery", flat=True)) == {"failed"}
    assert dict(BouncedAddress.objects.values_list("address", "status")) == {
        "gone@example.org": "5.1.1",
        "disabled@example.org": "5.2.1",
    }


@pytest.mark.django_db
def test_nothing_is_sent_to_a_marked_address(airlines: Airlines) -> None:
    campaign = open_campaign(brand=airlines.brand)
    marked, other, moved = (PersonFactory.create(email=f"{name}@example.org") for name in ("gone", "fine", "old"))
    for person, address in ((marked, "gone@example.org"), (moved, "old@example.org")):
        BouncedAddressFactory.create(person=person, address=address)
    user = UserFactory.create(email="new@example.org")
    Person.objects.filter(pk=moved.pk).update(user=user, claimed_at=NOW, claimed_via="invitation")
    people = [marked, other, moved]
    rows = [ShortlistingFactory.create(campaign=campaign, person=person) for person in people]
    (asked,) = invitable(rows, NOW)
    assert (asked.by_email, asked.by_hand) == (2, 1)
    report = invite(campaign=campaign, people=people, by=airlines.manager, now=NOW)
    assert (report.by_email, report.by_hand) == (2, 1)
    assert Invitation.objects.get(person=marked).delivery == "bounced"
    # One that is marked after it was found to be due.
    late = InvitationFactory.create(person__email="late@example.org", delivery="due", campaign=campaign)
    BouncedAddressFactory.create(address="late@example.org")
    assert send_due_invitations(now=NOW) == 2
    assert sorted(message.to[0] for message in mail.outbox) == ["fine@example.org", "new@example.org"]
    assert delivery_of(late) == "bounced"


@pytest.mark.django_db
def test_a_mail_server_is_told_the_sender_of_its_own_and_readers_the_usual_one(settings: Settings) -> None:
    with mail_server(settings) as server:
        fine = InvitationFactory.create(person__email="fine@example.org", delivery="due")
        gone = InvitationFactory.create(person__email="gone@example.org", delivery="due")
        assert send_due_invitations(now=NOW) == 1
    assert [delivery_of(fine), delivery_of(gone)] == ["sent", "failed"]
    sender = sender_of("i", fine.pk, "fine@example.org", bounce_address="bounces@sway.example")
    assert any(line.startswith(f"mail FROM:<{sender}>") for line in server.heard)
    assert "From: Sway <sway@sway.example>" in server.heard
    assert [row.address for row in BouncedAddress.objects.all()] == ["gone@example.org"]
