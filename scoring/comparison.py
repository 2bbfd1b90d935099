"""What a version of the formula would change: two runs as of the same moment, held against each other."""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, QuerySet

from accounts.models import Person, Viewer
from scoring.models import Formula, Score, ScoreRun

Floats = npt.NDArray[np.float64]

# Less than this isn't seen: scores are shown with one decimal.
UNMOVED: Final = 0.05
# Ends of the histogram, in points of score; it takes the first that holds 99 of 100 of those who move.
SPANS: Final = (1, 2, 5, 10, 20, 50, 100)
# Bars on each side of the middle one.
BARS: Final = 10
# Scores before, in tens.
BUCKETS: Final = tuple(range(0, 100, 10))
MOVERS: Final = 10


@dataclass(frozen=True, slots=True)
class Pair:
    """A run that counts, and a version's run as of the same moment."""

    before: ScoreRun
    after: ScoreRun


@dataclass(frozen=True, slots=True)
class Bar:
    """How many people's scores change by `low` to `high` points; the bars at the ends hold what lies beyond them."""

    low: float
    high: float
    people: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """People whose score before lies in [low, high): the 10th, 50th and 90th percentile of its change."""

    low: int
    high: int
    people: int
    rise: int
    fall: int
    p10: float
    median: float
    p90: float


@dataclass(frozen=True, slots=True)
class Change:
    """What changes among the people whom both runs scored. Changes are points of score, after less before.

    `rank_correlation` is Spearman's with ties sharing their mean rank, None where either side is all alike. `deciles`
    are the nine of the change over all compared.
    """

    people: int
    unmoved: int
    rise: int
    fall: int
    rank_correlation: float | None
    mean_absolute: float
    deciles: tuple[float, ...]
    bars: tuple[Bar, ...]
    buckets: tuple[Bucket, ...]

    @property
    def shown_rank_correlation(self) -> float | None:
        """Return it rounded down to four decimals: where anybody changes places a page doesn't say 1."""
        return None if self.rank_correlation is None else math.floor(self.rank_correlation * 1e4 + 1e-6) / 1e4


@dataclass(frozen=True, slots=True)
class Difference:
    """A parameter that isn't the same; None where a version doesn't name it."""

    name: str
    before: Any
    after: Any


def newest_pair(formula: Formula) -> Pair | None:
    """Return the version's newest run whose scores are kept and beside which another one counted. Two queries."""
    counted = ScoreRun.objects.done().filter(is_shadow=False).exclude(formula=formula)
    kept = Exists(Score.objects.filter(run=OuterRef("pk")))
    runs = ScoreRun.objects.done().filter(kept, formula=formula).select_related("formula")
    after = runs.filter(Exists(counted.filter(as_of=OuterRef("as_of")))).order_by("-as_of").first()
    if after is None:
        return None
    before = counted.filter(as_of=after.as_of).select_related("formula").order_by("-is_current", "-finished_at").first()
    return Pair(before, after) if before is not None else None


def compared(pair: Pair) -> QuerySet[Any]:
    """Return the rows of the later version's run with `before`, the person's score under the other, and `change`."""
    counted = FilteredRelation("person__scores", condition=Q(person__scores__run=pair.before.pk))
    rows = Score.objects.filter(run=pair.after).alias(counted=counted).filter(counted__isnull=False)
    return rows.annotate(before=F("counted__score"), change=F("score") - F("counted__score"))


def change_between(pair: Pair) -> Change:
    """Return what changes from one run to the other, over everybody whom both scored. One query, read in chunks."""
    rows = compared(pair).order_by().values_list("before", "score").iterator(chunk_size=50_000)
    both = np.fromiter((number for row in rows for number in row), dtype=np.float64).reshape(-1, 2)
    return change_of(both[:, 0], both[:, 1])


def movers(pair: Pair, viewer: Viewer) -> tuple[list[Any], list[Any]]:
    """Return the rows that rise and that fall most, among people whom the viewer may see. Two queries."""
    seen = visible(compared(pair), viewer).select_related("person")
    rising = seen.filter(change__gte=UNMOVED).order_by("-change", "person")[:MOVERS]
    falling = seen.filter(change__lte=-UNMOVED).order_by("change", "person")[:MOVERS]
    return list(rising), list(falling)


def visible(rows: QuerySet[Any], viewer: Viewer) -> QuerySet[Any]:
    """Keep rows of people whom the viewer may see."""
    return rows.filter(Exists(Person.objects.visible_to(viewer).filter(pk=OuterRef("person"))))


def change_of(before: Floats, after: Floats) -> Change:
    """Return what changes between two scores of the same people, arrays of one length."""
    change = after - before
    moved = change[np.abs(change) >= UNMOVED]
    return Change(
        people=len(change),
        unmoved=len(change) - len(moved),
        rise=int((moved > 0).sum()),
        fall=int((moved < 0).sum()),
        rank_correlation=_rank_correlation(before, after),
        mean_absolute=float(np.abs(change).mean()) if len(change) else 0.0,
        deciles=tuple(np.quantile(change, np.arange(1, 10) / 10).tolist()) if len(change) else (),
        bars=_bars(moved),
        buckets=_buckets(before, change),
    )


def _rank_correlation(before: Floats, after: Floats) -> float | None:
    if len(before) < 2 or np.ptp(before) == 0 or np.ptp(after) == 0:
        return None
    return float(np.corrcoef(_ranks(before), _ranks(after))[0, 1])


def _ranks(values: Floats) -> Floats:
    """Return places in ascending order; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def _bars(moved: Floats) -> tuple[Bar, ...]:
    """Return the histogram of those who move, in bars of one width of which the middle one is around 0."""
    if not len(moved):
        return ()
    most = float(np.quantile(np.abs(moved), 0.99))
    width = next((span for span in SPANS if span >= most), SPANS[-1]) / BARS
    place = np.clip(np.floor(moved / width + 0.5), -BARS, BARS).astype(np.int64)
    counts = np.bincount(place + BARS, minlength=2 * BARS + 1)
    return tuple(
        Bar((middle - 0.5) * width, (middle + 0.5) * width, int(people))
        for middle, people in zip(range(-BARS, BARS + 1), counts, strict=True)
    )


def _buckets(before: Floats, change: Floats) -> tuple[Bucket, ...]:
    found = []
    # A score of 100 belongs to the last.
    place = np.minimum(before // 10, len(BUCKETS) - 1).astype(np.int64)
    for number, low in enumerate(BUCKETS):
        inside = change[place == number]
        if len(inside):
            p10, median, p90 = np.quantile(inside, (0.1, 0.5, 0.9)).tolist()
            rise, fall = int((inside >= UNMOVED).sum()), int((inside <= -UNMOVED).sum())
            found.append(Bucket(low, low + 10, len(inside), rise, fall, p10, median, p90))
    return tuple(found)


def differences(before: Formula, after: Formula) -> list[Difference]:
    """Return the parameters that aren't the same in both, by name; the version's own name apart."""
    old, new = before.parameters, after.parameters
    names = sorted((set(old) | set(new)) - {"version"})
    return [Difference(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]
