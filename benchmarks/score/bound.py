"""What is asked of a figure, and a part of the table with its figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Bound:
    """What is asked of a figure: at least `low`, at most `high`. What isn't known (nan) doesn't hold."""

    what: str
    figure: float
    low: float = -float("inf")
    high: float = float("inf")

    @property
    def holds(self) -> bool:
        return self.low <= self.figure <= self.high

    def line(self) -> str:
        asked = f"at least {self.low:g}" if self.high == float("inf") else f"at most {self.high:g}"
        if self.low > -float("inf") and self.high < float("inf"):
            asked = f"{self.low:g} to {self.high:g}"
        return f"{'holds' if self.holds else 'FAILS':<7}{self.what:<72}{self.figure:>9.3f}   {asked}"


@dataclass(frozen=True)
class Part:
    """A part of the table: what it says, line by line, and what is asked of it.

    `seconds` are those of what is held against the same at another size.
    """

    lines: tuple[str, ...]
    bounds: tuple[Bound, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


def left_out(name: str, folder: Path) -> Part:
    """Say that there is no such real data."""
    return Part((f"{name}: left out, for there is no {folder.name}/{name} beside the project",))
