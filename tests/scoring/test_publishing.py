"""What goes into the tables: guarded values, and all at once for whoever reads meanwhile."""

import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q

from accounts.models import Person
from scoring.actions import partitions, publishing, score
from scoring.actions.publishing import ResultFault, rows_of
from scoring.engine import Result
from scoring.engine.forecasts import Forecast
from scoring.engine.inputs import PARTS, SCORES, SUPPORTS, TOPICS
from scoring.models import Formula, ReachPart, Score, ScoreRun, Support, Topic, TopicReach, WrittenLanguage
from tests.scoring.conftest import APRIL_1, APRIL_2, APRIL_3, NOW

PEOPLE = np.array([1, 2], np.int64)
TOPIC_IDS = np.array([7], np.int64)


def row(person: int, **values: Any) -> dict[str, Any]:
    numbers = {field.name: 0.0 if pa.types.is_floating(field.type) else 0 for field in SCORES}
    good = {"score": 20.0, "reach": 10.0, "forecast": 10.0, "low": 5.0, "high": 20.0, "percentile": 50.0}
    return numbers | good | {"person": person, "original_share": None} | values


def result(*rows: dict[str, Any], topics: Any = (), supports: Any = (), parts: Any = ()) -> Result:
    return Result(
        pa.Table.from_pylist(list(rows), SCORES),
        pa.Table.from_pylist([dict(zip(TOPICS.names, values, strict=True)) for values in topics], TOPICS),
        pa.Table.from_pylist([dict(zip(SUPPORTS.names, values, strict=True)) for values in supports], SUPPORTS),
        pa.Table.from_pylist([dict(zip(PARTS.names, values, strict=True)) for values in parts], PARTS),
        {"interactions": 0},
        lambda: Forecast(0, "data", pa.table({}), pa.table({})),
    )


def test_noise_is_put_on_the_bound_and_nothing_else_is_touched() -> None:
    rows = rows_of(
        result(
            row(1, score=1 - 1e-13, reach=0.0, forecast=0.0, low=-1e-15, high=0.5, percentile=100 + 1e-12),
            row(2, score=100 + 1e-12, low=10 + 1e-12, high=10 - 1e-12, taken_absence=0.25, forecast=10.25),
        ),
        people=PEOPLE,
        topics=TOPIC_IDS,
    )
    second, first = pa.concat_tables(rows.by_model()[Score]).to_pylist()
    assert (first["score"], first["low"], first["high"], first["percentile"]) == (1.0, 0.0, 0.5, 100.0)
    assert (second["score"], second["low"], second["high"], second["taken_absence"]) == (100.0, 10.0, 10.0, 0.25)
    assert first["original_share"] is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"score": 0.9}, "score is out of its range in 1 rows"),
        ({"score": 100.1}, "score is out of its range"),
        ({"score": float("nan")}, "score holds something that is no number"),
        ({"reach": None}, "reach holds something that is no number"),
        ({"high": float("inf")}, "high holds something that is no number"),
        ({"low": 11.0}, "low is out of its range"),
        ({"low": -0.1}, "low is out of its range"),
        ({"high": 9.9}, "high is out of its range"),
        ({"percentile": 101.0}, "percentile is out of its range"),
        ({"taken_exchange": 1.0}, "doesn't add up"),
    ],
)
def test_what_the_definition_forbids_is_not_published(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ResultFault, match=message):
        rows_of(result(row(1, **values)), people=PEOPLE, topics=TOPIC_IDS)


def test_rows_of_people_and_topics_that_are_not_there_are_left_out() -> None:
    rows = rows_of(
        result(
            row(1),
            row(-5),
            topics=[
                (1, 7, 3.0, 3.5, 10.0, 2.0, 1),
                (1, 8, 3.0, 3.0, 10.0, 1.0, None),
                (-5, 7, 3.0, 3.0, 10.0, 1.0, None),
                (1, None, 4.0, 4.0, 10.0, None, None),
            ],
            supports=[
                (1, 2, 1.0, 1, 1, 4, 1.5, 0.1, 0.2, 0.3, -0.2, 0.1),
                (1, -5, 1.0, 1, 2, 4, 1.0, *[0.0] * 5),
                (-5, 2, 1.0, 2, 1, 4, 1.0, *[0.0] * 5),
            ],
            parts=[(2, "like", "twitter", 1.0), (-5, "like", "twitter", 1.0)],
        ),
        people=PEOPLE,
        topics=TOPIC_IDS,
    )
    assert rows.left_out == 1
    assert rows.scores["person"].to_pylist() == [1]
    assert rows.topics.to_pylist() == [
        {"person": 1, "topic": 7, "reach": 3.0, "reach_with_below": 3.5, "score": 10.0, "lift": 2.0, "rank": 1}
    ]
    taken = {"unvouched": 0.1, "exchange": 0.2, "indiscriminate": 0.3, "repetition": -0.2, "absence": 0.1}
    assert pa.concat_tables(rows.supports).to_pylist() == [
        {"supporter": 1, "supported": 2, "reach": 1.0, "actions": 4, "expected": 1.5}
        | {f"taken_{reason}": people for reason, people in taken.items()}
    ]
    assert rows.parts.to_pylist() == [{"person": 2, "kind": "like", "network": "twitter", "reach": 1.0}]


