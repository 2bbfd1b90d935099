"""Counter-offers and feedback: what the invited write to a brand."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.texts import plain_lines
from campaigns.actions.errors import CampaignError, NotOpen, NotYours
from campaigns.models import Invitation, Remark

_STATES = {
    Remark.Kind.COUNTER_OFFER: (Invitation.State.INVITED, Invitation.State.SEEN, Invitation.State.WAITING),
    Remark.Kind.FEEDBACK: (Invitation.State.ACCEPTED,),
}


class NothingSaid(CampaignError):
    """What was written is empty, too long, or a rating that there isn't."""


@transaction.atomic
def counter_offer(invitation: Invitation, *, text: str, by: User, now: datetime) -> Remark:
    """Tell the brand what one would say yes to. The invitation stays open, and can be answered as ever.

    Raises NotYours for somebody else's invitation, NotOpen for one that was answered or whose campaign is over, and
    NothingSaid for an empty or too long text.
    """
    if invitation.campaign.is_over(now):
        raise NotOpen("This invitation has ended.")
    return _write(invitation, Remark.Kind.COUNTER_OFFER, text, None, by, now)


@transaction.atomic
def give_feedback(invitation: Invitation, *, text: str, rating: int | None, by: User, now: datetime) -> Remark:
    """Tell the brand how it was, by a text, a rating from 1 to 5, or both; after the campaign too.

    Raises NotYours for somebody else's invitation, NotOpen unless it was accepted, and NothingSaid where nothing was
    said or the rating isn't one.
    """
    return _write(invitation, Remark.Kind.FEEDBACK, text, rating, by, now)


def _write(invitation: Invitation, kind: Remark.Kind, text: str, rating: int | None, by: User, now: datetime) -> Remark:
    text = plain_lines(text)
    if not text and rating is None:
        raise NothingSaid("Write something first.")
    if len(text) > Remark.LONGEST:
        raise NothingSaid(f"That is longer than {Remark.LONGEST:,} characters.")
    if rating is not None and not 1 <= rating <= Remark.BEST:
        raise NothingSaid(f"A rating is a number from 1 to {Remark.BEST}.")
    # Locked, so that it isn't answered, or the profile given to somebody else, in between.
    rows = Invitation.objects.select_for_update(no_key=True, of=("self",)).select_related("person")
    row = rows.filter(pk=invitation.pk).first()
    if row is None or row.person.user_id != by.pk:
        raise NotYours("This invitation is somebody else's.")
    if row.state not in _STATES[kind]:
        raise NotOpen("This invitation was answered already." if kind == Remark.Kind.COUNTER_OFFER else "Accept first.")
    written, _ = Remark.objects.update_or_create(
        invitation=row, kind=kind, defaults={"text": text, "rating": rating, "written_at": now}
    )
    return written
