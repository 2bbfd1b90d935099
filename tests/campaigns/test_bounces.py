"""E-mails that come back: what marks an address, what doesn't, and what the manager sees of it."""

import io
import smtplib
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.actions import erase_person
from accounts.models import Person
from campaigns.actions import (
    invite,
    send_due_invitations,
    send_due_notices,
    send_due_reminders,
    take_bounce,
    take_off_marks,
)
from campaigns.envelopes import MOST_BYTES, NoReport, read_report, sender_of, token_in
from campaigns.models import BouncedAddress, CampaignPost, Invitation, Notice
from campaigns.queries import invitable
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import open_campaign
from tests.campaigns.test_mailing import broken
from tests.factories.accounts import PersonFactory, UserFactory
from tests.factories.campaigns import (
    NOW,
    BouncedAddressFactory,
    CampaignPostFactory,
    InvitationFactory,
    NoticeFactory,
    ShortlistingFactory,
)

__all__ = ["broken"]

# As Postfix writes it, but for names and numbers.
POSTFIX = """\
Return-Path: <>
Date: Sun,  1 Mar 2026 12:00:03 +0000 (UTC)
From: MAILER-DAEMON@mx.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F3A51C0D6.1772366403/mx.example"
Content-Transfer-Encoding: 8bit

This is a MIME-encapsulated message.

--4F3A51C0D6.1772366403/mx.example
Content-Description: Notification
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

This is the mail system at host mx.example.

<ann@example.org>: host mail.example.org[192.0.2.1] said: 550 5.1.1 User unknown

--4F3A51C0D6.1772366403/mx.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
X-Postfix-Queue-ID: 4F3A51C0D6
Arrival-Date: Sun,  1 Mar 2026 12:00:01 +0000 (UTC)

Final-Recipient: rfc822; ann@example.org
Original-Recipient: rfc822;ann@example.org
Action: {action}
Status: {status}
Remote-MTA: dns; mail.example.org
Diagnostic-Code: smtp; 550 5.1.1 <ann@example.org>: User unknown

--4F3A51C0D6.1772366403/mx.example
Content-Description: Undelivered Message
Content-Type: message/rfc822

From: Sway <sway@sway.example>
To: ann@example.org
Subject: Maple Air invites you
Content-Type: text/plain; charset="utf-8"

Hello.
--4F3A51C0D6.1772366403/mx.example--
"""


def _bounce(to: str, status: str = "5.1.1", action: str = "failed") -> bytes:
    return POSTFIX.format(to=to, status=status, action=action).encode()


@pytest.fixture(autouse=True)
def bounce_address(settings: Settings) -> None:
    settings.BOUNCE_ADDRESS = "bounces@sway.example"
    settings.DEFAULT_FROM_EMAIL = "Sway <sway@sway.example>"


def _sent(**given: Any) -> tuple[Invitation, str]:
    """Return an invitation that went out, and its envelope's sender."""
    person = PersonFactory.create(email="Ann@Example.org", name="Ann Ash")
    invitation = InvitationFactory.create(person=person, delivery="due", **given)
    assert send_due_invitations(now=NOW) == 1
    return invitation, mail.outbox[-1].from_email


def _delivery(invitation: Invitation) -> str:
    return Invitation.objects.get(pk=invitation.pk).delivery


@pytest.mark.django_db
def test_each_mail_has_a_sender_of_its_own_that_nobody_sees() -> None:
    invitation, sender = _sent()
    assert sender == sender_of("i", invitation.pk, "ann@example.org", bounce_address="bounces@sway.example")
    assert sender.startswith(f"bounces+i{invitation.pk}-")
    assert mail.outbox[0].message()["From"] == "Sway <sway@sway.example>"
    longest = sender_of("i", 10**18 - 1, "ann@example.org", bounce_address="b" * 26 + "@sway.example")
    assert len(longest.partition("@")[0]) == 63
    token = token_in(f"Somebody <{longest.upper()}>")
    assert token is not None
    assert token.is_for("ANN@example.org ")
    assert not token.is_for("bob@example.org")


@pytest.mark.django_db
def test_without_a_bounce_address_mails_have_the_usual_sender(settings: Settings) -> None:
    settings.BOUNCE_ADDRESS = ""
    assert _sent()[1] == "Sway <sway@sway.example>"


