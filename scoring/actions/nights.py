"""What a run computes from: the sums of yesterday and what is new in the log since, or the whole log."""

import hashlib
import json
import logging
import shutil
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
from django.conf import settings
from django.db import transaction

from accounts.actions import days_at_rest
from accounts.queries import LogDay, erased_between
from scoring.actions.resting import with_new_ones
from scoring.engine import POST_TOPICS, Inputs, Parameters
from scoring.engine.activity import DAY, POST_DAYS, Activity, activity, without
from scoring.engine.daily import Days, summaries, texts
from scoring.engine.forecasts import Forecast, horizon_before
from scoring.engine.hindsight import forecast_at
from scoring.engine.people import People
from scoring.engine.progress import Progress
from scoring.engine.received import (
    Received,
    carried_on,
    first_day,
    read_received,
    received_by,
    resting_accounts,
    write_received,
)
from scoring.engine.run import Around
from scoring.engine.snapshot import Known, known, texts_from
from scoring.engine.state import State, rolled
from scoring.engine.stored import (
    read_days,
    read_forecast,
    read_state,
    read_topic_sets,
    write_days,
    write_forecast,
    write_state,
)
from scoring.engine.tables import Table, Workspace, parquet_files
from scoring.models import Formula, ScoreRun, ScoreState, StateDay
from scoring.queries.topics import Topics
from scoring.queries.topics import texts as texts_of

pc: Any = pyarrow.compute
log = logging.getLogger(__name__)

# How long something may come late and be taken in; what comes later makes all sums be made anew.
LATE_DAYS: Final = 28
# Of somebody who was erased sums hold nothing from that moment on, but that others were there to write to them; that
# too goes within so long, with the next sums that are made anew.
ERASED_WAIT: Final = timedelta(days=28)
# Sums that no run went on from for so long are forgotten.
_UNUSED: Final = timedelta(days=60)
# Of the layout of what is kept: raised where the engine's tables change.
_LAYOUT: Final = 2
# What of a formula goes into the sums, or into how long days are kept.
_SUMMED_BY: Final = (
    *("half_life_days", "burst_share", "burst_half_life_days", "return_hours", "horizon_days"),
    "credibility_days",
)
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Sources:
    """What a run takes from the database, apart from the manifest of the log."""

    owners: pa.Table
    seeds: npt.NDArray[np.int64]
    topics: Topics
    erased: npt.NDArray[np.int64]
    rests: pa.Table


def can_roll(as_of: datetime, parameters: Parameters) -> bool:
    """Say whether sums can be kept for a moment: days are taken in whole, and leave the horizon whole."""
    return not as_of.timestamp() % DAY and not parameters.horizon_days % 1


@dataclass(frozen=True, slots=True)
class Sums:
    """All that is known by account at a midnight; `how` says in a line what was read, `kept` whether it is kept."""

    known: Known
    around: Around
    how: str
    kept: bool
    keeping: "_Keeping"

    def fingerprint(self, run: ScoreRun) -> str:
        """Return what tells apart all that a run may be computed from."""
        sources = self.keeping.sources
        said = hashlib.sha256()
        before = ScoreRun.objects.filter(as_of__lt=run.as_of, formula=run.formula).exclude(forecast="")
        state = ScoreState.objects.get(key=self.keeping.key)
        names = [run.pk, run.as_of.isoformat(), state.folder, self.keeping.parameters.fingerprint(), _LAYOUT]
        said.update(json.dumps([*names, *before.order_by("pk").values_list("forecast", flat=True)]).encode())
        for table in (sources.owners, sources.topics.parents, sources.rests):
            for column in table.columns:
                said.update(column.to_numpy().tobytes())
        for array in (sources.seeds, sources.erased):
            said.update(array.tobytes())
        return said.hexdigest()[:32]


def bring_up_to(
    workspace: Workspace,
    *,
    as_of: datetime,
    now: datetime,
    parameters: Parameters,
    sources: Sources,
    progress: Progress,
) -> Sums:
    """Bring the sums of all days to a midnight, keep them for the next night, and return them.

    Yesterday's sums age, and take in what the log has got since: new days, and days for which something came late, up
    to `LATE_DAYS`. Where there are none, where they can't be read, or where something came later than that, they are
    made from the whole log. A run of an earlier moment than that of the sums reads the whole log too
    and keeps nothing. The caller holds the lock of runs.
    """
    keeping = _keeping(workspace, as_of, now, parameters, sources, progress)
    stored = ScoreState.objects.filter(key=keeping.key).first()
    plan = _plan(stored, keeping.until, keeping.log_of, now)
    if plan.stored is not None:
        found, around = keeping.roll(plan.stored, plan)
    else:
        found, around = keeping.rebuild(plan.how, keep=not plan.earlier)
    return Sums(found, around, plan.how, not plan.earlier, keeping)


