"""What a perk needs to know of who accepted it: given, corrected, moved on, forgotten."""

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.models import User
from campaigns.actions.errors import AlreadyDone, CampaignError, NotOpen, NotYours
from campaigns.actions.notices import announce
from campaigns.models import Campaign, Handover, Invitation, Notice, PerkCode

State = PerkCode.Fulfilment


class DetailsRefused(CampaignError):
    """What was given isn't what the perk needs; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody gave: an address, or days; which of the two the campaign says."""

    full_name: str
    street: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""
    first_day: date | None = None
    last_day: date | None = None
    note: str = ""


@transaction.atomic
def give_details(invitation: Invitation, *, given: Given, by: User, now: datetime) -> Handover:
    """Take what a perk needs to know from who accepted it, or their correction; until it is sent or booked.

    It is kept to the day that the campaign states now: a later change of the campaign changes nothing of that.

    Raises
    ------
    NotYours
        The invitation is somebody else's.
    NotOpen
        It wasn't accepted, or the campaign needs nothing, or nothing any more: the code was redeemed without.
    AlreadyDone
        It was sent or booked.
    DetailsRefused
        Something is missing.
    """
    # Locked, so that the seat isn't taken back, or the profile given to somebody else, in between.
    rows = Invitation.objects.select_for_update(no_key=True, of=("self",)).select_related("person", "campaign")
    row = rows.filter(pk=invitation.pk).first()
    if row is None or row.person.user_id != by.pk:
        raise NotYours("This invitation is somebody else's.")
    if row.state != Invitation.State.ACCEPTED:
        raise NotOpen("Accept first.")
    kept_until = row.campaign.details_kept_until
    if row.campaign.details_kind == Campaign.Details.NONE or kept_until < now.astimezone(UTC).date():
        raise NotOpen("Nothing is needed for this any more.")
    _check(given, Campaign.Details(row.campaign.details_kind))
    there = Handover.objects.select_for_update(of=("self",)).filter(invitation=row).first()
    is_owed = Invitation.objects.filter(pk=row.pk).owing_details(now).exists()
    if not is_owed and (there is None or there.given_by_id != by.pk):
        raise NotOpen("You have had what this was needed for.")
    if there is not None and there.state != State.NONE:
        raise AlreadyDone(f"It is {there.said} already: write to the brand if something is wrong.")
    values = {
        **asdict(given),
        "kind": row.campaign.details_kind,
        "given_at": now,
        "given_by": by,
        "kept_until": kept_until,
    }
    handover, _ = Handover.objects.update_or_create(invitation=row, defaults=values)
    return handover


@transaction.atomic
def announce_details(*, campaign: Campaign, by: User, now: datetime) -> int:
    """Let those who accepted before their campaign asked for details be told that it does; return how many.

    Each once, however often the campaign changes its mind. Raises NotYours.
    """
    if not Campaign.objects.managed_by(by).filter(pk=campaign.pk).exists():
        raise NotYours("This campaign isn't one of your brand's.")
    # Locked, so that of two who save at once one tells them.
    rows = Invitation.objects.select_for_update(no_key=True, of=("self",)).filter(campaign=campaign)
    told = Notice.objects.filter(invitation=OuterRef("pk"), kind=Notice.Kind.DETAILS)
    owing = list(rows.owing_details(now).exclude(Exists(told)).order_by("pk"))
    announce(owing, Notice.Kind.DETAILS, now=now)
    return len(owing)


def move_on(handover: Handover, *, to: PerkCode.Fulfilment, reference: str = "", by: User, now: datetime) -> None:
    """Note that a perk was sent, arrived or was booked; `to` none puts it back to what is still to do.

    Raises NotYours, DetailsRefused for a booking without its reference, and AlreadyDone where it isn't in a state to
    come from, or this kind of perk is never in the one asked for.
    """
    row = Handover.objects.visible_to(by).filter(pk=handover.pk).first()
    if row is None:
        raise NotYours("This perk isn't one of your campaigns'.")
    reference = " ".join(reference.split())
    if to == State.BOOKED and not reference:
        raise DetailsRefused("A booking has a reference: write it down.")
    moved: dict[str, object] = {"state": to, "moved_at": now, "moved_by": by}
    if to == State.NONE:
        moved = {"state": to, "moved_at": None, "moved_by": None, "reference": ""}
    elif to != State.DELIVERED:  # what has arrived keeps the parcel's
        moved["reference"] = reference
    # By its own columns alone: with the join of `visible_to` the state isn't asked again of a row that somebody else
    # moved while this one waited for it, and the first reference would be lost (`Deliveries`).
    rows = Handover.objects.filter(pk=row.pk, state__in=Handover.MOVES[to])
    if (row.kind, to) not in Handover.SAID or not rows.update(**moved):
        now_there = Handover.objects.filter(pk=row.pk).first() or row
        raise AlreadyDone(f"It is {now_there.said}.")


def forget_details(*, now: datetime) -> int:
    """Delete what has been kept to its day, whatever became of it; return how many people's that were.

    What a login gave that lost the profile before it was sent or booked is deleted too: whoever holds the profile now
    is asked anew. Who had the perk never is, however long the campaign is put off.
    """
    with transaction.atomic():
        had = Handover.objects.outlived(now).exclude(state=State.NONE)
        Invitation.objects.filter(pk__in=had.values("invitation")).update(had_perk=True)
        _, deleted = Handover.objects.outlived(now).delete()
    _, of_others = Handover.objects.of_others().delete()
    return sum(by_model.get(Handover._meta.label, 0) for by_model in (deleted, of_others))


def _check(given: Given, kind: Campaign.Details) -> None:
    """Refuse what the database would, in words; nothing of the other kind is kept."""
    days = given.first_day is not None and given.last_day is not None
    address = bool(given.street and given.city and given.country)
    if not given.full_name:
        raise DetailsRefused("Give a name.")
    if kind == Campaign.Details.ADDRESS and (not address or given.first_day or given.last_day):
        raise DetailsRefused("Give a street, a city and a country.")
    if kind == Campaign.Details.BOOKING and (not days or given.street or given.postcode or given.city or given.country):
        raise DetailsRefused("Give the first and the last day.")
    if given.first_day and given.last_day and given.last_day < given.first_day:
        raise DetailsRefused("The last day is before the first.")