@pytest.mark.django_db
def test_a_failure_for_good_marks_the_address_once() -> None:
    invitation, sender = _sent()
    assert (
        take_bounce(_bounce(sender), now=NOW)
        == f"invitation {invitation.pk} came back with 5.1.1: its address is marked"
    )
    row = BouncedAddress.objects.get()
    assert (row.address, row.person, row.status, row.at) == ("ann@example.org", invitation.person, "5.1.1", NOW)
    invitation.refresh_from_db()
    assert (invitation.delivery, invitation.sent_at) == ("bounced", None)
    assert "its address was marked before" in take_bounce(_bounce(sender), now=NOW)
    assert BouncedAddress.objects.count() == 1
    assert send_due_invitations(now=NOW) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "action"),
    [("4.4.7", "failed"), ("4.2.2", "delayed"), ("5.1.1", "delayed"), ("2.1.5", "delivered"), ("", "failed")],
)
def test_a_delay_marks_nothing(status: str, action: str) -> None:
    invitation, sender = _sent()
    said = take_bounce(_bounce(sender, status, action), now=NOW)
    assert said.startswith(f"nothing changed: invitation {invitation.pk} came back, but not for good")
    assert (_delivery(invitation), BouncedAddress.objects.count()) == ("sent", 0)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["5.7.26", "5.7.1", "5.2.2", "5.1.7", "5.1.8", "5.0.0", "5.3.4", "5.1.12"])
def test_what_is_not_about_the_mailbox_comes_back_and_marks_nothing(status: str) -> None:
    invitation, sender = _sent()
    said = take_bounce(_bounce(sender, status), now=NOW)
    assert said == (
        f"invitation {invitation.pk} came back with {status}, which isn't about the mailbox: its address isn't marked"
    )
    assert (_delivery(invitation), BouncedAddress.objects.count()) == ("bounced", 0)


@pytest.mark.django_db
def test_forged_and_outlived_tokens_do_nothing_and_say_so() -> None:
    invitation, sender = _sent()
    other = InvitationFactory.create(person__email="bob@example.org", delivery="sent", sent_at=NOW)
    forged = [
        sender.replace(f"+i{invitation.pk}-", f"+i{other.pk}-"),
        sender.replace("+i", "+n"),
        sender.replace("+i", "+r"),
        sender.replace(f"+i{invitation.pk}-", "+i999999999-"),
        sender_of("i", invitation.pk, "eve@example.org", bounce_address="bounces@sway.example"),
        f"bounces+i{invitation.pk}-{'a' * 16}@sway.example",
    ]
    for to in forged:
        assert "its token is forged, or of an address" in take_bounce(_bounce(to), now=NOW)
    for to in ("bounces@sway.example", "bounces+@sway.example", "", "bounces+z1-aaaaaaaaaaaaaaaa@sway.example"):
        assert "it wasn't written to a bounce address of ours" in take_bounce(_bounce(to), now=NOW)
    # Ann has another address by now: that the old one is gone says nothing of it.
    Person.objects.filter(pk=invitation.person_id).update(email="new@example.org")
    assert "an address that isn't the person's any more" in take_bounce(_bounce(sender), now=NOW)
    assert [_delivery(invitation), _delivery(other)] == ["sent", "sent"]
    assert not BouncedAddress.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00 nothing",
        b"To: {to}\nSubject: I am away\n\nback on Monday, Status: 5.1.1\n",
        b"To: {to}\nContent-Type: multipart/report\n\nno boundary",
        b"To: {to}\n"
        + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)),
    ],
    ids=["empty", "noise", "an answer", "half a report", "nested"],
)
def test_what_is_no_report_changes_nothing(data: bytes) -> None:
    invitation, sender = _sent()
    said = take_bounce(data.replace(b"{to}", sender.encode()), now=NOW)
    assert said == "nothing changed: this is no delivery status notification (RFC 3464)"
    assert (_delivery(invitation), BouncedAddress.objects.count()) == ("sent", 0)


def test_a_report_is_read_as_it_is_written() -> None:
    assert read_report(_bounce("a@b")).failed == ("5.1.1",)
    two = _bounce("a@b", "4.4.1").replace(
        b"Final-Recipient", b"Final-Recipient: rfc822; x@y\nAction: Failed\nStatus: 5.2.1 (full)\n\nFinal-Recipient", 1
    )
    assert (read_report(two).failed, read_report(two).hard) == (("5.2.1", "4.4.1"), "5.2.1")
    assert read_report(two.replace(b"5.2.1", b"5.2.2").replace(b"4.4.1", b"5.1.1")).hard == "5.1.1"
    assert read_report(_bounce("a@b", "5.1.1000\n")).failed == ()
    with pytest.raises(NoReport):
        read_report(b"Subject: hello\n\nhello")


