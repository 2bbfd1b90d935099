"""The perk ledger: who gets a seat and a code, in which order, and what becomes of a code.

Everything here works under the lock of the campaign's row. Seats are counted on that row, so whoever accepts waits
for it anyway; holding it from the first read on makes the stock, the waiting list and the seats one picture. Taking
codes with SKIP LOCKED would let several accept at once, and put somebody on the waiting list beside a code that
another's failed transaction gives back a moment later. A turn under the lock takes some milliseconds.

Locks are taken in one order: the campaign, who answers, codes that somebody has, invitations, codes in stock. Merging
and erasing begin with the person too, and take neither campaigns nor codes in stock. What comes of an answer has no
`by`: the invitation says whose it was, and a line that named the login would wait for its row, which merging locks
first.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from accounts.models import Person, User
from campaigns.actions.auditing import Kind as Did
from campaigns.actions.auditing import record_for
from campaigns.actions.errors import NoCodeLeft, NotOpen, NotOut, NotYours
from campaigns.actions.notices import announce
from campaigns.models import (
    Campaign,
    Handover,
    Invitation,
    InvitationQuerySet,
    Notice,
    PerkCode,
    PerkCodeQuerySet,
    PerkEntry,
)

State = PerkCode.State
Kind = PerkEntry.Kind
_BATCH = 1000


def locked(pk: int) -> Campaign:
    """Return the campaign as the database has it; nobody else gives or takes its seats and codes until the end."""
    return Campaign.objects.select_for_update(no_key=True).get(pk=pk)


def locked_for(invitation: Invitation) -> Campaign:
    """Do so for an answer, and lock the person with what they may have been held."""
    campaign = locked(invitation.campaign_id)
    list(Person.objects.select_for_update(no_key=True).filter(pk=invitation.person_id))
    _for_update(PerkCode.objects.filter(invitation=invitation))
    return campaign


def managed(pk: int, by: User) -> Campaign:
    """Do the same for a manager of its brand; raise NotYours for everybody else."""
    if not Campaign.objects.managed_by(by).filter(pk=pk).exists():
        raise NotYours("This campaign isn't one of your brand's.")
    return locked(pk)


def serve(campaign: Campaign, *, by: User | None, now: datetime, answering: Invitation | None = None) -> int:
    """Give what there is of seats and codes to who waits for it, in order; return how many came off the waiting list.

    The campaign has to be `locked`. Where it has codes, or ever had, nobody gets a seat without one: first come
    those who have a seat and no code, for theirs was revoked or codes came later; then the waiting list. Who has a code
    held for them needs none of the stock, and so may come before somebody who waits for one. Once the campaign is over
    the waiting list is closed. Who is given something is told by e-mail, but for who is `answering` just now and sees
    it. About ten queries, whatever the number.
    """
    waiting = Invitation.objects.filter(campaign=campaign).waiting()
    seats = 0 if campaign.is_over(now) else campaign.seats_left
    codes = PerkCode.objects.filter(campaign=campaign)
    if not codes.exists():
        return _seat(campaign, _rows(waiting[:seats]), answering, now)
    _release_held_in_vain(codes, now)
    holds = _for_update(codes.filter(state=State.HELD, invitation__in=waiting))
    held = {code.invitation_id: code for code in holds if code.invitation_id is not None}
    stock, owed = [], []
    if codes.to_give(now).exists():
        owed = _rows(_without_code(campaign))
        stock = _for_update(codes.to_give(now)[: len(owed) + min(seats, waiting.count())])
    for_owed, for_waiting = stock[: len(owed)], stock[len(owed) :]
    ready = _rows(waiting.exclude(pk__in=held)[: len(for_waiting)]) + _rows(waiting.filter(pk__in=held))
    ready = sorted(ready, key=lambda row: row.turn or 0)[:seats]
    left = iter(for_waiting)
    pairs = list(zip(owed, for_owed, strict=False))
    pairs += [(row, held[row.pk] if row.pk in held else next(left)) for row in ready]
    _issue(pairs, by, now)
    announce(owed[: len(for_owed)], Notice.Kind.CODE, now=now)
    return _seat(campaign, ready, answering, now)


@transaction.atomic
def serve_waiting(*, campaign: Campaign, by: User, now: datetime) -> int:
    """Serve the waiting list of a campaign whose manager changed something; return how many came off it."""
    return serve(managed(campaign.pk, by), by=by, now=now)


@transaction.atomic
def hold(invitation: Invitation, *, by: User, now: datetime, note: str = "") -> PerkCode:
    """Put a code aside for somebody who was invited and hasn't answered; it is theirs as soon as they accept.

    It keeps a code, not a seat. Holding twice is holding once. The code goes back when the person declines or lets the
    invitation expire.

    Raises
    ------
    NotYours
        The user doesn't manage the campaign.
    NotOpen
        The invitation was answered or has expired.
    NoCodeLeft
        The stock is empty.
    """
    campaign = managed(invitation.campaign_id, by)
    open_ones = Invitation.objects.open().filter(pk=invitation.pk)
    if campaign.is_over(now) or not open_ones.select_for_update(no_key=True).exists():
        raise NotOpen("A code is held for who was invited and hasn't answered yet.")
    codes = PerkCode.objects.filter(campaign=campaign)
    _release_held_in_vain(codes, now)
    there = codes.standing().filter(invitation=invitation).first()
    if there is not None:
        return there
    code = codes.to_give(now).select_for_update().first()
    if code is None:
        raise NoCodeLeft("There is no code in stock.")
    _move(code, State.HELD, Kind.HELD, by, now, note, invitation_id=invitation.pk)
    return code


@transaction.atomic
def redeem(code: PerkCode, *, by: User, now: datetime, note: str = "") -> None:
    """Note that an issued code was used. Raises NotYours, and NotOut where it isn't issued."""
    campaign = managed(code.campaign_id, by)
    code = _taken(code, {State.ISSUED}, "Only a code that was issued can be redeemed")
    _move(code, State.REDEEMED, Kind.REDEEMED, by, now, note)
    record_for(Did.CODE_REDEEMED, campaign, by, f"code {code.pk}")


