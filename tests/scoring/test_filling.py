"""Filling a large run's tables: over connections of their own, supporters ahead of all else."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q

from accounts.models import Person
from scoring.actions import filling, partitions, publishing, rows, score
from scoring.engine import explain
from scoring.models import Score, ScoreRun, Support
from tests.scoring.conftest import APRIL_1, NOW
from tests.scoring.published import aside, everything, partitions_of


@pytest.mark.django_db(transaction=True)
def test_connections_that_fill_tables_at_once_give_the_rows_that_one_gives(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a test's own transaction everything goes over one connection, and here over four."""
    told: list[tuple[int, int]] = []
    threads: set[int] = set()
    copy, done = filling.copy_rows, filling.Sent.tell

    def copying(*given: Any) -> None:
        threads.add(threading.get_ident())
        copy(*given)

    def telling(sent: Any) -> None:
        told.append((threading.get_ident(), sent._rows))
        done(sent)

    monkeypatch.setattr(filling, "copy_rows", copying)
    monkeypatch.setattr(filling.Sent, "tell", telling)
    small = everything(score(as_of=APRIL_1, now=NOW))
    assert threads == {threading.get_ident()}
    monkeypatch.setattr(filling, "LARGE", 1)
    threads.clear()
    told.clear()
    run = score(as_of=APRIL_1, now=NOW)
    assert everything(run) == small
    assert partitions_of(Score, run) == [run.pk]
    assert len(threads - {threading.get_ident()}) == 3
    # Of how far they are only the thread tells that waits for them: the lock's session is its own.
    assert {thread for thread, _ in told} == {threading.get_ident()}
    # Supporters were there before.
    assert told[-1][1] == sum(map(len, small)) - Support.objects.filter(run=run).count()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at", ["copy_rows", "check_references"])
def test_supporters_are_sent_anew_where_somebody_of_them_was_erased(
    known: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """They are on their way before the run is computed: who is erased then may be in what is still to come."""
    person = Person.objects.filter(identities__handle="handle7").get()
    module: Any = filling if at == "copy_rows" else partitions
    act, parts, tries = getattr(module, at), explain.parts, []
    gone = threading.Event()

    def erasing(*given: Any) -> None:
        act(*given)
        if given[0] is Support or str(given[0]).startswith(Support._meta.db_table):
            tries.append(threading.get_ident())
            if len(tries) == 1:
                with ThreadPoolExecutor(1) as somebody:
                    somebody.submit(erase).result()
                gone.set()

    def erase() -> None:
        Person.objects.get(pk=person.pk).delete()
        connection.close()

    def afterwards(*given: Any) -> Any:
        assert gone.wait(30)
        return parts(*given)

    monkeypatch.setattr(filling, "LARGE", 1)
    monkeypatch.setattr(module, at, erasing)
    monkeypatch.setattr(explain, "parts", afterwards)
    run = score(as_of=APRIL_1, now=NOW)
    # Before the keys are there, they tell; afterwards they take the rows along.
    assert len(tries) == (2 if at == "copy_rows" else 1)
    assert run.people == 29
    assert not Support.objects.filter(Q(supporter=person.pk) | Q(supported=person.pk)).exists()
    assert Support.objects.filter(run=run).exists()
    assert aside() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["their own table", "what is computed meanwhile", "other rows"])
def test_supporters_that_were_sent_ahead_of_a_run_that_fails_do_not_stay(
    known: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    refer, index, there, seen = partitions.refer, partitions.index, threading.Event(), []

    def referring(tables: Any) -> None:
        refer(tables)
        there.set()

    def failing(*given: Any, **named: Any) -> None:
        if what != "their own table":
            assert there.wait(30)
            seen.extend(aside())
        raise OSError(28, "No space left on device")

    def indexing(model: Any, name: str) -> None:
        (failing if model is Support else index)(model, name)

    broken = {
        "their own table": (partitions, "index", indexing),
        "what is computed meanwhile": (explain, "parts", failing),
        "other rows": (publishing, "rows_of", failing),
    }
    monkeypatch.setattr(filling, "LARGE", 1)
    monkeypatch.setattr(partitions, "refer", referring)
    with monkeypatch.context() as patch:
        patch.setattr(*broken[what])
        with pytest.raises(OSError, match="No space"):
            score(as_of=APRIL_1, now=NOW)
    assert len(seen) == (what != "their own table")
    assert aside() == []
    assert ScoreRun.objects.current() is None
    assert score(as_of=APRIL_1, now=NOW).people == 30


@pytest.mark.django_db(transaction=True)
def test_supporters_are_sent_some_at_a_time_and_none_is_lost(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = everything(score(as_of=APRIL_1, now=NOW))
    of_known, sizes = rows.supporters_of_known, []

    def noting(supports: Any, people: Any) -> Any:
        for table in of_known(supports, people):
            sizes.append(table.num_rows)
            yield table

    monkeypatch.setattr(filling, "LARGE", 1)
    monkeypatch.setattr(explain, "_AT_ONCE", 7)
    monkeypatch.setattr(filling, "supporters_of_known", noting)
    run = score(as_of=APRIL_1, now=NOW)
    assert len(sizes) > 5
    assert max(sizes) == 7
    assert everything(run) == small


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["supporters", "scores"])
def test_of_a_run_that_failed_no_more_rows_are_sent(known: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    begun, failed, asked = threading.Event(), threading.Event(), []

    def slowly(tables: Any) -> Any:
        for table in tables:
            asked.append(table)
            yield table
            begun.set()
            assert failed.wait(30)
            # Whoever failed says so by now.
            time.sleep(0.5)

    def failing(*given: Any) -> None:
        assert begun.wait(30)
        failed.set()
        raise OSError(28, "No space left on device")

    of_known, by_rank = rows.supporters_of_known, rows._by_rank
    monkeypatch.setattr(filling, "LARGE", 1)
    monkeypatch.setattr(explain, "_AT_ONCE", 7)
    monkeypatch.setattr(rows, "CHUNK", 7)
    with monkeypatch.context() as patch:
        if what == "supporters":
            patch.setattr(filling, "supporters_of_known", lambda *given: slowly(of_known(*given)))
            patch.setattr(explain, "parts", failing)
        else:
            patch.setattr(rows, "_by_rank", lambda scores: slowly(by_rank(scores)))
            patch.setattr(publishing, "figures_of", failing)
        with pytest.raises(OSError, match="No space"):
            score(as_of=APRIL_1, now=NOW)
    # The second is asked for and left.
    assert len(asked) == 2
    assert aside() == []
    assert score(as_of=APRIL_1, now=NOW).people == 30


@pytest.mark.django_db(transaction=True)
def test_a_run_that_fails_does_not_wait_for_what_the_database_is_at(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_it = threading.Event()

    def indexing(model: Any, name: str) -> None:
        with connection.cursor() as cursor:
            at_it.set()
            cursor.execute("SELECT pg_sleep(60)")

    def failing(*given: Any) -> None:
        assert at_it.wait(30)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(filling, "LARGE", 1)
    with monkeypatch.context() as patch:
        patch.setattr(partitions, "index", indexing)
        patch.setattr(explain, "parts", failing)
        began = time.monotonic()
        with pytest.raises(OSError, match="No space"):
            score(as_of=APRIL_1, now=NOW)
    assert time.monotonic() - began < 50
    assert aside() == []
