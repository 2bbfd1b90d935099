"""A campaign with people invited and held back, and posts that name it: for the tests of the return."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from accounts.models import Person
from campaigns.models import Campaign
from scoring.models import ScoreRun
from tests.accounts.activity_data import dataset, identity, imported
from tests.factories.campaigns import NOW, HoldoutFactory, InvitationFactory
from tests.factories.scoring import SupportFactory

BEGIN = int(NOW.timestamp())
DAY = 86_400
WEEKS_LATER = NOW + timedelta(days=28)

Post = tuple[str, float, str]


def write(folder: Path, posts: Iterable[Post | dict[str, Any]]) -> None:
    """Import posts: each an author, days after the first invitation (before it below 0), and a text."""
    rows = []
    for number, post in enumerate(posts):
        row: dict[str, Any] = post if isinstance(post, dict) else dict(zip(("author", "at", "text"), post, strict=True))
        rows.append({"post": f"p{number}", "kind": "original", **row, "at": BEGIN + round(row["at"] * DAY)})
    imported(dataset(folder, posts=rows), now=NOW + timedelta(days=60))


def person(account: str) -> Person:
    return identity(account).person


def invite_and_hold_back(campaign: Campaign, invited: Iterable[str], held_back: Iterable[str]) -> None:
    """Make rows as `invite` would."""
    for account in invited:
        InvitationFactory.create(campaign=campaign, person=person(account))
    for account in held_back:
        HoldoutFactory.create(campaign=campaign, person=person(account))


def support(run: ScoreRun, **supported: str) -> None:
    """Let accounts, parted by spaces, support each of some people."""
    for account, supporters in supported.items():
        for supporter in supporters.split():
            SupportFactory.create(run=run, supporter=person(supporter), supported=person(account), reach=1.0)
