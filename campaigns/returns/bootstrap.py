"""The interval of a difference in differences, by drawing the lot again: a studentised causal bootstrap."""

from collections.abc import Iterator
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# What a draw may weigh people in one piece: so many numbers, 32 MB.
_AT_ONCE: Final = 4_000_000
# A spread half as large as Poisson's: chance alone hardly makes ten people or more so alike.
_ALIKE: Final = 0.25


def intervals(
    invited: tuple[Floats, Floats],
    holdout: tuple[Floats, Floats],
    *,
    ratio: float,
    level: float,
    draws: int,
    seed: int,
) -> tuple[Floats, Floats, Floats]:
    """Return differences in differences, per person, with their intervals: of many worlds at once, or of one.

    What is asked is what the campaign brought by these invited, not by others like them. Then the estimate errs by one
    thing alone: that others were held back than might have been. How much the campaign brought by one and by another
    is no error of it. So

    - the lot is drawn again, from the same people, as many of them held back (Imbens and Menzel, "A causal bootstrap",
      Annals of Statistics 49, 2021). Whom it fell on is in one group only: draws with replacement, as for two samples
      of unrelated people, leave out those few who are mentioned a lot in a third of them, and give them twice or
      more in a fourth, and were too wide by it (97 % where 90 % was promised, of five held back);
    - what somebody invited would have had without the campaign is what they had, less the group's mean and less what
      the campaign brought more by those who were mentioned more before: the difference of the two groups' slopes upon
      mentions before, as for the share of an effect's variation that a covariate tells (Ding, Feller and Miratrix,
      "Decomposing treatment effect variation", Journal of the American Statistical Association 114, 2019). Neyman's
      standard error, and Welch's, take that variation for error (97 to 99 % where a campaign doubled all). What of a
      difference of slopes may be chance is taken off it, by the positive part of James and Stein's rule with the errors
      HC3 of MacKinnon and White (Journal of Econometrics 29, 1985);
    - of each draw the difference is measured in its own standard error, and so is the true one (Efron, "Nonparametric
      standard errors and confidence intervals", 1981; Chung and Romano, "Exact and asymptotically robust permutation
      tests", Annals of Statistics 41, 2013), which keeps the skewness. Residuals are stretched by sqrt(n / (n - 1)),
      for a mean was fitted to them;
    - no count is steadier than Poisson's, whose variance is its mean: no spread is taken to be lower than that. Of
      people far more alike no interval is narrower than a normal one. Where by chance all are equal, all would else be
      certain.

    Parameters
    ----------
    invited, holdout : pair of ndarray of float64, shape (worlds, people)
        Mentions before and mentions after, by person; at least two people each.
    ratio : float
        How long the window after is, in windows before. The result is in mentions in the window after.
    level : float
        Part of worlds, 0 to 1, in which the interval is to hold the truth.
    draws : int
        How many times to draw: 1,000 for a figure of two digits.
    seed : int
        The same one gives the same interval. Worlds share the draws.

    Returns
    -------
    difference, low, high : ndarray of float64, shape (worlds,)
        Per person.
    """
    one, other = _Group(*invited, ratio), _Group(*holdout, ratio)
    found = one.mean - other.mean
    one.without(_surely(one, other))
    residuals = np.concatenate([one.residuals(), other.residuals()], axis=1)
    # Centred, as a mean over both: what is drawn has to be without any difference.
    residuals -= residuals.mean(axis=1, keepdims=True)
    steady = np.concatenate([one.steady, other.steady], axis=1)
    least = steady.mean(axis=1)
    error = _error(one.variance, one.size, least, other.variance, other.size, least)
    squares = residuals * residuals
    generator = np.random.default_rng(seed)
    studentised = []
    for some in _parts(draws, residuals.shape[1]):
        is_held_back = _lots(generator, some, other.size, residuals.shape[1])
        drawn = []
        for size, who in ((one.size, ~is_held_back), (other.size, is_held_back)):
            weights = who / size
            mean = residuals @ weights
            variance = (squares @ weights - mean * mean) * (size / (size - 1))
            drawn.append((mean, variance, steady @ weights))
        (mean, variance, its), (others_mean, others_variance, others) = drawn
        spread = _error(variance, one.size, its, others_variance, other.size, others)
        studentised.append((mean - others_mean) / spread)
    ends = np.quantile(np.concatenate(studentised, axis=1), [(1 - level) / 2, (1 + level) / 2], axis=1)
    normal = NormalDist().inv_cdf((1 + level) / 2)
    alike = squares.mean(axis=1) < least * _ALIKE
    ends[0, alike] = np.minimum(ends[0, alike], -normal)
    ends[1, alike] = np.maximum(ends[1, alike], normal)
    return found, found - ends[1] * error, found - ends[0] * error