@transaction.atomic
def revoke(code: PerkCode, *, by: User, now: datetime, note: str = "", keeps_seat: bool = False) -> None:
    """Make a code dead: nobody gets it any more.

    Who had it loses their seat, which goes to the next on the waiting list; with `keeps_seat` they keep it and are the
    first to get another code. Raises NotYours, and NotOut where it was used, expired or dead already.
    """
    campaign = managed(code.campaign_id, by)
    code = _taken(code, {State.IN_STOCK, State.HELD, State.ISSUED}, "What was used, expired or revoked stays so")
    was_issued = code.state == State.ISSUED
    _move(code, State.REVOKED, Kind.REVOKED, by, now, note)
    record_for(Did.CODE_REVOKED, campaign, by, f"code {code.pk}")
    if was_issued and not keeps_seat:
        campaign = _withdraw(campaign, code.invitation_id)
    serve(campaign, by=by, now=now)


@transaction.atomic
def take_back(code: PerkCode, *, by: User, now: datetime, note: str = "") -> None:
    """Put a code that is held or issued back into the stock, from where the next on the waiting list gets it.

    Who had it loses their seat. Raises NotYours, and NotOut where it is with nobody.
    """
    campaign = managed(code.campaign_id, by)
    code = _taken(code, {State.HELD, State.ISSUED}, "Only what is held or issued can be taken back")
    was_issued, invitation_id = code.state == State.ISSUED, code.invitation_id
    _release(code, by, now, note)
    record_for(Did.CODE_TAKEN_BACK, campaign, by, f"code {code.pk}")
    if was_issued:
        campaign = _withdraw(campaign, invitation_id)
    serve(campaign, by=by, now=now)


@transaction.atomic
def set_fulfilment(code: PerkCode, *, fulfilment: PerkCode.Fulfilment, by: User, now: datetime) -> None:
    """Note how far what was issued has come: booked, shipped, delivered.

    Raises NotYours, NotOut for other codes, and where people give what is needed: it is moved on with that, so that one
    place says how far it is.
    """
    if managed(code.campaign_id, by).details_kind != Campaign.Details.NONE:
        raise NotOut("This campaign asks people where to send it, or what to book: move it on there.")
    code = _taken(code, {State.ISSUED, State.REDEEMED}, "Only what was issued is booked or shipped")
    PerkCode.objects.filter(pk=code.pk).update(fulfilment=PerkCode.Fulfilment(fulfilment))


def expire_codes(*, now: datetime) -> int:
    """Write off the codes whose last day has passed, be they issued, held or in stock; return how many.

    Found, campaign by campaign, each in a transaction of its own: what a killed run leaves, the next one finds.
    """
    live = Q(state__in=[State.IN_STOCK, State.HELD, State.ISSUED])
    expired = 0
    for pk in sorted(set(PerkCode.objects.past(now).filter(live).values_list("campaign", flat=True))):
        with transaction.atomic():
            locked(pk)
            codes = PerkCode.objects.past(now).filter(live, campaign=pk)
            for code in _for_update(codes.filter(state=State.HELD)):
                _release(code, None, now, "")  # who it was held for had no code, and can get another
            gone = _for_update(codes)
            PerkCode.objects.filter(pk__in=[code.pk for code in gone]).update(state=State.EXPIRED)
            _write(((code, Kind.EXPIRED) for code in gone), None, now)
            expired += len(gone)
    return expired


def serve_all(*, now: datetime) -> int:
    """Give back what is held for nobody any more and serve every waiting list; return how many came off one.

    Actions serve the list that they move themselves. This finds what changed without one: who was erased, or whose
    invitation expired.
    """
    left = PerkCode.objects.filter(_LEFT, state=State.HELD).values_list("campaign", flat=True)
    waiting = Invitation.objects.waiting().exclude(campaign__in=Campaign.objects.over(now))
    served = 0
    for pk in sorted({*left, *waiting.order_by().values_list("campaign", flat=True)}):
        with transaction.atomic():
            served += serve(locked(pk), by=None, now=now)
    return served


