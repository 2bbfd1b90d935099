"""What others would rank people by, from the same rows as the score: more of it than a nightly run compares."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import igraph
import numpy as np
import pyarrow as pa

from benchmarks.score.population import Floats, Ints
from scoring.engine.activity import DAY
from scoring.engine.baselines import DISTINCT, REACTIONS, counted, distinct

RECENT_DAYS: Final = 28
# What others commonly give: a repost carries farther than a like.
WEIGHTS: Final = {"like": 1.0, "reply": 2.0, "repost": 3.0, "quote": 3.0, "mention": 2.0, "link": 2.0, "click": 0.5}
# Chance that somebody passes on what they read, in TunkRank.
PASSES_ON: Final = 0.05


@dataclass(frozen=True)
class Rows:
    """Acts between different people, as positions: arrays of shape (k,), and how many people there are."""

    at: Ints
    actor: Ints
    target: Ints
    weight: Floats
    post: Ints
    until: int
    people: int

    @classmethod
    def read(cls, interactions: pa.Table, accounts: Ints, until: int) -> "Rows":
        """Take the acts before a moment; `accounts`, ascending, gives each person's position."""
        at = interactions["at"].to_numpy()
        actor, target = interactions["actor"].to_numpy(), interactions["target"].to_numpy()
        kind: Any = interactions["kind"].combine_chunks().dictionary_encode()
        weights = np.array([WEIGHTS.get(name, 0.0) for name in kind.dictionary.to_pylist()])
        keep = (at < until) & (actor != target) & (weights[kind.indices.to_numpy()] > 0)
        post = interactions["post"].fill_null(pa.scalar(-1)).to_numpy()
        return cls(
            at[keep],
            np.searchsorted(accounts, actor[keep]),
            np.searchsorted(accounts, target[keep]),
            weights[kind.indices.to_numpy()[keep]],
            post[keep],
            until,
            accounts.size,
        )

    def pairs(self) -> tuple[Ints, Ints, Floats]:
        """Return givers, receivers and numbers of acts, each pair once."""
        keys, counts = np.unique(self.actor * self.people + self.target, return_counts=True)
        return keys // self.people, keys % self.people, counts.astype(np.float64)


def _counted(rows: Rows) -> Floats:
    return counted(rows.target, rows.people)


def _distinct(rows: Rows) -> Floats:
    return distinct(rows.actor, rows.target, rows.people)


def _recent(rows: Rows) -> Rows:
    keep = rows.at >= rows.until - RECENT_DAYS * DAY
    return Rows(
        rows.at[keep], rows.actor[keep], rows.target[keep], rows.weight[keep], rows.post[keep], rows.until, rows.people
    )


def _weighted(rows: Rows) -> Floats:
    return counted(rows.target, rows.people, rows.weight)


def _h_index(rows: Rows) -> Floats:
    """Count the posts of which h have at least h acts. (Hirsch, PNAS 102, 2005.)"""
    known = rows.post >= 0
    pairs, counts = np.unique(np.stack([rows.target[known], rows.post[known]]), axis=1, return_counts=True)
    order = np.lexsort((-counts, pairs[0]))
    author, counts = pairs[0][order], counts[order]
    rank = np.arange(author.size) - np.searchsorted(author, author) + 1
    return np.bincount(author[counts >= rank], minlength=rows.people).astype(np.float64)


def _pagerank(rows: Rows) -> Floats:
    giver, receiver, counts = rows.pairs()
    graph = igraph.Graph(n=rows.people, edges=np.stack([giver, receiver], axis=1).tolist(), directed=True)
    return np.asarray(graph.pagerank(weights=counts.tolist()))


def _tunkrank(rows: Rows) -> Floats:
    """Sum over givers of (1 + chance · their own) / the number whom they give to. (Tunkelang, 2009.)"""
    giver, receiver, _counts = rows.pairs()
    given = np.bincount(giver, minlength=rows.people)
    rank: Floats = np.zeros(rows.people)
    for _step in range(50):
        rank = np.asarray(np.bincount(receiver, (1 + PASSES_ON * rank[giver]) / given[giver], rows.people))
    return rank


BASELINES: Final[dict[str, Callable[[Rows], Floats]]] = {
    REACTIONS: _counted,
    DISTINCT: _distinct,
    "reactions, last 28 days": lambda rows: _counted(_recent(rows)),
    "distinct, last 28 days": lambda rows: _distinct(_recent(rows)),
    "weighted counts": _weighted,
    "h-index of posts": _h_index,
    "PageRank": _pagerank,
    "TunkRank": _tunkrank,
}
