"""A run from the log to the readers, and its line in the ledger."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actions import move_activity_to_log
from accounts.queries import erased_accounts, log_faults, owners, rests, seed_persons
from accounts.storage import LogUnreachable
from scoring.actions import publishing
from scoring.actions.computing import compute_night, engine_connection
from scoring.actions.errors import LogFaulty, RunInProgress, ScoringError
from scoring.actions.filling import OwnTables
from scoring.actions.formulas import ensure_formula, formula_at, parameters_of
from scoring.actions.lock import RunLock, run_lock
from scoring.actions.nights import Sources, can_roll, forget_unreadable, keep_forecast, make_anew, sweep_states
from scoring.actions.partitions import drop_aside
from scoring.actions.pruning import prune
from scoring.actions.steps import RunSteps
from scoring.actions.topics import ensure_topics
from scoring.engine import EngineError
from scoring.engine.memory import give_back
from scoring.engine.tables import Workspace
from scoring.models import Formula, ScoreRun, ScoreRunQuerySet, ScoreState, Topic
from scoring.queries.topics import stored_topics

log = logging.getLogger(__name__)

# How long a run that failed waits before it is started again by itself; after the last of these it isn't any more.
PAUSES: Final = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=4))
# Starts in all, counting those that took the process with them (out of memory, say).
ATTEMPTS: Final = len(PAUSES) + 1


def score(
    *,
    as_of: datetime,
    now: datetime,
    formula: Formula | None = None,
    progress: Callable[[str], None] | None = None,
    make_current: bool = False,
    by_itself: bool = False,
) -> ScoreRun:
    """Compute and publish all scores as known at `as_of`, and return the run.

    Activity goes to the log first; of the log, what happened before `as_of` counts. The run's line in the ledger is
    (as_of, formula): where it is there already, from a run that was killed, failed or done, this run takes it over. A
    finished line is replaced in one transaction and stays finished, with its old rows, if this fails. The formula is
    the one that counts at that moment unless given; a run of any other is a shadow. Whether the run becomes current is
    decided by `publishing.publish`, or by whoever asks for it with `make_current`.

    What nobody asked for (`by_itself`) counts its starts, and where it fails the line says when `score_unfinished`
    starts it again. A run that somebody asks for begins to count anew, and isn't started again if it fails, unless it
    is the night's own: the nightly task leaves that to whoever began it.

    Raises RunInProgress if another run is going on anywhere, ScoringError for a moment after `now`, and whatever made
    it fail: the ledger then says so, and the readers keep what they had.

    A run that was killed goes on from what it had finished: activity is in the log, sums are kept by nights, and what
    was computed until it is published.
    """
    if timezone.is_naive(as_of):
        raise ValueError("as_of must be aware")
    if as_of > now:
        raise ScoringError(f"{as_of:%Y-%m-%d %H:%M} UTC is yet to come: what happens until then isn't known")
    finished = _passing(now)
    as_of = as_of.astimezone(UTC)
    with run_lock() as lock:
        if not connection.in_atomic_block:
            # Of a run that was killed: nobody reads them, and nobody can be erased from them.
            drop_aside()
        formula = formula or ensure_formula(now, as_of=as_of)
        run = _begin(as_of=as_of, formula=formula, now=now, by_itself=by_itself)
        try:
            steps = RunSteps(run, now, lock, progress)
            _compute_and_publish(run, now, finished, steps, make_current, lock)
            run.notes = {**run.notes, "steps": steps.took()}
            run.save(update_fields=["notes"])
        except BaseException as error:
            _fail(run, error, finished(), again=by_itself or _is_of_the_night(run, now))
            raise
        prune(run)
        sweep_states(_current(now))
    return run


@transaction.atomic
def _begin(*, as_of: datetime, formula: Formula, now: datetime, by_itself: bool) -> ScoreRun:
    is_shadow = formula != formula_at(as_of)
    run, created = ScoreRun.objects.get_or_create(
        as_of=as_of, formula=formula, defaults={"started_at": now, "is_shadow": is_shadow}
    )
    if created:
        return run
    # A process that was killed a moment ago may have left a commit on its way: what it did is seen behind it.
    run = ScoreRun.objects.select_for_update(of=("self",)).select_related("formula").get(pk=run.pk)
    # A formula that was a shadow then may count by now. What readers see is none, whoever put it there.
    run.is_shadow = is_shadow and not run.is_current
    if run.state != ScoreRun.State.DONE:
        killed = run.state == ScoreRun.State.RUNNING
        run.attempts = run.attempts + 1 if killed or by_itself else 1
        run.state, run.started_at, run.finished_at, run.error = ScoreRun.State.RUNNING, now, None, ""
        run.retry_at = None
        run.save(update_fields=["is_shadow", "state", "started_at", "finished_at", "error", "attempts", "retry_at"])
    return run


def _compute_and_publish(
    run: ScoreRun,
    now: datetime,
    finished: Callable[[], datetime],
    step: RunSteps,
    make_current: bool,
    lock: RunLock,
) -> None:
    step("moving activity to the log")
    move_activity_to_log(now=now)
    if not Topic.objects.exists():
        ensure_topics()
    _refuse_faulty_log(run.as_of, deep=False)
    step("people")
    with _naming_what_is_damaged(run.as_of), OwnTables(run) as tables:
        result = compute_night(
            run=run, now=now, sources=sources_of_runs(), progress=step, supporters_made=tables.send_ahead
        )
        run.forecast = keep_forecast(result.forecast())
        give_back()
        step("publishing")
        publishing.publish(
            run,
            result,
            now=now,
            finished=finished,
            make_current=make_current,
            check=lock.check,
            copied=step.done,
            own=tables,
        )


def rebuild_state(*, now: datetime, progress: Callable[[str], None]) -> ScoreState:
    """Make the sums that runs of the current formula go on from anew, from the whole log, and return their row.

    They are of the midnight of the run that readers see, or of the last one: before there is a run, or where that is of
    a moment yet to come. Raises RunInProgress, ScoringError for a formula whose sums can't be kept, and LogFaulty.
    """
    with run_lock():
        formula = ensure_formula(now)
        run = _current(now)
        moment = now if run is None else run.as_of
        as_of = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        parameters = parameters_of(formula)
        if not can_roll(as_of, parameters):
            raise ScoringError(f"the formula {formula.version} looks ahead for parts of a day: its runs keep no sums")
        progress("moving activity to the log")
        move_activity_to_log(now=now)
        if not Topic.objects.exists():
            ensure_topics()
        _refuse_faulty_log(as_of, deep=False)
        with (
            _naming_what_is_damaged(as_of),
            engine_connection() as connection,
            Workspace(connection) as workspace,
        ):
            state = make_anew(
                workspace,
                as_of=as_of,
                now=now,
                parameters=parameters,
                sources=sources_of_runs(),
                progress=lambda step, _rows=0, /: progress(step),
            )
        sweep_states(run)
        return state


def _current(now: datetime) -> ScoreRun | None:
    """Return the run that readers see, unless it is of a moment yet to come: the clock was ahead."""
    run = ScoreRun.objects.current()
    return None if run is None or run.as_of > now else run


def sources_of_runs() -> Sources:
    """Return what runs take from the database."""
    return Sources(owners(), seed_persons(), stored_topics(), erased_accounts(), rests())


@contextmanager
def _naming_what_is_damaged(as_of: datetime) -> Iterator[None]:
    """Where something fails in the block, look whether a file is why, of the log or of the sums, and say which.

    Whichever library met a spoilt file says that something is wrong, and not where.
    """
    try:
        yield
    except (ScoringError, EngineError, LogUnreachable, DatabaseError, psycopg.Error):
        raise
    except Exception as error:
        _refuse_faulty_log(as_of, deep=True)
        spoilt = forget_unreadable()
        if spoilt:
            raise ScoringError(
                f"what was kept of the sums is damaged: {spoilt[0]} can't be read; it was forgotten, "
                "and the next run reads the whole log"
            ) from error
        raise


def _refuse_faulty_log(as_of: datetime, *, deep: bool) -> None:
    """Raise LogFaulty if files of the log that this moment needs aren't what was written."""
    faults = list(log_faults(as_of, deep=deep))
    if faults:
        others = f", and {len(faults) - 1:,} files more" if len(faults) > 1 else ""
        raise LogFaulty(
            f"the activity log is damaged: {faults[0].path} is {faults[0].what}{others}; "
            "copy it back from a backup, manage.py log verify says of each what is wrong"
        )


