"""E-mails to who gets something without having asked at that moment: a seat from the waiting list, a code."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import QuerySet

from accounts.models import User
from campaigns.actions import bounces
from campaigns.actions.deliveries import Deliveries
from campaigns.actions.errors import AlreadyDone, NotYours
from campaigns.actions.postbox import Outcome, post
from campaigns.models import Campaign, Invitation, Notice
from campaigns.queries.mails import notice_of


def announce(invitations: Iterable[Invitation], kind: Notice.Kind, *, now: datetime) -> None:
    """Let people be told of what they were given, in the caller's transaction: told if it was given, and once."""
    Notice.objects.bulk_create(
        [Notice(invitation_id=row.pk, kind=kind, made_at=now) for row in invitations], batch_size=2000
    )


def send_due_notices(*, now: datetime) -> int:
    """Write to who was given a seat or a code and return how many mails went out; each goes out once (`Deliveries`).

    Nothing is sent to people who hid, and who has lost the seat meanwhile isn't told that they have it, nor
    who gave details already that they are asked for: that notice is dropped. Where no address is known, or it was
    turned down, the manager tells them.
    """
    due = Notice.objects.filter(delivery=Invitation.Delivery.DUE)
    due.exclude(invitation__state=Invitation.State.ACCEPTED).delete()
    owing = Invitation.objects.owing_details(now).values("pk")
    due.filter(kind=Notice.Kind.DETAILS).exclude(invitation__in=owing).delete()
    return _NOTICES.send_due(now=now)


def note_told(invitation: Invitation, *, by: User, now: datetime) -> None:
    """Note that a manager told somebody whom no e-mail could tell.

    Raises NotYours, and AlreadyDone where nothing is left to tell.
    """
    if not Campaign.objects.managed_by(by).filter(pk=invitation.campaign_id).exists():
        raise NotYours("This invitation isn't one of your brand's.")
    if (
        not Notice.objects.to_tell()
        .filter(invitation=invitation)
        .update(delivery=Invitation.Delivery.BY_HAND, sent_at=now)
    ):
        raise AlreadyDone("There is nothing that they have to be told.")


def _wanted(notices: QuerySet[Any], now: datetime) -> QuerySet[Any]:
    standing = notices.filter(invitation__state=Invitation.State.ACCEPTED, invitation__person__is_hidden=False)
    return standing.select_related("invitation__campaign__brand", "invitation__person__user")


def _send(notice: Notice, connection: BaseEmailBackend, at: datetime) -> Outcome:
    person = notice.invitation.person
    return post(notice_of(notice), to=person, returns=(bounces.NOTICE, notice.pk), connection=connection, now=at)


_NOTICES: Final = Deliveries("notices", Notice.objects.all, _wanted, _send)
