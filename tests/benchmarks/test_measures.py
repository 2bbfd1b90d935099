"""The measures of the laboratory, by cases small enough to work out."""

import numpy as np

from benchmarks.score.baselines import BASELINES, Rows
from benchmarks.score.measures import excess, gained, percentile


def test_attackers_are_placed_among_honest_people() -> None:
    score, truth = np.array([1.0, 2.0, 3.0, 4.0, 3.5]), np.array([1.0, 2.0, 3.0, 4.0, 0.5])
    honest = np.array([True] * 4 + [False])

    assert percentile(score, honest).tolist() == [12.5, 37.5, 62.5, 87.5, 75.0]
    assert gained(score, truth, honest).tolist() == [0, 0, 0, 0, 75.0]
    assert excess(gained(score, truth, honest), truth, ~honest, honest) == 75.0


def test_baselines_count_what_they_say() -> None:
    day = 86_400
    # 0 acts on 2 three times, twice on one post; 1 on 2 once, long ago; 2 on 1.
    rows = Rows(
        at=np.array([99, 98, 97, 10, 98]) * day,
        actor=np.array([0, 0, 0, 1, 2]),
        target=np.array([2, 2, 2, 2, 1]),
        weight=np.array([1.0, 3.0, 1.0, 2.0, 1.0]),
        post=np.array([7, 7, 8, 8, 9]),
        until=100 * day,
        people=3,
    )

    found = {name: rank(rows).tolist() for name, rank in BASELINES.items()}

    assert found["reactions counted"] == [0, 1, 4]
    assert found["distinct reactors"] == [0, 1, 2]
    assert found["distinct, last 28 days"] == [0, 1, 1]
    assert found["weighted counts"] == [0, 1, 7]
    assert found["h-index of posts"] == [0, 1, 2]
    assert found["PageRank"][2] > found["PageRank"][1] > found["PageRank"][0]
