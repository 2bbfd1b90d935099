"""The absolute scale and percentiles."""

import numpy as np
import pytest

from scoring.engine import reach_at, score
from scoring.engine.scale import percentile


@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        (0, 1.0),
        (10, 15.73),
        (100, 29.35),
        (1_000, 43.43),
        (10_000, 57.57),
        (100_000, 71.71),
        (1_000_000, 85.86),
        (10_000_000, 100.0),
        (1e12, 100.0),
        (-3, 1.0),
    ],
)
def test_scale_is_the_published_one(reach: float, expected: float) -> None:
    assert float(score(reach)) == pytest.approx(expected, abs=0.005)


def test_inverse_gives_the_reach_back() -> None:
    reach = np.array([0.0, 0.3, 7.0, 1234.5, 9_999_999.0])

    assert reach_at(score(reach)) == pytest.approx(reach, rel=1e-9, abs=1e-12)


def test_percentile_shares_a_place_among_equals_up_to_rounding() -> None:
    assert percentile(np.array([5.0, 1.0, 5.0 + 1e-13, 2.0])).tolist() == [75.0, 12.5, 75.0, 37.5]
    assert percentile(np.zeros(0)).size == 0
