"""Choosing a group, against plain greedy choice, every group there is, and an integer programme."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from campaigns.selection import AtLeast, AtMost, Audience, Rules, RulesError, choose

NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Case:
    """People reached by candidate and member, and what the group has to keep to."""

    reached: np.ndarray
    alone: np.ndarray
    rules: Rules

    def audience(self) -> Audience:
        candidate, member = np.nonzero(self.reached)
        people = self.reached[candidate, member]
        return Audience.of(len(self.reached), candidate, member * 7 - 3, people, most=1.15, alone=self.alone)

    def value(self, group: tuple[int, ...]) -> float:
        missed = np.prod(1.0 - self.reached[list(group)] / 1.15, axis=0)
        return float((1.15 * (1.0 - missed)).sum() + self.alone[list(group)].sum())

    def admits(self, group: tuple[int, ...]) -> bool:
        rules, members = self.rules, list(group)
        if len(group) > rules.seats or set(group) & set(rules.excluded.tolist()):
            return False
        if rules.budget is not None and rules.costs is not None and rules.costs[members].sum() > rules.budget + 1e-9:
            return False
        return all(
            np.count_nonzero(quota.of[members] == each) <= most
            for quota in rules.limits(len(self.reached))
            for each, most in enumerate(quota.most)
        )

    def best(self) -> float:
        others = [each for each in range(len(self.reached)) if each not in self.rules.must]
        groups = (
            (*self.rules.must.tolist(), *more)
            for many in range(self.rules.seats - self.rules.must.size + 1)
            for more in itertools.combinations(others, many)
        )
        return max(self.value(group) for group in groups if self.admits(group))

    def plain_greedy(self) -> list[int]:
        group: list[int] = self.rules.must.tolist()
        while True:
            adds = {
                each: self.value((*group, each)) - self.value((*group,))
                for each in range(len(self.reached))
                if each not in group and self.admits((*group, each))
            }
            if not adds or max(adds.values()) <= 1e-12:
                return group
            group.append(max(adds, key=lambda each: (round(adds[each], 9), -each)))


@st.composite
def cases(draw: st.DrawFn, *, ruled: bool = True, whole: bool = False) -> Case:
    size, members = draw(st.integers(1, 7)), draw(st.integers(1, 6))
    chance = st.sampled_from([0.0, 1.15] if whole else [0.0, 0.0, 0.1, 0.35, 0.8, 1.15])
    row = st.lists(chance, min_size=members, max_size=members)
    reached = np.array(draw(st.lists(row, min_size=size, max_size=size)))
    alone = np.array(draw(st.lists(st.sampled_from([0.0, 0.0, 0.4]), min_size=size, max_size=size)))
    seats = draw(st.integers(1, size))
    if not ruled:
        return Case(reached, alone, Rules(seats))
    of = np.array(draw(st.lists(st.integers(-1, 2), min_size=size, max_size=size)))
    small = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    excluded = np.array(draw(st.lists(st.integers(0, size - 1), max_size=2, unique=True)), dtype=np.int64)
    eligible = small.copy()
    eligible[excluded] = False
    costs = np.array(draw(st.lists(st.sampled_from([0.0, 1.0, 2.5, 4.0]), min_size=size, max_size=size)))
    rules = Rules(
        seats,
        costs=costs,
        budget=draw(st.none() | st.sampled_from([0.0, 3.0, 6.0])),
        at_most=[AtMost("per city", of, np.array(draw(st.lists(st.integers(0, 2), min_size=3, max_size=3))))],
        at_least=[AtLeast("small", small, min(seats, int(eligible.sum()), draw(st.integers(0, 2))))],
        excluded=excluded,
    )
    return Case(reached, alone, rules)


@settings(max_examples=150, deadline=None)
@given(case=cases())
def test_nothing_beats_what_is_said_to_be_the_most(case: Case) -> None:
    chosen = choose(case.audience(), case.rules)

    best = case.best()
    assert case.admits(tuple(chosen.group.tolist()))
    assert chosen.reached == pytest.approx(case.value(tuple(chosen.group.tolist())))
    assert chosen.reached <= best + 1e-9
    assert best <= chosen.most + 1e-9
    assert chosen.proved * best <= chosen.reached + 1e-9


@settings(max_examples=150, deadline=None)
@given(case=cases(ruled=False))
def test_for_seats_alone_it_is_plain_greedy_choice(case: Case) -> None:
    chosen = choose(case.audience(), case.rules)

    assert chosen.reached == pytest.approx(case.value(tuple(case.plain_greedy())))
    assert chosen.reached >= (1 - 1 / np.e) * case.best() - 1e-9


@settings(max_examples=30, deadline=None)
@given(case=cases(ruled=False, whole=True))
def test_of_certain_audiences_the_best_is_that_of_an_integer_programme(case: Case) -> None:
    # x: who is chosen, then who is reached; each reached by somebody chosen.
    candidates, members = case.reached.shape
    worth = np.concatenate([case.alone, np.full(members, 1.15)])
    covered = np.hstack([-(case.reached > 0).T.astype(float), np.eye(members)])
    seats = np.concatenate([np.ones(candidates), np.zeros(members)])
    best = milp(
        -worth,
        integrality=np.ones(candidates + members),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(covered, ub=0), LinearConstraint(seats, ub=case.rules.seats)],
    )

    chosen = choose(case.audience(), case.rules)

    assert best.fun is not None
    assert chosen.reached - 1e-6 <= -best.fun <= chosen.most + 1e-6


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_next_to_the_best_is_proved_where_audiences_are_many_and_mixed(seed: int) -> None:
    random = np.random.default_rng(seed)
    candidate, member = random.integers(0, 60, 900), random.integers(0, 300, 900)
    audience = Audience.of(60, candidate, member, random.uniform(0, 0.5, 900), most=1.15)

    chosen = choose(audience, Rules(12))

    # One by one, what others add promises a third more than anybody can reach.
    assert chosen.proved > 0.95


def test_a_second_person_of_the_same_audience_adds_nothing() -> None:
    # 0 and 1 reach the same three people, 2 one of their own.
    reached = np.array([[1.15, 1.15, 1.15, 0], [1.15, 1.15, 0, 0], [0, 0, 0, 0.5]])

    chosen = choose(Case(reached, np.zeros(3), Rules(3)).audience(), Rules(3))

    assert chosen.group.tolist() == [0, 2]
    assert chosen.adds == pytest.approx([3.45, 0.5])
    assert chosen.proved == 1


def test_who_must_be_in_is_counted_first_and_the_rest_is_chosen_around_them() -> None:
    reached = np.array([[1.15, 1.15, 1.15, 0], [1.15, 1.15, 0, 0], [0, 0, 0, 0.5]])

    chosen = choose(Case(reached, np.zeros(3), Rules(2)).audience(), Rules(2, must=np.array([1])))

    assert chosen.group.tolist() == [1, 0]
    assert chosen.adds == pytest.approx([2.3, 1.15])


def test_a_budget_is_spent_on_many_rather_than_on_one_dear_person() -> None:
    audience = Audience.of(4, np.arange(4), np.arange(4), np.full(4, 0.5), alone=np.array([1.0, 0.5, 0.5, 0.5]))
    rules = Rules(4, costs=np.array([3.0, 1.0, 1.0, 1.0]), budget=3.0)

    chosen = choose(audience, rules)

    assert chosen.group.tolist() == [1, 2, 3]
    assert chosen.reached == pytest.approx(3.0)


def test_nobody_to_choose_from() -> None:
    nothing = Audience(sparse.csr_array((0, 0)), 1.0, np.zeros(0))

    chosen = choose(nothing, Rules(5))

    assert (chosen.group.size, chosen.reached, chosen.most, chosen.proved) == (0, 0, 0, 1)


def test_part_of_an_audience_that_another_reaches() -> None:
    reached = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    candidate, member = np.nonzero(reached)

    shared = Audience.of(3, candidate, member, reached[candidate, member]).shared(np.arange(3))

    assert shared == pytest.approx(np.array([[1, 0.5, 0], [1, 1, 0], [0, 0, 1]]))


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Rules(1, must=np.array([0, 1])), "2 people must be in, but there are 1 seats."),
        (Rules(3, must=np.array([1]), excluded=np.array([1])), "Somebody who must be in is excluded too"),
        (Rules(3, must=np.array([1, 1])), "Somebody must be in twice"),
        (Rules(3, costs=np.full(3, 9.0), budget=10.0, must=np.array([0, 1])), "cost 18.00, more than the budget"),
        (
            Rules(3, at_least=[AtLeast("at least 2 small", np.array([True, False, False]), 2)]),
            "at least 2 small: only 1 of those who can be chosen",
        ),
        (
            Rules(3, at_most=[AtMost("one per city", np.zeros(3, np.int64), np.array([1]))], must=np.array([0, 2])),
            "one per city: those who must be in are more than that already",
        ),
    ],
)
def test_rules_that_no_group_can_keep_to_are_refused(rules: Rules, said: str) -> None:
    audience = Audience.of(3, np.arange(3), np.arange(3), np.ones(3))

    with pytest.raises(RulesError, match=said.replace("(", r"\(")):
        choose(audience, rules)
