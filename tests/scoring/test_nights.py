"""Runs that go on from what was kept the night before, against runs that read the whole log."""

import errno
import os
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import psycopg
import pyarrow as pa
import pytest
from django.conf import settings
from django.core.management import call_command

from accounts.actions import discard_file, erase_person, tidy_log
from accounts.actions.daily import enter, sweep_log
from accounts.log import LogFolder
from accounts.models import LogFile, Person
from scoring.actions import ScoringError, earliest_start, nights, rebuild_state, runs, score, score_shadows
from scoring.actions.nights import forget_states, states, sweep_states
from scoring.models import Backtest, ReachPart, Score, ScoreRun, ScoreState, StateDay, Support, TopicReach
from tests.factories.accounts import UserFactory
from tests.factories.scoring import FormulaFactory, ScoreRunFactory
from tests.scoring.conftest import APRIL_1, APRIL_2, APRIL_3, LOADED, NOW

# What a person's rows hold: the numbers of each table by what they are about.
TABLES: dict[Any, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Score: (
        ("person__handle",),
        ("score", "reach", "forecast", "low", "high", "alive", "credibility", "posts", "actions"),
    ),
    TopicReach: (("person__handle", "topic__slug"), ("reach", "reach_with_below", "lift")),
    Support: (("supporter__handle", "supported__handle"), ("reach", "expected", "actions")),
    ReachPart: (("person__handle", "kind", "network"), ("reach",)),
}


def numbers(run: ScoreRun) -> dict[tuple[str, ...], Any]:
    found = {}
    for model, (keys, values) in TABLES.items():
        for row in model.objects.filter(run=run).values_list(*keys, *values):
            found[model.__name__, *row[: len(keys)]] = row[len(keys) :]
    return found


def assert_same(one: dict[tuple[str, ...], Any], other: dict[tuple[str, ...], Any]) -> None:
    assert one.keys() == other.keys()
    for key, values in one.items():
        assert values == pytest.approx(other[key], abs=1e-9), key


def read(run: ScoreRun) -> str:
    run.refresh_from_db()
    return str(run.notes["read"])


def anew(as_of: datetime) -> dict[tuple[str, ...], Any]:
    """Return what a run that reads the whole log gives."""
    forget_states()
    run = score(as_of=as_of, now=NOW)
    assert read(run) == "nothing is kept yet"
    return numbers(run)


@pytest.fixture
def withhold(known: Path) -> Callable[[date], Callable[[], None]]:
    """Return what takes every second row of a day out of the log, and returns what puts them in: they come late."""
    log = LogFolder(settings.ACTIVITY_LOG)

    def take_out(day: date) -> Callable[[], None]:
        rest: list[tuple[str, pa.Table]] = []
        for file in LogFile.objects.live().filter(day=day):
            rows = log.read(file.table, [file.path])
            rest.append((file.table, rows.take(list(range(0, rows.num_rows, 2)))))
            file.delete()
            if rows.num_rows > 1:
                early = rows.take(list(range(1, rows.num_rows, 2)))
                enter(file.table, day, log.write_day(file.table, day, early), now=LOADED)

        def put_in() -> None:
            for table, rows in rest:
                enter(table, day, log.write_day(table, day, rows), now=NOW)

        return put_in

    return take_out


def test_a_night_takes_in_a_day_and_gives_what_the_whole_log_gives(known: Path) -> None:
    assert read(score(as_of=APRIL_1, now=NOW)) == "nothing is kept yet"
    assert read(score(as_of=APRIL_2, now=NOW)) == "1 days were taken in"
    night = score(as_of=APRIL_3, now=NOW)
    assert read(night) == "1 days were taken in"
    rolled = numbers(night)
    assert {key[0] for key in rolled} == {"Score", "TopicReach", "Support", "ReachPart"}
    assert_same(rolled, anew(APRIL_3))


def test_what_comes_late_changes_its_day(withhold: Callable[[date], Callable[[], None]]) -> None:
    come_late = [withhold(date(2026, 3, day)) for day in (12, 30, 31)]
    score(as_of=APRIL_1, now=NOW)
    without = numbers(score(as_of=APRIL_2, now=NOW))
    for put_in in come_late:
        put_in()

    night = score(as_of=APRIL_3, now=NOW)

    # Posts of 12 March say what acts on them were in the 28 days after: of all days since.
    assert read(night) == "22 days were taken in"
    rolled = numbers(night)
    assert rolled != without
    assert_same(rolled, anew(APRIL_3))


