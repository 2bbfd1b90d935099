"""Why somebody isn't in a group."""

import numpy as np
import pytest

from campaigns.selection import AtMost, Audience, Reason, Rules, WhyNot, choose, why_not

# 0 reaches four people, 1 three of them, 2 two others of whom nobody else reaches any, 3 one more, and 4 nobody.
PAIRS = np.array([(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (2, 4), (2, 5), (3, 6)])
AUDIENCE = Audience.of(5, PAIRS[:, 0], PAIRS[:, 1], np.ones(len(PAIRS)))


def why(rules: Rules, candidate: int) -> WhyNot:
    return why_not(AUDIENCE, rules, choose(AUDIENCE, rules), candidate)


def test_their_audience_is_reached_by_others() -> None:
    found = why(Rules(2), 1)

    assert (found.reason, found.reach, found.adds, found.least) == (Reason.OVERLAP, 3, 0, 2)
    assert found.reached_already == 1


def test_others_add_more() -> None:
    found = why(Rules(2), 3)

    assert (found.reason, found.adds, found.least, found.reached_already) == (Reason.SEATS, 1, 2, 0)


def test_nobody_acts_on_them() -> None:
    assert why(Rules(5), 4).reason == Reason.NO_REACH


def test_they_were_excluded() -> None:
    assert why(Rules(5, excluded=np.array([2])), 2).reason == Reason.EXCLUDED


def test_a_quota_is_full() -> None:
    rules = Rules(3, at_most=[AtMost("one per city", np.array([0, 1, 0, 1, 1]), np.array([1, 1]))])

    found = why(rules, 2)

    assert (found.reason, found.quota, found.adds) == (Reason.QUOTA, "one per city", 2)


def test_they_cost_more_than_is_left() -> None:
    rules = Rules(3, costs=np.array([5.0, 5.0, 6.0, 1.0, 1.0]), budget=10.0)

    found = why(rules, 2)

    assert (found.reason, found.adds) == (Reason.BUDGET, 2)


def test_who_is_in_isnt_asked_about() -> None:
    with pytest.raises(ValueError, match="candidate 0 is in the group"):
        why(Rules(2), 0)
