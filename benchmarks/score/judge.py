"""Hold rankings of a world against what then happened in it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.score.attacks import CLASSES
from benchmarks.score.baselines import BASELINES, Rows
from benchmarks.score.foresight import Foresight, foresight
from benchmarks.score.measures import excess, gained, lost, percentile
from benchmarks.score.population import Floats
from benchmarks.score.settings import Setting
from benchmarks.score.world import World, make_world, seed_of
from scoring.engine import Result, compute
from scoring.engine.measures import ndcg, overlap, spearman


@dataclass(frozen=True)
class Verdict:
    """How a ranking did in a world.

    Attributes
    ----------
    spearman, ndcg, overlap : float
        Among honest people and buyers together.
    gained : dict of str to float
        Median percentile points above the true place, by class of attacker.
    excess : dict of str to float
        Worst decile of the same, less that of honest people of like truth.
    nonsense : float
        Median percentile of the nonsense accounts.
    """

    spearman: float
    ndcg: float
    overlap: float
    gained: dict[str, float]
    excess: dict[str, float]
    nonsense: float


@dataclass(frozen=True)
class Judgement:
    """A world's verdicts.

    Attributes
    ----------
    name : str
        The world.
    ceiling : Verdict
        Of the mean of other futures: what nobody could beat.
    baselines : dict of str to Verdict
        Of what others would rank by.
    formula : Verdict
        Of the score.
    lost : dict of str to tuple of float
        Median and worst decile of the percentile points lost to discounts, of honest people and of friends.
    foresight : Foresight or None
        What bands and scores were worth afterwards; None for a formula that has no bands.
    """

    name: str
    ceiling: Verdict
    baselines: dict[str, Verdict]
    formula: Verdict
    lost: dict[str, tuple[float, float]]
    foresight: Foresight | None = None

    @property
    def best_baseline(self) -> float:
        return max(verdict.spearman for verdict in self.baselines.values())

    @property
    def gap_closed(self) -> float:
        """The share of the way from the best baseline to the ceiling that the formula goes."""
        return (self.formula.spearman - self.best_baseline) / (self.ceiling.spearman - self.best_baseline)


Formula = Callable[[World], tuple[Floats, Floats]]


def judge_setting(base: str, formula: Formula, setting: Setting) -> Judgement:
    """Make the world of a setting, with a seed derived from that of the table, and judge a formula in it."""
    world = make_world(setting, seed_of(base, setting.name))
    found = judge(world, formula)
    return replace(found, foresight=foresight(world)) if formula is engine else found


def engine(world: World) -> tuple[Floats, Floats]:
    """Return everybody's reach by the engine, and their reach without discounts, by position."""
    result, people = compute(world.inputs), world.setting.people
    reach = of(result, "reach", people)
    return reach, reach + sum(of(result, f"taken_{reason}", people) for reason in DISCOUNTS)


def judge(world: World, formula: Formula = engine) -> Judgement:
    """Rank a world's people by everything, and hold it against what happened."""
    people = np.arange(1, world.setting.people + 1)
    acts = world.interactions
    accounts = np.unique(np.concatenate([people, *(acts[name].to_numpy() for name in ("actor", "target"))]))
    rows = Rows.read(acts, accounts, world.cut)
    baselines = {"followers": verdict(world, world.followers.astype(np.float64))}
    for name, rank in BASELINES.items():
        baselines[name] = verdict(world, rank(rows)[: people.size])
    reach, before = formula(world)
    honest = world.candidates & np.isin(world.kind_of, ["honest", "friend"])
    fell = lost(before, reach, honest)
    return Judgement(
        name=world.setting.name,
        ceiling=verdict(world, world.ceiling),
        baselines=baselines,
        formula=verdict(world, reach),
        lost={
            kind: (float(np.median(fell[some])), float(np.quantile(fell[some], 0.9)))
            for kind in ("honest", "friend")
            for some in [honest & (world.kind_of == kind)]
        },
    )


# Absence isn't one of them: it is part of the forecast, and costs nobody who is there.
DISCOUNTS = ("unvouched", "exchange", "indiscriminate", "repetition")


def of(result: Result, column: str, people: int) -> Floats:
    """Return a column of the scores by position; 0 for people whom the engine didn't see."""
    found = result.scores["person"].to_numpy()
    known = found <= people
    values = np.zeros(people)
    values[found[known] - 1] = result.scores[column].to_numpy()[known]
    return values


def verdict(world: World, score: Floats) -> Verdict:
    """Hold one ranking against what happened."""
    honest = world.candidates & np.isin(world.kind_of, ["honest", "friend"])
    judged = honest | (world.candidates & (world.kind_of == "bought"))
    gain = gained(score, world.ceiling, honest)
    members = {name: world.candidates & (world.kind_of == name) for name in CLASSES}
    return Verdict(
        spearman=spearman(score[judged], world.outcome[judged]),
        ndcg=ndcg(score[judged], world.outcome[judged]),
        overlap=overlap(score[judged], world.outcome[judged]),
        gained={name: float(np.median(gain[some])) for name, some in members.items()},
        excess={name: excess(gain, world.ceiling, some, honest) for name, some in members.items()},
        nonsense=float(np.median(percentile(score, honest)[members["nonsense"]])),
    )
