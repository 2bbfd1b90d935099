"""E-mails that come back: how a report is read, what marks an address, and what doesn't."""

import io
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import OperationalError
from pytest_django import Settings

from accounts.models import Person
from campaigns.actions import send_due_invitations, send_due_notices, send_due_reminders, take_bounce
from campaigns.envelopes import MOST_BYTES, NoReport, read_report, sender_of, token_in
from campaigns.models import BouncedAddress, CampaignPost, Invitation, Notice
from tests.campaigns.bounced import bounce, bounce_address, delivery_of, sent
from tests.factories.campaigns import NOW, CampaignPostFactory, InvitationFactory, NoticeFactory

__all__ = ["bounce_address"]


@pytest.mark.django_db
def test_each_mail_has_a_sender_of_its_own_that_nobody_sees() -> None:
    invitation, sender = sent()
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
    assert sent()[1] == "Sway <sway@sway.example>"


@pytest.mark.django_db
def test_a_failure_for_good_marks_the_address_once() -> None:
    invitation, sender = sent()
    assert (
        take_bounce(bounce(sender), now=NOW)
        == f"invitation {invitation.pk} came back with 5.1.1: its address is marked"
    )
    row = BouncedAddress.objects.get()
    assert (row.address, row.person, row.status, row.at) == ("ann@example.org", invitation.person, "5.1.1", NOW)
    invitation.refresh_from_db()
    assert (invitation.delivery, invitation.sent_at) == ("bounced", None)
    assert "its address was marked before" in take_bounce(bounce(sender), now=NOW)
    assert BouncedAddress.objects.count() == 1
    assert send_due_invitations(now=NOW) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "action"),
    [("4.4.7", "failed"), ("4.2.2", "delayed"), ("5.1.1", "delayed"), ("2.1.5", "delivered"), ("", "failed")],
)
def test_a_delay_marks_nothing(status: str, action: str) -> None:
    invitation, sender = sent()
    said = take_bounce(bounce(sender, status, action), now=NOW)
    assert said.startswith(f"nothing changed: invitation {invitation.pk} came back, but not for good")
    assert (delivery_of(invitation), BouncedAddress.objects.count()) == ("sent", 0)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["5.7.26", "5.7.1", "5.2.2", "5.1.7", "5.1.8", "5.0.0", "5.3.4", "5.1.12"])
def test_what_is_not_about_the_mailbox_comes_back_and_marks_nothing(status: str) -> None:
    invitation, sender = sent()
    said = take_bounce(bounce(sender, status), now=NOW)
    assert said == (
        f"invitation {invitation.pk} came back with {status}, which isn't about the mailbox: its address isn't marked"
    )
    assert (delivery_of(invitation), BouncedAddress.objects.count()) == ("bounced", 0)


@pytest.mark.django_db
def test_forged_and_outlived_tokens_do_nothing_and_say_so() -> None:
    invitation, sender = sent()
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
        assert "its token is forged, or of an address" in take_bounce(bounce(to), now=NOW)
    for to in ("bounces@sway.example", "bounces+@sway.example", "", "bounces+z1-aaaaaaaaaaaaaaaa@sway.example"):
        assert "it wasn't written to a bounce address of ours" in take_bounce(bounce(to), now=NOW)
    # Ann has another address by now: that the old one is gone says nothing of it.
    Person.objects.filter(pk=invitation.person_id).update(email="new@example.org")
    assert "an address that isn't the person's any more" in take_bounce(bounce(sender), now=NOW)
    assert [delivery_of(invitation), delivery_of(other)] == ["sent", "sent"]
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
    invitation, sender = sent()
    said = take_bounce(data.replace(b"{to}", sender.encode()), now=NOW)
    assert said == "nothing changed: this is no delivery status notification (RFC 3464)"
    assert (delivery_of(invitation), BouncedAddress.objects.count()) == ("sent", 0)


def test_a_report_is_read_as_it_is_written() -> None:
    assert read_report(bounce("a@b")).failed == ("5.1.1",)
    two = bounce("a@b", "4.4.1").replace(
        b"Final-Recipient", b"Final-Recipient: rfc822; x@y\nAction: Failed\nStatus: 5.2.1 (full)\n\nFinal-Recipient", 1
    )
    assert (read_report(two).failed, read_report(two).hard) == (("5.2.1", "4.4.1"), "5.2.1")
    assert read_report(two.replace(b"5.2.1", b"5.2.2").replace(b"4.4.1", b"5.1.1")).hard == "5.1.1"
    assert read_report(bounce("a@b", "5.1.1000\n")).failed == ()
    with pytest.raises(NoReport):
        read_report(b"Subject: hello\n\nhello")


