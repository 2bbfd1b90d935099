"""The walk against a second library, where it stops, and how it becomes trust."""

import math

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest

from scoring.engine import ConvergenceError
from scoring.engine.arrays import Floats, Ints
from scoring.engine.trust import seeds_from_data, trust, walk


def graph(people: int, edges: int, seed: int) -> tuple[Ints, Ints, Floats, Floats]:
    rng = np.random.default_rng(seed)
    keys = np.unique(rng.integers(0, people * people, edges))
    giver, receiver = keys // people, keys % people
    keep = giver != receiver
    giver, receiver = giver[keep], receiver[keep]
    seeds = np.zeros(people)
    seeds[rng.choice(people, 4, replace=False)] = [1.0, 2.0, 1.0, 0.5]
    return giver, receiver, rng.exponential(size=giver.size), seeds


def index(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("damping", [0.5, 0.85])
def test_walk_is_personalised_pagerank(seed: int, damping: float) -> None:
    # Few edges, so that many give nothing and the walk has to start again there.
    giver, receiver, rate, seeds = graph(300, 500, seed)
    network = nx.DiGraph()
    network.add_nodes_from(range(300))
    network.add_weighted_edges_from(zip(giver.tolist(), receiver.tolist(), rate.tolist(), strict=True))
    start = dict(enumerate((seeds / seeds.sum()).tolist()))
    expected = nx.pagerank(
        network, alpha=damping, personalization=start, dangling=start, tol=1e-16, max_iter=5000, weight="weight"
    )

    found = walk(giver, receiver, rate, seeds, damping=damping, tolerance=1e-14, iterations=1000)

    assert np.abs(found.share - np.array([expected[i] for i in range(300)])).max() < 1e-12
    assert found.share.sum() == pytest.approx(1.0, abs=1e-12)
    assert found.residual <= 1e-14


def test_walk_never_comes_where_no_seed_leads() -> None:
    ring = np.arange(3)
    giver, receiver = np.append(ring, ring + 3), np.append(np.roll(ring, 1), np.roll(ring, 1) + 3)

    found = walk(
        giver, receiver, np.ones(6), np.array([1.0, 0, 0, 0, 0, 0]), damping=0.85, tolerance=1e-12, iterations=300
    )

    assert (found.share[3:] == 0).all()
    assert (found.share[:3] > 0.2).all()


def test_walk_that_does_not_come_to_rest_is_an_error() -> None:
    giver, receiver, rate, seeds = graph(50, 200, 1)

    with pytest.raises(ConvergenceError, match=r"after 3 steps, more than 1e-12; raise walk_iterations"):
        walk(giver, receiver, rate, seeds, damping=0.85, tolerance=1e-12, iterations=3)


def test_trust_is_measured_against_the_few_who_hold_the_walk() -> None:
    # Two hold 99 of 100 parts; however many share the rest, the mean stays (0.99 / 2).
    def found(rest: int) -> npt.NDArray[np.float64]:
        share = np.concatenate([[0.495, 0.495], np.full(rest, 0.01 / rest)])
        return trust(share, scale=1.0, core=0.99)

    assert found(10)[0] == pytest.approx(1 - math.exp(-1))
    assert found(100_000)[0] == pytest.approx(1 - math.exp(-1))


def test_trust_counts_the_last_of_the_core_in_part() -> None:
    # 90 % of the walk: the first person whole (.6), the second for .3 of .4, so 1.75 people hold .9.
    share = np.array([0.6, 0.4])

    found = trust(share, scale=0.5, core=0.9)

    mean = 0.9 / 1.75
    assert found.tolist() == pytest.approx([1 - math.exp(-((s / (0.5 * mean)) ** 2)) for s in (0.6, 0.4)])


def test_few_stray_answers_buy_little_trust() -> None:
    # A tenth of the usual attention is worth a hundredth of what the usual is, because of the square.
    usual, stray = trust(np.array([1.0] * 99 + [0.01]), scale=0.14, core=0.99)[[0, -1]]

    assert usual > 0.999
    assert stray < 0.006


def test_data_seeds_want_two_answered_givers() -> None:
    # 0 and 1 answer each other and both answer 2; 3 and 4, whom nobody answers, answer 5.
    giver, receiver = index([0, 1, 0, 1, 3, 4]), index([1, 0, 2, 2, 5, 5])

    weights = seeds_from_data(giver, receiver, np.ones(6), 6)

    assert weights.tolist() == [0, 0, math.sqrt(2), 0, 0, 0]


def test_data_seeds_fall_back_on_whatever_there_is() -> None:
    one_answered = seeds_from_data(index([0, 1]), index([1, 0]), np.ones(2), 3)
    nobody_answered = seeds_from_data(index([0, 1]), index([2, 2]), np.ones(2), 3)
    nothing = seeds_from_data(index([]), index([]), np.zeros(0), 3)

    assert one_answered.tolist() == [1, 1, 0]
    assert nobody_answered.tolist() == [0, 0, math.sqrt(2)]
    assert nothing.tolist() == [1, 1, 1]
