"""How good a ranking is, what attackers gain by it, and what honest people lose."""

import numpy as np
from scipy.stats import spearmanr

from benchmarks.score.population import Bools, Floats

TOP = 100
# People nearest in truth with whom an attacker is compared.
ALIKE = 50


def spearman(score: Floats, outcome: Floats) -> float:
    """Return the rank correlation, -1 to 1; 0 where one of the two is constant."""
    if np.ptp(score) == 0 or np.ptp(outcome) == 0:
        return 0.0
    return float(spearmanr(score, outcome).statistic)


def ndcg(score: Floats, outcome: Floats, top: int = TOP) -> float:
    """Return the discounted gain of the first `top`, as a share of the best possible; ties count at their mean.

    (Järvelin and Kekäläinen, ACM TOIS 20, 2002; ties as by McSherry and Najork, ECIR 2008.)
    """
    discount = 1.0 / np.log2(np.arange(2, min(top, score.size) + 2))
    best = float(np.sort(outcome)[::-1][: discount.size] @ discount)
    _, group = np.unique(-score, return_inverse=True)
    mean = np.bincount(group, outcome) / np.bincount(group)
    return float(mean[np.sort(group)[: discount.size]] @ discount) / best if best else 0.0


def overlap(score: Floats, outcome: Floats, top: int = TOP) -> float:
    """Return the share of the true first `top` who are among the first by score."""
    return len(set(_first(score, top)) & set(_first(outcome, top))) / top


def _first(values: Floats, top: int) -> list[int]:
    order: list[int] = np.argsort(-values, kind="stable")[:top].tolist()
    return order


def percentile(values: Floats, among: Bools) -> Floats:
    """Return everybody's place among some: 0 to 100, the middle of those who are level."""
    others = np.sort(values[among])
    below = np.searchsorted(others, values)
    level = np.searchsorted(others, values, side="right") - below
    return 100.0 * (below + level / 2) / max(others.size, 1)


def gained(score: Floats, truth: Floats, honest: Bools) -> Floats:
    """Return by how many percentile points everybody stands above their true place among honest people."""
    return percentile(score, honest) - percentile(truth, honest)


def excess(gain: Floats, truth: Floats, attackers: Bools, honest: Bools) -> float:
    """Return the attackers' worst decile of what was gained, less that of honest people of like truth."""
    level = np.sort(truth[honest])
    by_truth = gain[honest][np.argsort(truth[honest], kind="stable")]
    at = np.clip(np.searchsorted(level, truth[attackers]) - ALIKE // 2, 0, max(level.size - ALIKE, 0))
    alike = np.concatenate([by_truth[first : first + ALIKE] for first in at])
    return float(np.quantile(gain[attackers], 0.9) - np.quantile(alike, 0.9))


def lost(undiscounted: Floats, discounted: Floats, honest: Bools) -> Floats:
    """Return by how many percentile points discounts lower everybody, among honest people."""
    return percentile(undiscounted, honest) - percentile(discounted, honest)
