"""A forecast held against what then happened: how it ranked people, and whether its bands held."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from scoring.engine import band as bands
from scoring.engine.arrays import Bools, Floats, Ints, blocks
from scoring.engine.measures import coverage, ndcg, overlap, spearman

# Of whom so many people or more are expected, bands are judged apart: of fewer, chance is most of what happens.
LARGE: Final = 20.0
# Bins with fewer people are joined with their neighbour: their mean would say more about chance, or about a person.
FEWEST: Final = 10
# Shares of outcomes whose bands, beside the formula's own, place an outcome in what was foretold.
_SHARES: Final = (0.98, 0.9, 0.8, 0.6, 0.4, 0.2)


@dataclass(frozen=True)
class Ranking:
    """How well a ranking foretold what happened.

    Attributes
    ----------
    spearman : float
        Rank correlation, -1 to 1.
    ndcg, overlap : float
        Of the first hundred, 0 to 1.
    """

    spearman: float
    ndcg: float
    overlap: float


@dataclass(frozen=True)
class Bin:
    """People of whom about as many were expected, with the means of what was said and what happened.

    Attributes
    ----------
    people : int
        How many.
    forecast : float
        Reach forecast, in people.
    outcome : float
        What then happened, counted as the forecast counts.
    low, high : float
        Ends of the band.
    """

    people: int
    forecast: float
    outcome: float
    low: float
    high: float


@dataclass(frozen=True)
class Backtest:
    """A forecast of one horizon, held against what then happened.

    People are ranked against the plain number of different people who then acted freely on them (not just returning
    an act of the same day), nothing taken off: who really is an honest supporter nobody knows in real data, and a truth
    counted with the score's own discounts would be on the score's side. Audiences that were bought, and go on acting,
    therefore count against the score here. Bands are about the discounted count, and are judged by it.

    Attributes
    ----------
    cut : int
        The moment of the forecast, in epoch seconds.
    horizon_days : float
        How far it looked ahead.
    people : int
        Who is judged: everybody on whom anybody acted before the cut.
    score : Ranking
        Of the reach that was forecast.
    baselines : dict of str to Ranking
        Of what others would rank by.
    coverage, coverage_large : float or None
        Share of outcomes that bands held which were learned from the other half of the people in the same horizon, of
        all and of those of whom `LARGE` people or more were expected; None where too few make a band, or nobody is
        judged. They tell whether bands are as wide as they should be while times stay as they are.
    coverage_before, coverage_before_large : float or None
        The same for bands that were learned in the horizon before, as they were shown to people: whether they last.
        None where that isn't known.
    large : int
        How many of `LARGE` or more there are.
    bins : tuple of Bin
        By size of the forecast, ascending; empty where there are no bands.
    """

    cut: int
    horizon_days: float
    people: int
    score: Ranking
    baselines: dict[str, Ranking]
    coverage: float | None
    coverage_large: float | None
    coverage_before: float | None
    coverage_before_large: float | None
    large: int
    bins: tuple[Bin, ...]

    @property
    def best_baseline(self) -> tuple[str, Ranking]:
        """Find the baseline with the highest rank correlation.

        Returns
        -------
        tuple of str and Ranking
            Its name and measures.
        """
        return max(self.baselines.items(), key=lambda named: named[1].spearman)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, ready for JSON.

        Returns
        -------
        dict
            As the attributes are named.
        """
        return asdict(self)


@dataclass(frozen=True)
class Foretold:
    """Bands of several widths: quantiles of what was foretold.

    Attributes
    ----------
    levels : ndarray of float64, shape (k,)
        Ascending, 0 to 1.
    quantiles : ndarray of float64, shape (k, n)
        At the levels, for each person, ascending.
    """

    levels: Floats
    quantiles: Floats

    def middle(self, wanted: float) -> tuple[Floats, Floats]:
        """Return the ends of the band that is to hold a share of outcomes.

        Parameters
        ----------
        wanted : float
            The share: one of those of whom there are quantiles.

        Returns
        -------
        tuple of ndarray of float64, each of shape (n,)
            Low and high.
        """
        tail = round((1.0 - wanted) / 2.0, 12)
        low, high = np.searchsorted(self.levels, [tail, round(1.0 - tail, 12)])
        return self.quantiles[low], self.quantiles[high]


def rank(score: Floats, outcome: Floats) -> Ranking:
    """Measure a ranking.

    Parameters
    ----------
    score, outcome : ndarray of float64, shape (n,)
        What was said of each, and what happened.

    Returns
    -------
    Ranking
        The three measures.
    """
    return Ranking(spearman(score, outcome), ndcg(score, outcome), overlap(score, outcome))


def bands_from(past: Floats, happened: Floats, forecast: Floats, *, wanted: float, people: int) -> Foretold | None:
    """Foretell by how earlier forecasts turned out, as the band does.

    Parameters
    ----------
    past, happened : ndarray of float64, shape (k,)
        Earlier forecasts and what came of them.
    forecast : ndarray of float64, shape (n,)
        Of whom it is to be foretold.
    wanted : float
        Share of outcomes that the formula's band is to hold.
    people : int
        Fewest people per bin of the band.

    Returns
    -------
    Foretold or None
        None where the past is too short for bands.
    """
    ends: dict[float, Floats] = {}
    for share in sorted({*_SHARES, wanted}):
        learned = bands.calibrate(past, happened, coverage=share, people=people)
        if learned is None:
            return None
        tail = (1.0 - share) / 2.0
        # Not the band as it is shown, which is stretched to hold the forecast: that would hide where it is too wide.
        low, high = bands.ends(forecast, learned)
        ends |= {round(tail, 12): low, round(1.0 - tail, 12): high}
    levels = np.array(sorted(ends))
    # Interpolated apart, two quantiles may cross by a hair.
    return Foretold(levels, np.maximum.accumulate(np.stack([ends[level] for level in levels]), axis=0))


