"""The walk of trust against the same by other libraries.

    python -m benchmarks.engine.walks prepare ACTS EDGES    edges between positions, from acts as `pairs` prepares them
    python -m benchmarks.engine.walks NAME EDGES            one way, from these arrays to the shares of the walk

All stop at the same absolute L1 residual, as far as they can be told to: networkx stops at the number of nodes times
what it is given, and igraph's solver at an accuracy of its own. networkit's PageRank starts again at everybody, never
at seeds, so it is held against our walk from everybody. What is bounded is the time without that of making the graph,
which the others are given for nothing, while ours makes its matrix within.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.engine.activity import Activity, write_log
from benchmarks.engine.measure import by_turns, cost, mebibytes, middle, noise, part
from benchmarks.score.bound import Bound, Part

DAMPING: Final = 0.85
TOLERANCE: Final = 1e-10
OURS: Final = "Sway"
EVERYBODY: Final = ", from everybody"
# A graph of networkx takes about 1 KB an edge.
_MOST_EDGES_OF_NETWORKX: Final = 3_000_000
_SEEDS: Final = 0.001

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
# Giver, receiver and rate of the edges, and where the walk starts again.
Edges = tuple[Ints, Ints, Floats, Floats]
# Makes a graph, and gives what walks along it.
Way = Callable[[Edges], Callable[[], Floats]]


def measured(size: int, folder: Path, rounds: int) -> Part:
    """Walk along the pairs of a size in every way, by turns."""
    log, acts, edges = folder / "log", folder / "acts.parquet", folder / "edges.npz"
    if not acts.exists():
        for _ in write_log(Activity(size), log):
            pass
        cost(part("pairs", "prepare", str(log), str(acts)))
    count = int(cost(part("walks", "prepare", str(acts), str(edges))).told["edges"])
    lines = [f"the walk along {count:,} edges", f"{'':<26}{'seconds':>10}{'graph':>10}{'of Sway':>10}{'MiB':>10}"]
    ways = dict(WAYS)
    if count > _MOST_EDGES_OF_NETWORKX:
        del ways["networkx"]
        lines.append("networkx: left out, for its graph of so many edges takes gigabytes")
    found = by_turns({name: _runner(name, edges) for name in ways}, rounds)
    bounds = []
    for name, each in found.items():
        same = OURS + EVERYBODY if name.endswith(EVERYBODY) else OURS
        apart = abs(each[0].told["check"] - found[same][0].told["check"])
        if apart > 1e-6:
            raise ArithmeticError(f"{name} walks elsewhere than {same}: the largest shares differ by {apart:.3g}")
        ours = found[same]
        ratio = middle(each) / middle(ours)
        graph = each[0].told["graph"]
        lines.append(f"{name:<26}{middle(each):>10.2f}{graph:>10.2f}{ratio:>10.2f}{mebibytes(each):>10.0f}")
        if not name.startswith(OURS):
            least = 1 / (1 + max(noise(ours), noise(each)))
            bounds.append(Bound(f"walk, {count:,} edges: {name}, of Sway's time", ratio, low=round(least, 2)))
    return Part(tuple(lines), tuple(bounds))


def _runner(name: str, edges: Path) -> Callable[[], Any]:
    return lambda: cost(part("walks", name, str(edges)))


def prepare(acts: Path, edges: Path) -> int:
    """Write the pairs of some acts as edges between positions, with a thousandth of the people as seeds."""
    import duckdb

    with duckdb.connect() as connection:
        pairs = connection.execute(
            "SELECT actor, target, count(*) AS rate FROM read_parquet($acts) GROUP BY ALL ORDER BY ALL",
            {"acts": str(acts)},
        ).fetchnumpy()
    people, places = np.unique(np.concatenate([pairs["actor"], pairs["target"]]), return_inverse=True)
    giver, receiver = np.split(places.astype(np.int64), 2)
    seeds = np.zeros(people.size)
    seeds[np.random.default_rng(4).permutation(people.size)[: max(1, int(people.size * _SEEDS))]] = 1.0
    np.savez(edges, giver=giver, receiver=receiver, rate=pairs["rate"].astype(np.float64), seeds=seeds)
    return int(giver.size)


def sway(edges: Edges) -> Callable[[], Floats]:
    """Walk as the nightly run does."""
    from scoring.engine.trust import walk

    giver, receiver, rate, seeds = edges
    return lambda: walk(giver, receiver, rate, seeds, damping=DAMPING, tolerance=TOLERANCE, iterations=1000).share


def igraph(edges: Edges) -> Callable[[], Floats]:
    """Walk by igraph's PRPACK."""
    import igraph as ig

    giver, receiver, rate, seeds = edges
    graph = ig.Graph(n=seeds.size, edges=np.stack([giver, receiver], axis=1), directed=True)
    graph.es["weight"] = rate
    return lambda: np.array(graph.personalized_pagerank(damping=DAMPING, reset=seeds, weights="weight"))


