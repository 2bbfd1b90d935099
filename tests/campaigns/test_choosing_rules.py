"""The rules that a group is chosen by: quotas, a budget and what each costs, and what they can't be."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Person
from campaigns.actions import SelectionRefused
from campaigns.models import Campaign, Selection
from scoring.models import ScoreRun
from tests.campaigns.conftest import Airlines
from tests.campaigns.groups import campaign, choose, chosen, scored
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import SelectionFactory

__all__ = ["campaign", "scored"]


def test_quotas_budget_and_people_left_out(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    one_per_band = choose(campaign, airlines.manager, seats=4, most_per_band=1)
    assert [handle for handle, _, _ in chosen(one_per_band)] == ["a", "c", "d"]

    small = choose(campaign, airlines.manager, seats=2, least_small=1, small_reach=1.5)
    assert [handle for handle, _, _ in chosen(small)] == ["a", "d"]

    cheap = choose(campaign, airlines.manager, seats=4, budget=199, cost_each=100)
    assert [handle for handle, _, _ in chosen(cheap)] == ["a"]

    without = choose(campaign, airlines.manager, seats=1, left_out="@A,\n fan1")
    assert [handle for handle, _, _ in chosen(without)] == ["b"]

    named = choose(campaign, airlines.manager, seats=2, kept="D")
    assert chosen(named) == [("d", 1, True), ("a", 4, False)]
    with pytest.raises(SelectionRefused, match="a can't be both kept and left out"):
        choose(campaign, airlines.manager, seats=2, kept="a", left_out="@A")


def test_who_was_merged_since_is_left_out_as_who_they_became(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines
) -> None:
    PersonFactory.create(handle="Aa", merged_into=Person.objects.get(handle="a"))

    found = choose(campaign, airlines.manager, seats=1, left_out="@aa")

    assert [handle for handle, _, _ in chosen(found)] == ["b"]
    assert found.left_out == "@aa"
    with pytest.raises(SelectionRefused, match="a can't be both kept and left out"):
        choose(campaign, airlines.manager, seats=1, kept="A", left_out="aa")


def test_each_costs_what_is_said_of_them(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    by = airlines.manager
    found = choose(campaign, by, seats=4, budget=200, cost_each=100, costs="@A, 150\nd;0")
    # For the dear one's money two others reach more, and one costs nothing.
    assert sorted(handle for handle, _, _ in chosen(found)) == ["b", "c", "d"]
    assert dict(found.people.values_list("person__handle", "cost")) == {"b": 100, "c": 100, "d": 0}
    assert found.reached == 6

    # Without a budget all that is told is what it comes to.
    without = choose(campaign, by, seats=2, cost_each=100, costs="a 150.50")
    assert dict(without.people.values_list("person__handle", "cost")) == {"a": Decimal("150.50"), "c": 100}
    plain = choose(campaign, by, seats=1)
    assert [row.cost for row in plain.people.all()] == [None]


def test_sums_that_a_budget_pays_to_the_penny_are_paid(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines
) -> None:
    costs = {"costs": "a,0.10\nc,0.20\nb,99", "cost_each": 50}
    found = choose(campaign, airlines.manager, seats=3, budget=Decimal("0.30"), **costs)
    assert [handle for handle, _, _ in chosen(found)] == ["a", "c"]
    kept = choose(campaign, airlines.manager, seats=3, budget=Decimal("0.30"), kept="a c", **costs)
    assert [handle for handle, _, _ in chosen(kept)] == ["a", "c"]


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ("a, dear", "Line 1 of the costs, “a, dear”, has no cost. Write a handle and what it costs, a line each"),
        ("a 5\n\nb", "Line 3 of the costs, “b”, has no cost."),
        ("a,1,200", "Line 1 of the costs, “a,1,200”, has no cost."),
        ("a;-5", "Line 1 of the costs"),
        ("a 1e3", "Line 1 of the costs"),
        ("a 99999999999", "Line 1 of the costs"),
        ("a ٣", "Line 1 of the costs"),
        ("a 5\n@A;6,50", "Line 2 of the costs: a costs 6.50 here and 5 above."),
        ("nobody, 5", "Nobody is known as nobody."),
    ],
)
def test_costs_that_cant_be_read_are_refused_in_one_sentence(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines, costs: str, said: str
) -> None:
    with pytest.raises(SelectionRefused) as refused:
        choose(campaign, airlines.manager, seats=1, cost_each=10, costs=costs)
    assert said in str(refused.value)
    assert not Selection.objects.exists()


def test_costs_of_some_need_one_for_all(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    with pytest.raises(SelectionRefused, match="what everybody else costs too"):
        choose(campaign, airlines.manager, seats=1, costs="a 5")
    assert not Selection.objects.exists()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"seats": 1, "budget": 5, "cost_each": 10}, "A budget of 5.00 pays for nobody at 10.00 each."),
        (
            {"seats": 1, "budget": 5, "cost_each": 10, "costs": "a 7\nb 8"},
            "A budget of 5.00 pays for nobody: all cost 7.00 or more.",
        ),
        (
            {"seats": 2, "budget": 5, "cost_each": 10, "costs": "a 7", "kept": "a"},
            "Those who must be in cost 7.00, more than the budget of 5.00.",
        ),
        ({"seats": 4, "least_small": 3, "small_reach": 1.5}, "at least 3 with a reach below 2: only 1"),
    ],
)
def test_what_cant_be_is_said(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines, asked: dict[str, Any], said: str
) -> None:
    found = choose(campaign, airlines.manager, **asked)

    assert (found.state, found.people.count()) == (Selection.State.FAILED, 0)
    assert said in found.error


@pytest.mark.parametrize(
    "broken",
    [
        {"seats": 0},
        {"budget": 5},
        {"costs": "a 5"},
        {"cost_each": 0},
        {"small_reach": 5.0},
        {"state": Selection.State.DONE},
        {"reached": 2.0, "most_possible": 1.0},
    ],
)
def test_the_database_refuses_what_cant_be(campaign: Campaign, broken: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        SelectionFactory.create(campaign=campaign, **broken)
