"""From the influencer list to the shortlist, and from there to invitations."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import Person, User
from campaigns.actions.auditing import Kind, counted, record_for
from campaigns.actions.errors import NoSeatLeft, NotOpen, NotYours
from campaigns.actions.holding_back import hold_back
from campaigns.actions.purposes import refuse_without_purpose
from campaigns.models import (
    BouncedAddress,
    Brand,
    Campaign,
    Exclusion,
    Holdout,
    Invitation,
    Selected,
    Shortlisting,
    new_nonce,
)
from campaigns.queries.mails import addresses_of


@dataclass(frozen=True, slots=True)
class InviteReport:
    """What became of the people given to `invite`; `again` are those among the invited whose invitation had expired.

    `held_back` were drawn now, `kept_back` before. `unapproved` are in no group that was approved, and have to be.
    `listed` were left out of the others, as on a list of the brand.
    """

    by_email: int
    by_hand: int
    already: int
    again: int = 0
    held_back: int = 0
    kept_back: int = 0
    unapproved: int = 0
    listed: int = 0

    @property
    def invited(self) -> int:
        """Return how many invitations were made or opened again."""
        return self.by_email + self.by_hand


@transaction.atomic
def shortlist(*, campaign: Campaign, people: Iterable[Person], by: User, now: datetime) -> int:
    """Put people on a campaign's shortlist and return how many weren't on it yet."""
    campaign = _locked(campaign, by)
    wanted = _visible(people, by)
    there = set(
        Shortlisting.objects.filter(campaign=campaign, person__in=list(wanted)).values_list("person_id", flat=True)
    )
    new = [Shortlisting(campaign=campaign, person_id=pk, added_at=now, added_by=by) for pk in wanted if pk not in there]
    Shortlisting.objects.bulk_create(new, batch_size=2000)
    if new:
        record_for(Kind.SHORTLISTED, campaign, by, counted(len(new), "person", "people"))
    return len(new)


@transaction.atomic
def invite(
    *, campaign: Campaign, people: Iterable[Person], by: User, now: datetime, without_listed: bool = False
) -> InviteReport:
    """Offer a campaign's perk to people, each of them once; who has an open or answered invitation keeps it as it is.

    One that expired, which takes a campaign whose last day was put off, is open again as if made now: under a new
    personal link, so that the old one stays worthless, and with a new e-mail.
    Where an e-mail address is known that takes mail the invitation is due to be sent (`send_due_invitations` finds it),
    else its personal link is for the manager to send by hand.

    Of those who were never invited the campaign's share is held back by lot, in the same transaction: they aren't
    invited, now or later. Where the brand wants groups approved, only who is in an approved one is invited.
    With `without_listed` nobody is who stands on one of the brand's lists of people to leave out.
    """
    campaign = _locked(campaign, by)
    if campaign.is_over(now):
        raise NotOpen(f"{campaign.name} ended on {campaign.ends_on:%d %B %Y}: nobody can be invited any more.")
    if campaign.seats_left < 1:
        raise NoSeatLeft(f"All {campaign.seats} seats of {campaign.name} are taken: nobody else can accept.")
    wanted = _visible(people, by)
    there = {row.person_id: row for row in Invitation.objects.filter(campaign=campaign, person__in=list(wanted))}
    kept_back = Holdout.objects.filter(campaign=campaign, person__in=list(wanted)).exclude(person__in=there.keys())
    before = set(kept_back.values_list("person_id", flat=True))
    unapproved = _unapproved(campaign, wanted) - before
    unapproved -= {pk for pk, row in there.items() if row.state != Invitation.State.EXPIRED}
    listed = _listed(campaign, wanted) - before - unapproved if without_listed else set()
    listed -= {pk for pk, row in there.items() if row.state != Invitation.State.EXPIRED}
    left_out = before | unapproved | listed
    first = [pk for pk in wanted if pk not in there and pk not in left_out]
    drawn = hold_back(campaign=campaign, people=first, by=by, now=now)
    new, again = [], []
    for pk, delivery in wanted.items():
        if pk in left_out or pk in drawn:
            continue
        row = there.get(pk)
        if row is None:
            row = Invitation(campaign=campaign, person_id=pk)
            new.append(row)
        elif row.state == Invitation.State.EXPIRED:
            again.append(row)
        else:
            continue
        _open(row, delivery, by, now)
    Invitation.objects.bulk_create(new, batch_size=2000)
    # Nobody else writes to an expired invitation, and who else invites waits for the campaign's lock.
    Invitation.objects.bulk_update(again, _OPENED, batch_size=2000)
    by_email = sum(row.delivery == Invitation.Delivery.DUE for row in (*new, *again))
    if new or again:
        record_for(Kind.INVITED, campaign, by, counted(len(new) + len(again), "person", "people"))
    return InviteReport(
        by_email=by_email,
        by_hand=len(new) + len(again) - by_email,
        already=sum(pk not in left_out for pk in there) - len(again),
        again=len(again),
        held_back=len(drawn),
        kept_back=len(before),
        unapproved=len(unapproved),
        listed=len(listed),
    )


# What `_open` sets.
_OPENED = [
    *("state", "delivery", "invited_at", "first_invited_at", "invited_by"),
    *("nonce", "sending_since", "sent_at", "seen_at"),
]


def _open(invitation: Invitation, delivery: Invitation.Delivery, by: User, now: datetime) -> None:
    """Make an invitation one that nobody has seen, under a link that nobody was given."""
    if invitation.pk is not None:
        invitation.first_invited_at = invitation.first_invited_at or invitation.invited_at
    invitation.state = Invitation.State.INVITED
    invitation.delivery = delivery
    invitation.invited_at, invitation.invited_by = now, by
    invitation.nonce = new_nonce()
    invitation.sending_since = invitation.sent_at = invitation.seen_at = None


def _unapproved(campaign: Campaign, people: Iterable[int]) -> set[int]:
    """Return who of these has to be in an approved group of the campaign and isn't, themselves or as who they were."""
    if not Brand.objects.filter(pk=campaign.brand_id, approval_required=True).exists():
        return set()
    approved = Selected.objects.approved().filter(selection__campaign=campaign)
    known = {pk for pair in approved.values_list("person", "person__merged_into") for pk in pair}
    return set(people) - known


