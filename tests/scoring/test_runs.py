"""A run from the log to the readers, and its line in the ledger."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from accounts.actions import erase_person
from accounts.log import LogFolder, without_accounts
from accounts.models import ErasedAccount, Identity, LogFile, Person
from scoring.actions import (
    RunInProgress,
    ScoringError,
    ensure_formula,
    filling,
    runs,
    score,
    score_night,
)
from scoring.actions.computing import compute_night
from scoring.actions.errors import LogFaulty
from scoring.actions.lock import run_lock
from scoring.actions.nights import forget_states
from scoring.engine import Parameters, Result
from scoring.models import Formula, Score, ScoreRun, Support, TopicReach
from scoring.queries.progress import RUN_LOCK
from tests.factories.accounts import UserFactory
from tests.scoring.conftest import APRIL_1, APRIL_2, APRIL_3, NOW
from tests.scoring.worlds import START


def scores_of(run: ScoreRun) -> dict[str, float]:
    return dict(Score.objects.filter(run=run).values_list("person__handle", "score"))


def test_a_run_publishes_whole(known: Path) -> None:
    seen: list[str] = []
    run = score(as_of=APRIL_2, now=NOW, progress=seen.append)

    run = ScoreRun.objects.select_related("formula").get(pk=run.pk)
    assert (run.as_of, run.state, run.is_current, run.error, run.step, run.attempts) == (
        APRIL_2,
        ScoreRun.State.DONE,
        True,
        "",
        "",
        1,
    )
    assert run.formula.is_current
    assert run.started_at == NOW
    assert run.finished_at is not None
    assert NOW < run.finished_at < NOW + timedelta(minutes=2)
    assert run.people == Score.objects.filter(run=run).count() == Person.objects.count() == 30
    assert run.interactions > 500
    assert run.notes["left_out"] == 0
    assert run.notes["seeded_from"] == "proved"
    assert ScoreRun.objects.current() == run
    assert seen[0] == "moving activity to the log"
    assert seen[-1] == "publishing"

    by_rank = list(Score.objects.filter(run=run).order_by("-score").values_list("person__handle", flat=True))
    # The two on whom most people act.
    assert set(by_rank[:2]) == {"handle0", "handle1"}
    topics = TopicReach.objects.filter(run=run, person__handle="handle1").values_list("topic__slug", flat=True)
    assert sorted(topics) == ["data", "data-science"]
    assert Support.objects.filter(run=run, supported__handle="handle0").count() > 3


def test_what_was_taken_off_adds_up_and_stays_exact(known: Path) -> None:
    run = score(as_of=APRIL_2, now=NOW)
    for row in Score.objects.filter(run=run):
        taken = sum(getattr(row, f.name) for f in Score._meta.fields if f.name.startswith("taken_"))
        assert row.forecast - row.reach == pytest.approx(taken, abs=1e-9)


def test_floats_are_stored_to_the_bit(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[Result] = []

    def remembering(**given: Any) -> Result:
        computed.append(compute_night(**given))
        return computed[-1]

    monkeypatch.setattr(runs, "compute_night", remembering)
    run = score(as_of=APRIL_2, now=NOW)
    stored = dict(Score.objects.filter(run=run).values_list("person_id", "reach"))
    table = computed[0].scores
    assert stored == dict(zip(table["person"].to_pylist(), table["reach"].to_pylist(), strict=True))


def test_only_activity_before_the_moment_counts(known: Path) -> None:
    assert score(as_of=START, now=NOW).interactions == 0
    early = score(as_of=START + timedelta(days=10), now=NOW)
    late = score(as_of=START + timedelta(days=20), now=NOW)
    assert 0 < early.interactions < late.interactions


def test_without_any_activity_a_run_is_done_and_empty(db: None) -> None:
    run = score(as_of=APRIL_2, now=NOW)
    assert (run.state, run.people, run.interactions, run.is_current) == (ScoreRun.State.DONE, 0, 0, True)


def test_a_moment_to_come_is_refused(known: Path) -> None:
    with pytest.raises(ScoringError, match="yet to come"):
        score(as_of=NOW + timedelta(seconds=1), now=NOW)
    assert not ScoreRun.objects.exists()


def test_an_earlier_run_does_not_become_current_by_itself(known: Path) -> None:
    second = score(as_of=APRIL_2, now=NOW)
    first = score(as_of=APRIL_1, now=NOW)
    assert (first.state, first.is_current) == (ScoreRun.State.DONE, False)
    assert ScoreRun.objects.current() == second
    third = score(as_of=APRIL_3, now=NOW)
    assert third.is_current
    assert list(ScoreRun.objects.filter(is_current=True)) == [third]
    assert [scores_of(run) != {} for run in (first, second, third)] == [True, True, True]


def test_an_operator_can_say_which_run_is_current(known: Path) -> None:
    score(as_of=APRIL_2, now=NOW)
    first = score(as_of=APRIL_1, now=NOW, make_current=True)
    assert ScoreRun.objects.current() == first
    assert not score(as_of=APRIL_1 - timedelta(days=1), now=NOW).is_current
    assert score(as_of=APRIL_3, now=NOW).is_current


def test_another_formula_runs_in_the_shadow(known: Path) -> None:
    current = score(as_of=APRIL_2, now=NOW)
    parameters = Parameters(version="trial", kappa=0.0)
    trial = Formula.objects.create(
        version="trial", parameters=parameters.to_dict(), fingerprint=parameters.fingerprint()
    )
    shadow = score(as_of=APRIL_3, now=NOW, formula=trial)
    assert not shadow.is_current
    assert ScoreRun.objects.current() == current
    assert shadow.formula == trial
    assert scores_of(shadow) != scores_of(current)


def test_a_rerun_replaces_the_rows_of_its_line(known: Path) -> None:
    first = score(as_of=APRIL_2, now=NOW)
    before = scores_of(first)
    Score.objects.filter(run=first).update(score=50)
    TopicReach.objects.filter(run=first).delete()
    again = score(as_of=APRIL_2, now=NOW + timedelta(hours=1))
    assert again.pk == first.pk
    assert ScoreRun.objects.count() == 1
    assert again.is_current
    assert again.started_at == NOW + timedelta(hours=1)
    assert scores_of(again) == pytest.approx(before, abs=1e-9)
    assert TopicReach.objects.filter(run=again).exists()


def test_two_at_once_cannot_be(known: Path) -> None:
    ScoreRun.objects.create(as_of=APRIL_1, formula=ensure_formula(NOW), started_at=datetime(2026, 4, 1, 3, tzinfo=UTC))
    with run_lock(), pytest.raises(RunInProgress) as caught:
        score(as_of=APRIL_2, now=NOW)
    assert str(caught.value) == "the run as of 2026-04-01 00:00 UTC is going on since 2026-04-01 03:00 UTC"
    assert not ScoreRun.objects.filter(as_of=APRIL_2).exists()
    assert score(as_of=APRIL_2, now=NOW).state == ScoreRun.State.DONE


def test_a_run_whose_lock_was_lost_does_not_publish(known: Path) -> None:
    def cut(step: str) -> None:
        if step == "publishing":
            with connections["default"].cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1"
                    " AND (classid::bigint << 32) + objid::bigint = %s"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                    [RUN_LOCK],
                )
                assert cursor.fetchall() == [(True,)]

    with pytest.raises(Exception, match="terminating connection"):
        score(as_of=APRIL_2, now=NOW, progress=cut)
    run = ScoreRun.objects.get()
    assert run.state == ScoreRun.State.FAILED
    assert run.error.startswith("OperationalError in scoring.actions.lock")
    assert not Score.objects.exists()


def test_a_moment_of_another_zone_is_the_same_line(known: Path) -> None:
    eastern = timezone.get_fixed_timezone(-5 * 60)
    told = score_night(as_of=APRIL_2.astimezone(eastern), now=NOW)
    assert told == "30 people scored as of 2026-04-02 00:00 UTC"
    assert score(as_of=APRIL_2, now=NOW) == ScoreRun.objects.get()


def test_topics_and_supports_of_old_runs_are_dropped_and_scores_kept(known: Path) -> None:
    made = [score(as_of=as_of, now=NOW) for as_of in (APRIL_1, APRIL_2, APRIL_3)]
    assert [TopicReach.objects.filter(run=run).exists() for run in made] == [False, True, True]
    assert [Support.objects.filter(run=run).exists() for run in made] == [False, True, True]
    assert [Score.objects.filter(run=run).count() for run in made] == [30, 30, 30]
    again = score(as_of=APRIL_1, now=NOW)
    assert [TopicReach.objects.filter(run=run).exists() for run in (again, *made[1:])] == [True, True, True]


def test_people_who_were_erased_are_left_out_and_counted(known: Path) -> None:
    Person.objects.get(handle="handle7").delete()
    assert not Identity.objects.filter(handle="handle7").exists()
    run = score(as_of=APRIL_2, now=NOW)
    assert run.notes["left_out"] == 1
    assert run.people == 29
    assert "handle7" not in scores_of(run)


def test_a_person_erased_while_rows_are_copied_costs_one_more_try(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []
    copy = filling.copy_rows

    def erasing(model: Any, run: ScoreRun, tables: Any, *others: Any) -> None:
        if model is Score:
            (table,) = tables = list(tables)
            tries.append(table.num_rows)
            if len(tries) == 1:
                rows = table.slice(0, 1).to_pylist()
                rows[0]["person"] = -1
                tables = [type(table).from_pylist(rows, schema=table.schema)]
        copy(model, run, tables, *others)

    monkeypatch.setattr(filling, "copy_rows", erasing)
    run = score(as_of=APRIL_2, now=NOW)
    assert tries == [30, 30]
    assert Score.objects.filter(run=run).count() == 30


def test_steps_are_seen_from_outside_while_the_run_goes_on(known: Path) -> None:
    noted: list[tuple[str, str]] = []
    score(
        as_of=APRIL_2,
        now=NOW,
        progress=lambda step: noted.append((step, ScoreRun.objects.values_list("step", flat=True).get())),
    )
    assert all(step == stored for step, stored in noted)
    assert ("topics of posts", "topics of posts") in noted


def test_naive_moments_are_refused(db: None) -> None:
    with pytest.raises(ValueError, match="aware"):
        score(as_of=timezone.make_naive(APRIL_1), now=NOW)


def test_what_erased_accounts_did_counts_from_that_moment_on_for_nobody(known: Path) -> None:
    score(as_of=APRIL_1, now=NOW)
    erased = Person.objects.get(handle="handle2")
    keys = list(erased.identities.values_list("key", flat=True))
    erase_person(erased, by=UserFactory.create(), now=NOW)

    forget_states()
    filtered = score(as_of=APRIL_2, now=NOW)
    # The same as if the rows had never been there.
    folder = LogFolder(settings.ACTIVITY_LOG)
    for file in LogFile.objects.live():
        rows = without_accounts(file.table, folder.read(file.table, [file.path]), pa.array(keys))
        if not rows.num_rows:
            file.delete()
            continue
        pyarrow.parquet.write_table(rows, Path(folder.storage.root) / file.path)
        size = (Path(folder.storage.root) / file.path).stat().st_size
        LogFile.objects.filter(pk=file.pk).update(rows=rows.num_rows, size=size)
    ErasedAccount.objects.all().delete()
    found = scores_of(filtered)
    forget_states()
    assert len(found) == 29
    assert found == pytest.approx(scores_of(score(as_of=APRIL_2, now=NOW)), abs=1e-9)


def test_a_damaged_log_is_named_and_the_last_good_run_stays(known: Path) -> None:
    good = score(as_of=APRIL_1, now=NOW)
    before = scores_of(good)
    name = LogFile.objects.filter(table="interactions").earliest("day").path
    path = settings.ACTIVITY_LOG / name
    content = path.read_bytes()
    forget_states()

    def refused(damage: bytes, what: str) -> None:
        path.write_bytes(damage)
        with pytest.raises(LogFaulty, match=f"damaged: {name} is {what}.*copy it back from a backup"):
            score(as_of=APRIL_2, now=NOW)
        line = ScoreRun.objects.get(as_of=APRIL_2)
        assert line.state == ScoreRun.State.FAILED
        assert name in line.error
        assert ScoreRun.objects.current() == good
        assert scores_of(good) == before

    refused(content[:100], "truncated: 100 of")
    # As long as it was, but nothing that Parquet can read.
    refused(bytes(len(content)), "edited: its bytes")
    path.unlink()
    with pytest.raises(LogFaulty, match="is missing"):
        score(as_of=APRIL_2, now=NOW)
    path.write_bytes(content)
    assert score(as_of=APRIL_2, now=NOW).is_current


def test_posts_that_only_publishing_reads_are_named_where_they_are_damaged(known: Path) -> None:
    good = score(as_of=APRIL_1, now=NOW)
    before = scores_of(good)
    file = LogFile.objects.filter(table="posts", day__lt=APRIL_1.date()).latest("day")
    path = settings.ACTIVITY_LOG / file.path
    path.write_bytes(bytes(path.stat().st_size))

    # Nothing is new for the sums, which read no posts then.
    with pytest.raises(LogFaulty, match=f"damaged: {file.path} is edited"):
        score(as_of=APRIL_1, now=NOW)

    assert ScoreRun.objects.current() == good
    assert scores_of(good) == before
