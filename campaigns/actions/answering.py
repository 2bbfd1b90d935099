"""What the invited do, and what time does to invitations."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Case, F, Max, QuerySet, Value, When

from accounts.models import Person, User
from campaigns.actions.errors import NotOpen, NotYours
from campaigns.actions.perks import locked_for, serve
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
    """Say yes for the person invited, who has to be the one signed in. Accepting twice is accepting once.

    Everybody who accepts gets a turn on the waiting list, which is served at once: with a seat, and a code where the
    campaign has codes, in the same transaction. So nobody gets before those who wait, and where seats or codes have run
    out one is `waiting`. Never are more accepted than there are seats and codes, whoever clicks at the same moment:
    the campaign's lock makes the others wait.

    Raises
    ------
    NotYours
        The invitation is somebody else's.
    NotOpen
        It was declined or withdrawn, or the campaign's last day has passed.
    """
    _theirs(invitation, by)
    _close_if_over(invitation, now)
    with transaction.atomic():
        campaign = locked_for(invitation)
        last = Invitation.objects.filter(campaign=campaign).aggregate(turn=Max("turn"))["turn"] or 0
        if _answer(Invitation.objects.open(), invitation, State.WAITING, now, turn=last + 1):
            serve(campaign, by=None, now=now, answering=invitation)
    _require(invitation, State.ACCEPTED, State.WAITING)


def decline(invitation: Invitation, *, by: User | None, now: datetime) -> None:
    """Answer no, or leave the waiting list. Declining twice is declining once.

    `by` is None for whoever holds the personal link of an unclaimed profile: saying no takes neither login nor claim;
    the waiting list only the person leaves. A code held for them goes back, to whoever is next.
    Raises NotYours where the invitation is somebody else's, NotOpen where it was accepted, withdrawn or has expired.
    """
    if by is not None:
        _theirs(invitation, by)
    _close_if_over(invitation, now)
    with transaction.atomic():
        campaign = locked_for(invitation)
        rows = Invitation.objects.open()
        if by is not None:
            rows |= Invitation.objects.filter(state=State.WAITING)
        if _answer(rows, invitation, State.DECLINED, now, turn=None):
            serve(campaign, by=None, now=now)
    _require(invitation, State.DECLINED)


def expire_invitations(*, now: datetime) -> int:
    """Close what is open, and the waiting list, in campaigns whose last day has passed; return how many that were."""
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
    unanswered = [State.INVITED, State.SEEN, State.WAITING]
    over = Campaign.objects.over(now)
    closed = invitations.filter(state__in=unanswered, campaign__in=over)
    return closed.update(state=State.EXPIRED, turn=None, answered_at=None)


def _answer(
    rows: QuerySet[Invitation], invitation: Invitation, state: Invitation.State, now: datetime, *, turn: int | None
) -> bool:
    """Answer the invitation if it is among these rows; return whether it was."""
    return bool(rows.filter(pk=invitation.pk).update(state=state, answered_at=now, turn=turn))


def _require(invitation: Invitation, *states: Invitation.State) -> None:
    """Read the invitation again and refuse unless it is in one of these states now."""
    invitation.refresh_from_db(fields=["state", "answered_at", "turn"])
    if invitation.state not in states:
        said = {
            State.ACCEPTED: "This invitation was accepted already.",
            State.WAITING: "This invitation was accepted already, and waits for its turn.",
            State.DECLINED: "This invitation was declined already.",
            State.EXPIRED: "This invitation has expired.",
            State.WITHDRAWN: "What you accepted was taken back.",
        }
        raise NotOpen(said[State(invitation.state)])
