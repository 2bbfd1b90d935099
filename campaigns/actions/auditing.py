"""The audit trail's lines, written where the thing itself is done."""

from collections.abc import Iterable

from accounts.models import User
from campaigns.models import AuditEntry, Brand, Campaign

Kind = AuditEntry.Kind
LONGEST = 500


def record(
    kind: AuditEntry.Kind,
    *,
    brand: int,
    by: User,
    what: str = "",
    campaign: int | None = None,
    member: int | None = None,
) -> None:
    """Write a line, in the caller's transaction. `what` holds numbers and names of fields, and nobody's name."""
    AuditEntry.objects.create(
        kind=kind, brand_id=brand, by=by, what=what[:LONGEST], campaign_id=campaign, member_id=member
    )


def record_for(kind: AuditEntry.Kind, campaign: Campaign, by: User, what: str = "") -> None:
    """Do so for what was done to a campaign."""
    record(kind, brand=campaign.brand_id, by=by, what=what, campaign=campaign.pk)


def record_campaign(*, campaign: Campaign, is_new: bool, changes: Iterable[str], by: User) -> None:
    """Note that a campaign was made, or changed in these things; nothing where nothing was."""
    said = "; ".join(changes)
    if is_new:
        record_for(Kind.CAMPAIGN_CREATED, campaign, by)
    elif said:
        record_for(Kind.CAMPAIGN_CHANGED, campaign, by, said)


def record_export(*, by: User, what: str, brands: Iterable[Brand]) -> None:
    """Note that somebody took a file with them, in the trail of each brand that it is of."""
    for brand in brands:
        record(Kind.EXPORTED, brand=brand.pk, by=by, what=what)


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number of things in words: 1 person, 5 people."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
