"""The holdout: a share of whoever is about to be invited, drawn by lot."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from accounts.models import User
from campaigns.models import Campaign, Holdout

_WHOLE: Final = 100


def hold_back(*, campaign: Campaign, people: Sequence[int], by: User, now: datetime) -> set[int]:
    """Draw the campaign's share of people who were never invited to it nor held back, and keep them; return whom.

    Call it in the transaction that invites the others, with the campaign's row locked.

    The lot is a seed that the campaign gets from the system's randomness when it first draws and that nobody is shown.
    A seed rather than randomness each time, so that an auditor can draw again and see that nobody helped the luck.
    """
    if not campaign.holdout_percent or not people:
        return set()
    if not campaign.holdout_seed:
        campaign.holdout_seed = secrets.token_hex(16)
        campaign.holdout_carry = int(_number(campaign.holdout_seed, "start") % _WHOLE)
    due = campaign.holdout_percent * len(people) + campaign.holdout_carry
    many, campaign.holdout_carry = divmod(due, _WHOLE)
    campaign.save(update_fields=["holdout_seed", "holdout_carry"])
    held = lot(campaign.holdout_seed, people)[:many]
    Holdout.objects.bulk_create(
        [Holdout(campaign=campaign, person_id=pk, drawn_at=now, drawn_by=by) for pk in sorted(held)], batch_size=2000
    )
    return set(held)


def lot(seed: str, people: Sequence[int]) -> list[int]:
    """Return people in the order in which they are drawn, whatever order they are given in."""
    return sorted(people, key=lambda pk: (_number(seed, str(pk)), pk))


def _number(seed: str, about: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{about}".encode()).digest())
