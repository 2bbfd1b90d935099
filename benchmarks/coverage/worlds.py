"""Campaigns whose lift is known: people, unequal in how much they are mentioned, some of them held back by lot."""

from dataclasses import dataclass

import numpy as np

from campaigns.returns.bootstrap import Floats


@dataclass(frozen=True, slots=True)
class World:
    """How a campaign is made up.

    `mean` mentions come per person in the window before, by gamma rates whose standard deviation is `unequal` times
    that. `bursts` makes counts overdispersed: negative binomial of that size; 0 for Poisson. Both groups grow to
    `growth` times as many, and the campaign brings `lift` times each one's own rate to the invited, or as many to each
    where it comes `evenly`. The window after is `ratio` times as long.
    """

    invited: int
    held_back: int
    mean: float
    unequal: float
    bursts: float = 0.0
    growth: float = 1.0
    lift: float = 0.0
    evenly: bool = False
    ratio: float = 1.0

    def draw(self, worlds: int, seed: int) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats], Floats]:
        """Return the mentions of the invited and of the holdout, before and after, and the true lift per invited."""
        generator = np.random.default_rng(seed)
        people = self.invited + self.held_back
        size = self.unequal**-2
        rates = generator.gamma(size, self.mean / size, size=(worlds, people))
        brought = self.lift * (np.full_like(rates, self.mean) if self.evenly else rates)
        # The lot falls on anybody: the rates of the last are as those of the first.
        brought[:, self.invited :] = 0.0
        before, after = rates, (rates * self.growth + brought) * self.ratio
        counts = [self._counted(generator, expected) for expected in (before, after)]
        groups = [(counts[0][:, some], counts[1][:, some]) for some in (slice(self.invited), slice(self.invited, None))]
        return groups[0], groups[1], brought[:, : self.invited].mean(axis=1) * self.ratio

    def _counted(self, generator: np.random.Generator, expected: Floats) -> Floats:
        if self.bursts:
            expected = generator.gamma(self.bursts, expected / self.bursts)
        return generator.poisson(expected).astype(np.float64)
