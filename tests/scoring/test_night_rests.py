"""Rests in runs that go on from the night before, against runs that read the whole log."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from accounts.actions import erase_person, merge_people, undo_merge
from accounts.models import Merge, Person, Rest
from scoring.actions import resting, score
from scoring.models import Score, ScoreRun
from tests.factories.accounts import RestFactory, UserFactory
from tests.scoring.conftest import APRIL_1, APRIL_2, APRIL_3, NOW
from tests.scoring.test_nights import anew, assert_same, numbers, read, withhold

__all__ = ["withhold"]

DAY = timedelta(days=1)


def most_acted_on(run: ScoreRun) -> list[Person]:
    return [row.person for row in Score.objects.filter(run=run).order_by("-actions", "person")]


def rests(person: Person, first: date, last: date) -> Rest:
    rest: Rest = RestFactory.create(person=person, first_day=first, last_day=last)
    return rest


def forecasts(found: dict[tuple[str, ...], Any]) -> dict[tuple[str, ...], Any]:
    """Return the forecast of each person, and what is expected of each pair."""
    place = {"Score": 2, "Support": 1}
    return {key: (values[place[key[0]]],) for key, values in found.items() if key[0] in place}


@pytest.fixture
def log_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with each pass over the log for those who newly rest."""
    passes: list[str] = []
    involving = resting.involving  # type: ignore[attr-defined]  # imported there

    def counted(workspace: Any, interactions: Any, accounts: Any) -> Any:
        passes.append("pass")
        return involving(workspace, interactions, accounts)

    monkeypatch.setattr(resting, "involving", counted)
    return passes


def test_a_rest_counts_in_nights_as_in_the_whole_log(known: Path, log_reads: list[str]) -> None:
    first = score(as_of=APRIL_1, now=NOW)
    person = most_acted_on(first)[0]
    without = numbers(score(as_of=APRIL_2, now=NOW))
    assert log_reads == []
    rests(person, date(2026, 3, 27), date(2026, 4, 9))

    same_night = score(as_of=APRIL_2, now=NOW)

    assert read(same_night) == "nothing is new"
    assert len(log_reads) == 1
    found = numbers(same_night)
    assert found["Score", person.handle] > without["Score", person.handle]
    night = score(as_of=APRIL_3, now=NOW)
    night_after = numbers(night)
    later = score(as_of=APRIL_3 + 9 * DAY, now=NOW)
    nine_days_after = numbers(later)
    # What the night before read stands beside its sums; the run that read it first had none to write.
    assert len(log_reads) == 2
    assert (read(night), read(later)) == ("1 days were taken in", "9 days were taken in")
    assert_same(found, anew(APRIL_2))
    assert_same(night_after, anew(APRIL_3))
    assert_same(nine_days_after, anew(APRIL_3 + 9 * DAY))


@pytest.mark.parametrize(("seed", "erases"), [(0, False), (1, True), (2, False)])
def test_whatever_happens_to_rests_nights_give_what_the_whole_log_gives(
    withhold: Callable[[date], Callable[[], None]], seed: int, erases: bool
) -> None:
    """Rests are declared for days to come and days gone by, and taken back; rows come late; people merge and go."""
    dice = random.Random(seed)
    operator = UserFactory.create(is_superuser=True, is_staff=True)
    late = [withhold(date(2026, 3, day)) for day in dice.sample(range(14, 32), 3)]
    *people, erased = most_acted_on(score(as_of=APRIL_1, now=NOW))
    people = people[:8]

    def declare() -> None:
        first = date(2026, 3, 3) + dice.randrange(40) * DAY
        rests(dice.choice(people), first, first + dice.randrange(20) * DAY)

    def take_back() -> None:
        rest = Rest.objects.order_by("?").first()
        if rest is not None:
            rest.delete()

    def merge() -> None:
        standing = Merge.objects.standing().first()
        if standing is not None:
            undo_merge(merge=standing, by=operator, now=NOW)
        else:
            kept, merged = Person.objects.filter(pk__in=dice.sample([person.pk for person in people], 2))
            merge_people(kept=kept, merged=merged, by=operator, now=NOW)

    def come_late() -> None:
        if late:
            late.pop()()

    declare()
    for night in range(1, 5):
        for happens in dice.choices([declare, declare, take_back, merge, come_late], k=3):
            happens()
        if night == 3 and erases:
            erase_person(erased, by=operator, now=NOW)
        declare()
        run = score(as_of=APRIL_1 + night * DAY, now=NOW)
        assert read(run).endswith("taken in")

    rolled = numbers(run)
    assert Rest.objects.count() > 3
    whole = anew(run.as_of)
    if erases:
        # That somebody was there to write to the erased is remembered for four weeks; absence comes after all else.
        assert_same(forecasts(rolled), forecasts(whole))
    else:
        assert_same(rolled, whole)
    Rest.objects.all().delete()
    rested = score(as_of=run.as_of, now=NOW)
    assert forecasts(numbers(rested)) != forecasts(whole)
