"""People beyond one account: who never posts, whose website is linked, who has several accounts."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scoring.engine import Parameters
from tests.scoring.engine.test_properties import FORMULA, quick
from tests.scoring.engine.test_reference import worlds
from tests.scoring.engine.worlds import World, community

MEMBERS = range(1, 31)
AUTHOR, SECOND = 500, 501


def neighbourhood() -> World:
    """Return thirty people who post and answer each other; the first five are proved."""
    world = World(seeds=[1, 2, 3, 4, 5])
    community(world, MEMBERS)
    return world


@pytest.mark.parametrize("kind", ["mention", "quote", "link"])
def test_attention_to_somebody_who_never_posts_counts(kind: str) -> None:
    world = neighbourhood()
    website = 300
    world.owners = {website: AUTHOR}
    for member in MEMBERS:
        if kind == "link":
            world.act("link", member, website, 3, world.post(member, 3), network="web")
        else:
            # A quote stands in a post of the one who quotes; the post quoted was never seen.
            world.act(kind, member, AUTHOR, 3, 77 if kind == "quote" else world.post(member, 3))

    author = world.people()[AUTHOR]

    assert (author["posts"], author["supporters"]) == (0, len(MEMBERS))
    assert author["reach"] > 1
    assert (author["alive"], author["credibility"]) == (1, 1)


def test_a_supporter_of_two_accounts_of_one_person_is_one_supporter() -> None:
    world = neighbourhood()
    for member in MEMBERS:
        world.act("mention", member, AUTHOR, 3, world.post(member, 3))
        world.act("mention", member, SECOND, 3, world.post(member, 3))
    apart = world.people()
    together = replace(world, owners={SECOND: AUTHOR}).people()

    assert SECOND not in together
    assert together[AUTHOR]["supporters"] == apart[AUTHOR]["supporters"] == len(MEMBERS)
    assert together[AUTHOR]["actions"] == apart[AUTHOR]["actions"] + apart[SECOND]["actions"]
    # More of each giver's acts, hence more; but no more people than there are, hence less than both.
    assert apart[AUTHOR]["forecast"] < together[AUTHOR]["forecast"] < apart[AUTHOR]["forecast"] * 2
    assert together[AUTHOR]["score"] > apart[AUTHOR]["score"]


def test_what_a_persons_accounts_do_to_each_other_stops_counting_when_they_are_linked() -> None:
    world = neighbourhood()
    for ago in range(1, 20):
        world.act("like", SECOND, AUTHOR, ago, world.post(AUTHOR, ago + 0.5, text=f"Thought number {ago} of {ago * 3}"))
    assert world.people()[AUTHOR]["forecast"] > 0.5

    linked = replace(world, owners={SECOND: AUTHOR}).people()[AUTHOR]

    assert (linked["supporters"], linked["actions"], linked["forecast"], linked["score"]) == (0, 0, 0, 1)


@quick
@given(world=worlds(), kept=st.integers(1, 7), linked=st.integers(1, 7))
def test_linking_an_account_takes_no_more_from_the_forecast_than_acts_on_oneself(
    world: World, kept: int, linked: int
) -> None:
    world.owners = {}
    both = {kept, linked}
    without_own = replace(world, acts=[act for act in world.acts if not {act[2], act[3]} <= both])
    # A person's rests are those declared for either account.
    rests = [(kept if who == linked else who, start, end) for who, start, end in world.rests]
    apart = without_own.people(FORMULA)
    together = replace(world, owners={linked: kept}, rests=rests).people(FORMULA)

    if kept in apart:
        assert together[kept]["forecast"] >= apart[kept]["forecast"] - 1e-9
    if linked in apart:
        assert together[kept]["forecast"] >= apart[linked]["forecast"] - 1e-9


@quick
@given(world=worlds(), kept=st.integers(1, 7), linked=st.integers(1, 7))
def test_linking_an_account_costs_nothing_beside_acts_on_oneself_and_exchange(
    world: World, kept: int, linked: int
) -> None:
    assume(kept != linked)
    both = {kept, linked}
    everybody = list(range(1, 10))
    # Neither acts on anybody, so there is nothing to exchange; neither posts, so texts and silences say nothing.
    silent = World(
        acts=[
            (at, kind, actor, (target, kept, linked)[i % 3], post, network)
            for i, (at, kind, actor, target, post, network) in enumerate(world.acts)
            if actor not in both
        ],
        posted=[post for post in world.posted if post[2] not in both],
        seeds=everybody,
    )
    everybody_firm = Parameters(selectivity_slack=1, firm_scale=0.001)
    apart = silent.people(everybody_firm)

    together = replace(silent, owners={linked: kept}).people(everybody_firm)

    for account in both & apart.keys():
        assert together[kept]["score"] >= apart[account]["score"] - 1e-9
