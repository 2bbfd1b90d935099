"""What the invited do, and what time does to invitations."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Case, F, QuerySet, Value, When

from accounts.models import Person, User
from campaigns.actions.errors import NoSeatLeft, NotOpen, NotYours
from campaigns.models import Campaign, Invitation, new_nonce

State = Invitation.State


def mark_seen(invitation: Invitation, *, now: datetime) -> bool:
    """Note that the personal link was opened; only the first time counts. Return whether this was it."""
    first = Invitation.objects.filter(pk=invitation.pk, state=State.INVITED).update(state=State.SEEN, seen_at=now)
    invitation.refresh_from_db(fields=["state", "seen_at"])
    return bool(first)


def mark_all_seen(invitations: Iterable[Invitation], *, now: datetime) -> int:
    """Note that the person was shown these, and return how many for the first time. One query, none for none."""
    rows = Invitation.objects.filter(pk__in=[invitation.pk for invitation in invitations], state=State.INVITED)
    return rows.update(state=State.SEEN, seen_at=now)


def accept(invitation: Invitation, *, by: User, now: datetime) -> None:
    """Take a seat for the person invited, who has to be the one signed in. Accepting twice is accepting once.

    Never are more accepted than there are seats, whoever clicks at the same moment: the seat is counted by one
    conditional update, whose row lock makes the others wait, and the answer and the count are one transaction.

    Raises
    ------
    NotYours
        The invitation is somebody else's.
    NotOpen
        It was declined, or the campaign's last day has passed.
    NoSeatLeft
        Others were faster. The invitation stays open: a campaign can get more seats.
    """
    _theirs(invitation, by)
    _close_if_over(invitation, now)
    with transaction.atomic():
        if _answer(invitation, State.ACCEPTED, now):
            seat = Campaign.objects.filter(pk=invitation.campaign_id, seats_taken__lt=F("seats"))
            if not seat.update(seats_taken=F("seats_taken") + 1):
                raise NoSeatLeft("All seats are taken.")
    _require(invitation, State.ACCEPTED)


def decline(invitation: Invitation, *, by: User | None, now: datetime) -> None:
    """Answer no. Declining twice is declining once.

    `by` is None for whoever holds the personal link of an unclaimed profile: saying no takes neither login nor claim.
    Raises NotYours where the invitation is somebody else's, NotOpen where it was accepted or has expired.
    """
    if by is not None:
        _theirs(invitation, by)
    _close_if_over(invitation, now)
    _answer(invitation, State.DECLINED, now)
    _require(invitation, State.DECLINED)


def expire_invitations(*, now: datetime) -> int:
    """Close what is open in campaigns whose last day has passed, and return how many."""
    return _expire(Invitation.objects.all(), now)


def renew_link(invitation: Invitation, *, by: User) -> None:
    """Make the links given out for an open invitation worthless; there is a new one from now on."""
    own = Invitation.objects.filter(campaign__in=Campaign.objects.managed_by(by))
    if not own.filter(pk=invitation.pk).exists():
        raise NotYours("This invitation isn't one of your brand's.")
    delivery = Invitation.Delivery
    # Whoever was sent the old link by e-mail is sent the new one too, or they would have none.
    again = Case(When(delivery__in=[delivery.SENT, delivery.SENDING], then=Value(delivery.DUE)), default=F("delivery"))
    changed = {"nonce": new_nonce(), "delivery": again, "sending_since": None}
    if not own.open().filter(pk=invitation.pk).update(**changed):
        raise NotOpen("This invitation was answered or has expired: its link opens nothing any more.")
    invitation.refresh_from_db(fields=["nonce", "delivery", "sending_since"])


def _theirs(invitation: Invitation, by: User) -> None:
    if not Person.objects.filter(pk=invitation.person_id, user=by).exists():
        raise NotYours("This invitation is for somebody else.")


def _close_if_over(invitation: Invitation, now: datetime) -> None:
    # On its own, not in the answer's transaction: the refusal that follows must not take it back.
    if _expire(Invitation.objects.filter(pk=invitation.pk), now):
        invitation.refresh_from_db(fields=["state"])
        raise NotOpen("This campaign has ended.")


def _expire(invitations: QuerySet[Invitation], now: datetime) -> int:
    open_ones = [State.INVITED, State.SEEN]
    over = Campaign.objects.over(now)
    return invitations.filter(state__in=open_ones, campaign__in=over).update(state=State.EXPIRED)


def _answer(invitation: Invitation, state: Invitation.State, now: datetime) -> bool:
    answered = Invitation.objects.open().filter(pk=invitation.pk).update(state=state, answered_at=now)
    return bool(answered)


def _require(invitation: Invitation, state: Invitation.State) -> None:
    """Read the invitation again and refuse unless it is in this state now."""
    invitation.refresh_from_db(fields=["state", "answered_at"])
    if invitation.state != state:
        said = {
            State.ACCEPTED: "This invitation was accepted already.",
            State.DECLINED: "This invitation was declined already.",
            State.EXPIRED: "This invitation has expired.",
        }
        raise NotOpen(said[State(invitation.state)])
