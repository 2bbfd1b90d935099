"""What ten thousand, a hundred thousand and a million bots buy, by the engine itself.

Three honest people of the usual world, of small, middle and large true reach, each get so many bots of their own, all
at once; nobody answers a bot. Bots differ in how they hide: they act on their buyer alone, or a tenth or half of their
acts copy what honest people do, or they read broadly, nine acts in ten being on others.
"""

import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from benchmarks.score.bound import Bound, Part
from benchmarks.score.foresight import chosen
from benchmarks.score.measures import percentile
from benchmarks.score.population import Floats, Ints
from benchmarks.score.settings import WORLDS
from benchmarks.score.world import World, make_world, seed_of
from scoring.engine import Parameters
from scoring.engine.activity import DAY, activity
from scoring.engine.people import People
from scoring.engine.scale import score
from scoring.engine.snapshot import known, snapshot
from scoring.engine.tables import Workspace

COUNTS: Final = (10_000, 100_000, 1_000_000)
# Shares of a bot's acts that go to others.
HIDING: Final = {"on one alone": 0.0, "10 % on others": 0.1, "50 % on others": 0.5, "read broadly": 0.9}
# True reach of the buyers, of whom the nearest are taken.
TRUE_REACH: Final = (5.0, 50.0, 500.0)
# Acts of a bot on its buyer, at least one, in the mean; and over how many days.
ACTS: Final = 2.0
BOUGHT_DAYS: Final = 60
# More acts than this at once aren't worth the memory: about ten times as many bytes as the engine takes for an act.
MOST_ACTS: Final = 7_000_000


@dataclass(frozen=True)
class Standing:
    """Where the buyers stand: arrays of shape (buyers,)."""

    reach: Floats
    score: Floats
    percentile: Floats


def part(base: str) -> Part:
    """Return the table of what bots buy, and what is asked of it."""
    usual = WORLDS[0]
    world, formula = make_world(usual, seed_of(base, usual.name)), Parameters()
    buyers = buyers_of(world)
    before = standing(world, buyers, None, formula)
    dice = np.random.default_rng(seed_of(base, "bots"))
    heads = [f"{true:.0f} people" for true in world.ceiling[buyers]]
    lines = [
        "what bots buy: points of score / of percentile, for people of a true reach of " + ", ".join(heads),
        f"{'before':<32}" + _cells(before.score, before.percentile),
    ]
    most = 0.0
    for hiding, share in HIDING.items():
        for count in COUNTS:
            name = f"{count:>9,} {hiding}"
            if buyers.size * count * ACTS / (1 - share) > MOST_ACTS:
                lines.append(f"{name:<32}" + f"{'not computed: too many acts':>32}")
                continue
            started = time.monotonic()
            after = standing(world, buyers, bot_acts(world, buyers, count, share, dice), formula)
            gained = _cells(after.score - before.score, after.percentile - before.percentile)
            lines.append(f"{name:<32}{gained}{time.monotonic() - started:>8.0f} s")
            if not share:
                most = max(most, float((after.reach / before.reach).max()) - 1.0)
    return Part(
        tuple(lines),
        (Bound("a million bots on one alone, nobody answers them: reach rises by", most, high=formula.kappa),),
    )


def buyers_of(world: World) -> Ints:
    """Return the positions of honest authors whose true reach is nearest, in proportion, to `TRUE_REACH`."""
    acts = world.interactions
    answered = np.unique(acts["target"].to_numpy()[acts["post"].is_valid().to_numpy()]) - 1
    honest = np.flatnonzero(world.candidates & (world.kind_of == "honest"))
    honest = honest[np.isin(honest, answered) & (world.ceiling[honest] > 0)]
    return np.array([honest[np.argmin(np.abs(np.log(world.ceiling[honest] / true)))] for true in TRUE_REACH])


def bot_acts(world: World, buyers: Ints, count: int, share: float, dice: np.random.Generator) -> pa.Table:
    """Return the acts of `count` bots for each buyer, `share` of them on others.

    Acts copy when and on which post honest people act, a minute to a day later: of the buyer for the buyer, of anybody
    for the rest.
    """
    seen = world.interactions
    at, target, post = (seen[name].to_numpy(zero_copy_only=False) for name in ("at", "target", "post"))
    kind = seen["kind"].to_numpy(zero_copy_only=False)
    late = (at >= world.cut - BOUGHT_DAYS * DAY) & (target <= world.setting.people)
    late &= np.isin(kind, ["like", "repost", "reply"])
    first = max(int(seen[name].to_numpy().max()) for name in ("actor", "target")) + 1
    parts: list[tuple[Ints, Ints]] = []
    for number, buyer in enumerate(buyers):
        bots = np.arange(first + number * count, first + (number + 1) * count)
        own = np.flatnonzero((target == buyer + 1) & (late if (late & (target == buyer + 1)).any() else True))
        by = np.repeat(bots, 1 + dice.poisson(ACTS - 1, count))
        parts.append((by, own[dice.integers(0, own.size, by.size)]))
        if share:
            by = np.repeat(bots, dice.poisson(ACTS * share / (1 - share), count))
            parts.append((by, np.flatnonzero(late)[dice.integers(0, int(late.sum()), by.size)]))
    actor, model = (np.concatenate(some) for some in zip(*parts, strict=True))
    when = np.minimum(at[model] + dice.integers(60, DAY, actor.size), world.cut - 1)
    columns: Any = {
        "at": when,
        "kind": pa.array(["like"]).take(np.zeros(actor.size, dtype=np.int64)),
        "actor": actor,
        "target": target[model],
        "post": post[model],
        "network": pa.repeat("made-up", actor.size),
    }
    return pa.table(columns)


def standing(world: World, buyers: Ints, bots: pa.Table | None, formula: Parameters) -> Standing:
    """Run the engine on a world with some bots, and return where the buyers then stand among honest people."""
    acts = world.interactions if bots is None else pa.concat_tables([world.interactions, bots])
    inputs = type(world.inputs)(acts, world.inputs.posts, world.cut, seeds=world.inputs.seeds)
    with Workspace() as workspace:
        seen = activity(workspace, inputs)
        now = known(workspace, seen, world.cut, formula)
        people = People.of(workspace, now.state, inputs.owners)
        found, _ = snapshot(workspace, now, people, seeds=inputs.seeds, resting=inputs.rests, formula=formula)
    reach = found.reach.reach
    honest = chosen(people.numbers, world.candidates & np.isin(world.kind_of, ["honest", "friend"]))
    at = people.positions(buyers + 1)
    scores = score(reach, formula.scale_top)
    return Standing(reach[at], scores[at], percentile(scores, honest)[at])


def _cells(points: Floats, percentiles: Floats) -> str:
    return "".join(f"{f'{one:+.1f} / {other:+.1f}':>18}" for one, other in zip(points, percentiles, strict=True))
