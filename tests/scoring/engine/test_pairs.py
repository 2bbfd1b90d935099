"""What counts as an act, which acts only return one, and what makes an exchange."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from scoring.engine import Parameters
from tests.scoring.engine.worlds import DAY, UNTIL, World

# What acts amount to can be read off the forecast (all of them) and, with everybody trusted, off the reach (free ones).
# Here nothing but an exchange takes anything off.
TRUSTING = Parameters(
    selectivity_slack=1e6, trust_scale=1e-6, firm_scale=1e-6, kappa=10, exchange_partners=1e6, newcomers=0
)
PLAIN = Parameters(trust_scale=1e-6, firm_scale=1e-6, exchange_actions=1_000_000, kappa=0, newcomers=0)


def acts_of(people: float) -> float:
    """Return how many acts of yesterday's weight explain so many expected people of one supporter."""
    return -math.log1p(-people) / (28 * math.log(2) / 30)


def if_there(row: dict[str, Any]) -> float:
    """Return the reach without the chance to be absent: reach = (1 + it)^alive - 1."""
    return math.expm1(math.log1p(row["reach"]) / row["alive"])


def counted(world: World, receiver: int) -> tuple[float, float]:
    """Return the weights of all and of the free acts, where the seeds are all givers."""
    row = world.people(PLAIN)[receiver]
    return acts_of(row["forecast"]), acts_of(if_there(row))


def day(acts: Sequence[tuple[int, int, int]], kind: str = "like") -> World:
    """Write down acts (second of the day, giver, receiver) ten days ago, all on different posts."""
    world = World(seeds=[1, 2])
    world.acts = [(UNTIL - 10 * DAY + second, kind, a, b, 1000 + i, "demo") for i, (second, a, b) in enumerate(acts)]
    return world


ONE = 2 ** (-10 / 30)


@pytest.mark.parametrize(
    ("acts", "free_of_1", "free_of_2"),
    [
        ([(5, 1, 2)], 1, 0),
        # Whoever comes second only returns it.
        ([(5, 1, 2), (6, 2, 1)], 1, 0),
        ([(5, 1, 2), (6, 2, 1), (7, 1, 2)], 2, 0),
        # What is more than was received is free again.
        ([(5, 1, 2), (6, 2, 1), (7, 2, 1), (8, 2, 1)], 1, 2),
        # Both in the same second: both return.
        ([(5, 1, 2), (5, 2, 1)], 0, 0),
        ([(5, 1, 2), (5, 2, 1), (6, 2, 1)], 0, 1),
    ],
)
def test_acts_that_return_one_of_the_same_day_are_not_free(
    acts: list[tuple[int, int, int]], free_of_1: int, free_of_2: int
) -> None:
    world = day(acts)
    given = [sum(1 for _, a, _ in acts if a == giver) for giver in (1, 2)]

    all_of_1, free_1 = counted(world, 2)
    all_of_2, free_2 = counted(world, 1)

    assert [all_of_1, all_of_2] == pytest.approx([given[0] * ONE, given[1] * ONE], rel=1e-4, abs=1e-9)
    assert [free_1, free_2] == pytest.approx([free_of_1 * ONE, free_of_2 * ONE], rel=1e-4, abs=1e-9)


@pytest.mark.parametrize(
    ("acts", "free_of_2"),
    [
        # 1's last second of a day, and 2's first of the next.
        ([(DAY - 1, 1, 2), (DAY, 2, 1)], 0),
        # Eight hours later to the second, and one second more.
        ([(DAY - 3600, 1, 2), (DAY + 7 * 3600, 2, 1)], 0),
        ([(DAY - 3600, 1, 2), (DAY + 7 * 3600 + 1, 2, 1)], 1),
        # What 2 returned on the day isn't owed on the next, and of three only the two that weren't are.
        ([(DAY - 9, 1, 2), (DAY - 8, 2, 1), (DAY + 5, 2, 1)], 1),
        ([(DAY - 9, 1, 2), (DAY - 8, 1, 2), (DAY - 7, 1, 2), (DAY - 6, 2, 1), *((DAY + i, 2, 1) for i in range(3))], 1),
    ],
)
def test_midnight_frees_nobody(acts: list[tuple[int, int, int]], free_of_2: int) -> None:
    # Those of the first day are returned whole, or not at all; what is left is of the second.
    assert counted(day(acts), 1)[1] == pytest.approx(free_of_2 * 2 ** (-9 / 30), rel=0.02, abs=1e-9)


