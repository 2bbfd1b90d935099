"""What it does to scores that an identity turns out to be somebody else's, and that this is taken back."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from accounts.actions import move_identity
from accounts.models import Identity, Person
from scoring.actions import score
from scoring.models import Score, ScoreRun
from tests.factories.accounts import UserFactory
from tests.scoring.conftest import NOW

APRIL_2 = datetime(2026, 4, 2, tzinfo=UTC)


def rows_of(run: ScoreRun) -> dict[str, tuple[float, float, int]]:
    rows = Score.objects.filter(run=run).values_list("person__handle", "score", "reach", "supporters")
    return {handle: (score, reach, supporters) for handle, score, reach, supporters in rows}


def test_a_moved_identity_counts_for_its_new_person_and_moving_it_back_restores_both(known: Path) -> None:
    before = rows_of(score(as_of=APRIL_2, now=NOW))
    operator = UserFactory.create(is_superuser=True)
    identity = Identity.objects.get(handle="handle5")
    person, other = identity.person, Person.objects.get(handle="handle0")

    move_identity(identity, person=other, by=operator)
    moved = rows_of(score(as_of=APRIL_2, now=NOW))
    assert "handle5" not in moved
    assert moved["handle0"] != before["handle0"]
    assert len(moved) == len(before) - 1

    identity.refresh_from_db()
    move_identity(identity, person=person, by=operator)
    restored = rows_of(score(as_of=APRIL_2, now=NOW))
    assert restored.keys() == before.keys()
    for handle, row in before.items():
        assert restored[handle] == pytest.approx(row, abs=1e-9)
