"""What tests of publishing look at: rows as readers see them, and which tables they lie in."""

import threading
from typing import Any

from django.db import connection

from scoring.models import ReachPart, Score, ScoreRun, Support, TopicReach, WrittenLanguage


class Reader:
    """Somebody who reads the current run on a connection of their own, again and again, as pages do."""

    def __init__(self, shown: ScoreRun) -> None:
        self.seen: list[tuple[int, int, float, int]] = []
        self.errors: list[BaseException] = []
        self._shown = shown
        self._stop = threading.Event()
        self._once = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> "Reader":
        self._thread.start()
        assert self._once.wait(30)
        return self

    def __exit__(self, *details: object) -> None:
        self.look()
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def look(self) -> None:
        """Wait until the state as it is now was read."""
        self._once.clear()
        assert self._once.wait(30)
        self._once.clear()
        assert self._once.wait(30)

    def _read(self) -> None:
        try:
            while not self._stop.is_set():
                self.seen.append(current_rows())
                self._once.set()
        except BaseException as error:
            self.errors.append(error)
        finally:
            connection.close()


def current_rows() -> tuple[int, int, float, int]:
    """Return the current run with how many rows it has, their mean, and how many topic rows, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id, count(s.id), round(coalesce(avg(s.score), 0)::numeric, 6)::float,"
            " (SELECT count(*) FROM scoring_topicreach t WHERE t.run_id = r.id)"
            " FROM scoring_scorerun r LEFT JOIN scoring_score s ON s.run_id = r.id WHERE r.is_current GROUP BY r.id"
        )
        (found,) = cursor.fetchall()
    return found  # type: ignore[no-any-return]  # the columns above


def partitions_of(model: Any, *runs: ScoreRun) -> list[int]:
    """Return which of some runs have a partition of their own. Tables of runs of earlier tests are there too, empty."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [model._meta.db_table]
        )
        names = {name for (name,) in cursor.fetchall()}
    return [run.pk for run in runs if f"{model._meta.db_table}_run_{run.pk}" in names]


PARTED_FIRST = (Score, TopicReach, Support, ReachPart)


def everything(
    run: ScoreRun, models: tuple[Any, ...] = (*PARTED_FIRST, WrittenLanguage)
) -> list[list[tuple[Any, ...]]]:
    """Return a run's rows in some tables without their numbers, in one order."""
    found = []
    for model in models:
        fields = [field.attname for field in model._meta.concrete_fields if field.name not in ("id", "run")]
        rows = model.objects.filter(run=run).order_by(*fields).values_list(*fields)
        # Two computations differ in the order of their sums.
        found.append([tuple(round(v, 6) if isinstance(v, float) else v for v in row) for row in rows])
    return found


def aside() -> list[str]:
    """Return the tables that no reader knows yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname ~ '_run_[0-9]+_new_' AND relkind = 'r'")
        return [name for (name,) in cursor.fetchall()]
