"""Sums made from the log, or from those of the night before, and kept."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
from django.db import transaction

from accounts.actions import days_at_rest
from accounts.queries import LogDay
from scoring.actions.nights.planning import LATE_DAYS, Plan
from scoring.actions.nights.states import DAYS, day_number, day_of, key_of, sizes, state_root
from scoring.actions.resting import with_new_ones
from scoring.engine import POST_TOPICS, Inputs, Parameters
from scoring.engine.activity import DAY, POST_DAYS, Activity, activity, without
from scoring.engine.arrays import side_by_side
from scoring.engine.daily import Days, summaries, texts
from scoring.engine.memory import give_back
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
from scoring.engine.stored import day_files, read_days, read_state, read_topic_sets, write_days, write_state
from scoring.engine.tables import Table, Workspace
from scoring.models import ScoreState, StateDay
from scoring.queries.topics import Topics
from scoring.queries.topics import texts as texts_of

pc: Any = pyarrow.compute


@dataclass(frozen=True, slots=True)
class Sources:
    """What a run takes from the database, apart from the manifest of the log."""

    owners: pa.Table
    seeds: npt.NDArray[np.int64]
    topics: Topics
    erased: npt.NDArray[np.int64]
    rests: pa.Table


@dataclass(frozen=True, slots=True)
class Keeping:
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
            resting = self._resting()
            if not resting.size:
                return seen, found, None
            assert found.received is not None, "known makes it"
            pairs = found.received()
            return seen, found, received_by(self.workspace, pairs, resting, until=self.until, formula=self.parameters)

        if not keep:
            seen, found, received = read(self.workspace)
            return self._known(found.state, found.texts, received), self._around(seen.topic_sets, seen.networks)
        # What was needed to make the sums is dropped as soon as they are written.
        with Workspace(self.workspace.connection) as inner:
            seen, found, received = read(inner)
            kept = range(self.kept_from, self.until // DAY)
            days = summaries(inner, seen, until=self.until, formula=self.parameters, days=kept)
            state = self._keep(found.state, seen, seen.topic_sets, days, found.texts, matches, received, rebuilt=True)
        return self._known(state, found.texts, received), self._around(seen.topic_sets, seen.networks)

    def roll(self, stored: ScoreState, plan: Plan) -> tuple[Known, Around]:
        folder = state_root() / stored.folder
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
        return Known(state, prints, (lambda: received.rows) if received is not None else None)

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
            unique=True,
        )

    def _matches(self, days: Iterable[int]) -> pa.Table:
        days = set(days)
        self.progress("topics of posts", self.rows(days))
        files = [path for day in sorted(days & self.log_of.keys()) for path in self.log_of[day].posts]
        found = self.sources.topics.matcher.match_all(
            texts_of(files, self.until, erased=self.sources.erased), side_by_side
        )
        # Of all texts of the log, while tables are about to take what they may.
        give_back()
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

    def _no_longer_recent(self, state: State, plan: Plan) -> Table | None:
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
        plan: Plan | None = None,
    ) -> State:
        """Write sums and days, and name them in the place of what was kept before."""
        name = f"{self.key}/{uuid.uuid4().hex}"
        folder = state_root() / name
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
        write_days(self.workspace, days, prints, of_day, folder / DAYS, since=self.kept_from)
        with transaction.atomic():
            values: dict[str, Any] = {
                "until": datetime.fromtimestamp(self.until, UTC),
                "folder": name,
                "added": self.added,
                "networks": list(seen.networks),
                "events": state.events,
                "began": state.began,
                "files": sizes(sorted(folder.glob("*.parquet"))),
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
            (gone if rebuilt else gone.filter(day__in=list(map(day_of, changed)))).delete()
            gone.filter(day__lt=day_of(self.kept_from)).delete()
            kept = [day for day in sorted(changed) if day >= self.kept_from]
            StateDay.objects.bulk_create(
                StateDay(state=row, day=day_of(day), folder=name, files=sizes(day_files(folder / DAYS, day)))
                for day in kept
            )
        return written


def keeping_of(
    workspace: Workspace,
    as_of: datetime,
    now: datetime,
    parameters: Parameters,
    sources: Sources,
    progress: Progress,
) -> Keeping:
    log_days, added = days_at_rest(as_of)
    return Keeping(
        workspace,
        int(as_of.timestamp()),
        now,
        key_of(parameters, sources.topics),
        parameters,
        sources,
        {day_number(day): found for day, found in log_days.items()},
        added,
        progress,
    )


def _without_erased(prints: pa.Table, erased: npt.NDArray[np.int64]) -> pa.Table:
    return prints.filter(pc.invert(pc.is_in(prints["account"], value_set=pa.array(erased))))
