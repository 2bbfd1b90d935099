"""The steps of a run: noted on its line, where the admin shows them, and timed for the next run's time left."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from scoring.actions.lock import RunLock
from scoring.models import ScoreRun
from scoring.queries.progress import step_name

# Seconds between two notes of how many rows are done.
PAUSE: Final = 1.0


class RunSteps:
    """Told each step as it begins (`engine.progress.Progress`); passes its name on to whoever asked for the run."""

    def __init__(self, run: ScoreRun, now: datetime, lock: RunLock, heard: Callable[[str], None] | None) -> None:
        self._run = run
        self._now = now
        self._lock = lock
        self._heard = heard
        self._began = time.monotonic()
        self._told = self._began
        self._at: tuple[str, float, int] | None = None
        self._took: list[dict[str, Any]] = []

    def __call__(self, step: str, rows: int = 0, /) -> None:
        """Note that a step begins."""
        self._end()
        self._at = (step_name(step), time.monotonic(), rows)
        longest = ScoreRun._meta.get_field("step").max_length
        ScoreRun.objects.filter(pk=self._run.pk).update(step=step[:longest], progress=self._progress(rows, 0))
        if self._heard is not None:
            self._heard(step)

    def done(self, rows: int, of: int) -> None:
        """Note how many rows of the step are done.

        It goes over the lock's own connection, so that others see it while the run's transaction is open.
        """
        if self._at is None:
            return
        self._at = (*self._at[:2], of)
        if time.monotonic() - self._told >= PAUSE:
            self._told = time.monotonic()
            self._lock.note(self._run, self._progress(of, rows))

    def took(self) -> list[dict[str, Any]]:
        """End the last step, and return the name, the seconds and the rows of each, in their order."""
        self._end()
        self._at = None
        return self._took

    def _progress(self, rows: int, done: int) -> dict[str, Any]:
        assert self._at is not None, "a step has begun"
        since = self._now + timedelta(seconds=self._at[1] - self._began)
        return {"since": since.isoformat(), "rows": rows, "done": done}

    def _end(self) -> None:
        if self._at is None:
            return
        name, began, rows = self._at
        seconds = round(time.monotonic() - began, 3)
        same = next((step for step in self._took if step["step"] == name), None)
        if same is None:
            self._took.append({"step": name, "seconds": seconds, "rows": rows})
        else:
            same["seconds"] = round(same["seconds"] + seconds, 3)
            same["rows"] += rows