@pytest.mark.django_db
def test_the_servers_word_on_the_recipient_comes_before_the_head() -> None:
    invitation, sender = sent()
    said = take_bounce(bounce("postmaster@sway.example"), written_to=sender, now=NOW)
    assert said.endswith("its address is marked")
    assert delivery_of(invitation) == "bounced"


@pytest.mark.django_db
def test_a_bounce_that_is_quicker_than_the_sender_counts() -> None:
    invitation, sender = sent()
    Invitation.objects.filter(pk=invitation.pk).update(delivery="sending", sending_since=NOW)
    take_bounce(bounce(sender), now=NOW)
    assert delivery_of(invitation) == "bounced"


@pytest.mark.django_db
def test_notices_and_reminders_come_back_too() -> None:
    notice = NoticeFactory.create(invitation__person__email="a@example.org")
    assert send_due_notices(now=NOW) == 1
    assert f"notice {notice.pk} came back" in take_bounce(bounce(mail.outbox[-1].from_email), now=NOW)
    assert Notice.objects.get().delivery == "bounced"
    assert list(Notice.objects.to_tell()) == [notice]
    post = CampaignPostFactory.create()
    Person.objects.filter(pk=post.invitation.person_id).update(email="b@example.org")
    assert send_due_reminders(now=NOW) == 1
    said = take_bounce(bounce(mail.outbox[-1].from_email), now=NOW)
    assert f"reminder of post {post.pk} came back" in said
    row = CampaignPost.objects.get()
    assert (row.reminder, row.reminded_at) == ("failed", None)
    assert BouncedAddress.objects.among(["A@example.org", "b@example.org", "c@example.org"]) == {
        "a@example.org",
        "b@example.org",
    }


@pytest.fixture
def reminded(db: None) -> list[CampaignPost]:
    """Return three posts of one person: one was reminded of on a day, the other two together on the next."""
    invitation = InvitationFactory.create(person__email="ann@example.org", state="accepted", answered_at=NOW)
    posts: list[CampaignPost] = []
    for day, number in enumerate((1, 2)):
        posts += CampaignPostFactory.create_batch(number, invitation=invitation)
        assert send_due_reminders(now=NOW + timedelta(days=day)) == 1
    return posts


@pytest.mark.parametrize(("which", "left"), [(0, ["failed", "sent", "sent"]), (1, ["sent", "failed", "failed"])])
def test_a_reminder_that_comes_back_says_nothing_of_others(
    reminded: list[CampaignPost], which: int, left: list[str]
) -> None:
    report = bounce(mail.outbox[which].from_email, "5.7.1")
    for _ in range(2):  # a second time it changes nothing
        take_bounce(report, now=NOW)
        rows = CampaignPost.objects.order_by("pk")
        assert [row.reminder for row in rows] == left
        assert [row.reminded_at is not None for row in rows] == [state == "sent" for state in left]


def test_a_reminder_that_comes_back_while_it_is_sent_says_nothing_of_others(reminded: list[CampaignPost]) -> None:
    on_their_way = CampaignPost.objects.exclude(pk=reminded[0].pk)
    on_their_way.update(reminder="sending", sending_since=NOW, reminded_at=None)
    take_bounce(bounce(mail.outbox[1].from_email), now=NOW)
    rows = CampaignPost.objects.order_by("pk")
    assert [(row.reminder, row.sending_since) for row in rows] == [("sent", None), ("failed", None), ("failed", None)]
    assert rows[0].reminded_at is not None


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
        invitation, sender = sent()
        said = self._run(monkeypatch, bounce("x@y"), "--to", sender)
        assert said == f"invitation {invitation.pk} came back with 5.1.1: its address is marked\n"
        assert "example.org" not in said

    @pytest.mark.django_db
    def test_what_is_too_long_is_refused_unread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        invitation, sender = sent()
        said = self._run(monkeypatch, bounce(sender) + b"x" * (3 * MOST_BYTES))
        assert said == "refused, nothing changed: the message is longer than 1,048,576 bytes\n"
        assert delivery_of(invitation) == "sent"

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
            input=bounce("bounces+i1-aaaaaaaaaaaaaaaa@sway.example"),
            capture_output=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"},
        )
        assert ran.returncode == 75, ran.stderr
        assert b"Traceback" not in ran.stderr
        assert ran.stderr.count(b"\n") == 1