def test_what_comes_later_than_can_be_taken_in_makes_all_anew(withhold: Callable[[date], Callable[[], None]]) -> None:
    put_in = withhold(date(2026, 3, 2))
    score(as_of=APRIL_3, now=NOW)
    put_in()

    night = score(as_of=APRIL_3 + timedelta(days=1), now=NOW)

    assert read(night) == "the log has got rows of 2026-03-02"
    assert_same(numbers(night), anew(APRIL_3 + timedelta(days=1)))


def test_several_days_at_once_and_days_without_anything(known: Path) -> None:
    score(as_of=APRIL_1, now=NOW)
    later = datetime(2026, 4, 28, tzinfo=APRIL_1.tzinfo)

    night = score(as_of=later, now=NOW)

    assert read(night) == "27 days were taken in"
    assert_same(numbers(night), anew(later))


def test_a_run_of_an_earlier_moment_keeps_nothing(known: Path) -> None:
    score(as_of=APRIL_2, now=NOW)
    kept = ScoreState.objects.get()

    earlier = score(as_of=APRIL_1, now=NOW)

    assert read(earlier) == "what is kept is of 2026-04-02"
    assert ScoreState.objects.get().folder == kept.folder
    rows = numbers(earlier)
    assert_same(rows, anew(APRIL_1))


def test_the_same_night_again_reads_no_day(known: Path) -> None:
    first = numbers(score(as_of=APRIL_2, now=NOW))
    again = score(as_of=APRIL_2, now=NOW)
    assert read(again) == "nothing is new"
    assert_same(numbers(again), first)


def test_a_log_that_was_tidied_holds_nothing_new(withhold: Callable[[date], Callable[[], None]]) -> None:
    withhold(date(2026, 3, 30))()
    score(as_of=APRIL_2, now=NOW)
    assert tidy_log(now=NOW + timedelta(days=3)).merged

    assert read(score(as_of=APRIL_2, now=NOW)) == "nothing is new"


def test_a_file_that_was_given_up_is_taken_back(known: Path) -> None:
    score(as_of=APRIL_2, now=NOW)
    for file in LogFile.objects.live().filter(day=date(2026, 4, 1)):
        discard_file(file.path, now=NOW)

    night = score(as_of=APRIL_2, now=NOW)

    assert read(night) == "1 days were taken in"
    assert_same(numbers(night), anew(APRIL_2))


def test_a_file_that_was_given_up_is_taken_back_however_late_a_night_comes(known: Path) -> None:
    score(as_of=APRIL_2, now=NOW)
    given_up = LogFile.objects.live().filter(day=date(2026, 4, 1))
    paths = [settings.ACTIVITY_LOG / file.path for file in given_up]
    for file in given_up:
        discard_file(file.path, now=NOW)
    sweep_log(now=NOW + timedelta(days=9))
    # The sweep goes by the files' own age too.
    for path in paths:
        os.utime(path, (0, 0))
    sweep_log(now=NOW + timedelta(days=9))
    assert not any(path.exists() for path in paths)

    night = score(as_of=APRIL_2, now=NOW)

    assert read(night) == "1 days were taken in"
    assert_same(numbers(night), anew(APRIL_2))


def test_of_the_erased_nothing_is_rolled_on(known: Path) -> None:
    score(as_of=APRIL_1, now=NOW)
    erase_person(Person.objects.get(handle="handle2"), by=UserFactory.create(), now=NOW)

    night = score(as_of=APRIL_2, now=NOW)

    assert read(night) == "1 days were taken in"
    rolled = numbers(night)
    assert not any("handle2" in key for key in rolled)
    # Of others nothing is remembered but that they were there: what they posted and did to others is the same.
    whole = anew(APRIL_2)
    assert rolled.keys() == whole.keys()
    for key in rolled:
        if key[0] == "Score":
            assert rolled[key][6:] == whole[key][6:]


