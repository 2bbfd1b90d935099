"""Real activity, read where it lies: how well the score foretells what people did next."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from accounts.intake import open_source
from benchmarks.score.baselines import BASELINES, Rows
from benchmarks.score.bound import Bound, Part
from benchmarks.score.population import Floats, Ints
from benchmarks.score.tuning import InnerSplit, chosen_by_inner_splits
from scoring.engine import POSTS, Inputs, Parameters
from scoring.engine.activity import DAY, activity
from scoring.engine.backtests import Backtest, Ranking, rank
from scoring.engine.past import backtest
from scoring.engine.people import People
from scoring.engine.snapshot import known, snapshot
from scoring.engine.tables import Workspace

HIGGS: Final = "higgs/higgs-activity_time.txt.gz"
CONFERENCE: Final = "rstudioconf/tweets.csv.gz"
ANY_KIND: Final = ("like", "repost", "reply", "quote", "mention", "link")


def _day(year: int, month: int, day: int) -> int:
    return int(dt.datetime(year, month, day, tzinfo=dt.UTC).timestamp())


@dataclass(frozen=True)
class Split:
    """Where a data set is cut, how many days are foretold, and which kinds of acts are counted then."""

    cut: int
    days: int
    kinds: tuple[str, ...] = ANY_KIND


# Bursts of days: the half-life is in keeping with the horizon. Settings are chosen by the inner splits, which lie
# before the cut with all that they foretell.
HIGGS_SPLIT: Final = Split(_day(2012, 7, 6), 2, ("repost",))
HIGGS_INNER: Final = tuple(Split(_day(2012, 7, day), days, ("repost",)) for day, days in ((3, 2), (4, 2), (5, 1)))
CONFERENCE_SPLIT: Final = Split(_day(2018, 2, 3), 2)
CONFERENCE_INNER: Final = (Split(_day(2018, 2, 1), 1), Split(_day(2018, 2, 2), 1))


@dataclass(frozen=True)
class Data:
    """A data set's acts and posts, as the engine reads them."""

    acts: pa.Table
    posts: pa.Table


def higgs(folder: Path) -> Data:
    """Read the Higgs data set as the product reads it."""
    return _read(folder / HIGGS, "higgs")


def conference(folder: Path) -> Data:
    """Read the tweets of rstudioconf 2018 as the product reads them."""
    return _read(folder / CONFERENCE, "rtweet")


def _read(path: Path, format: str) -> Data:
    """Read a data set whose accounts and posts are numbers already."""
    batches = list(open_source(path, format).batches())
    acts, posts = (pa.concat_tables(getattr(batch, name) for batch in batches) for name in ("interactions", "posts"))
    return Data(_numbers(acts, "actor", "target", "post"), _numbers(posts, "post", "author").select(POSTS.names))


def _numbers(table: pa.Table, *names: str) -> pa.Table:
    for name in names:
        table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.int64()))
    return table


def candidates_at(acts: pa.Table, cut: int) -> Ints:
    """Return everybody on whom somebody else acted before a cut, ascending."""
    before = (acts["at"].to_numpy() < cut) & (acts["actor"].to_numpy() != acts["target"].to_numpy())
    return np.unique(acts["target"].to_numpy()[before])


def actors_after(acts: pa.Table, candidates: Ints, split: Split) -> Floats:
    """Count the different people who act on each candidate in the days after a cut."""
    at, actor, target = (acts[name].to_numpy() for name in ("at", "actor", "target"))
    then = np.isin(acts["kind"].to_numpy(zero_copy_only=False), split.kinds)
    then &= (at >= split.cut) & (at < split.cut + split.days * DAY) & (actor != target)
    pairs = np.unique(np.stack([target[then], actor[then]]), axis=1)
    place = np.minimum(np.searchsorted(candidates, pairs[0]), candidates.size - 1)
    return np.bincount(place[candidates[place] == pairs[0]], minlength=candidates.size).astype(np.float64)