def test_rows_are_stored_by_rank() -> None:
    rows = rows_of(result(row(1, score=20.0), row(2, score=30.0)), people=PEOPLE, topics=TOPIC_IDS)
    assert pa.concat_tables(rows.by_model()[Score])["person"].to_pylist() == [2, 1]


@pytest.fixture(params=["in a partition with others", "in a partition of its own"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish the small world both as what it is and as if it were a large one."""
    monkeypatch.setattr(publishing, "LARGE", 1 if request.param.endswith("own") else 31)


@pytest.fixture
def scored(known: Path, size: None) -> ScoreRun:
    return score(as_of=APRIL_1, now=NOW)


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (Score, {"score": 0.5}),
        (Score, {"score": 100.5}),
        (Score, {"score": float("nan")}),
        (Score, {"percentile": -1}),
        (Score, {"low": -1}),
        (Score, {"high": -1}),
        (TopicReach, {"reach": -1}),
        (TopicReach, {"score": 0}),
        (TopicReach, {"reach": 5, "reach_with_below": 4}),
        (TopicReach, {"rank": 1, "lift": None}),
        (TopicReach, {"rank": 0, "lift": 2}),
        (ScoreRun, {"state": "failed"}),
        (ScoreRun, {"finished_at": None}),
    ],
)
def test_the_database_refuses_what_must_not_be(scored: ScoreRun, model: Any, change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.all().update(**change)


def test_the_database_keeps_one_of_each(scored: ScoreRun) -> None:
    person, other = Person.objects.order_by("pk")[:2]
    formula = scored.formula
    for again in (
        lambda: Score.objects.create(
            run=scored, person=person, score=20, reach=1, forecast=1, low=1, high=1, percentile=1
        ),
        lambda: ScoreRun.objects.create(as_of=APRIL_1, formula=formula),
        lambda: ScoreRun.objects.create(
            as_of=APRIL_2, formula=formula, is_current=True, state=ScoreRun.State.DONE, finished_at=NOW
        ),
        lambda: Formula.objects.create(version="second", parameters={}, fingerprint="", is_current=True),
        lambda: Formula.objects.create(version=formula.version, parameters={}, fingerprint=""),
        lambda: Support.objects.create(run=scored, supporter=other, supported=other, reach=1),
        lambda: Topic.objects.create(slug="jazz", name="Jazz"),
        lambda: Topic.objects.filter(slug="jazz").update(parent=Topic.objects.get(slug="jazz")),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            again()


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


@pytest.mark.django_db(transaction=True)
def test_readers_see_the_old_run_or_the_new_one(known: Path, size: None, monkeypatch: pytest.MonkeyPatch) -> None:
    old = score(as_of=APRIL_1, now=NOW)
    before = current_rows()
    copy = publishing._copy

    with Reader(old) as reader:

        def slowly(*given: Any) -> None:
            copy(*given)
            reader.look()

        monkeypatch.setattr(publishing, "_copy", slowly)
        new = score(as_of=APRIL_2, now=NOW)
        after = current_rows()
    assert reader.errors == []
    assert new.pk != old.pk
    assert set(reader.seen) == {before, after}
    assert reader.seen == sorted(reader.seen)
    assert before[:2] == (old.pk, 30)
    assert after[:2] == (new.pk, 30)
    assert before[2] != after[2]


@pytest.mark.django_db(transaction=True)
def test_readers_of_a_line_that_is_run_again_see_its_old_rows_or_its_new_ones(
    known: Path, size: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = score(as_of=APRIL_1, now=NOW)
    Score.objects.filter(run=run).update(score=77)
    before = current_rows()
    copy = publishing._copy

    with Reader(run) as reader:

        def slowly(*given: Any) -> None:
            copy(*given)
            reader.look()

        monkeypatch.setattr(publishing, "_copy", slowly)
        score(as_of=APRIL_1, now=NOW)
        after = current_rows()
    assert reader.errors == []
    assert set(reader.seen) == {before, after}
    assert before[:3] == (run.pk, 30, 77.0)
    assert after[:2] == (run.pk, 30)
    assert after[2] < 77


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


def test_a_large_run_has_the_rows_that_a_small_one_has(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = everything(score(as_of=APRIL_1, now=NOW))
    monkeypatch.setattr(publishing, "LARGE", 30)
    run = score(as_of=APRIL_1, now=NOW)
    assert everything(run) == small
    assert partitions_of(Score, run) == [run.pk]
    again = score(as_of=APRIL_1, now=NOW)
    assert again == run
    assert everything(run) == small
    monkeypatch.setattr(publishing, "LARGE", 31)
    score(as_of=APRIL_1, now=NOW)
    assert everything(run) == small


def test_a_large_runs_partition_has_all_that_the_table_has(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "LARGE", 1)
    with connection.cursor() as cursor:
        run = score(as_of=APRIL_1, now=NOW)
        for model in (Score, TopicReach, Support, ReachPart, WrittenLanguage):
            own = f"{model._meta.db_table}_run_{run.pk}"
            cursor.execute(
                "SELECT i.inhrelid FROM pg_index p JOIN pg_inherits i ON i.inhparent = p.indexrelid"
                " JOIN pg_index own ON own.indexrelid = i.inhrelid"
                " WHERE p.indrelid = %s::regclass AND own.indrelid = %s::regclass",
                [model._meta.db_table, own],
            )
            attached = len(cursor.fetchall())
            cursor.execute("SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass", [own])
            # None was made twice: those that were there beforehand were taken.
            assert [(attached,)] == cursor.fetchall()
            cursor.execute(
                "SELECT count(*), count(*) FILTER (WHERE conparentid <> 0) FROM pg_constraint"
                " WHERE conrelid = %s::regclass AND contype = 'f'",
                [own],
            )
            [(keys, of_the_table)] = cursor.fetchall()
            assert keys == of_the_table == len([field for field in model._meta.fields if field.is_relation])


@pytest.mark.django_db(transaction=True)
def test_connections_that_fill_tables_at_once_give_the_rows_that_one_gives(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a test's own transaction everything goes over one connection, and here over three."""
    told: list[tuple[int, int]] = []
    threads: set[int] = set()
    copy, done = publishing._copy, publishing._Sent.tell

    def copying(*given: Any) -> None:
        threads.add(threading.get_ident())
        copy(*given)

    def telling(sent: Any) -> None:
        told.append((threading.get_ident(), sent._rows))
        done(sent)

    monkeypatch.setattr(publishing, "_copy", copying)
    monkeypatch.setattr(publishing._Sent, "tell", telling)
    small = everything(score(as_of=APRIL_1, now=NOW))
    assert threads == {threading.get_ident()}
    monkeypatch.setattr(publishing, "LARGE", 1)
    threads.clear()
    told.clear()
    run = score(as_of=APRIL_1, now=NOW)
    assert everything(run) == small
    assert partitions_of(Score, run) == [run.pk]
    assert len(threads - {threading.get_ident()}) == 2
    # Of how far they are only the thread tells that waits for them: the lock's session is its own.
    assert {thread for thread, _ in told} == {threading.get_ident()}
    assert told[-1][1] == sum(map(len, small))


@pytest.mark.django_db(transaction=True)
def test_whoever_is_erased_before_readers_see_a_run_takes_their_rows_along(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for the check of foreign keys, and the rows go that only the database knows."""
    score(as_of=APRIL_1, now=NOW)
    check = partitions.check_references
    person = Person.objects.filter(supports_given__isnull=False, supports_received__isnull=False)[0]
    erased: list[int] = []

    def erase() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '20s'")
        erased.append(Person.objects.get(pk=person.pk).delete()[0])
        connection.close()

    def checking(name: str) -> None:
        if name.startswith(Support._meta.db_table):
            with ThreadPoolExecutor(1) as somebody:
                somebody.submit(erase).result()
        check(name)

    monkeypatch.setattr(publishing, "LARGE", 1)
    monkeypatch.setattr(partitions, "check_references", checking)
    run = score(as_of=APRIL_2, now=NOW)
    assert len(erased) == 1
    assert partitions_of(Support, run) == [run.pk]
    assert Score.objects.filter(run=run).count() == 29
    for rows in (Score.objects, TopicReach.objects, ReachPart.objects):
        assert not rows.filter(person=person.pk).exists()
    assert Support.objects.filter(run=run).exists()
    assert not Support.objects.filter(Q(supporter=person.pk) | Q(supported=person.pk)).exists()


@pytest.mark.django_db(transaction=True)
def test_tables_of_a_publishing_that_failed_or_was_killed_do_not_stay(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def aside() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT relname FROM pg_class WHERE relname ~ '_run_[0-9]+_new_' AND relkind = 'r'")
            return [name for (name,) in cursor.fetchall()]

    def failing(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    old = score(as_of=APRIL_1, now=NOW)
    monkeypatch.setattr(publishing, "LARGE", 1)
    with monkeypatch.context() as broken:
        broken.setattr(publishing, "put_in_place", failing)
        with pytest.raises(OSError, match="No space"):
            score(as_of=APRIL_2, now=NOW)
    assert aside() == []
    assert ScoreRun.objects.current() == old
    # One that was killed can't clear up.
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE scoring_support_run_7_new_0123abcd (LIKE scoring_support)")
    new = score(as_of=APRIL_2, now=NOW)
    assert aside() == []
    assert ScoreRun.objects.current() == new


def test_tables_that_no_page_shows_are_dropped_and_scores_stay(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "LARGE", 1)
    runs = [score(as_of=moment, now=NOW) for moment in (APRIL_1, APRIL_2, APRIL_3)]
    assert partitions_of(Score, *runs) == [run.pk for run in runs]
    for model in (TopicReach, Support, ReachPart, WrittenLanguage):
        assert partitions_of(model, *runs) == [run.pk for run in runs[1:]]


@pytest.mark.django_db(transaction=True)
def test_where_somebody_reads_all_the_time_the_last_good_run_stays(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = score(as_of=APRIL_1, now=NOW)
    monkeypatch.setattr(publishing, "LARGE", 1)
    monkeypatch.setattr(partitions, "LOCK_SECONDS", 0.01)
    monkeypatch.setattr(partitions, "LOCK_TRIES", 2)
    reading, done = threading.Event(), threading.Event()

    def read_on() -> None:
        with transaction.atomic():
            current_rows()
            reading.set()
            done.wait(60)
        connection.close()

    reader = threading.Thread(target=read_on)
    reader.start()
    try:
        assert reading.wait(30)
        with pytest.raises(OperationalError, match="lock timeout"):
            score(as_of=APRIL_2, now=NOW)
    finally:
        done.set()
        reader.join(30)
    assert ScoreRun.objects.current() == old
    assert current_rows()[:2] == (old.pk, 30)
    assert partitions_of(Score, ScoreRun.objects.get(as_of=APRIL_2)) == []
    assert score(as_of=APRIL_2, now=NOW) == ScoreRun.objects.current()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("large", [20, 50_000])
def test_rows_stay_when_the_tables_are_parted_by_run_and_when_they_are_made_whole(
    known: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    runs = [score(as_of=APRIL_1, now=NOW)]
    monkeypatch.setattr(publishing, "LARGE", 1)
    runs.append(score(as_of=APRIL_2, now=NOW))
    before = [everything(run, PARTED_FIRST) for run in runs]
    assert all(rows for run in before for rows in run)

    executor = MigrationExecutor(connection)
    try:
        executor.migrate([("scoring", "0010_states")])
        assert [everything(run, PARTED_FIRST) for run in runs] == before
    finally:
        executor = MigrationExecutor(connection)
        parting = import_module(executor.loader.get_migration("scoring", "0011_rows_by_run").__module__)
        monkeypatch.setattr(parting, "LARGE", large)
        executor.migrate(executor.loader.graph.leaf_nodes())
    assert partitions_of(Score, *runs) == ([run.pk for run in runs] if large == 20 else [])
    assert [everything(run, PARTED_FIRST) for run in runs] == before
    # New numbers begin behind those that are there, and keys are checked as before.
    again = score(as_of=APRIL_3, now=NOW)
    assert Score.objects.filter(run=again).order_by("pk")[0].pk > Score.objects.filter(run__in=runs).latest("pk").pk
    with pytest.raises(IntegrityError):
        Score.objects.filter(run=runs[0]).update(person=-1)
    assert [everything(score(as_of=run.as_of, now=NOW), PARTED_FIRST) for run in runs] == before
