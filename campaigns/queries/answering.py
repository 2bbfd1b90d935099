"""What an invitation's page shows: whose it is, whether a yes would wait, and what a yes has brought."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet
from django.urls import reverse

from accounts.models import Person, Viewer
from campaigns import links
from campaigns.models import Handover, Invitation, PerkCode


def invitation_of(token: str) -> Invitation | None:
    """Return the invitation that a personal link opens, with campaign, brand and person; None for any other text.

    One query, none where the signature is wrong.
    """
    pk = links.read_token(token)
    if pk is None:
        return None
    rows = Invitation.objects.select_related("campaign__brand", "person__user")
    invitation = rows.filter(pk=pk).first()
    return invitation if invitation is not None and links.is_current(token, invitation) else None


def with_room(invitations: QuerySet[Invitation], now: datetime) -> QuerySet[Any]:
    """Annotate `is_full`: whether whoever says yes now would wait, for want of a seat or of a code.

    A hint for the page that asks: who clicks at the same moment may be quicker.
    """
    codes = PerkCode.objects.filter(campaign=OuterRef("campaign"))
    held = PerkCode.objects.filter(invitation=OuterRef("pk"), state=PerkCode.State.HELD).good(now)
    in_line = Invitation.objects.waiting().filter(campaign=OuterRef("campaign")).order_by()
    no_code = Q(Exists(codes)) & ~Q(Exists(codes.to_give(now).order_by())) & ~Q(Exists(held))
    no_seat = Q(campaign__seats_taken__gte=F("campaign__seats"))
    annotated: QuerySet[Any] = invitations.annotate(
        is_full=ExpressionWrapper(no_seat | no_code | Q(Exists(in_line)) & ~Q(Exists(held)), BooleanField())
    )
    return annotated


def is_full(invitation: Invitation, now: datetime) -> bool:
    """Return that of one. One query."""
    return bool(with_room(Invitation.objects.filter(pk=invitation.pk), now).values_list("is_full", flat=True).get())


@dataclass(frozen=True, slots=True)
class Answered:
    """What somebody's own yes has brought: a code, or a number on the waiting list, or neither as yet.

    `asks` where the perk needs to know something of them to be sent or booked, and `handover` once they gave it.
    """

    invitation: Invitation
    code: PerkCode | None
    number: int | None
    follows: bool
    asks: bool = False
    handover: Handover | None = None

    @property
    def path(self) -> str:
        """Return where the invitation's page is: it is the person's own, who may have the link anyway."""
        return reverse("invitation", args=[links.make_token(self.invitation)])

    @property
    def is_waiting(self) -> bool:
        """Return whether it brought no seat as yet."""
        return self.invitation.state == Invitation.State.WAITING


def answered_by(person: Person, viewer: Viewer, now: datetime) -> dict[int, Answered]:
    """Return, by invitation, what the person's yes has brought, newest invitation first; nothing to anybody else.

    Codes are worth money: a personal link doesn't show one, nor does the page to the brand's own people who look at it.
    One query for the invitations, and where there are any one for the codes, and two for what was given, and is still
    asked, to send them.
    """
    if not viewer.is_authenticated or person.user_id != viewer.pk:
        return {}
    said_yes = Invitation.objects.filter(person=person, state__in=[Invitation.State.WAITING, Invitation.State.ACCEPTED])
    with_codes = Exists(PerkCode.objects.filter(campaign=OuterRef("campaign")))
    rows = list(
        said_yes.select_related("campaign__brand")
        .with_number()
        .annotate(with_codes=with_codes)
        .order_by("-invited_at", "-pk")
    )
    out = PerkCode.objects.standing().exclude(state=PerkCode.State.HELD).filter(invitation__in=[row.pk for row in rows])
    codes = {code.invitation_id: code for code in out}
    asking = [row.pk for row in rows if row.state == Invitation.State.ACCEPTED and row.campaign.details_kind != "none"]
    given = Handover.objects.filter(invitation__in=asking, given_by=viewer.pk) if asking else ()
    handovers = {row.invitation_id: row for row in given}
    owing = Invitation.objects.filter(pk__in=asking).owing_details(now).values_list("pk", flat=True) if asking else ()
    asks = {*handovers, *owing}
    return {
        row.pk: Answered(
            invitation=row,
            code=codes.get(row.pk),
            number=row.number,
            follows=row.state == Invitation.State.ACCEPTED and row.with_codes and row.pk not in codes,
            asks=row.pk in asks,
            handover=handovers.get(row.pk),
        )
        for row in rows
    }
