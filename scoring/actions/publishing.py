"""Putting a run's result before the readers: all of it at once, or none.

A large run's rows go into tables of their own, which nobody knows yet: COPY then meets no index and no foreign key, and
both are made at once at the end. From then on whoever is erased takes their rows there along. In one short moment these
tables become partitions of those that readers read. A small run's rows go into the partition that takes what has no
other.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from django.db import IntegrityError, connection, transaction

from accounts.models import Person
from accounts.queries import numbers
from scoring import engine
from scoring.actions import filling
from scoring.actions.figures import figures_of
from scoring.actions.filling import OwnTables, Sent
from scoring.actions.languages import languages_until
from scoring.actions.partitions import put_in_place
from scoring.actions.rows import Rows, Tables, rows_of
from scoring.engine import Result
from scoring.models import Backtest, RunFigures, ScoreRun, Support, Topic

# A person erased while the rows are copied fails the copy; each try begins with who is there now.
TRIES: Final = 3
_YET_TO_COME: Final = "It was made when the clock was ahead, and is made anew when its moment comes."


def publish(
    run: ScoreRun,
    result: Result,
    *,
    now: datetime,
    finished: Callable[[], datetime],
    make_current: bool,
    check: Callable[[], None],
    copied: Callable[[int, int], None] = lambda rows, of: None,
    own: OwnTables | None = None,
) -> None:
    """Store a run's rows in place of those that it has, and say that it is done, in one transaction.

    Readers see the run's old rows, or none where it had none, until the commit; rows are never locked for longer than
    the last statements take. `check` is called last and may raise; `copied` is told how many rows are in the database,
    of how many. Supporters that `own` was sent ahead aren't among them; they are sent again where somebody, of whatever
    table, was erased meanwhile. The run becomes the current one if it has the highest moment among the finished runs of
    the current formula, and no earlier moment than the run that is current now; with `make_current` in any case. Runs
    of moments later than `now`, from when the clock was ahead, don't count, and are marked as failed.
    """
    languages = languages_until(run.as_of)
    for attempt in range(1, TRIES + 1):
        tables = own if own is not None and attempt == 1 else OwnTables(run)
        try:
            (people,), (topics,) = (numbers(model.objects.order_by(), "id") for model in (Person, Topic))
            rows = rows_of(result, people=people, topics=topics, languages=languages)
            unsent = rows.by_model()
            if tables.has_supporters:
                del unsent[Support]
            others = (rows.scores, rows.topics, rows.parts, rows.languages)
            sent = Sent(copied, sum(table.num_rows for table in others) + rows.supported * (Support in unsent))
            is_large = tables.has_supporters or people.size >= filling.LARGE
            # Before the transaction begins, which would keep its locks while it waits for other connections.
            with tables.filling(unsent, sent) if is_large else nullcontext():
                figures = figures_of(run, rows.scores, rows.topics, rows.languages)
            with transaction.atomic():
                if not is_large:
                    _replace(run, unsent, sent)
                _publish(
                    run, result, rows, figures, tables.names if is_large else {}, now, finished, make_current, check
                )
        except BaseException as error:
            # Nobody reads these tables, and whoever is erased from now on would stay in them.
            tables.drop()
            gone = isinstance(error, IntegrityError) and isinstance(error.__cause__, psycopg.errors.ForeignKeyViolation)
            if not gone or attempt == TRIES:
                raise
        else:
            return


def _replace(run: ScoreRun, tables: Tables, sent: Sent) -> None:
    """Put rows in the place of a run's in the tables that readers read."""
    for model, of_model in tables.items():
        model.objects.filter(run=run).delete()
        filling.copy_rows(model, run, of_model, sent.rows)


def _publish(
    run: ScoreRun,
    result: Result,
    rows: Rows,
    figures: RunFigures,
    aside: dict[Any, str],
    now: datetime,
    finished: Callable[[], datetime],
    make_current: bool,
    check: Callable[[], None],
) -> None:
    _store_backtest(run, result.backtest)
    RunFigures.objects.filter(run=run).delete()
    figures.save(force_insert=True)
    with connection.cursor() as cursor:
        # Foreign keys are checked here instead of at the commit, before the ledger's rows are locked.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    check()
    if aside:
        put_in_place(aside, run)
    run.state = ScoreRun.State.DONE
    run.started_at, run.finished_at = now, finished()
    run.people = rows.scores.num_rows
    run.interactions = int(result.notes["interactions"])
    run.notes = {**result.notes, "left_out": rows.left_out}
    run.step, run.progress, run.error, run.attempts = "", {}, "", 1
    run.save(
        update_fields=[
            *("is_shadow", "state", "started_at", "finished_at", "people", "interactions", "notes", "forecast"),
            *("step", "progress", "error", "attempts"),
        ]
    )
    _choose_current(run, make_current, now)


def _store_backtest(run: ScoreRun, found: engine.Backtest | None) -> None:
    """Store how the forecast of a horizon ago did, in place of what stands there."""
    if found is None:
        Backtest.objects.filter(run=run).delete()
        return
    Backtest.objects.update_or_create(
        run=run,
        defaults={
            "cut": datetime.fromtimestamp(found.cut, UTC),
            "horizon_days": found.horizon_days,
            "people": found.people,
            **asdict(found.score),
            "best_baseline": found.best_baseline[1].spearman,
            "coverage": found.coverage,
            "coverage_large": found.coverage_large,
            "large": found.large,
            "baselines": [{"name": name, **asdict(ranking)} for name, ranking in found.baselines.items()],
            "bins": [asdict(part) for part in found.bins],
        },
    )


def _choose_current(run: ScoreRun, make_current: bool, now: datetime) -> None:
    before = ScoreRun.objects.filter(is_current=True).first()
    if not make_current:
        been = ScoreRun.objects.done().filter(formula__is_current=True, as_of__lte=now)
        newest = been.order_by("-as_of").first()
        make_current = newest == run and (before is None or run.as_of >= before.as_of or before.as_of > now)
    if make_current and run != before:
        ScoreRun.objects.filter(is_current=True).update(is_current=False)
        ScoreRun.objects.filter(pk=run.pk).update(is_current=True, is_shadow=False)
        run.is_shadow = False
    run.is_current = make_current or run == before
    if run.is_current:
        # They have their turn when their moment comes: until then nothing can have been known of it.
        ScoreRun.objects.done().filter(as_of__gt=now).update(state=ScoreRun.State.FAILED, error=_YET_TO_COME)
