"""The 80 % band: how far forecasts of one horizon ago were from what then happened."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from scoring.engine.arrays import Floats, Ints

# Keeps ratios of small counts finite; 3/8 is Anscombe's shift for Poisson counts ("The transformation of Poisson,
# binomial and negative-binomial data", Biometrika 35, 1948).
_SHIFT = 0.375
# Width of a bin, in the natural logarithm of reach + 3/8: people within it differ by less than a third.
_WIDTH = 0.25


@dataclass(frozen=True)
class Calibration:
    """Quantiles of ln((outcome + 3/8) / (forecast + 3/8)), by size of the forecast.

    Attributes
    ----------
    middle : ndarray of float64, shape (k,)
        Median reach forecast in each bin, ascending; the first is 0 for those of whom nothing was expected.
    low, high : ndarray of float64, shape (k,)
        The logarithm at the lower and the upper end.
    """

    middle: Floats
    low: Floats
    high: Floats


def calibrate(forecast: Floats, outcome: Floats, *, coverage: float, people: int) -> Calibration | None:
    """Learn the band from forecasts and what then happened: split conformal prediction by bins of size.

    (Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005; Mondrian categories.) The error is the
    logarithm of outcome to forecast, both plus 3/8, because errors of large forecasts are in proportion to them; the
    upper end takes its ceil((k + 1) q)-th smallest of k, and the lower end likewise from the other side.

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
    error = np.log((outcome + _SHIFT) / (forecast + _SHIFT))
    some = np.flatnonzero(forecast > 0)
    if some.size < people:
        return None
    parts = [some[bins] for bins in _bins(forecast[some], people)]
    nothing = np.flatnonzero(forecast <= 0)
    if nothing.size >= people:
        parts.insert(0, nothing)
    # Rounded, or (999 + 1) 10 % would be a hair below 100.
    tail = round((1.0 - coverage) / 2.0, 12)
    middles, lows, highs = np.zeros((3, len(parts)))
    for i, part in enumerate(parts):
        errors = np.sort(error[part])
        middles[i] = np.median(forecast[part])
        lows[i] = errors[max(int(np.floor((errors.size + 1) * tail)), 1) - 1]
        highs[i] = errors[min(int(np.ceil((errors.size + 1) * (1.0 - tail))), errors.size) - 1]
    return Calibration(middles, lows, highs)


def _bins(forecast: Floats, people: int) -> list[Ints]:
    # From the largest down, so that the few who reach most are compared with each other and not with the crowd.
    number = np.floor(np.log(np.round(forecast, 9) + _SHIFT) / _WIDTH)
    bins: list[Ints] = []
    for value in np.unique(number)[::-1]:
        part = np.flatnonzero(number == value)
        if bins and bins[-1].size < people:
            bins[-1] = np.concatenate([bins[-1], part])
        else:
            bins.append(part)
    if len(bins) > 1 and bins[-1].size < people:
        bins[-2:] = [np.concatenate(bins[-2:])]
    return bins[::-1]


def band(reach: Floats, calibration: Calibration | None, *, coverage: float) -> tuple[Floats, Floats]:
    """Return the ends of the band around each reach; it always holds the reach itself.

    Between the middles of two bins the errors are interpolated in ln(reach + 3/8), so that two people of nearly the
    same reach have nearly the same band. Without a calibration it is the one of a gamma-Poisson count whose rate is
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
        low, high = ends(reach, calibration)
    return np.minimum(low, reach), np.maximum(high, reach)


def ends(reach: Floats, calibration: Calibration) -> tuple[Floats, Floats]:
    """Return the ends as they were learned, before they are made to hold the reach.

    Parameters
    ----------
    reach : ndarray of float64, shape (n,)
        People.
    calibration : Calibration
        What `calibrate` learned.

    Returns
    -------
    tuple of ndarray of float64, each of shape (n,)
        Low and high, in people, at least 0.
    """
    at, middle = np.log(reach + _SHIFT), np.log(calibration.middle + _SHIFT)
    low, high = (
        np.exp(at + np.interp(at, middle, learned)) - _SHIFT for learned in (calibration.low, calibration.high)
    )
    return np.maximum(low, 0.0), np.maximum(high, 0.0)