# Held for somebody who can't accept any more.
_LEFT = Q(invitation__isnull=True) | ~Q(
    invitation__state__in=[Invitation.State.INVITED, Invitation.State.SEEN, Invitation.State.WAITING]
)


def _release_held_in_vain(codes: PerkCodeQuerySet, now: datetime) -> None:
    """Give back what is held for nobody any more, and what has passed its last day and `expire_codes` hasn't found."""
    held = codes.filter(state=State.HELD)
    for code in _for_update(held.filter(_LEFT) | held.past(now)):
        _release(code, None, now, "")


def _without_code(campaign: Campaign) -> InvitationQuerySet:
    """Return who has a seat and no code, the first to accept first."""
    accepted = Invitation.objects.filter(campaign=campaign, state=Invitation.State.ACCEPTED)
    theirs = PerkCode.objects.standing().filter(invitation=OuterRef("pk"))
    return accepted.exclude(Exists(theirs)).order_by("answered_at", "pk")


def _rows(invitations: InvitationQuerySet) -> list[Invitation]:
    # Locked, or somebody erased meanwhile would be given a code, and fail the answer of whoever asked.
    return list(invitations.select_for_update(no_key=True, of=("self",)))


def _for_update(codes: PerkCodeQuerySet) -> list[PerkCode]:
    return list(codes.select_for_update(of=("self",)))


def _taken(code: PerkCode, states: set[PerkCode.State], otherwise: str) -> PerkCode:
    """Return the code, locked, as the database has it; raise NotOut where it is in none of these states."""
    row = PerkCode.objects.select_for_update().get(pk=code.pk)
    if row.state not in states:
        raise NotOut(f"{otherwise}: this one is {row.get_state_display().lower()}.")
    return row


def _move(
    code: PerkCode, to: PerkCode.State, kind: PerkEntry.Kind, by: User | None, now: datetime, note: str, **also: Any
) -> None:
    """Move one locked code and write the line about it."""
    moved = PerkCode.objects.filter(pk=code.pk, state=code.state).update(state=to, **also)
    assert moved == 1, "the code isn't locked"
    invitation_id = also.get("invitation_id") or code.invitation_id
    PerkEntry.objects.create(code=code, invitation_id=invitation_id, kind=kind, at=now, by=by, note=note)
    code.refresh_from_db()


def _release(code: PerkCode, by: User | None, now: datetime, note: str) -> None:
    _move(
        code,
        State.IN_STOCK,
        Kind.RELEASED,
        by,
        now,
        note,
        invitation_id=None,
        issued_at=None,
        fulfilment=PerkCode.Fulfilment.NONE,
    )


def _issue(pairs: list[tuple[Invitation, PerkCode]], by: User | None, now: datetime) -> None:
    for invitation, code in pairs:
        code.state, code.invitation, code.issued_at = State.ISSUED, invitation, now
    codes = [code for _, code in pairs]
    PerkCode.objects.bulk_update(codes, ["state", "invitation", "issued_at"], batch_size=_BATCH)
    _write(((code, Kind.ISSUED) for code in codes), by, now)


def _write(moves: Iterable[tuple[PerkCode, PerkEntry.Kind]], by: User | None, now: datetime) -> None:
    lines = [PerkEntry(code=code, invitation_id=code.invitation_id, kind=kind, at=now, by=by) for code, kind in moves]
    PerkEntry.objects.bulk_create(lines, batch_size=_BATCH)


def _seat(campaign: Campaign, invitations: list[Invitation], answering: Invitation | None, now: datetime) -> int:
    """Take people off the waiting list and onto seats, which there are; return how many."""
    if not invitations:
        return 0
    rows = Invitation.objects.filter(pk__in=[row.pk for row in invitations], state=Invitation.State.WAITING)
    seated = rows.update(state=Invitation.State.ACCEPTED, turn=None)
    Campaign.objects.filter(pk=campaign.pk).update(seats_taken=F("seats_taken") + seated)
    announce([row for row in invitations if row != answering], Notice.Kind.SEAT, now=now)
    return seated


def _withdraw(campaign: Campaign, invitation_id: int | None) -> Campaign:
    """Take the seat of whoever had a code, and return the campaign as it is then."""
    accepted = Invitation.objects.filter(state=Invitation.State.ACCEPTED)
    # Nobody's where the person was erased: their seat stays taken, as it does without codes.
    if invitation_id and accepted.filter(pk=invitation_id).update(state=Invitation.State.WITHDRAWN):
        Campaign.objects.filter(pk=campaign.pk).update(seats_taken=F("seats_taken") - 1)
        campaign.refresh_from_db(fields=["seats_taken"])
        # Where nothing was sent nor booked, nothing of it is needed any more.
        Handover.objects.filter(invitation=invitation_id, state=Handover.State.NONE).delete()
    return campaign