def _listed(campaign: Campaign, people: Iterable[int]) -> set[int]:
    """Return who of these stands on a list of the campaign's brand."""
    rows = Exclusion.objects.filter(exclusion_list__brand=campaign.brand_id, person__in=list(people))
    return set(rows.values_list("person_id", flat=True))


def _locked(campaign: Campaign, by: User) -> Campaign:
    """Return the campaign as the database has it, and let nobody else add to its lists until the transaction ends."""
    # Rows that point to the campaign may still be written: only its key is left alone.
    own = Campaign.objects.managed_by(by).select_for_update(no_key=True, of=("self",))
    try:
        found = own.get(pk=campaign.pk)
    except Campaign.DoesNotExist:
        raise NotYours("This campaign isn't one of your brand's.") from None
    refuse_without_purpose(found)
    return found


def _visible(people: Iterable[Person], by: User) -> dict[int, Invitation.Delivery]:
    """Return the ids of the people, in order, each with how an invitation can reach them."""
    ids = {person.pk for person in people}
    rows = Person.objects.visible_to(by).filter(pk__in=ids).order_by("pk").select_related("user")
    # Locked, so that nobody is merged into somebody else between this and the row that names them.
    locked = rows.select_for_update(no_key=True, of=("self",))
    found = {person.pk: next(iter(addresses_of(person)), "").strip().lower() for person in locked}
    if len(found) < len(ids):
        raise NotYours("Some of these people aren't visible to you any more. Open the list again and choose anew.")
    bounced = BouncedAddress.objects.among(found.values())
    delivery = Invitation.Delivery
    return {
        pk: delivery.BOUNCED if address in bounced else delivery.DUE if address else delivery.BY_HAND
        for pk, address in found.items()
    }