def test_the_same_event_twice_is_one() -> None:
    once, twice = day([(5, 1, 2)]), day([(5, 1, 2)])
    twice.acts *= 2

    assert twice.run().scores.equals(once.run().scores)


def test_events_that_differ_in_one_column_are_two() -> None:
    world = World(seeds=[1])
    at = UNTIL - 10 * DAY
    world.acts = [(at, "like", 1, 2, 7, "demo"), (at, "like", 1, 2, 8, "demo"), (at, "quote", 1, 2, 7, "demo")]
    world.acts += [(at, "like", 1, 2, 7, "twitter"), (at, "like", 1, 2, None, "demo")]

    assert world.people()[2]["actions"] == 5


def test_a_mention_that_goes_with_a_reaction_is_the_same_act() -> None:
    world = World(seeds=[1])
    at = UNTIL - 10 * DAY
    world.acts = [(at, "reply", 1, 2, 7, "demo"), (at, "mention", 1, 2, 8, "demo"), (at, "mention", 1, 3, 8, "demo")]
    world.acts += [(at + 1, "mention", 1, 2, 9, "demo"), (at, "link", 1, 2, 8, "demo")]

    people = world.people()

    assert (people[2]["actions"], people[3]["actions"]) == (2, 1)


def test_acts_on_oneself_do_not_count_whatever_the_account() -> None:
    world = World(owners={11: 1, 12: 1, 13: 3}, seeds=[1])
    world.act("like", 11, 12, 3)
    world.act("like", 1, 12, 3)
    world.act("like", 13, 12, 3)

    people = world.people()

    assert people[1]["actions"] == 1
    assert people[1]["supporters"] == 1


def test_follow_and_unknown_kinds_earn_nothing() -> None:
    world = World(seeds=[1])
    world.act("follow", 1, 2, 3)
    world.act("stare", 1, 2, 3)

    assert world.people()[2]["forecast"] == 0


def exchange_left(world: World) -> float:
    """Return which share of 1's reach an exchange leaves, where nothing else takes any off."""
    row = world.people(TRUSTING)[1]
    return if_there(row) / float(row["forecast"])


def exchanging(kind: str, posts: int, answered: int, post_kind: str = "original") -> World:
    """Let 1 and 2 post so often, and act on so many of each other's posts, never both on one day."""
    world = World(seeds=[1, 2])
    for i in range(posts):
        numbers = {author: world.post(author, 60 - i * 0.001, kind=post_kind) for author in (1, 2)}
        if i < answered:
            world.act(kind, 1, 2, 59 - 2 * i, numbers[1 if kind == "mention" else 2])
            world.act(kind, 2, 1, 58 - 2 * i, numbers[2 if kind == "mention" else 1])
    return world


@pytest.mark.parametrize("kind", ["like", "mention"])
@pytest.mark.parametrize(
    ("posts", "answered", "left"),
    [
        # The rate is answered / (posts + 1), the discount runs from .1 to .5.
        (10, 10, 0.0),
        (100, 10, 1.0),
        (100, 29, (0.5 - 29 / 101) / 0.4),
        (49, 25, 0.0),
        # Four acts are no exchange yet, six are.
        (2, 2, 1.0),
        (3, 3, 0.0),
    ],
)
def test_exchange_goes_by_how_much_of_each_other_is_answered(kind: str, posts: int, answered: int, left: float) -> None:
    assert exchange_left(exchanging(kind, posts, answered)) == pytest.approx(left, abs=1e-9)


