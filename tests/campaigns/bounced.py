"""E-mails with a sender of their own, and the reports of servers that they came back, for their tests."""

from typing import Any

import pytest
from django.core import mail
from pytest_django import Settings

from campaigns.actions import send_due_invitations
from campaigns.models import Invitation
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, InvitationFactory

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


def bounce(to: str, status: str = "5.1.1", action: str = "failed") -> bytes:
    return POSTFIX.format(to=to, status=status, action=action).encode()


@pytest.fixture(autouse=True)
def bounce_address(settings: Settings) -> None:
    settings.BOUNCE_ADDRESS = "bounces@sway.example"
    settings.DEFAULT_FROM_EMAIL = "Sway <sway@sway.example>"


def sent(**given: Any) -> tuple[Invitation, str]:
    """Return an invitation that went out, and its envelope's sender."""
    person = PersonFactory.create(email="Ann@Example.org", name="Ann Ash")
    invitation = InvitationFactory.create(person=person, delivery="due", **given)
    assert send_due_invitations(now=NOW) == 1
    return invitation, mail.outbox[-1].from_email


def delivery_of(invitation: Invitation) -> str:
    return Invitation.objects.get(pk=invitation.pk).delivery