def reaches(data: Data, split: Split, formulas: Iterable[Parameters]) -> Iterator[Floats]:
    """Yield the reach of everybody on whom somebody had acted at a cut, by one formula after the other."""
    candidates = candidates_at(data.acts, split.cut)
    inputs = Inputs(data.acts, data.posts, split.cut)
    with Workspace() as workspace:
        seen = activity(workspace, inputs)
        for formula in formulas:
            with Workspace(workspace.connection) as inner:
                now = known(inner, seen, split.cut, formula)
                people = People.of(inner, now.state, inputs.owners)
                found, _ = snapshot(inner, now, people, seeds=inputs.seeds, resting=inputs.rests, formula=formula)
            yield found.reach.reach[people.positions(candidates)]


def judged(data: Data, split: Split, formula: Parameters) -> dict[str, Ranking]:
    """Rank everybody on whom somebody had acted at a cut, by each baseline and by the score."""
    candidates = candidates_at(data.acts, split.cut)
    then = actors_after(data.acts, candidates, split)
    accounts = np.unique(np.concatenate([data.acts["actor"].to_numpy(), data.acts["target"].to_numpy()]))
    rows = Rows.read(data.acts, accounts, split.cut)
    place = np.searchsorted(accounts, candidates)
    scores = {name: baseline(rows)[place] for name, baseline in BASELINES.items()}
    (scores["the score"],) = reaches(data, split, [formula])
    return {name: rank(score, then) for name, score in scores.items()}


def choice(data: Data, inner: tuple[Split, ...], horizon_days: int) -> tuple[Parameters, list[str]]:
    """Choose the settings for a data set by inner splits alone, and say which they are."""

    def inside(split: Split) -> InnerSplit:
        candidates = candidates_at(data.acts, split.cut)
        then = actors_after(data.acts, candidates, split)
        return InnerSplit(
            candidates.size,
            lambda formulas: [rank(reach, then).spearman for reach in reaches(data, split, formulas)],
        )

    return chosen_by_inner_splits([inside(split) for split in inner], horizon_days)


def higgs_part(folder: Path) -> Part:
    """Return the part of the table about the Higgs data, and what is asked of it."""
    data = higgs(folder)
    formula, said = choice(data, HIGGS_INNER, HIGGS_SPLIT.days)
    found = judged(data, HIGGS_SPLIT, formula)
    tested = backtest(Inputs(data.acts, data.posts, 0), formula, HIGGS_SPLIT.cut)
    assert tested, "there are days enough before the cut"
    assert tested.coverage_before is not None, "and people enough for bands"
    mine = found["the score"]
    return Part(
        (*_table("higgs, 6 and 7 July 2012", found), *_bands(tested), *said),
        (
            Bound("higgs: Spearman", mine.spearman, 0.26),
            Bound("higgs: nDCG@100", mine.ndcg, 0.41),
            Bound("higgs: overlap@100", mine.overlap, 0.37),
            Bound("higgs: 80 % bands hold", tested.coverage_before, 0.75, 0.85),
        ),
    )


def conference_part(folder: Path) -> Part:
    """Return the part of the table about rstudioconf. Nothing is asked of it: six thousand acts say little."""
    data = conference(folder)
    formula, said = choice(data, CONFERENCE_INNER, CONFERENCE_SPLIT.days)
    tested = backtest(Inputs(data.acts, data.posts, 0), formula, CONFERENCE_SPLIT.cut)
    bands = _bands(tested) if tested is not None else []
    found = judged(data, CONFERENCE_SPLIT, formula)
    return Part((*_table("rstudioconf, 3 and 4 February 2018", found), *bands, *said))


def _table(head: str, found: dict[str, Ranking]) -> list[str]:
    lines = [f"{head:<36}{'Spearman':>9}{'nDCG@100':>10}{'overlap':>9}"]
    for name, figures in found.items():
        lines.append(f"{name:<36}{figures.spearman:>9.3f}{figures.ndcg:>10.3f}{figures.overlap:>9.2f}")
    return lines


def _bands(tested: Backtest) -> list[str]:
    if tested.coverage_before is None:
        return ["no bands: too little was known before"]
    of_large = "" if tested.coverage_before_large is None else f", {tested.coverage_before_large:.3f} of those of"
    large = f"{of_large} the {tested.large} of whom 20 or more were expected" if of_large else ""
    return [f"80 % bands, learned in the days before, hold {tested.coverage_before:.3f} of all outcomes{large}"]
