"""Invitations by e-mail: found where they are due, claimed one at a time, sent."""

from datetime import datetime
from typing import Final

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q

from campaigns.actions.postbox import CLAIM, Outcome, post, send_each
from campaigns.links import invitation_url
from campaigns.models import Campaign, Invitation, InvitationQuerySet, MailText
from campaigns.queries.mails import invitation_values, mail_of, written_for

_DELIVERY: Final = {
    Outcome.SENT: Invitation.Delivery.SENT,
    Outcome.FAILED: Invitation.Delivery.FAILED,
    Outcome.LATER: Invitation.Delivery.DUE,
    Outcome.NO_ADDRESS: Invitation.Delivery.BY_HAND,
}


def send_due_invitations(*, now: datetime) -> int:
    """Send the invitations whose e-mail is due and return how many went out.

    Any number of processes may do so at once: each row is claimed by a conditional update before its mail is sent. A
    claim older than ten minutes is taken again, so a mail whose sender was killed between sending and noting it goes
    out twice; nothing else does. Where the server turns the address down, the e-mail has failed and the manager sends
    the link by hand; where the server itself fails, everything left stays due.

    Nothing is sent to people who hid, nor for campaigns that are over, be it while the mails go out. Logs name
    invitations by id only.
    """
    due = list(_due(now).order_by("pk").values_list("pk", flat=True)[:5000])
    return send_each(due, _claim_and_deliver, now=now, what="invitations") if due else 0


def _claim_and_deliver(pk: int, at: datetime, connection: BaseEmailBackend) -> bool:
    invitation = _claim(pk, at)
    return invitation is not None and _deliver(invitation, at, connection)


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
    campaign, person = invitation.campaign, invitation.person
    values = invitation_values(campaign, name=person.display_name, link=invitation_url(invitation, settings.PUBLIC_URL))
    subject, text = written_for(campaign, MailText.Kind.INVITATION)
    mail = mail_of(MailText.Kind.INVITATION, values, subject=subject, text=text)
    return _DELIVERY[post(mail, to=person, connection=connection, what=f"invitation {invitation.pk}")]
