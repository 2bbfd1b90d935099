"""What attackers gain by a ranking, and what honest people lose. How good it is, `scoring.engine.measures` says."""

import numpy as np

from benchmarks.score.population import Bools, Floats

# People nearest in truth with whom an attacker is compared.
ALIKE = 50


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