def networkx(edges: Edges) -> Callable[[], Floats]:
    """Walk by networkx."""
    import networkx as nx

    giver, receiver, rate, seeds = edges
    graph = nx.DiGraph()
    graph.add_nodes_from(range(seeds.size))
    graph.add_weighted_edges_from(zip(giver.tolist(), receiver.tolist(), rate.tolist(), strict=True))
    start = {int(place): float(seeds[place]) for place in np.flatnonzero(seeds)}
    each = TOLERANCE / seeds.size

    def walk() -> Floats:
        found = nx.pagerank(graph, alpha=DAMPING, personalization=start, tol=each, max_iter=1000)
        return np.fromiter(found.values(), dtype=np.float64, count=seeds.size)

    return walk


def networkit(edges: Edges) -> Callable[[], Floats]:
    """Walk by networkit, from everybody."""
    import networkit as nk

    giver, receiver, rate, seeds = edges
    nk.engineering.setNumberOfThreads(2)
    graph = nk.GraphFromCoo((rate, (giver, receiver)), n=seeds.size, weighted=True, directed=True)
    handling = nk.centrality.SinkHandling.DistributeSinks
    ranks = nk.centrality.PageRank(graph, DAMPING, TOLERANCE, distributeSinks=handling)
    ranks.norm = nk.centrality.Norm.L1_NORM
    ranks.maxIterations = 1000

    def walk() -> Floats:
        ranks.run()
        return np.array(ranks.scores())

    return walk


def _from_everybody(edges: Edges) -> Callable[[], Floats]:
    giver, receiver, rate, seeds = edges
    return sway((giver, receiver, rate, np.ones(seeds.size)))


WAYS: Final[dict[str, Way]] = {
    OURS: sway,
    "igraph": igraph,
    "networkx": networkx,
    OURS + EVERYBODY: _from_everybody,
    "networkit" + EVERYBODY: networkit,
}


# What takes a second to import isn't measured.
_NEEDED: Final = {
    OURS: "scoring.engine.trust",
    "igraph": "igraph",
    "networkx": "networkx",
    "networkit": "networkit",
}


def read(edges: Path) -> Edges:
    """Read what `prepare` wrote."""
    with np.load(edges) as stored:
        return stored["giver"], stored["receiver"], stored["rate"], stored["seeds"]


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        print(json.dumps({"edges": prepare(Path(sys.argv[2]), Path(sys.argv[3]))}))
    else:
        given = read(Path(sys.argv[2]))
        import_module(_NEEDED[sys.argv[1].removesuffix(EVERYBODY)])
        started = time.perf_counter()
        run = WAYS[sys.argv[1]](given)
        made = time.perf_counter()
        share = run()
        seconds = time.perf_counter() - made
        # What all have to agree on: the largest shares, whoever has them.
        check = float(np.sort(share)[-100:].sum())
        print(json.dumps({"seconds": seconds, "graph": made - started, "check": check}))
