"""The formula's parameters: one frozen value, validated, with a fingerprint."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from typing import Any, Final, Self

from scoring.engine.errors import InputError

# Smallest and largest value allowed.
_RANGES: Final[dict[str, tuple[float, float]]] = {
    "half_life_days": (0.01, 3650),
    "burst_share": (0, 1),
    "burst_half_life_days": (0.001, 3650),
    "horizon_days": (0.01, 3650),
    "scale_top": (10, 1e12),
    "kappa": (0, 10),
    "kappa_broad": (0, 100),
    "broad_people": (0, 1000),
    "newcomers": (0, 1),
    "newcomers_weight": (1e-6, 1e6),
    "return_hours": (0, 24),
    "firm_scale": (1e-6, 1e6),
    "breadth_from": (0, 1),
    "breadth_to": (0, 1),
    "breadth_prior": (1e-6, 1000),
    "ordinary_ratio": (0, 1e6),
    "trust_scale": (1e-6, 1e6),
    "trust_core": (0.5, 1),
    "trust_unproved": (0, 1),
    "seeds_reach": (0, 1_000_000),
    "damping": (0, 0.999),
    "walk_tolerance": (1e-15, 1e-3),
    "walk_iterations": (1, 100_000),
    "exchange_from": (0, 100),
    "exchange_to": (0, 100),
    "exchange_actions": (0, 1_000_000),
    "exchange_partners": (1e-6, 1e6),
    "selectivity_slack": (1e-6, 1e6),
    "selectivity_slope": (1, 1e6),
    "credibility_days": (0.01, 3650),
    "credibility_texts": (1, 1_000_000),
    "credibility_slope": (1, 1e6),
    "break_every_days": (1, 36_500),
    "break_length_days": (0.1, 3650),
    "break_value": (0, 1),
    "quit_half_life_days": (1, 36_500),
    "posting_prior_days": (0.01, 1000),
    "silent_prior_days": (0.01, 1000),
    "band_coverage": (0.01, 0.99),
    "band_people": (10, 1_000_000),
    "supports_kept": (0, 10_000),
    "topic_prior_people": (0.01, 1e6),
    "topic_lift_from": (1, 1000),
    "topic_reach_from": (0, 1e6),
}


@dataclass(frozen=True)
class Parameters:
    """The numbers in the formula, as one immutable, versioned value.

    Attributes
    ----------
    version : str
        Name under which the formula is stored and shown.
    half_life_days : float
        Age at which an action weighs half.
    burst_share : float
        Share of the rate that is taken with the half-life of bursts.
    burst_half_life_days : float
        Age at which an act of a burst weighs half.
    horizon_days : float
        How far the forecast looks ahead.
    scale_top : float
        Reach, in people, at which the score is 100.
    newcomers : float
        New people who come in 28 days for each supporter whose acts aren't long past.
    newcomers_weight : float
        Weight of a supporter's acts at which 1 - 1/e of them still come.
    return_hours : float
        How long after midnight an act still returns one of the evening before.
    kappa : float
        Attention that nobody vouches for, from accounts that act on hardly anybody else, counts up to this multiple of
        all other that counts.
    kappa_broad : float
        Attention of readers of many whom nobody answers counts up to this multiple of the vouched and `broad_people`.
    broad_people : float
        People who are taken as vouched for when that limit is set, so that it isn't 0 for beginners.
    firm_scale : float
        The walk, in multiples of its mean, at which 1 - 1/e of a giver's trust counts however narrowly they give.
    breadth_from, breadth_to : float
        Share of what is given to others at which a giver begins to count as a reader of many, and does so whole.
    breadth_prior : float
        Acts on others that everybody is taken to have done besides.
    ordinary_ratio : float
        Unvouched attention for one of vouched at which an audience is still an ordinary one.
    trust_scale : float
        The walk, in multiples of its mean, at which trust is 1 - 1/e.
    trust_core : float
        That mean is taken over the fewest people who together hold this share of the walk.
    trust_unproved : float
        Trust that everybody starts with where too few identities were proved to measure any.
    seeds_reach : int
        Proved seeds are enough if they lead to so many people, or to half of those whom anybody answers.
    damping : float
        Chance that the walk goes on along attention instead of starting again at a seed.
    walk_tolerance : float
        Absolute L1 residual at which the walk stops.
    walk_iterations : int
        Steps after which the walk gives up with ConvergenceError.
    exchange_from, exchange_to : float
        Mutual response rate at which the discount of an exchange begins, and at which nothing is left.
    exchange_actions : int
        Actions of both together before a pair can be an exchange at all.
    exchange_partners : float
        Sum of a person's mutual response rates beyond which all their exchanges count less, by the square.
    selectivity_slack : float
        Actions on different people that say nothing yet about being indiscriminate.
    selectivity_slope : float
        Share of different people, as 1 - 1/slope, up to which a giver counts whole.
    credibility_days : float
        Texts of so many last days are compared.
    credibility_texts : int
        Fewer texts than this are no evidence of repetition.
    credibility_slope : float
        A share of distinct texts of 1/slope is enough for full credibility.
    break_every_days, break_length_days : float
        Mean time between two breaks, and the mean length of one.
    break_value : float
        What somebody on a break is worth, against somebody who is there.
    quit_half_life_days : float
        Time after which half of the people have gone for good.
    posting_prior_days, silent_prior_days : float
        Beta prior of the chance to post on a day: days with and without a post, as if already seen.
    band_coverage : float
        Share of outcomes that the band is to hold.
    band_people : int
        Fewest people per bin whose past outcomes make a band.
    supports_kept : int
        How many supporters of each person, and supported by each person, are kept.
    topic_prior_people : float
        People of reach like everybody else's with which the lift of a topic is drawn towards 1.
    topic_lift_from : float
        Lift from which a topic is a person's own.
    topic_reach_from : float
        Reach on it, in people, from which it can be.

    Raises
    ------
    InputError
        A value has the wrong type, isn't finite, or is out of range.

    Examples
    --------
    >>> Parameters(kappa=0.2).kappa
    0.2
    >>> Parameters.from_dict({"kapa": 0.2})
    Traceback (most recent call last):
    ...
    scoring.engine.errors.InputError: unknown parameter 'kapa'; did you mean 'kappa'?
    """

    version: str = "2026-12"
    half_life_days: float = 30.0
    # For data of one event: DESIGN's 30 % on a tenth of a day. Over months a burst says nothing of the next weeks.
    burst_share: float = 0.0
    burst_half_life_days: float = 0.1
    horizon_days: float = 28.0
    scale_top: float = 10_000_000.0
    # .1 to .2 and a twentieth to a tenth of an act did best in the laboratory.
    newcomers: float = 0.15
    newcomers_weight: float = 0.05
    return_hours: float = 8.0
    # Any number of accounts made for one person raise a score by at most 99 ln(1.4) / ln(1e7) = 2.1 points.
    kappa: float = 0.4
    # From here to trust_scale, chosen in the laboratory (benchmarks/score) on worlds with seeds of their own, where
    # most of an audience is answered by nobody; docs/laboratory.md has the figures.
    kappa_broad: float = 3.0
    broad_people: float = 6.0
    firm_scale: float = 0.1
    breadth_from: float = 0.745
    breadth_to: float = 0.845
    breadth_prior: float = 1.0
    ordinary_ratio: float = 100.0
    trust_scale: float = 0.001
    trust_core: float = 0.99
    # On a large event where nobody is proved and 88 % of the givers are never answered (Higgs), more is better: at a
    # half-life of half a day .1 gives an nDCG@100 of .38, .3 of .39 and 1 of .41. But with more, nonsense that bots
    # answer stands above people whom people answer (tests/scoring/engine/test_small_worlds.py).
    trust_unproved: float = 0.1
    seeds_reach: int = 10
    damping: float = 0.85
    # The residual shrinks by the damping at each step: ln(1e-12) / ln(.85) = 170 steps.
    walk_tolerance: float = 1e-12
    walk_iterations: int = 300
    exchange_from: float = 0.1
    exchange_to: float = 0.5
    exchange_actions: int = 5
    exchange_partners: float = 1.0
    selectivity_slack: float = 20.0
    selectivity_slope: float = 2.0
    credibility_days: float = 28.0
    credibility_texts: int = 5
    credibility_slope: float = 2.0
    # Three to four breaks a year (365 / 100) of ten days: holidays, illness, exams.
    break_every_days: float = 100.0
    break_length_days: float = 10.0
    break_value: float = 0.8
    # Half are gone after two years: a hazard of ln 2 / 730 = .00095 a day.
    quit_half_life_days: float = 730.0
    # Mean .5 / (.5 + 2) = one post in five days, and worth two and a half days of evidence only.
    posting_prior_days: float = 0.5
    silent_prior_days: float = 2.0
    band_coverage: float = 0.8
    band_people: int = 100
    supports_kept: int = 20
    topic_prior_people: float = 3.0
    topic_lift_from: float = 1.5
    topic_reach_from: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.version, str) or not self.version:
            raise InputError(f"version is {self.version!r}; give the formula a name, such as '2026-11'")
        for field in fields(self):
            if field.name == "version":
                continue
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise InputError(f"{field.name} is {value!r}; give a number")
            if field.type is int or field.type == "int":
                if value != int(value):
                    raise InputError(f"{field.name} is {value!r}; give a whole number")
                object.__setattr__(self, field.name, int(value))
            else:
                object.__setattr__(self, field.name, float(value))
            low, high = _RANGES[field.name]
            if not low <= value <= high:
                raise InputError(f"{field.name} is {value!r}; give a number from {low:g} to {high:g}")
        if not self.exchange_from < self.exchange_to:
            raise InputError(
                f"exchange_from is {self.exchange_from:g} and exchange_to {self.exchange_to:g};"
                " the discount must begin below the rate at which nothing is left"
            )
        if not self.breadth_from < self.breadth_to:
            raise InputError(
                f"breadth_from is {self.breadth_from:g} and breadth_to {self.breadth_to:g};"
                " a reader must begin to count below the breadth at which they count whole"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make parameters from stored values; names that are missing keep their default.

        Parameters
        ----------
        values : mapping
            Names and values, as `to_dict` gives them.

        Returns
        -------
        Parameters
            The value, validated.

        Raises
        ------
        InputError
            A name is unknown or a value is out of range.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise InputError(f"unknown parameter {name!r}; {_suggest(str(name), known)}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return names and values, ready for JSON.

        Returns
        -------
        dict
            One entry per parameter, in the order of definition.
        """
        return asdict(self)

    def fingerprint(self) -> str:
        """Return what identifies these parameters: SHA-256 of their canonical JSON.

        Returns
        -------
        str
            64 hexadecimal digits.
        """
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


# Parameters of what is kept and shown beside the score: a formula that was stored before there was one is still the
# same definition, with its default.
BESIDE: Final = frozenset({"supports_kept", "topic_prior_people", "topic_lift_from", "topic_reach_from"})


def _suggest(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
