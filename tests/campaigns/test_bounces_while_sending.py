"""What a refusal marks while e-mails are handed over, and that none goes to a marked address."""

import smtplib
import socketserver
import threading
from collections.abc import Callable
from typing import ClassVar

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


class _Session(socketserver.StreamRequestHandler):
    """As much of SMTP as it takes to hand an e-mail over."""

    heard: ClassVar[list[str]] = []

    def handle(self) -> None:
        self._say("220 mx.example")
        while line := self.rfile.readline().decode().strip():
            self.heard.append(line)
            match line.split(" ")[0].upper():
                case "DATA":
                    self._say("354 go on")
                    while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                        self.heard.append(line)
                    self._say("250 2.0.0 taken")
                case "RCPT" if "gone@" in line:
                    self._say("550 5.1.1 no such user")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.mark.django_db
def test_a_mail_server_is_told_the_sender_of_its_own_and_readers_the_usual_one(settings: Settings) -> None:
    _Session.heard.clear()
    with socketserver.TCPServer(("127.0.0.1", 0), _Session) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        fine = InvitationFactory.create(person__email="fine@example.org", delivery="due")
        gone = InvitationFactory.create(person__email="gone@example.org", delivery="due")
        assert send_due_invitations(now=NOW) == 1
        server.shutdown()
    assert [delivery_of(fine), delivery_of(gone)] == ["sent", "failed"]
    sender = sender_of("i", fine.pk, "fine@example.org", bounce_address="bounces@sway.example")
    assert any(line.startswith(f"mail FROM:<{sender}>") for line in _Session.heard)
    assert "From: Sway <sway@sway.example>" in _Session.heard
    assert [row.address for row in BouncedAddress.objects.all()] == ["gone@example.org"]