@pytest.mark.django_db
def test_the_servers_word_on_the_recipient_comes_before_the_head() -> None:
    invitation, sender = _sent()
    said = take_bounce(_bounce("postmaster@sway.example"), written_to=sender, now=NOW)
    assert said.endswith("its address is marked")
    assert _delivery(invitation) == "bounced"


@pytest.mark.django_db
def test_a_bounce_that_is_quicker_than_the_sender_counts() -> None:
    invitation, sender = _sent()
    Invitation.objects.filter(pk=invitation.pk).update(delivery="sending", sending_since=NOW)
    take_bounce(_bounce(sender), now=NOW)
    assert _delivery(invitation) == "bounced"


@pytest.mark.django_db
def test_notices_and_reminders_come_back_too() -> None:
    notice = NoticeFactory.create(invitation__person__email="a@example.org")
    assert send_due_notices(now=NOW) == 1
    assert f"notice {notice.pk} came back" in take_bounce(_bounce(mail.outbox[-1].from_email), now=NOW)
    assert Notice.objects.get().delivery == "bounced"
    assert list(Notice.objects.to_tell()) == [notice]
    post = CampaignPostFactory.create()
    Person.objects.filter(pk=post.invitation.person_id).update(email="b@example.org")
    assert send_due_reminders(now=NOW) == 1
    said = take_bounce(_bounce(mail.outbox[-1].from_email), now=NOW)
    assert f"reminder of invitation {post.invitation_id} came back" in said
    row = CampaignPost.objects.get()
    assert (row.reminder, row.reminded_at) == ("failed", None)
    assert BouncedAddress.objects.among(["A@example.org", "b@example.org", "c@example.org"]) == {
        "a@example.org",
        "b@example.org",
    }


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
    assert _delivery(late) == "bounced"


@pytest.mark.django_db
def test_the_manager_sees_it_and_gets_the_link_to_send(manager: Client, airlines: Airlines) -> None:
    campaign = open_campaign(brand=airlines.brand)
    invitation, sender = _sent(campaign=campaign)
    rows = reverse("admin:campaigns_invitation_changelist")
    assert "Copy" not in manager.get(rows).content.decode()
    take_bounce(_bounce(sender), now=NOW)
    for address in (rows, reverse("admin:campaigns_campaign_change", args=[campaign.pk])):
        page = manager.get(address).content.decode()
        assert "e-mail came back" in page
        assert "Copy" in page
        assert "ann@example.org" not in page.lower()
    for asked in ({"delivery__exact": "bounced"}, {"for_you": "send"}):
        assert manager.get(rows, asked).context["cl"].result_count == 1
    assert manager.get(rows, {"for_you": "tell"}).context["cl"].result_count == 0
    assert manager.get(reverse("admin:campaigns_bouncedaddress_changelist")).status_code in {302, 403}
    assert not BouncedAddress.objects.visible_to(airlines.manager).exists()
    assert invitation.person.name == "Ann Ash"


@pytest.mark.django_db
def test_an_operator_takes_a_mark_off_and_it_goes_with_its_person(client: Client, airlines: Airlines) -> None:
    client.force_login(airlines.operator)
    first, second = BouncedAddressFactory.create(address="a@example.org"), BouncedAddressFactory.create()
    assert "a@example.org" in client.get(reverse("admin:campaigns_bouncedaddress_changelist")).content.decode()
    client.post(reverse("admin:campaigns_bouncedaddress_delete", args=[first.pk]), {"post": "yes"})
    assert list(BouncedAddress.objects.all()) == [second]
    erase_person(second.person, by=airlines.operator, now=NOW)
    assert not BouncedAddress.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("at_once", [False, True])
