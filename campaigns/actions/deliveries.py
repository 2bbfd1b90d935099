"""Rows whose e-mail is due: found, claimed one at a time, sent, and what came of it noted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q, QuerySet

from campaigns.actions.postbox import CLAIM, Outcome, send_each
from campaigns.models import Invitation

Delivery = Invitation.Delivery

_AT_ONCE: Final = 5000
_CAME_OF_IT: Final[Mapping[Outcome, Invitation.Delivery]] = {
    Outcome.SENT: Delivery.SENT,
    Outcome.FAILED: Delivery.FAILED,
    Outcome.LATER: Delivery.DUE,
    Outcome.NO_ADDRESS: Delivery.BY_HAND,
    Outcome.BOUNCED: Delivery.BOUNCED,
}


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Rows of one kind, one e-mail each, with the columns delivery and sending_since, and sent_at if `notes_time`.

    `rows` narrows them by the row's own columns alone: with a join Django asks for `id IN (SELECT …)`, which isn't
    asked again for the row that another sender changed while we waited for it, and both would get it. `wanted` then
    keeps those whose person may be written to still, and brings what `send` needs of each.
    """

    what: str
    rows: Callable[[], QuerySet[Any]]
    wanted: Callable[[QuerySet[Any], datetime], QuerySet[Any]]
    send: Callable[[Any, BaseEmailBackend, datetime], Outcome]
    notes_time: bool = True

    def send_due(self, *, now: datetime) -> int:
        """Send what is due and return how many went out.

        Any number of processes may do so at once: each row is claimed by a conditional update before its mail is sent.
        A claim older than ten minutes is taken again, so a mail whose sender was killed between sending and noting it
        goes out twice; nothing else does. Where the server turns the address down, the e-mail has failed; where the
        server itself fails, everything left stays due. Logs name rows by id only.
        """
        due = list(self.wanted(self._claimable(now), now).order_by("pk").values_list("pk", flat=True)[:_AT_ONCE])
        return send_each(due, self._claim_and_deliver, now=now, what=self.what) if due else 0

    def _claimable(self, now: datetime) -> QuerySet[Any]:
        given_up = Q(delivery=Delivery.SENDING, sending_since__lt=now - CLAIM)
        return self.rows().filter(Q(delivery=Delivery.DUE) | given_up)

    def _claim_and_deliver(self, pk: int, at: datetime, connection: BaseEmailBackend) -> bool:
        row = self._claim(pk, at)
        return row is not None and self._deliver(row, at, connection)

    def _claim(self, pk: int, at: datetime) -> Any:
        """Mark a row as being sent and return it; None where it isn't to be sent.

        Minutes can lie between the list of what is due and this one's turn: whoever hid, answered or was erased
        meanwhile gets no mail, nor does a campaign send any that was closed.
        """
        with transaction.atomic():
            if not self._claimable(at).filter(pk=pk).update(delivery=Delivery.SENDING, sending_since=at):
                return None
            row = self.wanted(self.rows().filter(pk=pk), at).first()
            if row is None:
                transaction.set_rollback(True)  # the claim is taken back; what is due stays due
            return row

    def _deliver(self, row: Any, claimed_at: datetime, connection: BaseEmailBackend) -> bool:
        """Send one claimed row's mail and note what became of it; return whether it went out."""
        outcome = Outcome.LATER
        try:
            outcome = self.send(row, connection, claimed_at)
        finally:
            # Whatever goes wrong, the claim is given back, unless somebody took it over meanwhile.
            claim = type(row)._default_manager.filter(pk=row.pk, delivery=Delivery.SENDING, sending_since=claimed_at)
            noted = {"sent_at": claimed_at if outcome == Outcome.SENT else None} if self.notes_time else {}
            claim.update(delivery=_CAME_OF_IT[outcome], sending_since=None, **noted)
        return outcome == Outcome.SENT
