"""The lift: what a campaign brought beyond what would have come anyway."""

from dataclasses import dataclass
from typing import Final

from campaigns.returns.bootstrap import Floats, intervals

LEVEL: Final = 0.9
DRAWS: Final = 4_000
# Fewer people say nothing about others like them.
LEAST_PEOPLE: Final = 5
# Whoever writes on Saturdays would else be compared on Mondays.
LEAST_DAYS: Final = 7
# Of fewer, one more or less decides: intervals then hold the truth in as little as 83 % of worlds, not in 90.
LEAST_MENTIONS: Final = 20


@dataclass(frozen=True)
class Counts:
    """Mentions of each of some people.

    Attributes
    ----------
    before, after : ndarray of float64, shape (people,)
        How many in the window before and in the one after, at least 0. Parts of a mention that several share are parts.
    """

    before: Floats
    after: Floats


@dataclass(frozen=True, slots=True)
class Lift:
    """What came of a campaign. Mentions are those in the window after.

    Attributes
    ----------
    invited, held_back : int
        People.
    expected : float
        Mentions per invited person if nobody had been invited: those before, and what came to the holdout since.
    per_person : float
        The difference in differences: mentions per invited person beyond that. NaN where a group has nobody.
    low, high : float or None
        The 90 % interval of `per_person`; None where nothing can be said about it.
    why : str
        Why it can't be told whether the campaign brought anything, as a sentence; empty where it can.
    """

    invited: int
    held_back: int
    expected: float
    per_person: float
    low: float | None
    high: float | None
    why: str

    @property
    def is_told(self) -> bool:
        """Return whether the interval is all on one side of nothing."""
        return not self.why

    @property
    def total(self) -> float:
        """Return the mentions that the campaign brought by all invited."""
        return self.per_person * self.invited

    @property
    def total_low(self) -> float | None:
        """Return the lower end of the interval of `total`."""
        return None if self.low is None else self.low * self.invited

    @property
    def total_high(self) -> float | None:
        """Return the upper end of the interval of `total`."""
        return None if self.high is None else self.high * self.invited

    @property
    def relative(self) -> float | None:
        """Return the lift in parts of what was to be expected; None where nothing was."""
        return self.per_person / self.expected if self.expected > 0 else None


def lift(
    invited: Counts, holdout: Counts, *, days_before: float, days_after: float, seed: int, draws: int = DRAWS
) -> Lift:
    """Return the lift of the invited over the holdout.

    Parameters
    ----------
    invited, holdout : Counts
        Mentions, person by person. Who was held back was drawn at random from the same people.
    days_before, days_after : float
        How long the two windows are, above 0. Where they differ, mentions before count as many as would have come in
        a window as long as the one after.
    seed : int
        The same one gives the same interval.
    draws : int, optional
        Of the bootstrap.

    Returns
    -------
    Lift
        With the 90 % interval of `intervals`, where there are people, days and mentions enough.

    Raises
    ------
    ValueError
        A window of no length, arrays of different lengths, or fewer mentions than none.
    """
    if not (days_before > 0 and days_after > 0):
        raise ValueError("a window is longer than nothing")
    for counts in (invited, holdout):
        if counts.before.shape != counts.after.shape or counts.before.ndim != 1:
            raise ValueError("each person has a count before and a count after")
        if (counts.before < 0).any() or (counts.after < 0).any():
            raise ValueError("nobody has fewer mentions than none")
    ratio = days_after / days_before
    people, others = invited.before.size, holdout.before.size
    without = _mean(invited.before) * ratio + _mean(holdout.after) - _mean(holdout.before) * ratio
    found = _mean(invited.after) - without
    mentions = sum(float(counts.sum()) for counts in (invited.before, invited.after, holdout.before, holdout.after))
    why = _cant(people, others, min(days_before, days_after), mentions)
    low = high = None
    if not why:
        pairs = [(counts.before[None, :], counts.after[None, :]) for counts in (invited, holdout)]
        _, lows, highs = intervals(pairs[0], pairs[1], ratio=ratio, level=LEVEL, draws=draws, seed=seed)
        low, high = float(lows[0]), float(highs[0])
        if low <= 0 <= high:
            why = (
                "What was measured may be chance: fewer mentions than without the campaign are as possible as more. "
                "With more people held back, or more invited, smaller effects can be told."
            )
    return Lift(people, others, without, found, low, high, why)


def _mean(counts: Floats) -> float:
    return float(counts.mean()) if counts.size else float("nan")


def _cant(invited: int, held_back: int, days: float, mentions: float) -> str:
    """Say why nothing can be said at all, or nothing."""
    if not held_back:
        return "Nobody was held back: nothing says what would have come without the campaign."
    if not invited:
        return "Nobody who was invited can be compared: they were invited before anybody was kept back."
    if invited < LEAST_PEOPLE or held_back < LEAST_PEOPLE:
        who = f"{held_back} held back" if held_back < LEAST_PEOPLE else f"{invited} invited"
        return f"Too few people: {who}, and fewer than {LEAST_PEOPLE} say nothing about others."
    if days < LEAST_DAYS:
        return f"Too early: {days:.0f} days can be compared, and fewer than {LEAST_DAYS} are no whole week."
    if not mentions:
        return "Nobody mentioned it, neither before nor after, neither those invited nor those held back."
    if mentions < LEAST_MENTIONS:
        return (
            f"Too few mentions: {mentions:.0f} by all, before and after, and of fewer than {LEAST_MENTIONS} one "
            "more or less decides."
        )
    return ""
