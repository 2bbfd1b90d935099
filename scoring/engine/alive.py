"""The chance that somebody who posts is still there, from their posting days and the silence since."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoring.engine.arrays import Floats

# Steps of the trapezoidal rule over sinh(u), which puts nodes densely in the middle and some far out in the tails.
_STEPS = np.linspace(-4.6, 4.6, 65)


@dataclass(frozen=True)
class Presence:
    """How people come and go.

    Attributes
    ----------
    break_every_days : float
        Mean time from being there to a break.
    break_length_days : float
        Mean length of a break.
    break_value : float
        What somebody on a break is worth.
    quit_half_life_days : float
        Time after which half have gone for good.
    posting_prior_days, silent_prior_days : float
        Beta prior of the chance to post on a day, in days with and without a post.
    """

    break_every_days: float
    break_length_days: float
    break_value: float
    quit_half_life_days: float
    posting_prior_days: float
    silent_prior_days: float


def alive(days: npt.ArrayLike, span: npt.ArrayLike, gap: npt.ArrayLike, presence: Presence) -> Floats:
    """Weigh three explanations of a silence: still there, on a break, gone.

    Somebody who is there posts on a day with a chance p of their own, which `days` posting days over `span` days
    tell: p ~ Beta(a + days - 1, b + span - days + 1), where the first posting day only starts the clock. Given p,
    and so the rate r = -ln(1 - p), a silence starts with being there and goes on as long as nothing is posted:

        there' = -(k + r) there + e away,   away' = k there - e away,   there(0) = 1, away(0) = 0

    with k = 1 / break_every and e = 1 / break_length; quitting thins both at h = ln 2 / quit_half_life. Both are sums
    of two exponentials, so each explanation of a silence of g days has a closed form:

        there = exp(-h g) there(g),  away = exp(-h g) away(g),  gone = h integral_0^g exp(-h t) (there + away) dt
        alive = (there + break_value away) / (there + away + gone),  each averaged over p first

    It is the "buy till you die" family (Fader, Hardie and Shang, "Customer-Base Analysis in a Discrete-Time
    Noncontractual Setting", Marketing Science 29, 2010) with breaks added.

    Parameters
    ----------
    days : array_like of shape (n,)
        Different days with a post; 0 for those who never posted.
    span : array_like of shape (n,)
        Days from the first to the last of them. Declared rests are part of it: without them somebody would seem to
        post more often, and a silence of today say more.
    gap : array_like of shape (n,)
        Days since the end of the last of them, less declared rests; at least 0.
    presence : Presence
        The constants.

    Returns
    -------
    ndarray of float64, shape (n,)
        From 0 to 1; 1 for those who never posted, whose absence nothing shows.

    Examples
    --------
    >>> usual = Presence(100, 10, 0.8, 730, 0.5, 2)
    >>> alive([60, 60, 60, 2, 0], [60, 60, 60, 60, 0], [0, 3, 40, 40, 40], usual).round(2).tolist()
    [1.0, 0.74, 0.12, 0.93, 1.0]
    """
    days, span, gap = (np.asarray(values, dtype=np.float64) for values in (days, span, gap))
    result = np.ones(days.shape)
    posted = days > 0
    if not posted.any():
        return result
    # Many people share the same three numbers, so each case is worked out once.
    numbers = [values[posted] for values in (days, span, gap)]
    order = np.lexsort(numbers)
    cases = np.column_stack([values[order] for values in numbers])
    new = np.append(True, (cases[1:] != cases[:-1]).any(axis=1))
    chances = [_alive(block, presence) for block in np.array_split(cases[new], 1 + int(new.sum()) // 10_000)]
    of_case = np.empty(order.size)
    of_case[order] = np.concatenate(chances)[np.cumsum(new) - 1]
    result[posted] = of_case
    return result


def _alive(cases: Floats, presence: Presence) -> Floats:
    days, span, gap = cases.T
    to_break = 1.0 / presence.break_every_days
    from_break = 1.0 / presence.break_length_days
    to_gone = np.log(2.0) / presence.quit_half_life_days
    chance, rate = _posting_rates(days, span, presence)
    gap = gap[:, None]

    # The roots of x^2 + (k + r + e) x + r e, the slower one without cancellation.
    total = to_break + rate + from_break
    root = np.sqrt(np.square(rate + to_break - from_break) + 4.0 * to_break * from_break)
    slow = -2.0 * rate * from_break / (total + root)
    fast = -(total + root) / 2.0
    there_slow = (-(to_break + rate) - fast) / root
    there_fast = 1.0 - there_slow
    away_slow = to_break / root
    there = there_slow * np.exp((slow - to_gone) * gap) + there_fast * np.exp((fast - to_gone) * gap)
    away = away_slow * (np.exp((slow - to_gone) * gap) - np.exp((fast - to_gone) * gap))
    gone = -to_gone * (
        (there_slow + away_slow) * np.expm1((slow - to_gone) * gap) / (to_gone - slow)
        + (there_fast - away_slow) * np.expm1((fast - to_gone) * gap) / (to_gone - fast)
    )
    there, away, gone = ((chance * part).sum(axis=1) for part in (there, away, gone))
    return np.asarray((there + presence.break_value * away) / (there + away + gone))


def _posting_rates(days: Floats, span: Floats, presence: Presence) -> tuple[Floats, Floats]:
    # Beta(a, b) on the scale x = ln(p / (1 - p)), where its density is p^a (1 - p)^b; both of shape (n, nodes).
    a = (presence.posting_prior_days + days - 1.0)[:, None]
    b = (presence.silent_prior_days + np.maximum(span - (days - 1.0), 0.0))[:, None]
    x = np.log(a / b) + np.sqrt(1.0 / a + 1.0 / b) * np.sinh(_STEPS)
    silent = -np.logaddexp(0.0, x)  # ln(1 - p)
    density = a * (x + silent) + b * silent + np.log(np.cosh(_STEPS))
    density = np.exp(density - density.max(axis=1, keepdims=True))
    return density / density.sum(axis=1, keepdims=True), -silent