class _Group:
    """Differences of one group's people."""

    def __init__(self, before: Floats, after: Floats, ratio: float) -> None:
        self.difference = after - before * ratio
        # A Poisson count's variance is its mean, and that of a multiple is the square's multiple.
        self.steady = after + before * ratio**2
        self.before = before - before.mean(axis=1, keepdims=True)
        self.size = before.shape[1]
        self.mean = self.difference.mean(axis=1)

    @property
    def variance(self) -> Floats:
        return np.asarray(self.difference.var(axis=1, ddof=1))

    def residuals(self) -> Floats:
        own = self.difference - self.difference.mean(axis=1, keepdims=True)
        return np.asarray(own * np.sqrt(self.size / (self.size - 1)))

    def slope(self) -> tuple[Floats, Floats]:
        """Return how much more of a difference comes with a mention before, and the variance of that (HC3)."""
        squares = (self.before**2).sum(axis=1)
        # Who are all alike before say nothing of it.
        squares = np.where(squares > 0, squares, np.inf)
        slope = (self.before * self.difference).sum(axis=1) / squares
        leverage = 1 / self.size + self.before**2 / squares[:, None]
        own = self.difference - self.mean[:, None] - slope[:, None] * self.before
        errors = self.before * own / np.maximum(1 - leverage, 1e-9)
        return slope, np.asarray((errors**2).sum(axis=1) / squares**2)

    def without(self, slope: Floats) -> None:
        """Take off what comes with mentions before, where that makes people more alike."""
        taken_off = self.difference - slope[:, None] * self.before
        is_better = taken_off.var(axis=1) < self.difference.var(axis=1)
        self.difference = np.where(is_better[:, None], taken_off, self.difference)


def _surely(one: _Group, other: _Group) -> Floats:
    """Return the difference of two slopes, less what of it may be chance."""
    (slope, variance), (others_slope, others_variance) = one.slope(), other.slope()
    more, chance = slope - others_slope, variance + others_variance
    square = more * more
    share = np.divide(chance, square, out=np.ones_like(square), where=square > 0)
    return np.asarray(more * np.maximum(0.0, 1 - share))


def _error(variance: Floats, size: int, least: Floats, others: Floats, of_others: int, others_least: Floats) -> Floats:
    """Return the standard error of the difference of two means."""
    # Where nobody mentions anything, the difference is 0 and its error no matter: only not 0.
    both: Floats = np.maximum(variance, least) / size + np.maximum(others, others_least) / of_others
    return np.asarray(np.sqrt(np.maximum(both, 1e-12)))


def _parts(draws: int, people: int) -> Iterator[int]:
    most = max(1, _AT_ONCE // people)
    for begin in range(0, draws, most):
        yield min(most, draws - begin)


def _lots(generator: np.random.Generator, draws: int, held_back: int, people: int) -> npt.NDArray[np.bool_]:
    """Draw whom the lot falls on, shape (people, draws)."""
    drawn = np.argpartition(generator.random((draws, people), dtype=np.float32), held_back - 1, axis=1)[:, :held_back]
    fell = np.zeros((draws, people), dtype=bool)
    np.put_along_axis(fell, drawn, True, axis=1)
    return fell.T
