"""Tables of a large run's own: filled aside, put in place in one moment, dropped whole."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q

from accounts.models import Person
from scoring.actions import filling, partitions, publishing, score
from scoring.models import ReachPart, Score, ScoreRun, Support, TopicReach, WrittenLanguage
from tests.scoring.conftest import APRIL_1, APRIL_2, APRIL_3, NOW
from tests.scoring.published import PARTED_FIRST, aside, current_rows, everything, partitions_of


def test_a_large_run_has_the_rows_that_a_small_one_has(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = everything(score(as_of=APRIL_1, now=NOW))
    monkeypatch.setattr(filling, "LARGE", 30)
    run = score(as_of=APRIL_1, now=NOW)
    assert everything(run) == small
    assert partitions_of(Score, run) == [run.pk]
    again = score(as_of=APRIL_1, now=NOW)
    assert again == run
    assert everything(run) == small
    monkeypatch.setattr(filling, "LARGE", 31)
    score(as_of=APRIL_1, now=NOW)
    assert everything(run) == small


def test_a_large_runs_rows_leave_a_vacuum_nothing_to_do(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "LARGE", 1)
    run = score(as_of=APRIL_1, now=NOW)
    with connection.cursor() as cursor:
        for model in (Score, TopicReach, Support, ReachPart):
            cursor.execute(
                "SELECT relpages, relallvisible FROM pg_class WHERE oid = %s::regclass",
                [f"{model._meta.db_table}_run_{run.pk}"],
            )
            [(pages, seen_by_all)] = cursor.fetchall()
            assert pages == seen_by_all > 0


def test_a_large_runs_partition_has_all_that_the_table_has(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "LARGE", 1)
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
def test_whoever_is_erased_before_readers_see_a_run_takes_their_rows_along(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for the check of foreign keys, and the rows go that only the database knows."""
    score(as_of=APRIL_1, now=NOW)
    check, refer = partitions.check_references, partitions.refer
    person = Person.objects.filter(supports_given__isnull=False, supports_received__isnull=False)[0]
    erased: list[int] = []
    referring, all_refer = set(partitions.PARTED), threading.Event()

    def erase() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '20s'")
            erased.append(Person.objects.get(pk=person.pk).delete()[0])
        finally:
            connection.close()

    def refer_and_tell(tables: Any) -> None:
        # Told within the transaction: whoever erases then waits for its end.
        refer(tables)
        referring.difference_update(model for model, _ in tables)
        if not referring:
            all_refer.set()

    def checking(name: str) -> None:
        if name.startswith(Support._meta.db_table):
            # A table without foreign keys would keep the person's rows, and the run would be published anew.
            assert all_refer.wait(60)
            with ThreadPoolExecutor(1) as somebody:
                somebody.submit(erase).result()
        check(name)

    monkeypatch.setattr(filling, "LARGE", 1)
    monkeypatch.setattr(partitions, "refer", refer_and_tell)
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
def test_nobody_waits_behind_a_run_that_waits_for_a_long_writer(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Person.objects.order_by("pk")[:2]
    asked, written, refer = threading.Event(), threading.Event(), partitions.refer

    def referring(tables: Any) -> None:
        asked.set()
        refer(tables)

    def change(person: Person, until: threading.Event | None) -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '10s'")
                Person.objects.filter(pk=person.pk).update(bio="new")
                if until is not None:
                    started.set()
                    assert until.wait(60)
        finally:
            connection.close()

    started = threading.Event()
    monkeypatch.setattr(filling, "LARGE", 1)
    monkeypatch.setattr(partitions, "refer", referring)
    with ThreadPoolExecutor(2) as others:
        long = others.submit(change, first, written)
        assert started.wait(30)
        run = others.submit(_scored)
        assert asked.wait(60)
        # By now the run waits; a try of its own takes a second.
        time.sleep(0.3)
        try:
            change(second, None)
            assert not run.done()
        finally:
            written.set()
        long.result()
        assert run.result() == 30


def _scored() -> int:
    try:
        return score(as_of=APRIL_1, now=NOW).people
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_tables_of_a_publishing_that_failed_or_was_killed_do_not_stay(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    old = score(as_of=APRIL_1, now=NOW)
    monkeypatch.setattr(filling, "LARGE", 1)
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


def test_a_table_is_put_in_place_without_a_look_at_its_rows(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers wait meanwhile, and there may be tens of millions."""
    told: list[str] = []
    put = partitions.put_in_place

    def hear(said: Any) -> None:
        told.append(said.message_primary)

    def putting(*given: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET client_min_messages = debug1")
            connection.connection.add_notice_handler(hear)
            put(*given)
            connection.connection.remove_notice_handler(hear)
            cursor.execute("RESET client_min_messages")

    monkeypatch.setattr(filling, "LARGE", 1)
    monkeypatch.setattr(publishing, "put_in_place", putting)
    run = score(as_of=APRIL_1, now=NOW)
    assert partitions_of(Score, run) == [run.pk]
    implied = [text for text in told if "implied by existing constraints" in text]
    assert len(implied) == len(partitions.PARTED), told


def test_tables_that_no_page_shows_are_dropped_and_scores_stay(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "LARGE", 1)
    runs = [score(as_of=moment, now=NOW) for moment in (APRIL_1, APRIL_2, APRIL_3)]
    assert partitions_of(Score, *runs) == [run.pk for run in runs]
    for model in (TopicReach, Support, ReachPart, WrittenLanguage):
        assert partitions_of(model, *runs) == [run.pk for run in runs[1:]]


@pytest.mark.django_db(transaction=True)
def test_where_somebody_reads_all_the_time_the_last_good_run_stays(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = score(as_of=APRIL_1, now=NOW)
    monkeypatch.setattr(filling, "LARGE", 1)
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
        # To drop what was made, nobody waits for the reader either: others would wait behind.
        assert reader.is_alive()
        assert len(aside()) == len(partitions.PARTED)
    finally:
        done.set()
        reader.join(30)
    assert ScoreRun.objects.current() == old
    assert current_rows()[:2] == (old.pk, 30)
    assert partitions_of(Score, ScoreRun.objects.get(as_of=APRIL_2)) == []
    assert score(as_of=APRIL_2, now=NOW) == ScoreRun.objects.current()
    assert aside() == []


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_rows_stay_when_the_tables_are_parted_by_run_and_when_they_are_made_whole(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [score(as_of=APRIL_1, now=NOW)]
    monkeypatch.setattr(filling, "LARGE", 1)
    runs.append(score(as_of=APRIL_2, now=NOW))
    made = [everything(run, PARTED_FIRST) for run in runs]
    assert all(rows for run in made for rows in run)
    # The one has too few scores for a table of their own.
    Score.objects.filter(run=runs[0])[0].delete()
    before = [everything(run, PARTED_FIRST) for run in runs]

    executor = MigrationExecutor(connection)
    try:
        executor.migrate([("scoring", "0010_states")])
        assert [everything(run, PARTED_FIRST) for run in runs] == before
    finally:
        executor = MigrationExecutor(connection)
        parting = import_module(executor.loader.get_migration("scoring", "0011_rows_by_run").__module__)
        monkeypatch.setattr(parting, "LARGE", runs[1].people)
        executor.migrate(executor.loader.graph.leaf_nodes())
    assert partitions_of(Score, *runs) == [runs[1].pk]
    assert [everything(run, PARTED_FIRST) for run in runs] == before
    # New numbers begin behind those that are there, and keys are checked as before.
    again = score(as_of=APRIL_3, now=NOW)
    assert Score.objects.filter(run=again).order_by("pk")[0].pk > Score.objects.filter(run__in=runs).latest("pk").pk
    with pytest.raises(IntegrityError):
        Score.objects.filter(run=runs[0]).update(person=-1)
    assert [everything(score(as_of=run.as_of, now=NOW), PARTED_FIRST) for run in runs] == made
