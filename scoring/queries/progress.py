"""How far a run is that is going on, and how long it will take."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection

from scoring.models import ScoreRun

# The advisory lock that whoever computes a run holds. They share one space of 64-bit numbers per database; nothing else
# here takes one.
RUN_LOCK: Final = int.from_bytes(b"swayruns")

_IS_HELD: Final = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND objsubid = 1 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Where a run is.

    `rows` is how many the step goes through, `done` how many of them are, each 0 where that isn't known; `rate` is rows
    in a second, and `seconds_left` goes to the end of the run: by what each step took in the last run of the same
    formula, row by row. None where there is nothing to go by.
    """

    step: str
    seconds: float
    rows: int
    done: int
    rate: float | None
    seconds_left: float | None


def is_run_going_on() -> bool:
    """Say whether any process, on any machine, computes a run. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_IS_HELD, [RUN_LOCK >> 32, RUN_LOCK & 0xFFFFFFFF])
        (held,) = cursor.fetchone()
    return bool(held)


def run_progress(run: ScoreRun, now: datetime) -> RunProgress | None:
    """Return where a run is, or None where it isn't at any step. One query."""
    if not run.step or "since" not in run.progress:
        return None
    seconds = max(0.0, (now - datetime.fromisoformat(run.progress["since"]).astimezone(UTC)).total_seconds())
    rows, done = int(run.progress.get("rows", 0)), int(run.progress.get("done", 0))
    earlier = _earlier_steps(run)
    name = step_name(run.step)
    place = next((place for place, step in enumerate(earlier) if step["step"] == name), None)
    expected = None if place is None else _expected(earlier[place], rows)
    rate = None
    if done:
        rate = done / max(seconds, 0.001)
    elif expected and rows:
        rate = rows / expected
    left = None
    if place is not None and expected is not None:
        here = (rows - done) / rate if done and rate else expected - seconds
        left = max(0.0, here) + sum(_expected(step, 0) for step in earlier[place + 1 :])
    return RunProgress(run.step, seconds, rows, done, rate, left)


def step_name(step: str) -> str:
    """Return what is the same of a step in every run."""
    return step.partition(":")[0]


def _earlier_steps(run: ScoreRun) -> list[dict[str, Any]]:
    """Return the steps of the last run of the formula that was done: what it took is what this one will take."""
    done = ScoreRun.objects.done().filter(formula=run.formula, notes__has_key="steps").exclude(pk=run.pk)
    notes = done.order_by("-finished_at").values_list("notes", flat=True).first()
    return list(notes["steps"]) if notes else []


def _expected(step: dict[str, Any], rows: int) -> float:
    """Return the seconds that as many rows take as long as they did; as the step took, where rows aren't known."""
    seconds = float(step["seconds"])
    return seconds * rows / step["rows"] if rows and step["rows"] else seconds