def test_one_sided_attention_is_no_exchange() -> None:
    world = exchanging("like", 20, 20)
    world.acts = [act for act in world.acts if act[2:4] == (2, 1)]

    assert exchange_left(world) == pytest.approx(1.0)


def test_answering_answers_is_talk_and_no_exchange() -> None:
    assert exchange_left(exchanging("reply", 10, 10, post_kind="reply")) == pytest.approx(1.0)
    assert exchange_left(exchanging("reply", 10, 10, post_kind="original")) == pytest.approx(0.0)
    # Only replies are talk: a like of every reply, returned, is agreed on like any other.
    assert exchange_left(exchanging("like", 10, 10, post_kind="reply")) == pytest.approx(0.0)


def test_reshares_do_not_hide_an_exchange() -> None:
    world = exchanging("repost", 10, 10)
    for i in range(200):
        for author in (1, 2):
            world.post(author, 5 + i * 0.01, kind="reshare")

    assert exchange_left(world) == pytest.approx(0.0)


@pytest.mark.parametrize("post", [None, 77])
def test_somebody_new_loosens_no_exchange_of_others(post: int | None) -> None:
    # Of a post that nobody knew before, and of acts that name no post.
    world = exchanging("like", 100, 29)
    before = exchange_left(world)
    for act in range(1, 160):
        world.act("like", 900, 2, act / 3, post and post + act)

    assert exchange_left(world) == before
    world.act("like", 900, 3, 1)  # a reader of two
    assert exchange_left(world) == before
    world.act("like", 2, 900, 170)  # somebody whom 2 knows
    assert exchange_left(world) > before


def test_the_second_account_of_a_person_returns_nothing_for_the_first() -> None:
    # 2 likes 1, and an hour later 1's other account, 11, likes 2.
    def reach_of(answering: int, formula: Parameters) -> float:
        world = World(seeds=[1, 2], owners={11: 1})
        for ago in range(2, 20, 2):
            world.act("like", 2, 1, ago, 100 + ago)
            world.act("like", answering, 2, ago - 1 / 24, 200 + ago)
        return float(world.people(formula)[2]["reach"])

    patient = replace(TRUSTING, exchange_actions=1000)
    assert reach_of(1, patient) == pytest.approx(0.0, abs=1e-9)
    assert reach_of(11, patient) > 0.4
    # The day can't tell, but rates of response are compared between people.
    assert reach_of(11, TRUSTING) == pytest.approx(0.0, abs=1e-9)


def test_posts_that_nobody_stored_are_as_many_as_the_keenest_givers_acts() -> None:
    # Neither posted in the table, but each did react to ten posts of the other.
    world = exchanging("like", 10, 10)
    world.posted = []
    alone = exchange_left(world)
    for i in range(99):
        for author in (1, 2):
            world.act("click", 5, author, 57, post=10_000 * author + i)
    # Whom both know, and answer seldom.
    for i in range(200):
        world.post(5, 58 + i / 200)
    for author in (1, 2):
        world.act("like", author, 5, 59)

    row = world.people(TRUSTING)[1]

    assert alone == pytest.approx(0.0)
    assert row["taken_exchange"] == 0


def test_acts_that_do_not_name_their_post_show_at_least_as_many_posts_as_the_keenest_giver_saw() -> None:
    world = exchanging("like", 10, 10)
    world.posted = []
    world.acts = [(at, kind, a, b, None, network) for at, kind, a, b, _, network in world.acts]
    alone = exchange_left(world)
    for author in (1, 2):
        for hour in range(99):
            world.act("like", 5, author, 50 - hour / 24)
        world.act("like", author, 5, 59)
    for i in range(200):
        world.post(5, 58 + i / 200)

    row = world.people(TRUSTING)[1]

    assert alone == pytest.approx(0.0)
    assert row["taken_exchange"] == 0