def bands_of_halves(
    forecast: Floats, happened: Floats, known: Bools, judged: Bools, *, wanted: float, people: int
) -> Foretold | None:
    """Foretell half of the people by the other half, and the other way round.

    A band judged by the very outcomes that made it would always be right. The halves are drawn once and for all from
    the people in the order of their forecasts and outcomes, so that neither numbers nor names of people matter. (Cross-
    conformal prediction: Vovk, Annals of Mathematics and Artificial Intelligence 74, 2015.)

    Parameters
    ----------
    forecast, happened : ndarray of float64, shape (n,)
        What was said, and what happened.
    known : ndarray of bool, shape (n,)
        Who was seen when it was said; the others foretell nobody.
    judged : ndarray of bool, shape (n,)
        Of whom it is to be foretold.
    wanted : float
        Share of outcomes that the formula's band is to hold.
    people : int
        Fewest people per bin of the band.

    Returns
    -------
    Foretold or None
        Of the judged; None where either half is too small for bands.
    """
    half = np.zeros(forecast.size, dtype=np.bool_)
    order = np.lexsort((np.round(happened, 9), np.round(forecast, 9)))
    half[order] = np.random.default_rng(0).permutation(forecast.size) % 2 == 0
    ends = []
    for part in (half, ~half):
        past = known & part
        foretold = bands_from(forecast[past], happened[past], forecast[judged & ~part], wanted=wanted, people=people)
        if foretold is None:
            return None
        ends.append(foretold)
    quantiles = np.empty((ends[0].levels.size, int(judged.sum())))
    quantiles[:, ~half[judged]], quantiles[:, half[judged]] = (foretold.quantiles for foretold in ends)
    return Foretold(ends[0].levels, quantiles)


def held_against(
    *,
    cut: int,
    horizon_days: float,
    forecast: Floats,
    happened: Floats,
    acted: Floats,
    baselines: dict[str, Floats],
    judged: Bools,
    halves: Foretold | None,
    earlier: Foretold | None = None,
    wanted: float,
) -> Backtest | None:
    """Measure a forecast by what then happened.

    Parameters
    ----------
    cut : int
        The moment of the forecast, in epoch seconds.
    horizon_days : float
        How far it looked ahead.
    forecast : ndarray of float64, shape (n,)
        Reach.
    happened : ndarray of float64, shape (n,)
        Who then acted, counted as the forecast counts.
    acted : ndarray of float64, shape (n,)
        The plain number of different people who then acted.
    baselines : dict of str to ndarray of float64, shape (n,)
        What others would rank by.
    judged : ndarray of bool, shape (n,)
        Whom it is about.
    halves : Foretold or None
        Bands of the judged by the other half of the people.
    earlier : Foretold or None
        Their bands of the horizon before.
    wanted : float
        Share of outcomes that the formula's band is to hold.

    Returns
    -------
    Backtest or None
        None where fewer than two people are judged.
    """
    if judged.sum() < 2:
        return None
    then, came = acted[judged], happened[judged]
    # Rounded, or the last bit of a sum would decide the order of two who are level.
    expected = np.round(forecast[judged], 9)
    large = expected >= LARGE
    everybody = np.arange(came.size)
    held = [
        _held(came, foretold, some, wanted) if foretold else None
        for foretold in (halves, earlier)
        for some in (everybody, np.flatnonzero(large))
    ]
    return Backtest(
        cut=cut,
        horizon_days=horizon_days,
        people=int(judged.sum()),
        score=rank(expected, then),
        baselines={name: rank(np.round(values[judged], 9), then) for name, values in baselines.items()},
        coverage=held[0],
        coverage_large=held[1],
        coverage_before=held[2],
        coverage_before_large=held[3],
        large=int(large.sum()),
        bins=_bins(expected, came, *halves.middle(wanted)) if halves else (),
    )


def _held(outcome: Floats, foretold: Foretold, people: Ints, wanted: float) -> float | None:
    if not people.size:
        return None
    held = 0.0
    for block in blocks(people.size):
        some = people[block]
        # In whole people, as they are shown and as they come: a tenth of a person would else be outside of "0 to 0".
        quantiles = np.rint(foretold.quantiles[:, some])
        held += some.size * coverage(np.rint(outcome[some]), quantiles, foretold.levels, wanted)
    return held / people.size


def _bins(forecast: Floats, outcome: Floats, low: Floats, high: Floats) -> tuple[Bin, ...]:
    """Part people at 1, 2, 5, 10, 20, 50 ... people expected; bins of too few go to the one below, or above."""
    powers = range(math.ceil(math.log10(max(float(forecast.max()), 1.0))) + 1)
    number = np.searchsorted([step * 10.0**power for power in powers for step in (1, 2, 5)], forecast, side="right")
    parts: list[Ints] = []
    for value in np.unique(number)[::-1]:
        part = np.flatnonzero(number == value)
        if parts and parts[-1].size < FEWEST:
            parts[-1] = np.concatenate([parts[-1], part])
        else:
            parts.append(part)
    if len(parts) > 1 and parts[-1].size < FEWEST:
        parts[-2:] = [np.concatenate(parts[-2:])]
    return tuple(
        Bin(part.size, *(float(values[part].mean()) for values in (forecast, outcome, low, high)))
        for part in parts[::-1]
        if part.size >= FEWEST
    )
