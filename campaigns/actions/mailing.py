"""Invitations by e-mail."""

from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import QuerySet

from campaigns.actions import bounces
from campaigns.actions.deliveries import Deliveries
from campaigns.actions.postbox import Outcome, post
from campaigns.links import invitation_url
from campaigns.models import Campaign, Invitation, MailText
from campaigns.queries.mails import invitation_values, mail_of, written_for


def send_due_invitations(*, now: datetime) -> int:
    """Send the invitations whose e-mail is due and return how many went out; each goes out once (`Deliveries`).

    Nothing is sent to people who hid, nor for campaigns that are over, be it while the mails go out. Where the address
    was turned down the manager sends the link by hand.
    """
    return _INVITATIONS.send_due(now=now)


def _wanted(invitations: QuerySet[Any], now: datetime) -> QuerySet[Any]:
    """Keep those whose person may be written to, for campaigns that can still be accepted."""
    shown = invitations.filter(person__is_hidden=False).exclude(campaign__in=Campaign.objects.over(now))
    return shown.select_related("campaign__brand", "person__user")


def _send(invitation: Invitation, connection: BaseEmailBackend, at: datetime) -> Outcome:
    campaign, person = invitation.campaign, invitation.person
    values = invitation_values(campaign, name=person.display_name, link=invitation_url(invitation, settings.PUBLIC_URL))
    subject, text = written_for(campaign, MailText.Kind.INVITATION)
    mail = mail_of(MailText.Kind.INVITATION, values, subject=subject, text=text)
    return post(mail, to=person, returns=(bounces.INVITATION, invitation.pk), connection=connection, now=at)


_INVITATIONS: Final = Deliveries("invitations", lambda: Invitation.objects.open(), _wanted, _send)