def test_sums_are_made_anew_within_weeks_of_an_erasure(known: Path) -> None:
    score(as_of=APRIL_1, now=NOW)
    erase_person(Person.objects.get(handle="handle2"), by=UserFactory.create(), now=NOW + timedelta(hours=1))

    assert read(score(as_of=APRIL_2, now=NOW + timedelta(days=28))) == "1 days were taken in"
    night = score(as_of=APRIL_3, now=NOW + timedelta(days=29))

    assert read(night) == "somebody was erased four weeks ago"
    assert_same(numbers(night), anew(APRIL_3))


@pytest.mark.parametrize("name", ["pairs.parquet", "days/pairs/day=20542/*.parquet"])
@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_sums_that_are_damaged_are_made_anew(known: Path, damage: str, name: str) -> None:
    score(as_of=APRIL_1, now=NOW)
    (path,) = (settings.SCORING_STATE / ScoreState.objects.get().folder).glob(name)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])

    night = score(as_of=APRIL_2, now=NOW)

    assert read(night).startswith("what is kept is damaged: ")
    assert_same(numbers(night), anew(APRIL_2))


@pytest.mark.parametrize("name", ["pairs.parquet", "days/texts/day=20542/*.parquet"])
def test_sums_that_cannot_be_read_are_named_and_made_anew_by_the_next_run(known: Path, name: str) -> None:
    good = score(as_of=APRIL_1, now=NOW)
    (path,) = (settings.SCORING_STATE / ScoreState.objects.get().folder).glob(name)
    path.write_bytes(bytes(path.stat().st_size))

    with pytest.raises(ScoringError, match=f"sums is damaged: .*{path.name} can't be read.*reads the whole log"):
        score(as_of=APRIL_2, now=NOW)

    assert ScoreRun.objects.current() == good
    assert_same(numbers(score(as_of=APRIL_2, now=NOW)), anew(APRIL_2))


def test_days_of_the_release_before_are_named_too_where_they_cannot_be_read(known: Path) -> None:
    score(as_of=APRIL_1, now=NOW)
    StateDay.objects.update(files={})
    (path,) = (settings.SCORING_STATE / ScoreState.objects.get().folder).glob("days/texts/day=20542/*.parquet")
    path.write_bytes(path.read_bytes()[:-9])

    with pytest.raises(ScoringError, match=f"sums is damaged: .*{path.name} can't be read"):
        score(as_of=APRIL_2, now=NOW)

    assert not ScoreState.objects.exists()


