"""Measures of rankings and bands, by cases small enough to work out."""

import math

import numpy as np
import pytest

from scoring.engine.measures import coverage, ndcg, overlap, spearman


def test_ndcg_is_one_for_the_true_order_and_counts_level_ones_at_their_mean() -> None:
    outcome = np.array([3.0, 2.0, 0.0])

    assert ndcg(np.array([9.0, 5.0, 1.0]), outcome) == pytest.approx(1)
    best = 3 + 2 / math.log2(3)
    assert ndcg(np.array([5.0, 9.0, 1.0]), outcome) == pytest.approx((2 + 3 / math.log2(3)) / best)
    level = (5 / 3) * (1 + 1 / math.log2(3) + 1 / 2)
    assert ndcg(np.zeros(3), outcome) == pytest.approx(level / best)


def test_ndcg_of_the_first_counts_all_who_are_level_with_the_last_of_them() -> None:
    score, outcome = np.array([3.0, 1.0, 1.0, 1.0]), np.array([0.0, 6.0, 0.0, 0.0])

    # The second place is shared by three, of whom one has all of it.
    assert ndcg(score, outcome, top=2) == pytest.approx((6 / 3) / math.log2(3) / 6)


def test_overlap_takes_the_earlier_of_those_who_are_level_at_its_border() -> None:
    score, outcome = np.array([3.0, 1.0, 1.0, 1.0]), np.array([9.0, 0.0, 8.0, 0.0])

    assert overlap(score, outcome, top=2) == 0.5
    assert overlap(score[[0, 2, 1, 3]], outcome[[0, 2, 1, 3]], top=2) == 1.0


def test_a_constant_ranking_says_nothing() -> None:
    assert spearman(np.ones(4), np.arange(4.0)) == 0


def test_overlap_counts_who_is_in_both_tops() -> None:
    assert overlap(np.array([4.0, 3.0, 2.0, 1.0]), np.array([4.0, 1.0, 3.0, 0.0]), top=2) == 0.5


def test_nobody_and_nothing_have_measures_too() -> None:
    nobody = np.zeros(0)

    assert (spearman(nobody, nobody), ndcg(nobody, nobody), overlap(nobody, nobody)) == (0, 0, 0)
    assert ndcg(np.arange(3.0), np.zeros(3)) == 0
    assert math.isnan(coverage(nobody, np.zeros((2, 0)), np.array([0.1, 0.9]), 0.8))


def test_coverage_of_continuous_outcomes_is_the_share_inside() -> None:
    outcome = np.arange(0.5, 100.0)
    levels = np.array([0.1, 0.5, 0.9])
    quantiles = np.repeat([[20.0], [50.0], [60.0]], 100, axis=1)

    assert coverage(outcome, quantiles, levels, 0.8) == pytest.approx(0.4)


def test_coverage_of_counts_is_right_for_the_true_distribution_and_for_no_other() -> None:
    # 70 % nothing, 20 % one, 10 % two people: no band of whole numbers holds exactly 80 % of them.
    outcome = np.repeat(np.array([0.0, 1.0, 2.0]), [700, 200, 100])
    levels = np.array([n / 20 for n in range(1, 20)])

    def foretold(shares: list[float]) -> float:
        each = np.searchsorted(np.cumsum(shares), levels - 1e-9).astype(np.float64)
        return coverage(outcome, np.repeat(each[:, None], outcome.size, axis=1), levels, 0.8)

    assert foretold([0.7, 0.2, 0.1]) == pytest.approx(0.8, abs=0.01)
    assert foretold([0.2, 0.4, 0.4]) < 0.7  # too much is expected
    assert foretold([0.95, 0.05, 0.0]) < 0.7  # too little
