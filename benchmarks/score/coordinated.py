"""Whether accounts that act together are found among those that don't. A report for operators, no part of the score.

The accounts of coordinated/ all belong to one campaign, say those who collected them; beside them stand the reposts of
rstudioconf and of the honest people of a made-up world, taken as honest. In that file acts on one post are no closer in
time than chance puts them (ten times the window, ten times the pairs), so what can be found there is who shares posts
again and again, and few of its accounts act on more than one. What the detector is made for, crews that act within
seconds, is put into the made-up world besides.
"""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.score.bound import Bound, Part
from benchmarks.score.population import Bools, Ints
from benchmarks.score.real import CONFERENCE, conference
from benchmarks.score.settings import WORLDS
from benchmarks.score.world import World, make_world, seed_of
from scoring.engine.coaction import coaction

FILE: Final = "coordinated/russian_coord_tweets.csv.gz"
WINDOWS: Final = (60, 600, 3600)
# Crews of accounts, each of which passes on some of the same posts within half a minute.
CREWS: Final = 10
CREW: Final = 20
CREW_POSTS: Final = 10
CREW_ZEAL: Final = 0.5
CREW_SECONDS: Final = 30


class Shares(NamedTuple):
    """Who shared which post when, and whether they are of those who act together: arrays of one length."""

    actor: Ints
    post: Ints
    at: Ints
    together: Bools


@dataclass(frozen=True)
class Found:
    """How well accounts were found: 0 to 1, and how many in how many groups."""

    precision: float
    recall: float
    recall_repeated: float
    accounts: int
    groups: int
    largest: int

    def line(self, name: str) -> str:
        figures = f"{self.precision:>11.3f}{self.recall:>9.3f}{self.recall_repeated:>16.3f}"
        return f"{name:<52}{figures}{self.accounts:>10}{self.groups:>8}{self.largest:>9}"


def part(folder: Path) -> Part:
    """Return the part of the table about acting together, and what is asked of it."""
    world = make_world(WORLDS[0], seed_of("coordinated", WORLDS[0].name))
    honest = [reposts(world.interactions, world)]
    if (folder / CONFERENCE).exists():
        honest.append(reposts(conference(folder).acts))
    campaign = read(folder / FILE)
    lines = [
        f"{'accounts that act together (for operators; no score)':<52}{'precision':>11}{'recall':>9}"
        f"{'of 2 posts up':>16}{'accounts':>10}{'groups':>8}{'largest':>9}"
    ]
    found = {window: judged([campaign, *honest], window) for window in WINDOWS}
    lines += [each.line(f"coordinated/, within {window} s") for window, each in found.items()]
    crewed = judged([with_crews(honest[0], np.random.default_rng(1)), *honest[1:]], WINDOWS[0])
    lines.append(crewed.line(f"made-up crews, within {WINDOWS[0]} s"))
    return Part(
        tuple(lines),
        (
            Bound("coordinated/, within an hour: precision", found[3600].precision, 0.9),
            Bound("made-up crews: precision", crewed.precision, 0.9),
            Bound("made-up crews: recall", crewed.recall, 0.9),
        ),
    )


def read(path: Path) -> Shares:
    """Read the coordinated shares: who shared which object when."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = [(row["account_id"], row["object_id"], float(row["timestamp_share"])) for row in csv.DictReader(file)]
    account, thing, at = zip(*rows, strict=True)
    return Shares(_numbered(account), _numbered(thing), np.array(at).astype(np.int64), np.full(len(at), True))


def reposts(acts: pa.Table, world: World | None = None) -> Shares:
    """Return the reposts of posts that are known; in a world, those by honest people."""
    rows = acts.select(["actor", "post", "at"])
    keep = (acts["kind"].to_numpy(zero_copy_only=False) == "repost") & acts["post"].is_valid().to_numpy()
    if world is not None:
        honest = 1 + np.flatnonzero(np.isin(world.kind_of, ["honest", "friend"]))
        keep &= np.isin(acts["actor"].to_numpy(), honest)
    rows = rows.filter(pa.array(keep))
    actor, post, at = (rows[name].to_numpy() for name in ("actor", "post", "at"))
    return Shares(actor, post, at, np.full(at.size, False))


def with_crews(honest: Shares, dice: np.random.Generator) -> Shares:
    """Add the shares of crews, which pass on posts that honest people pass on too, within half a minute of one."""
    member = np.repeat(np.arange(CREWS * CREW), CREW_POSTS)
    model = dice.integers(0, honest.at.size, (CREWS, CREW_POSTS))[np.arange(CREWS * CREW) // CREW].ravel()
    acts = dice.random(member.size) < CREW_ZEAL
    member, model = member[acts] + honest.actor.max() + 1, model[acts]
    at = honest.at[model] + dice.integers(0, CREW_SECONDS, member.size)
    return _joined([honest, Shares(member, honest.post[model], at, np.full(at.size, True))])


def judged(sources: Sequence[Shares], window: int) -> Found:
    """Find accounts that act together among all, and say how many of them do and how many of those who do were found.

    Sources have no account and no post in common, whatever their numbers.
    """
    apart: list[Shares] = []
    accounts = posts = 0
    for source in sources:
        actor, post = _numbered(source.actor), _numbered(source.post)
        apart.append(Shares(actor + accounts, post + posts, source.at, source.together))
        accounts, posts = accounts + int(actor.max()) + 1, posts + int(post.max()) + 1
    mixed = _joined(apart)
    found = coaction(mixed.actor, mixed.post, mixed.at, window=window)
    named = found.group >= 0
    # Numbered from 0 without gaps, an account is its own position in what was found.
    guilty = np.bincount(mixed.actor, mixed.together) > 0
    number = np.bincount(np.unique(np.stack([mixed.actor, mixed.post]), axis=1)[0])
    return Found(
        precision=_share(guilty, named),
        recall=_share(named, guilty),
        recall_repeated=_share(named, guilty & (number >= 2)),
        accounts=int(named.sum()),
        groups=int(found.group.max()) + 1,
        largest=int((found.group == 0).sum()),
    )


def _share(some: Bools, among: Bools) -> float:
    return float(some[among].mean()) if among.any() else float("nan")


def _joined(parts: Sequence[Shares]) -> Shares:
    return Shares(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _numbered(names: Sequence[str] | Ints) -> Ints:
    return np.asarray(np.unique(np.asarray(names), return_inverse=True)[1], dtype=np.int64)