def people_and_forecast(
    workspace: Workspace, sums: Sums, formula: Formula, *, progress: Progress
) -> tuple[People, Forecast | None]:
    """Return everybody, and what was foretold of them a horizon before the sums; None where too little was known."""
    keeping = sums.keeping
    people = People.of(workspace, sums.known.state, keeping.sources.owners)
    return people, _forecast_before(workspace, keeping, people, formula, keeping.parameters, progress)


def make_anew(
    workspace: Workspace,
    *,
    as_of: datetime,
    now: datetime,
    parameters: Parameters,
    sources: Sources,
    progress: Progress,
) -> ScoreState:
    """Make the sums of all days before a midnight from the whole log, in the place of those kept; return their row.

    The caller holds the lock of runs.
    """
    keeping = _keeping(workspace, as_of, now, parameters, sources, progress)
    keeping.rebuild("asked for", keep=True)
    return ScoreState.objects.get(key=keeping.key)


def keep_forecast(forecast: Forecast) -> str:
    """Write what a run foretold, and return the folder's name for `ScoreRun.forecast`."""
    name = f"forecasts/{uuid.uuid4().hex}"
    write_forecast(forecast, _root() / name)
    return name


def sweep_states(current: ScoreRun | None) -> int:
    """Delete folders that nothing names, after forgetting forecasts that can't be checked any more; return how many.

    The caller holds the lock of runs, so that nobody is between a folder and its row.
    """
    if current is not None:
        # Of formulas that nobody runs any more.
        ScoreState.objects.filter(until__lt=current.as_of - _UNUSED).delete()
        oldest = current.as_of - timedelta(days=2 * float(current.formula.parameters["horizon_days"]))
        ScoreRun.objects.filter(as_of__lt=oldest).exclude(forecast="").update(forecast="")
    known = set(ScoreState.objects.values_list("folder", flat=True))
    known |= set(StateDay.objects.values_list("folder", flat=True))
    known |= set(ScoreRun.objects.exclude(forecast="").values_list("forecast", flat=True))
    swept = 0
    for folder in _root().glob("*/*"):
        if folder.relative_to(_root()).as_posix() not in known:
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
    return swept


def forget_states() -> int:
    """Forget all sums, so that the next run makes them anew; return how many there were."""
    with transaction.atomic():
        return ScoreState.objects.all().delete()[1].get("scoring.ScoreState", 0)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to do: take `changed` days into `stored`, or, without it, read everything. `how` says so, and why."""

    stored: ScoreState | None
    changed: tuple[int, ...]
    fresh: tuple[int, ...]
    folders: dict[int, Path]
    how: str
    earlier: bool = False


def _plan(stored: ScoreState | None, until: int, log_of: dict[int, LogDay], now: datetime) -> _Plan:
    if stored is None:
        return _whole("nothing is kept yet")
    first = int(stored.until.timestamp()) // DAY
    if until // DAY < first:
        return _whole(f"what is kept is of {stored.until:%Y-%m-%d}", earlier=True)
    fault = _fault(stored)
    if fault is not None:
        log.error("what is kept of %s is damaged: %s", stored, fault)
        return _whole(f"what is kept is damaged: {fault}")
    if erased_between(stored.rebuilt_at, now - ERASED_WAIT):
        return _whole("somebody was erased four weeks ago")
    folders = {_number(row.day): _root() / row.folder / "days" for row in stored.days.all()}
    fresh, changed = set(range(first, until // DAY)), set(range(first, until // DAY))
    for day, found in log_of.items():
        if found.acted > stored.added:
            changed |= {day, day + 1}
        if found.posted > stored.added:
            fresh.add(day)
            # A post says what acts on it were.
            changed |= set(range(day, day + POST_DAYS + 1))
    changed = {day for day in changed if day < until // DAY}
    older = sorted(day for day in changed if day < first and day not in folders)
    if older:
        return _whole(f"the log has got rows of {_date(older[0]):%Y-%m-%d}")
    days = f"{len(changed)} days were taken in" if changed else "nothing is new"
    return _Plan(stored, tuple(sorted(changed)), tuple(sorted(fresh)), folders, days)


def _whole(how: str, *, earlier: bool = False) -> _Plan:
    return _Plan(None, (), (), {}, how, earlier)


def _fault(stored: ScoreState) -> str | None:
    """Say which file of the state isn't as long as it was written, or None."""
    for name, size in stored.files.items():
        try:
            found = (_root() / name).stat().st_size
        except OSError as error:
            return f"{name}: {error.strerror}"
        if found != size:
            return f"{name} has {found:,} bytes, {size:,} were written"
    return None