def test_sums_are_not_forgotten_for_what_has_another_reason(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score(as_of=APRIL_1, now=NOW)
    monkeypatch.setattr(runs, "compute_night", Mock(side_effect=ValueError))
    monkeypatch.setattr(states, "open_parquet", Mock(side_effect=PermissionError(errno.EACCES, "Permission denied")))

    with pytest.raises(PermissionError):
        score(as_of=APRIL_2, now=NOW)

    assert ScoreState.objects.exists()


def test_a_full_disk_of_the_database_costs_no_look_at_all_files(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Mock()
    monkeypatch.setattr(runs, "_refuse_faulty_log", looks)
    monkeypatch.setattr(runs, "compute_night", Mock(side_effect=psycopg.errors.DiskFull))

    with pytest.raises(psycopg.errors.DiskFull):
        score(as_of=APRIL_1, now=NOW)

    looks.assert_called_once_with(APRIL_1, deep=False)


def test_a_forecast_is_kept_for_its_own_formulas_horizon(known: Path) -> None:
    score(as_of=APRIL_1, now=NOW)
    current = FormulaFactory.create()
    slow = FormulaFactory.create(parameters={**current.parameters, "horizon_days": 56})
    for formula, days in ((current, 30), (current, 31), (slow, 58), (slow, 59)):
        ScoreRunFactory.create(formula=formula, as_of=APRIL_1 - timedelta(days=days), forecast=f"forecasts/{days}")

    sweep_states(ScoreRun.objects.current())

    kept = ScoreRun.objects.filter(forecast__in=[f"forecasts/{days}" for days in (30, 31, 58, 59)])
    assert set(kept.values_list("forecast", flat=True)) == {"forecasts/30", "forecasts/58"}


def test_the_sums_of_one_night_alone_are_kept(known: Path) -> None:
    for as_of in (APRIL_1, APRIL_2, APRIL_3):
        score(as_of=as_of, now=NOW)

    newest = ScoreState.objects.get().folder
    earlier = set(StateDay.objects.exclude(folder=newest).values_list("folder", flat=True))
    assert len(earlier) == 2
    for folder in earlier:
        assert [path.name for path in (settings.SCORING_STATE / folder).iterdir()] == ["days"]
    assert (settings.SCORING_STATE / newest / "pairs.parquet").exists()


def test_a_clock_that_was_ahead_holds_no_night_up(known: Path) -> None:
    ahead = APRIL_3 + timedelta(days=365)
    first = score(as_of=APRIL_1, now=NOW)
    score(as_of=ahead, now=ahead)

    night = score(as_of=APRIL_2, now=NOW)

    assert read(night) == "what is kept is of 2027-04-03, which is yet to come"
    assert ScoreRun.objects.current() == night != first
    assert read(score(as_of=APRIL_3, now=NOW)) == "1 days were taken in"
    assert score(as_of=APRIL_2, now=NOW) == night
    assert ScoreRun.objects.get(is_current=True).as_of == APRIL_3
    # Its own moment isn't passed over when it comes, and no formula has to wait for it.
    assert ScoreRun.objects.get(as_of=ahead).state == ScoreRun.State.FAILED
    assert earliest_start() == APRIL_3


def test_sums_made_anew_by_hand_stay_where_the_clock_was_ahead(known: Path) -> None:
    ahead = APRIL_3 + timedelta(days=365)
    score(as_of=ahead, now=ahead)

    rebuild_state(now=NOW, progress=lambda step: None)

    kept = ScoreState.objects.get()
    assert kept.until == NOW.replace(hour=0)
    assert (settings.SCORING_STATE / kept.folder / "pairs.parquet").exists()
    assert score_shadows(now=NOW) == "there is no run to stand beside yet"


def test_folders_that_nothing_names_are_swept(known: Path) -> None:
    for as_of in (APRIL_1, APRIL_2, APRIL_3):
        score(as_of=as_of, now=NOW)
    (settings.SCORING_STATE / "left" / "behind").mkdir(parents=True)
    score(as_of=APRIL_3, now=NOW)

    root = settings.SCORING_STATE
    folders = {path.relative_to(root).as_posix() for path in root.glob("*/*")}
    named = {ScoreState.objects.get().folder, *StateDay.objects.values_list("folder", flat=True)}
    assert folders == named | set(ScoreRun.objects.values_list("forecast", flat=True))
    days = set(StateDay.objects.values_list("day", flat=True))
    assert days == {date(2026, 4, 2) - timedelta(days=ago) for ago in range(29)}


def test_a_forecast_is_kept_until_what_it_foretold_is_known(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    horizon_after = APRIL_1 + timedelta(days=28)
    computed = score(as_of=horizon_after, now=NOW)
    expected = Backtest.objects.filter(run=computed).values().get()
    forget_states()
    score(as_of=APRIL_1, now=NOW)
    monkeypatch.setattr(nights, "forecast_at", None)

    run = score(as_of=horizon_after, now=NOW)

    found = Backtest.objects.filter(run=run).values().get()
    for name in ("people", "spearman", "ndcg", "overlap", "best_baseline", "coverage"):
        assert found[name] == pytest.approx(expected[name]), name
    assert found["cut"] == APRIL_1


def test_a_moment_within_a_day_keeps_no_sums(known: Path) -> None:
    run = score(as_of=APRIL_2 + timedelta(hours=5), now=NOW)
    assert "read" not in run.notes
    assert not ScoreState.objects.exists()


def test_sums_are_made_anew_by_hand(known: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = score(as_of=APRIL_2, now=NOW)
    before = ScoreState.objects.get()

    call_command("log", "rebuild")

    assert (
        capsys.readouterr().out.splitlines()[-1].startswith("the sums of all days before 2026-04-02 were made anew, ")
    )
    after = ScoreState.objects.get()
    assert (after.key, after.until) == (before.key, before.until)
    assert after.folder != before.folder
    assert_same(numbers(score(as_of=APRIL_2, now=NOW)), numbers(run))


def test_sums_made_anew_by_hand_are_of_a_midnight(known: Path) -> None:
    score(as_of=APRIL_2 + timedelta(hours=14, minutes=30), now=NOW)

    call_command("log", "rebuild")

    assert ScoreState.objects.get().until == APRIL_2
