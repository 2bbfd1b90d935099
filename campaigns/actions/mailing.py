"""Invitations by e-mail: found where they are due, claimed one at a time, sent."""

import logging
import smtplib
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string

from campaigns.links import invitation_url
from campaigns.models import Campaign, Invitation, InvitationQuerySet

log = logging.getLogger(__name__)

# Who claimed an e-mail longer ago than this has died with it. Longer than a mail server is waited for (below).
CLAIM = timedelta(minutes=10)
# The task runs every minute; one that takes longer than this leaves the rest to the next.
LONGEST = timedelta(minutes=5)
PATIENCE = 60  # seconds for a mail server to answer, where EMAIL_TIMEOUT names none


class _ServerDown(Exception):
    """The mail server takes no mail at all just now, from us or from anybody."""


def send_due_invitations(*, now: datetime) -> int:
    """Send the invitations whose e-mail is due and return how many went out.

    Any number of processes may do so at once: each row is claimed by a conditional update before its mail is sent. A
    claim older than ten minutes is taken again, so a mail whose sender was killed between sending and noting it goes
    out twice; nothing else does. Where the server turns the address down, the e-mail has failed and the manager sends
    the link by hand; where the server itself fails, everything left stays due.

    Nothing is sent to people who hid, nor for campaigns that are over, be it while the mails go out. Logs name
    invitations by id only.
    """
    began = time.monotonic()
    due = list(_due(now).order_by("pk").values_list("pk", flat=True)[:5000])
    if not due:
        return 0
    sent = 0
    with_timeout = get_connection(timeout=getattr(settings, "EMAIL_TIMEOUT", None) or PATIENCE)
    try:
        for pk in due:
            # The clock of the claim goes on while mails are sent, or the last ones would be claimed in the past.
            at = now + timedelta(seconds=time.monotonic() - began)
            if at - now > LONGEST:
                break
            invitation = _claim(pk, at)
            if invitation is not None:
                sent += _deliver(invitation, at, with_timeout)
    except _ServerDown as error:
        log.warning("mail server: %s; the invitations left are tried again", error)
    finally:
        with_timeout.close()
    return sent


def _due(now: datetime) -> InvitationQuerySet:
    return _wanted(_claimable(now), now)


def _wanted(invitations: InvitationQuerySet, now: datetime) -> InvitationQuerySet:
    """Keep those whose person may be written to, for campaigns that can still be accepted."""
    return invitations.filter(person__is_hidden=False).exclude(campaign__in=Campaign.objects.over(now))


def _claimable(now: datetime) -> InvitationQuerySet:
    due = Q(delivery=Invitation.Delivery.DUE)
    given_up = Q(delivery=Invitation.Delivery.SENDING, sending_since__lt=now - CLAIM)
    return Invitation.objects.open().filter(due | given_up)


@transaction.atomic
def _claim(pk: int, at: datetime) -> Invitation | None:
    """Mark an invitation as being sent and return it with its campaign and person; None where it isn't to be sent.

    Minutes can lie between the list of what is due and this one's turn: whoever hid, answered or was erased
    meanwhile gets no mail, nor does a campaign send any that was closed.
    """
    # Conditions on the row's own columns only. With a join Django asks for `id IN (SELECT …)`, which isn't asked
    # again for the row that another sender changed while we waited for it: both would get it.
    if not _claimable(at).filter(pk=pk).update(delivery=Invitation.Delivery.SENDING, sending_since=at):
        return None
    rows = Invitation.objects.filter(pk=pk).select_related("campaign__brand", "person__user")
    invitation = _wanted(rows, at).first()
    if invitation is None:
        transaction.set_rollback(True)  # the claim is taken back; what is due stays due
    return invitation


def _deliver(invitation: Invitation, claimed_at: datetime, connection: BaseEmailBackend) -> bool:
    """Send one claimed invitation and note what became of it; return whether it went out."""
    outcome = Invitation.Delivery.DUE
    try:
        outcome = _send(invitation, connection)
    finally:
        # Whatever goes wrong, the claim is given back, unless somebody took it over meanwhile.
        claim = Invitation.objects.filter(
            pk=invitation.pk, delivery=Invitation.Delivery.SENDING, sending_since=claimed_at
        )
        claim.update(
            delivery=outcome,
            sending_since=None,
            sent_at=claimed_at if outcome == Invitation.Delivery.SENT else None,
        )
    return outcome == Invitation.Delivery.SENT


def _send(invitation: Invitation, connection: BaseEmailBackend) -> Invitation.Delivery:
    person = invitation.person
    # The address of the login is the person's own word; the other one somebody imported.
    address = (person.user.email if person.user else "") or person.email
    if not address:
        return Invitation.Delivery.BY_HAND
    try:
        connection.send_messages([_message(invitation, address, connection)])
    except smtplib.SMTPRecipientsRefused as error:
        return _turned_down(invitation, min((code for code, _ in error.recipients.values()), default=550))
    except smtplib.SMTPDataError as error:
        return _turned_down(invitation, error.smtp_code)
    except OSError as error:  # sockets, and what else smtplib raises
        raise _ServerDown(type(error).__name__) from error
    except ValueError as error:  # an address that can't be one
        log.warning("invitation %s: %s", invitation.pk, type(error).__name__)
        return Invitation.Delivery.FAILED
    return Invitation.Delivery.SENT


def _turned_down(invitation: Invitation, code: int) -> Invitation.Delivery:
    """Return what an SMTP code means for the mail: from 500 on it never will be taken, below perhaps later."""
    log.warning("invitation %s: turned down with %s", invitation.pk, code)
    return Invitation.Delivery.FAILED if code >= 500 else Invitation.Delivery.DUE


def _message(invitation: Invitation, address: str, connection: BaseEmailBackend) -> EmailMultiAlternatives:
    context = {
        "invitation": invitation,
        "campaign": invitation.campaign,
        "brand": invitation.campaign.brand,
        "person": invitation.person,
        "link": invitation_url(invitation, settings.PUBLIC_URL),
    }
    # A subject is one line.
    subject = " ".join(render_to_string("campaigns/email/invitation_subject.txt", context).split())
    message = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string("campaigns/email/invitation.txt", context),
        to=[address],
        connection=connection,
    )
    message.attach_alternative(render_to_string("campaigns/email/invitation.html", context), "text/html")
    return message