def _is_of_the_night(run: ScoreRun, now: datetime) -> bool:
    """Say whether a run is what the nightly task of this day does, whoever started it."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return run.formula.is_current and run.as_of == midnight


def _fail(run: ScoreRun, error: BaseException, at: datetime, *, again: bool) -> None:
    """Note on the run that it failed, and when to start it again, if it is to be and wasn't too often.

    A line that was done before stays done: its rows are what readers see.
    """
    text = describe(error)
    retry_at = at + PAUSES[run.attempts - 1] if again and run.attempts < ATTEMPTS else None
    try:
        lines = ScoreRun.objects.filter(pk=run.pk)
        lines.update(error=text)
        lines.filter(state=ScoreRun.State.RUNNING).update(
            state=ScoreRun.State.FAILED, finished_at=at, retry_at=retry_at
        )
    except DatabaseError:
        # The line stays running and nobody holds the lock: the next run takes it up.
        log.exception("the run as of %s failed, and that could not be noted", run.as_of)


def describe(error: BaseException) -> str:
    """Return what may stand in the ledger about an error: our own messages, else its kind and place.

    Messages of other people's code, the database's before all, can hold names and texts of persons.
    """
    if isinstance(error, ScoringError | EngineError | LogUnreachable):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__}: {error.strerror}"
    place = ""
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "")
        if name.startswith(("accounts.", "scoring.")):
            place = f" in {name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__}{place}"


def _passing(now: datetime) -> Callable[[], datetime]:
    """Return what tells the time from a moment that is now."""
    began = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - began)


def score_night(*, as_of: datetime, now: datetime) -> str:
    """Score a moment under the formula that counts then unless that is done already; say in a line what came of it.

    Where it fails, or another run is going on, the ledger says when `score_unfinished` tries it again. A run that was
    started `ATTEMPTS` times and killed is given up: its message would come back to the worker for ever.
    """
    as_of = as_of.astimezone(UTC)
    formula = ensure_formula(now, as_of=as_of)
    # A formula that begins tonight may have a shadow of this very moment: readers never saw that.
    if ScoreRun.objects.done().filter(as_of=as_of, formula=formula, is_shadow=False).exists():
        return f"{as_of:%Y-%m-%d %H:%M} UTC was scored before"
    try:
        killed = _killed_too_often().filter(as_of=as_of, formula=formula).first()
        if killed is not None:
            _give_up(killed, now)
            return f"{as_of:%Y-%m-%d %H:%M} UTC was given up"
        run = score(as_of=as_of, now=now, formula=formula, by_itself=True)
    except RunInProgress as error:
        _wait(as_of, formula, now, str(error))
        return str(error)
    return f"{run.people} people scored as of {run.as_of:%Y-%m-%d %H:%M} UTC"


def score_unfinished(*, now: datetime) -> str:
    """Take up runs that were killed and failed ones whose pause is over; say in a line what came of it.

    Those that readers wait for come first, oldest first, then the shadows. One that fails again doesn't keep the others
    waiting. A run that was started `ATTEMPTS` times and killed is given up and marked as failed. Nothing happens while
    a run is going on.
    """
    taken_up = failed = 0
    clock = _passing(now)
    try:
        given_up = sum(_give_up(run, now) for run in _killed_too_often())
        due = Q(state=ScoreRun.State.RUNNING) | Q(state=ScoreRun.State.FAILED, retry_at__lte=now)
        for run in ScoreRun.objects.filter(due).select_related("formula").order_by("is_shadow", "as_of"):
            try:
                score(as_of=run.as_of, now=clock(), formula=run.formula, by_itself=True)
                taken_up += 1
            except RunInProgress:
                raise
            except Exception:  # whatever broke it stands on its line; the runs behind it may be sound
                log.exception("the run as of %s failed again", run.as_of)
                failed += 1
    except RunInProgress as error:
        return str(error)
    return f"{taken_up} runs taken up, {failed} failed again, {given_up} given up"


def score_shadows(*, now: datetime) -> str:
    """Score, as of the moment of the run that readers see, each version asked to run in shadow; say what came of it.

    One that has its line in the ledger already is left alone: it is done, or `score_unfinished` tries it again. One
    that fails keeps neither the others nor the night waiting.
    """
    run = _current(now)
    if run is None:
        return "there is no run to stand beside yet"
    scored = failed = 0
    clock = _passing(now)
    for formula in Formula.objects.shadows().exclude(runs__as_of=run.as_of).order_by("created_at"):
        try:
            score(as_of=run.as_of, now=clock(), formula=formula, by_itself=True)
            scored += 1
        except RunInProgress as error:
            return str(error)
        except Exception:  # what broke it stands on its line
            log.exception("the shadow of formula %s as of %s failed", formula.version, run.as_of)
            failed += 1
    return f"{scored} shadows scored, {failed} failed"


def _wait(as_of: datetime, formula: Formula, now: datetime, reason: str) -> None:
    """Note on the ledger that a moment waits for its first start. If its line is there, that is left as it is."""
    ScoreRun.objects.get_or_create(
        as_of=as_of,
        formula=formula,
        defaults={
            "state": ScoreRun.State.FAILED,
            "started_at": now,
            "finished_at": now,
            "retry_at": now + PAUSES[0],
            "attempts": 0,
            "error": reason,
        },
    )


def _killed_too_often() -> ScoreRunQuerySet:
    return ScoreRun.objects.filter(state=ScoreRun.State.RUNNING, attempts__gte=ATTEMPTS)


def _give_up(run: ScoreRun, now: datetime) -> int:
    with run_lock():
        return ScoreRun.objects.filter(pk=run.pk, state=ScoreRun.State.RUNNING).update(
            state=ScoreRun.State.FAILED,
            finished_at=now,
            error=f"given up after {run.attempts} starts, killed at: {run.step}",
        )
