"""A run's result as rows of tables: of people and topics that are known, and of nothing that may not be published."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from scoring import engine
from scoring.actions.copying import CHUNK
from scoring.actions.errors import ScoringError
from scoring.actions.languages import SCHEMA
from scoring.engine import Result
from scoring.engine.results import Supports
from scoring.models import ReachPart, Score, Support, TopicReach, WrittenLanguage

pc: Any = pyarrow.compute
Ints = npt.NDArray[np.int64]

# What floating sums may be off by, as a share of the larger value (or of 1).
NOISE: Final = 1e-9
# In place of what isn't there while it is looked up.
_NOBODY: Final = 0

# Of whom or what a row is, and what it says.
KEYS: Final[dict[Any, tuple[str, ...]]] = {
    Score: ("person",),
    TopicReach: ("person", "topic"),
    Support: ("supporter", "supported"),
    ReachPart: ("person",),
    WrittenLanguage: ("person",),
}
COLUMNS: Final[dict[Any, tuple[str, ...]]] = {
    Score: tuple(f.name for f in Score._meta.concrete_fields if f.name not in ("id", "run", "person")),
    TopicReach: ("reach", "reach_with_below", "score", "lift", "rank"),
    Support: ("reach", "actions", "expected", *(f"taken_{reason}" for reason in engine.REASONS)),
    ReachPart: ("kind", "network", "reach"),
    WrittenLanguage: ("language",),
}


# Rows by model, some at a time.
Tables = dict[Any, Iterable[pa.Table]]


class ResultFault(ScoringError):
    """The engine gave something that may not be published."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A run's rows as they go into the five tables; `left_out` counts persons that the database doesn't know.

    Supporters, of whom there are most, are made as they are asked for, once; `supported` is how many there may be.
    """

    scores: pa.Table
    topics: pa.Table
    supports: Iterator[pa.Table]
    supported: int
    parts: pa.Table
    languages: pa.Table
    left_out: int

    def by_model(self) -> Tables:
        """Return them by the model whose table they go into."""
        return {
            Score: _by_rank(self.scores),
            TopicReach: [self.topics],
            Support: self.supports,
            ReachPart: [self.parts],
            WrittenLanguage: [self.languages],
        }


def rows_of(result: Result, *, people: Ints, topics: Ints, languages: pa.Table | None = None) -> Rows:
    """Return the rows to store, of known people and topics only.

    Values within `NOISE` of a bound are put on it: sums of floats end a hair beyond what the definition allows. What is
    further off is an error of the engine and raises ResultFault, as does a value that is no number, and a row whose
    parts don't add up to the forecast.
    """
    scores = _checked(_of_known(result.scores, person=people))
    topic_rows = _of_known(result.topics, person=people, topic=topics)
    topic_rows = _set(
        topic_rows,
        reach_with_below=_within(
            "reach_with_below", topic_rows["reach_with_below"], _floats(topic_rows["reach"]), np.inf
        ),
        score=_within("score", topic_rows["score"], 1.0, 100.0),
    )
    supported = result.supports.num_rows if isinstance(result.supports, pa.Table) else result.supports.metadata.num_rows
    parts = _of_known(result.parts, person=people)
    return Rows(
        scores,
        topic_rows.select([*KEYS[TopicReach], *COLUMNS[TopicReach]]),
        supporters_of_known(result.supports, people),
        supported,
        parts.select([*KEYS[ReachPart], *COLUMNS[ReachPart]]),
        _of_known(SCHEMA.empty_table() if languages is None else languages, person=scores["person"].to_numpy()),
        left_out=result.scores.num_rows - scores.num_rows,
    )


def supporters_of_known(supports: Supports, people: Ints) -> Iterator[pa.Table]:
    """Yield rows of `SUPPORTS` as they are stored, some at a time: those whose two persons are both known."""
    for table in _some_at_a_time(supports):
        yield _of_known(table, supporter=people, supported=people).select([*KEYS[Support], *COLUMNS[Support]])


def _some_at_a_time(supports: Supports) -> Iterator[pa.Table]:
    """Yield rows as they were made. Of a file that is a row group: Arrow's scanner reads most of the file ahead."""
    if isinstance(supports, pa.Table):
        yield from (pa.Table.from_batches([batch]) for batch in supports.to_batches())
        return
    for group in range(supports.num_row_groups):
        yield supports.read_row_group(group)


def _by_rank(scores: pa.Table) -> Iterator[pa.Table]:
    """Yield scores from the highest on, some at a time: a page of the list is then a few neighbouring blocks."""
    order = pc.sort_indices(scores, [("score", "descending"), ("person", "ascending")])
    for begin in range(0, len(order), CHUNK):
        yield scores.take(order[begin : begin + CHUNK])


def _of_known(rows: pa.Table, **known: Ints) -> pa.Table:
    """Return the rows whose columns hold known ids: nearly always all of them, and then nothing is copied."""
    there = np.ones(rows.num_rows, dtype=bool)
    for name, ids in known.items():
        column: Any = rows[name]
        there &= np.isin(column.fill_null(_NOBODY).to_numpy(), ids) & column.is_valid().to_numpy()
    return rows if there.all() else rows.filter(pa.array(there))


def _checked(scores: pa.Table) -> pa.Table:
    """Return score rows in the columns of the table, on their bounds where they were off by noise."""
    for name in COLUMNS[Score]:
        if name != "original_share":
            _no_gaps(name, scores[name])
    reach, forecast = _floats(scores["reach"]), _floats(scores["forecast"])
    taken = sum(_floats(scores[name]) for name in COLUMNS[Score] if name.startswith("taken_"))
    off = np.abs(forecast - reach - taken) > 1e-6 * np.maximum(1.0, np.abs(forecast))
    if off.any():
        raise ResultFault(f"what was taken off doesn't add up to forecast less reach in {int(off.sum())} rows")
    low = _within("low", scores["low"], 0.0, reach)
    high = _within("high", scores["high"], reach, np.inf)
    return _set(
        scores.select(["person", *COLUMNS[Score]]),
        score=_within("score", scores["score"], 1.0, 100.0),
        percentile=_within("percentile", scores["percentile"], 0.0, 100.0),
        low=low,
        high=high,
    )


def _no_gaps(name: str, column: Any) -> None:
    if column.null_count or (pa.types.is_floating(column.type) and not np.isfinite(_floats(column)).all()):
        raise ResultFault(f"{name} holds something that is no number")


def _within(name: str, column: Any, least: Any, most: Any) -> Any:
    values = _floats(column)
    clipped = np.clip(values, least, most)
    off = np.abs(values - clipped) > NOISE * np.maximum(1.0, np.abs(clipped))
    if off.any():
        raise ResultFault(f"{name} is out of its range in {int(off.sum())} rows")
    return clipped


def _floats(column: Any) -> npt.NDArray[np.float64]:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _set(table: pa.Table, **columns: Any) -> pa.Table:
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    return table
