"""What it does to scores that an identity turns out to be somebody else's, and that this is taken back."""

from pathlib import Path
from typing import Any

import pytest

from accounts.actions import merge_people, move_identity, undo_merge
from accounts.keys import account_key
from accounts.models import Identity, Person
from accounts.queries import log_files
from accounts.storage import open_parquet
from scoring.actions import score
from scoring.models import Score, ScoreRun
from tests.factories.accounts import UserFactory
from tests.scoring.conftest import APRIL_2, NOW


def rows_of(run: ScoreRun) -> dict[str, tuple[float, float, int]]:
    rows = Score.objects.filter(run=run).values_list("person__handle", "score", "reach", "supporters")
    return {handle: (score, reach, supporters) for handle, score, reach, supporters in rows}


def test_a_moved_identity_counts_for_its_new_person_and_moving_it_back_restores_both(known: Path) -> None:
    before = rows_of(score(as_of=APRIL_2, now=NOW))
    operator = UserFactory.create(is_superuser=True)
    identity = Identity.objects.get(handle="handle5")
    person, other = identity.person, Person.objects.get(handle="handle0")

    move_identity(identity, person=other, by=operator, now=NOW)
    moved = rows_of(score(as_of=APRIL_2, now=NOW))
    assert "handle5" not in moved
    assert moved["handle0"] != before["handle0"]
    assert len(moved) == len(before) - 1

    identity.refresh_from_db()
    move_identity(identity, person=person, by=operator, now=NOW)
    restored = rows_of(score(as_of=APRIL_2, now=NOW))
    assert restored.keys() == before.keys()
    for handle, row in before.items():
        assert restored[handle] == pytest.approx(row, abs=1e-9)


def test_a_merge_recomputes_both_and_its_undoing_restores_both(known: Path) -> None:
    before = rows_of(score(as_of=APRIL_2, now=NOW))
    operator = UserFactory.create(is_superuser=True)
    merged, kept = Person.objects.get(handle="handle5"), Person.objects.get(handle="handle1")

    merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW)
    together = rows_of(score(as_of=APRIL_2, now=NOW))
    assert together.keys() == before.keys() - {"handle5"}
    # What the two did to each other doesn't count any more; people who acted on both are one supporter.
    acts = {(i["actor"], i["target"]) for i in _acts()}
    own = {account_key("dataset", "a1"), account_key("dataset", "a5")}
    assert any(set(act) == own for act in acts)
    supporters = {actor for actor, target in acts if target in own} - own
    assert together["handle1"][2] == len(supporters)
    assert together["handle1"][2] < before["handle1"][2] + before["handle5"][2]

    undo_merge(merge=merge, by=operator, now=NOW)
    restored = rows_of(score(as_of=APRIL_2, now=NOW))
    assert restored.keys() == before.keys()
    for handle, row in before.items():
        assert restored[handle] == pytest.approx(row, abs=1e-9)


def _acts() -> list[dict[str, Any]]:
    """Return what the log holds before the run's moment."""
    rows = [row for file in log_files("interactions") for row in open_parquet(file).read().to_pylist()]
    return [row for row in rows if row["at"] < APRIL_2.timestamp()]
