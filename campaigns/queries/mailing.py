"""How far the e-mails of a campaign's invitations are, and how long the rest will take."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Min, Q

from campaigns.models import Campaign, Invitation

# By what went out in this time the rest is reckoned; the sender begins anew each minute.
WINDOW: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class MailingProgress:
    """What became of a campaign's e-mails, and how many links go by hand instead.

    `rate` is mails in a second, None where none went out lately.
    """

    sent: int
    left: int
    failed: int
    bounced: int
    by_hand: int
    rate: float | None

    @property
    def all(self) -> int:
        """Return how many there are; links that go by hand are no e-mails."""
        return self.sent + self.left + self.failed + self.bounced

    @property
    def done(self) -> int:
        """Return how many were tried."""
        return self.all - self.left

    @property
    def seconds_left(self) -> float | None:
        """Return about how long the rest takes at this rate."""
        return self.left / self.rate if self.rate and self.left else None


def mailing_progress(campaign: Campaign, now: datetime) -> MailingProgress:
    """Return how far a campaign's e-mails are. One query.

    Left is what will go out: nothing to who hid or answered meanwhile, nor once the campaign is over.
    """
    delivery = Invitation.Delivery
    on_the_way = Q(delivery__in=[delivery.DUE, delivery.SENDING], person__is_hidden=False)
    lately = Q(delivery=delivery.SENT, sent_at__gt=now - WINDOW)
    open_ones = Q(state__in=[Invitation.State.INVITED, Invitation.State.SEEN])
    found = Invitation.objects.filter(campaign=campaign).aggregate(
        sent=Count("pk", filter=Q(delivery=delivery.SENT)),
        left=Count("pk", filter=on_the_way & open_ones),
        failed=Count("pk", filter=Q(delivery=delivery.FAILED)),
        bounced=Count("pk", filter=Q(delivery=delivery.BOUNCED)),
        by_hand=Count("pk", filter=Q(delivery=delivery.BY_HAND)),
        lately=Count("pk", filter=lately),
        since=Min("sent_at", filter=lately),
    )
    # The first of them took its time too; one alone says about nothing.
    seconds = max((now - found["since"]).total_seconds(), 1.0) if found["since"] else 1.0
    return MailingProgress(
        sent=found["sent"],
        left=0 if campaign.is_over(now) else found["left"],
        failed=found["failed"],
        bounced=found["bounced"],
        by_hand=found["by_hand"],
        rate=found["lately"] / seconds if found["lately"] > 1 else None,
    )
