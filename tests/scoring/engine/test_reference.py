"""The engine against the same definition in plain Python, on random small worlds."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoring.engine import Parameters
from tests.scoring.engine import reference
from tests.scoring.engine.worlds import DAY, UNTIL, World

KINDS = ("like", "reply", "repost", "quote", "mention", "link", "click", "follow", "wave")
TEXTS = ("jump jump", "jump", "Jump! https://a.b/c", "a nut", "nut 2", "跳跳", "好天气", "12", "13", None)

# A few seconds on a few days, so that the same second and the same day come up often.
moments = st.builds(
    lambda day, second: UNTIL - day * DAY + second,
    st.integers(-1, 12),
    st.sampled_from([0, 1, 2, 3600, 40_000, 80_000]),
)
accounts = st.integers(1, 7)
numbers = st.none() | st.integers(1, 9)
# Whole days of rest more often than parts of them.
hours = (st.integers(0, 14).map(lambda day: 24 * day) | st.integers(0, 14 * 24)).map(lambda hour: UNTIL - hour * 3600)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    acts = draw(
        st.lists(
            st.tuples(
                moments, st.sampled_from(KINDS), accounts, accounts, numbers, st.sampled_from(["demo", "twitter"])
            ),
            max_size=40,
        )
    )
    kinds = st.sampled_from(["original", "reshare", "reply", "quote"])
    posted = draw(
        st.lists(
            st.tuples(st.integers(1, 9), moments, accounts, kinds, st.sampled_from(TEXTS)),
            max_size=14,
            unique_by=lambda row: row[0],
        )
    )
    rests = draw(st.lists(st.tuples(accounts, hours, hours), max_size=3))
    return World(
        acts=acts,
        posted=posted,
        owners=draw(st.dictionaries(accounts, st.integers(1, 9), max_size=4)),
        seeds=draw(st.lists(st.integers(1, 9), max_size=3)),
        rests=[(who, min(a, b), max(a, b)) for who, a, b in rests],
    )


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    world=worlds(),
    half_life=st.sampled_from([2.0, 30.0]),
    burst=st.sampled_from([0.0, 0.4]),
    texts=st.sampled_from([1, 3]),
)
def test_engine_is_the_definition(world: World, half_life: float, burst: float, texts: int) -> None:
    parameters = Parameters(
        half_life_days=half_life,
        burst_share=burst,
        burst_half_life_days=0.5,
        horizon_days=14,
        credibility_texts=texts,
        exchange_actions=3,
        selectivity_slack=1,
        exchange_partners=0.3,
        trust_scale=0.8,
        firm_scale=1.6,
        breadth_from=0.2,
        kappa_broad=0.5,
        broad_people=0.3,
        ordinary_ratio=2,
        return_hours=8,
    )
    expected = reference.score(world, parameters)

    people = world.people(parameters)

    assert people.keys() == expected.keys()
    for person, row in expected.items():
        for column, value in row.items():
            assert abs(people[person][column] - value) < 1e-9, (person, column, people[person][column], value)