def test_a_mark_that_is_taken_off_lets_out_what_is_open(client: Client, airlines: Airlines, at_once: bool) -> None:
    mark = BouncedAddressFactory.create(address="ann@example.org")
    person = PersonFactory.create(email="Ann@Example.org")
    back, failed = (InvitationFactory.create(person=person, delivery=state) for state in ("bounced", "failed"))
    by_hand = InvitationFactory.create(person=person, delivery="by_hand")
    answered = InvitationFactory.create(person=person, delivery="bounced", state="declined", answered_at=NOW)
    notice = NoticeFactory.create(invitation__person=person, delivery="bounced")
    # Bob has another address to be written to by now; that of before is nothing that anybody uses.
    bob = PersonFactory.create(email="ann@example.org")
    Person.objects.filter(pk=bob.pk).update(
        user=UserFactory.create(email="bob@example.org"), claimed_at=NOW, claimed_via="invitation"
    )
    elsewhere = InvitationFactory.create(person=bob, delivery="bounced")
    take_off_marks([mark], by=airlines.manager)
    assert (BouncedAddress.objects.count(), _delivery(back)) == (1, "bounced")

    client.force_login(airlines.operator)
    if at_once:
        data = {"action": "delete_selected", "_selected_action": [mark.pk], "post": "yes"}
        client.post(reverse("admin:campaigns_bouncedaddress_changelist"), data)
    else:
        client.post(reverse("admin:campaigns_bouncedaddress_delete", args=[mark.pk]), {"post": "yes"})
    assert not BouncedAddress.objects.exists()
    assert [_delivery(row) for row in (back, failed, by_hand, answered, elsewhere)] == [
        *("due", "due", "by_hand", "bounced", "bounced"),
    ]
    assert Notice.objects.get(pk=notice.pk).delivery == "due"
    assert send_due_invitations(now=NOW) == 2
    assert {message.to[0] for message in mail.outbox} == {"Ann@Example.org"}


@pytest.mark.django_db
def test_a_mark_is_for_good_and_of_an_address() -> None:
    for wrong in ({"address": ""}, {"status": "4.2.2"}, {"status": "5.7.26"}, {"status": "5.0.0"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            BouncedAddressFactory.create(**wrong)


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
    assert [_delivery(fine), _delivery(gone)] == ["sent", "failed"]
    sender = sender_of("i", fine.pk, "fine@example.org", bounce_address="bounces@sway.example")
    assert any(line.startswith(f"mail FROM:<{sender}>") for line in _Session.heard)
    assert "From: Sway <sway@sway.example>" in _Session.heard
    assert [row.address for row in BouncedAddress.objects.all()] == ["gone@example.org"]


class TestCommand:
    """`manage.py take_bounce`, as a mail server calls it."""

    def _run(self, monkeypatch: pytest.MonkeyPatch, data: bytes, *arguments: str) -> str:
        read = io.BytesIO(data)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=read))
        out = io.StringIO()
        call_command("take_bounce", *arguments, stdout=out)
        assert read.read() == b"", "the mail server's pipe is read to its end"
        return out.getvalue()

    @pytest.mark.django_db
    def test_it_says_in_one_line_what_it_did(self, monkeypatch: pytest.MonkeyPatch) -> None:
        invitation, sender = _sent()
        said = self._run(monkeypatch, _bounce("x@y"), "--to", sender)
        assert said == f"invitation {invitation.pk} came back with 5.1.1: its address is marked\n"
        assert "example.org" not in said

    @pytest.mark.django_db
    def test_what_is_too_long_is_refused_unread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        invitation, sender = _sent()
        said = self._run(monkeypatch, _bounce(sender) + b"x" * (3 * MOST_BYTES))
        assert said == "refused, nothing changed: the message is longer than 1,048,576 bytes\n"
        assert _delivery(invitation) == "sent"

    def test_without_a_database_the_mail_server_is_to_try_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*args: Any, **given: Any) -> str:
            raise OperationalError

        monkeypatch.setattr("campaigns.management.commands.take_bounce.take_bounce", fails)
        with pytest.raises(CommandError) as refused:
            self._run(monkeypatch, b"x")
        assert refused.value.returncode == 75

    def test_the_exit_code_is_the_mail_servers_own(self) -> None:
        ran = subprocess.run(
            [sys.executable, "manage.py", "take_bounce"],
            input=_bounce("bounces+i1-aaaaaaaaaaaaaaaa@sway.example"),
            capture_output=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"},
        )
        assert ran.returncode == 75, ran.stderr
        assert b"Traceback" not in ran.stderr
        assert ran.stderr.count(b"\n") == 1