@dataclass(frozen=True, slots=True)
class _Keeping:
    """Sums made and kept."""

    workspace: Workspace
    until: int
    now: datetime
    key: str
    parameters: Parameters
    sources: Sources
    log_of: dict[int, LogDay]
    added: int
    progress: Progress

    @property
    def kept_from(self) -> int:
        """Return the first day kept by itself: it may change, or leaves the horizon, or its texts count."""
        days = max(LATE_DAYS, self.parameters.horizon_days, self.parameters.credibility_days)
        return self.until // DAY - int(np.ceil(days)) - 1

    def rebuild(self, why: str, *, keep: bool) -> tuple[Known, Around]:
        matches = self._matches(self.log_of)
        self.progress(f"reading the whole log: {why}", self.rows(self.log_of))

        def read(workspace: Workspace) -> tuple[Activity, Known, Received | None]:
            seen = activity(workspace, self.inputs(self.log_of, self.log_of, matches))
            found = known(workspace, seen, self.until, self.parameters)
            assert found.days is not None, "known makes them"
            resting = self._resting()
            if not resting.size:
                return seen, found, None
            return (
                seen,
                found,
                received_by(self.workspace, found.days.pairs, resting, until=self.until, formula=self.parameters),
            )

        if not keep:
            seen, found, received = read(self.workspace)
            return self._known(found.state, found.texts, received), self._around(seen.topic_sets, seen.networks)
        # What was needed to make the sums is dropped as soon as they are written.
        with Workspace(self.workspace.connection) as inner:
            seen, found, received = read(inner)
            assert found.days is not None, "known makes them"
            state = self._keep(
                found.state, seen, seen.topic_sets, found.days, found.texts, matches, received, rebuilt=True
            )
        return self._known(state, found.texts, received), self._around(seen.topic_sets, seen.networks)

    def roll(self, stored: ScoreState, plan: _Plan) -> tuple[Known, Around]:
        folder = _root() / stored.folder
        state = read_state(
            self.workspace,
            folder,
            until=int(stored.until.timestamp()),
            events=stored.events,
            began=stored.began,
        )
        sets = read_topic_sets(folder)
        networks = tuple(stored.networks)
        state = state.without(self.sources.erased)
        text_days = range(texts_from(self.until, self.parameters), self.until // DAY)
        held = {day: plan.folders[day] for day in text_days if day in plan.folders and day not in plan.fresh}
        prints = _without_erased(self._stored(held, "texts"), self.sources.erased)
        if plan.changed:
            window = {day - before for day in plan.changed for before in range(POST_DAYS + 1)}
            fresh = self._matches(plan.fresh)
            self.progress(f"taking in days: {len(plan.changed)}", self.rows(plan.changed))
            other = {day: path for day, path in plan.folders.items() if day in window and day not in plan.fresh}
            matches = pa.concat_tables([fresh, self._stored(other, "matches").select(POST_TOPICS.names)])
            needed = {day - before for day in plan.changed for before in (0, 1)}
            with Workspace(self.workspace.connection) as inner:
                seen = activity(inner, self.inputs(needed, window, matches), networks)
                days = summaries(inner, seen, until=self.until, formula=self.parameters, days=plan.changed)
                new_prints = texts(inner, seen, since=0, until=self.until, days=plan.fresh)
                back = {day: plan.folders[day] for day in plan.changed if day in plan.folders}
                state = rolled(
                    inner,
                    state,
                    added=days,
                    taken_back=self._taken_back(back) if back else None,
                    no_longer_recent=self._no_longer_recent(state, plan),
                    until=self.until,
                    formula=self.parameters,
                )
                sets = pa.concat_tables([sets, seen.topic_sets]).group_by(sets.column_names).aggregate([])
                sets = sets.sort_by([(name, "ascending") for name in sets.column_names])
                prints = pa.concat_tables([prints, new_prints])
                networks = seen.networks
                received = self._received(folder, plan.changed, days.pairs)
                state = self._keep(state, seen, sets, days, new_prints, matches, received, rebuilt=False, plan=plan)
        else:
            received = self._received(folder)
        return self._known(state, prints, received), self._around(sets, networks)

    def _resting(self) -> npt.NDArray[np.int64]:
        sources = self.sources
        return resting_accounts(sources.rests, sources.owners, until=self.until, formula=self.parameters)

    def _received(self, folder: Path, changed: Sequence[int] = (), added: Table | None = None) -> Received | None:
        """Return what those who rest received: what is kept of them and the days taken in, or, of the new, the log."""
        resting = self._resting()
        if not resting.size:
            return None
        before = read_received(self.workspace, folder, self.sources.erased)
        kept = carried_on(
            self.workspace,
            before,
            resting,
            changed=changed,
            added=added,
            until=self.until,
            formula=self.parameters,
        )
        days = [day for day in self.log_of if day >= first_day(self.until, self.parameters)]
        if kept.accounts.size < resting.size:
            self.progress("reading what those received who rest", self.rows(days))
        inputs = self.inputs(days, (), POST_TOPICS.empty_table())
        return with_new_ones(self.workspace, kept, resting, inputs, formula=self.parameters)

    def _known(self, state: State, prints: pa.Table, received: Received | None) -> Known:
        return Known(state, prints, received=received.rows if received is not None else None)

    def rows(self, days: Iterable[int]) -> int:
        """Return how many rows the log has of some days."""
        return sum(self.log_of[day].rows for day in days if day in self.log_of)

    def inputs(self, acts: Iterable[int], posts: Iterable[int], matches: pa.Table) -> Inputs:
        """Return what the engine reads of some days of the log."""
        acted, posted = (sorted(set(days) & self.log_of.keys()) for days in (acts, posts))
        return Inputs(
            interactions=[path for day in acted for path in self.log_of[day].interactions],
            posts=[path for day in posted for path in self.log_of[day].posts],
            until=self.until,
            post_topics=matches,
            erased=self.sources.erased,
        )

    def _matches(self, days: Iterable[int]) -> pa.Table:
        days = set(days)
        self.progress("topics of posts", self.rows(days))
        files = [path for day in sorted(days & self.log_of.keys()) for path in self.log_of[day].posts]
        found = self.sources.topics.matcher.match_all(texts_of(files, self.until, erased=self.sources.erased))
        return found.cast(POST_TOPICS)

    def _around(self, sets: pa.Table, networks: tuple[str, ...]) -> Around:
        return Around(self.sources.seeds, sets, self.sources.topics.parents, networks, self.sources.rests)

    def _stored(self, folders: dict[int, Path], name: str) -> pa.Table:
        table: pa.Table = self.workspace.connection.to_pyarrow(read_days(self.workspace, folders, name))
        return table

    def _taken_back(self, folders: dict[int, Path]) -> Days:
        """Return days as they were taken in, without what was erased since."""
        tables = {name: read_days(self.workspace, folders, name) for name in ("pairs", "details", "accounts", "events")}
        return Days(**tables).without(self.sources.erased)

    def _no_longer_recent(self, state: State, plan: _Plan) -> Table | None:
        """Return pairs of days that leave the horizon, apart from those that are taken back whole."""
        horizon = int(self.parameters.horizon_days)
        days = range(state.until // DAY - horizon, self.until // DAY - horizon)
        left = {day: plan.folders[day] for day in days if day in plan.folders and day not in plan.changed}
        if not left:
            return None
        return without(read_days(self.workspace, left, "pairs"), self.sources.erased, "actor", "target")

    def _keep(
        self,
        state: State,
        seen: Activity,
        sets: pa.Table,
        days: Days,
        prints: pa.Table,
        matches: pa.Table,
        received: Received | None,
        *,
        rebuilt: bool,
        plan: _Plan | None = None,
    ) -> State:
        """Write sums and days, and name them in the place of what was kept before."""
        name = f"{self.key}/{uuid.uuid4().hex}"
        folder = _root() / name
        written = write_state(self.workspace, state, sets, folder)
        if received is not None:
            write_received(self.workspace, received, folder)
        of_day = ibis.memtable(matches).inner_join(seen.posts.select("post", "day").distinct(), "post")
        changed = set(range(self.kept_from, self.until // DAY)) if plan is None else set(plan.changed)
        if plan is not None:
            of_day = of_day.filter(of_day.day.isin(sorted(changed)))
            # Of days that are written again only for their acts, what was posted is as it was.
            again = {day: path for day, path in plan.folders.items() if day in changed - set(plan.fresh)}
            prints = pa.concat_tables([prints, self._stored(again, "texts")])
        write_days(self.workspace, days, prints, of_day, folder / "days", since=self.kept_from)
        paths = parquet_files(*sorted(folder.glob("*.parquet")))
        files = {path.relative_to(_root()).as_posix(): path.stat().st_size for path in paths}
        with transaction.atomic():
            values: dict[str, Any] = {
                "until": datetime.fromtimestamp(self.until, UTC),
                "folder": name,
                "added": self.added,
                "networks": list(seen.networks),
                "events": state.events,
                "began": state.began,
                "files": files,
                "made_at": self.now,
            }
            if rebuilt:
                values["rebuilt_at"] = self.now
            else:
                # A clock may have been set back since.
                before = ScoreState.objects.values_list("rebuilt_at", flat=True).get(key=self.key)
                values["made_at"] = max(self.now, before)
            row, _ = ScoreState.objects.update_or_create(key=self.key, defaults=values)
            gone = StateDay.objects.filter(state=row)
            (gone if rebuilt else gone.filter(day__in=list(map(_date, changed)))).delete()
            gone.filter(day__lt=_date(self.kept_from)).delete()
            kept = [day for day in sorted(changed) if day >= self.kept_from]
            StateDay.objects.bulk_create(StateDay(state=row, day=_date(day), folder=name) for day in kept)
        return written


def _keeping(
    workspace: Workspace,
    as_of: datetime,
    now: datetime,
    parameters: Parameters,
    sources: Sources,
    progress: Progress,
) -> _Keeping:
    log_days, added = days_at_rest(as_of)
    return _Keeping(
        workspace,
        int(as_of.timestamp()),
        now,
        _key(parameters, sources.topics),
        parameters,
        sources,
        {_number(day): found for day, found in log_days.items()},
        added,
        progress,
    )


def _forecast_before(
    workspace: Workspace,
    keeping: _Keeping,
    people: People,
    formula: Formula,
    parameters: Parameters,
    progress: Progress,
) -> Forecast | None:
    """Return what was foretold a horizon ago; where no run did, what it would have been, from the whole log."""
    cut = horizon_before(keeping.until, parameters)
    moment = datetime.fromtimestamp(cut, UTC)
    run = ScoreRun.objects.done().filter(as_of=moment, formula=formula).exclude(forecast="").first()
    if run is not None:
        try:
            return read_forecast(_root() / run.forecast)
        except (OSError, KeyError, ValueError) as error:  # made anew, whatever became of it
            log.error("the forecast of %s can't be read: %s", run, type(error).__name__)
    days = [day for day in keeping.log_of if day * DAY < cut]
    progress("forecasting as of a horizon ago", keeping.rows(days))
    with Workspace(workspace.connection) as inner:
        seen = activity(inner, keeping.inputs(days, days, POST_TOPICS.empty_table()))
        return forecast_at(
            inner,
            seen,
            people,
            cut,
            seeds=keeping.sources.seeds,
            resting=keeping.sources.rests,
            formula=parameters,
        )


def _key(parameters: Parameters, topics: Topics) -> str:
    """Return what tells sums apart that were made differently."""
    said: dict[str, Any] = {name: getattr(parameters, name) for name in _SUMMED_BY}
    said |= {"layout": _LAYOUT, "topics": topics.fingerprint}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def _without_erased(prints: pa.Table, erased: npt.NDArray[np.int64]) -> pa.Table:
    return prints.filter(pc.invert(pc.is_in(prints["account"], value_set=pa.array(erased))))


def _number(day: date) -> int:
    return (day - _EPOCH).days


def _date(number: int) -> date:
    return _EPOCH + timedelta(days=number)


def _root() -> Path:
    return Path(settings.SCORING_STATE)
