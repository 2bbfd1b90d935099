"""Real data is read as the product reads it, cut where it says, and settings are chosen before the cut alone."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.score.real import (
    CONFERENCE_INNER,
    CONFERENCE_SPLIT,
    HIGGS,
    HIGGS_INNER,
    HIGGS_SPLIT,
    Data,
    Split,
    actors_after,
    candidates_at,
    choice,
    conference,
    conference_part,
    higgs,
    judged,
    reaches,
)
from benchmarks.score.tuning import RATES, TRUST_UNPROVED, InnerSplit, chosen_by_inner_splits
from scoring.engine import POSTS, Inputs, Parameters, compute
from scoring.engine.activity import DAY


def data_of(rows: list[tuple[int, str, int, int]]) -> Data:
    at, kind, actor, target = zip(*rows, strict=True)
    columns = {"at": at, "kind": kind, "actor": actor, "target": target}
    acts = pa.table({name: list(values) for name, values in columns.items()})
    acts = acts.append_column("post", pa.nulls(len(rows), pa.int64()))
    return Data(acts.append_column("network", pa.repeat("twitter", len(rows))), POSTS.empty_table())


def crowd(days: int) -> Data:
    """Return thirty people on whom others act, each every day, and more on those with higher numbers."""
    dice = np.random.default_rng(1)
    target = dice.integers(0, 30, 400 * days) * dice.integers(0, 2, 400 * days) + 1
    at = np.sort(dice.integers(0, days * DAY, target.size))
    rows = zip(
        at.tolist(),
        ["repost"] * target.size,
        dice.integers(100, 400, target.size).tolist(),
        target.tolist(),
        strict=True,
    )
    return data_of(list(rows))


def test_higgs_rows_that_stand_again_as_mentions_are_one_act(tmp_path: Path) -> None:
    path = tmp_path / HIGGS
    path.parent.mkdir()
    with gzip.open(path, "wt") as file:
        file.write("1 2 100 RT\n1 2 100 MT\n1 2 200 MT\n3 2 300 RE\n3 2 300 MT\n3 2 300 RT\n")

    acts = higgs(tmp_path).acts

    rows = zip(*(acts[name].to_pylist() for name in ("at", "kind", "actor")), strict=True)
    assert sorted(rows) == [(100, "repost", 1), (200, "mention", 1), (300, "reply", 3)]


def test_different_people_are_counted_from_the_cut_to_the_end_of_the_horizon() -> None:
    rows = [
        (DAY - 1, "repost", 1, 9),  # before
        (DAY, "repost", 1, 9),
        (DAY + 1, "repost", 1, 9),  # the same again
        (2 * DAY, "repost", 2, 9),
        (2 * DAY, "mention", 3, 9),  # another kind
        (2 * DAY, "repost", 9, 9),  # oneself
        (2 * DAY, "repost", 2, 50),  # nobody's candidate
        (3 * DAY, "repost", 4, 9),  # after
        (5, "repost", 9, 3),
        (6, "reply", 7, 7),
    ]
    acts = data_of(rows).acts

    candidates = candidates_at(acts, DAY)

    assert candidates.tolist() == [3, 9]
    assert actors_after(acts, candidates, Split(DAY, 2, ("repost",))).tolist() == [0, 2]
    assert actors_after(acts, candidates, Split(DAY, 2)).tolist() == [0, 3]
    assert actors_after(acts, candidates, Split(2 * DAY, 1, ("repost",))).tolist() == [0, 1]


def test_reaches_are_those_of_a_run_at_the_cut() -> None:
    data, formula = crowd(8), Parameters(half_life_days=1, horizon_days=2)

    first, _second = reaches(data, Split(6 * DAY, 2), [formula, Parameters()])

    scores = compute(Inputs(data.acts, data.posts, 6 * DAY), formula).scores
    at = np.searchsorted(scores["person"].to_numpy(), candidates_at(data.acts, 6 * DAY))
    assert np.allclose(first, scores["reach"].to_numpy()[at], rtol=1e-12)


def test_everything_is_ranked_against_the_same() -> None:
    found = judged(crowd(8), Split(6 * DAY, 2), Parameters(half_life_days=1, horizon_days=2))

    assert {"the score", "distinct reactors", "PageRank"} <= set(found)
    # One person has half of all acts, and everybody sees that.
    assert all(ranking.overlap == 1.0 for ranking in found.values())


def test_the_best_of_the_inner_splits_is_chosen_weighed_by_people() -> None:
    asked: list[list[Parameters]] = []

    def likes(half_life: float, trust: float, worth: float) -> InnerSplit:
        def spearman(formulas: list[Parameters]) -> list[float]:
            asked.append(formulas)
            return [worth * (f.half_life_days == half_life and f.trust_unproved == trust) for f in formulas]

        return InnerSplit(round(1000 * worth), spearman)

    few, lines = chosen_by_inner_splits([likes(0.35, 0.1, 0.4), likes(2.0, 0.3, 0.5)], 2)

    assert (few.half_life_days, few.trust_unproved, few.horizon_days) == (2.0, 0.3, 2)
    assert lines[0].startswith("chosen by 2 inner splits: half-life 2 days")
    assert len(lines) == 2 + len(RATES)
    assert all(len(formulas) == len(RATES) * len(TRUST_UNPROVED) for formulas in asked)


@pytest.mark.slow
def test_the_choice_sees_nothing_of_what_is_judged() -> None:
    data = crowd(8)
    cut = 6 * DAY
    known = Data(data.acts.filter(pa.array(data.acts["at"].to_numpy() < cut)), data.posts)
    inner = (Split(3 * DAY, 2), Split(5 * DAY, 1))

    assert choice(data, inner, 2) == choice(known, inner, 2)
    for outer, splits in ((HIGGS_SPLIT, HIGGS_INNER), (CONFERENCE_SPLIT, CONFERENCE_INNER)):
        assert all(split.cut + split.days * DAY <= outer.cut for split in splits)
        assert all(split.kinds == outer.kinds for split in splits)


@pytest.mark.slow
def test_the_conference_is_ranked_beside_all_baselines(shared_data: Path) -> None:
    if not (shared_data / "rstudioconf").exists():
        pytest.skip(f"no conference at {shared_data}")
    data = conference(shared_data)

    lines = conference_part(shared_data).lines

    assert data.acts.num_rows > 7000
    assert data.posts.num_rows == 7422
    figures = {line[:36].strip(): [float(word) for word in line[36:].split()] for line in lines[1:10]}
    assert figures["the score"][0] > 0.5
    assert figures["the score"][0] > figures["PageRank"][0]
