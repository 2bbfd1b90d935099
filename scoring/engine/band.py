"""The 80 % band: how far forecasts of one horizon ago were from what then happened."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from scoring.engine.arrays import Floats

# Anscombe's shift: the square root of a Poisson count plus 3/8 has nearly the same spread at every size
# ("The transformation of Poisson, binomial and negative-binomial data", Biometrika 35, 1948).
_SHIFT = 0.375


@dataclass(frozen=True)
class Calibration:
    """Quantiles of the error, on the square-root scale, by size of the forecast.

    Parameters
    ----------
    middle : ndarray of float64, shape (k,)
        Median reach forecast in each bin, ascending; the first is 0 for those of whom nothing was expected.
    low, high : ndarray of float64, shape (k,)
        Error at the lower and the upper end.
    """

    middle: Floats
    low: Floats
    high: Floats


def calibrate(forecast: Floats, outcome: Floats, *, coverage: float, people: int) -> Calibration | None:
    """Learn the band from forecasts and what then happened: split conformal prediction by bins of size.

    (Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005; Mondrian categories.) The error is
    sqrt(outcome + 3/8) - sqrt(forecast + 3/8); each end takes the quantile of rank ceil((k + 1) q) of k.

    Parameters
    ----------
    forecast : ndarray of float64, shape (k,)
        Reach as it was forecast.
    outcome : ndarray of float64, shape (k,)
        What happened, counted by the same rule.
    coverage : float
        Share of outcomes that the band is to hold.
    people : int
        Fewest people per bin.

    Returns
    -------
    Calibration or None
        None where fewer than `people` had a forecast above 0.
    """
    error = np.sqrt(outcome + _SHIFT) - np.sqrt(forecast + _SHIFT)
    some = np.flatnonzero(forecast > 0)
    if some.size < people:
        return None
    parts = [some[bins] for bins in _bins(forecast[some], people)]
    nothing = np.flatnonzero(forecast <= 0)
    if nothing.size >= people:
        parts.insert(0, nothing)
    tail = (1.0 - coverage) / 2.0
    middles, lows, highs = np.zeros((3, len(parts)))
    for i, part in enumerate(parts):
        errors = np.sort(error[part])
        middles[i] = np.median(forecast[part])
        lows[i] = errors[max(int(np.floor((errors.size + 1) * tail)), 1) - 1]
        highs[i] = errors[min(int(np.ceil((errors.size + 1) * (1.0 - tail))), errors.size) - 1]
    return Calibration(middles, lows, highs)


def _bins(forecast: Floats, people: int) -> list[npt.NDArray[np.int64]]:
    # At most 20 bins of like size. People with one forecast stay in one bin, whatever happened to them.
    _, group, counts = np.unique(np.round(forecast, 9), return_inverse=True, return_counts=True)
    wanted = min(forecast.size // people, 20)
    number = ((np.cumsum(counts) - counts) * wanted // forecast.size)[group]
    bins = [np.flatnonzero(number == i) for i in range(wanted)]
    merged: list[npt.NDArray[np.int64]] = []
    for part in bins:
        if merged and (part.size < people or merged[-1].size < people):
            merged[-1] = np.concatenate([merged[-1], part])
        else:
            merged.append(part)
    return merged


def band(reach: Floats, calibration: Calibration | None, *, coverage: float) -> tuple[Floats, Floats]:
    """Return the ends of the band around each reach; it always holds the reach itself.

    Between the middles of two bins the errors are interpolated in log(1 + reach), so that two people of nearly the same
    reach have nearly the same band. Without a calibration it is the one of a gamma-Poisson count whose rate is
    known to half of itself: mean m = reach + 1/2, variance m + (m / 2)^2.

    Parameters
    ----------
    reach : ndarray of float64, shape (n,)
        People.
    calibration : Calibration or None
        What `calibrate` learned.
    coverage : float
        Share of outcomes that the band is to hold.

    Returns
    -------
    tuple of ndarray of float64, each of shape (n,)
        Low and high, in people, 0 <= low <= reach <= high.
    """
    if calibration is None:
        mean = reach + 0.5
        shape = 1.0 / (1.0 / mean + 0.25)
        tail = (1.0 - coverage) / 2.0
        low = gammaincinv(shape, tail) * mean / shape
        high = gammaincinv(shape, 1.0 - tail) * mean / shape
    else:
        at, middle = np.log1p(reach), np.log1p(calibration.middle)
        root = np.sqrt(reach + _SHIFT)
        low = np.square(np.maximum(root + np.interp(at, middle, calibration.low), np.sqrt(_SHIFT))) - _SHIFT
        high = np.square(np.maximum(root + np.interp(at, middle, calibration.high), np.sqrt(_SHIFT))) - _SHIFT
    return np.clip(low, 0.0, reach), np.maximum(high, reach)
