"""Declared rests: who may declare which days, what of them can be taken back, and where they go."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from accounts.actions import RestRefused, declare_rest, end_rest, erase_person, merge_people, undo_merge
from accounts.models import Person, Rest, User
from accounts.queries import rests
from tests.factories.accounts import PersonFactory, RestFactory, UserFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 15, 22, 30, tzinfo=UTC)
TODAY = NOW.date()


def day(after: int) -> date:
    return TODAY + timedelta(days=after)


@pytest.fixture
def ann() -> Person:
    user = UserFactory.create()
    person: Person = PersonFactory.create(user=user, claimed_at=NOW, claimed_via="operator")
    return person


def declare(person: Person, first: int, last: int, **given: Any) -> Rest:
    by = given["by"] if given else _holder(person)
    return declare_rest(person=person, first_day=day(first), last_day=day(last), by=by, now=NOW)


def refused(person: Person, first: int, last: int, **given: Any) -> str:
    before = list(Rest.objects.order_by("pk").values())
    with pytest.raises(RestRefused) as refusal:
        declare(person, first, last, **given)
    assert list(Rest.objects.order_by("pk").values()) == before
    return str(refusal.value)


def test_a_rest_is_declared(ann: Person) -> None:
    rest = declare(ann, 3, 9)
    row = Rest.objects.get()
    assert row == rest
    assert (row.person, row.first_day, row.last_day, row.days) == (ann, day(3), day(9), 7)
    assert (row.created_at, row.created_by) == (NOW, ann.user)


def test_days_are_bounded(ann: Person) -> None:
    assert refused(ann, 5, 4) == "The last day comes before the first."
    assert refused(ann, -29, 3) == "A break can begin at most 28 days ago."
    assert refused(ann, 360, 366) == "A break has to be over within a year from today."
    declare(ann, -28, -28)
    declare(ann, 365, 365)


def test_the_day_is_that_of_utc(ann: Person) -> None:
    ahead = NOW.astimezone(datetime(2026, 6, 16, tzinfo=UTC).astimezone().tzinfo)
    declare_rest(person=ann, first_day=day(-28), last_day=day(-28), by=ann.user or UserFactory.create(), now=ahead)


def test_rests_of_one_person_do_not_overlap(ann: Person) -> None:
    declare(ann, 3, 9)
    for first, last in ((1, 3), (9, 12), (4, 5), (1, 12)):
        assert refused(ann, first, last) == "Some of these days are among another break of yours."
    declare(ann, 10, 12)
    declare(ann, 1, 2)


def test_there_are_42_days_in_any_year(ann: Person) -> None:
    text = "There can be at most 42 days of breaks in any 365 days."
    assert refused(ann, 0, 42) == text
    RestFactory.create(person=ann, first_day=day(-330), last_day=day(-301))
    assert refused(ann, 0, 12) == text
    declare(ann, 0, 11)
    # The 365th day since the first of these.
    assert refused(ann, 34, 34) == text
    declare(ann, 35, 35)


def test_there_are_six_rests_in_any_year(ann: Person) -> None:
    for place in range(6):
        declare(ann, 3 * place, 3 * place)
    assert refused(ann, 20, 20) == "There can be at most 6 breaks in any 365 days."
    declare(ann, 365, 365)


def test_nobody_declares_for_somebody_else(ann: Person) -> None:
    operator = UserFactory.create(is_superuser=True, is_staff=True)
    assert refused(ann, 1, 2, by=operator) == "This profile isn't yours."
    nobodys = PersonFactory.create()
    assert refused(nobodys, 1, 2, by=operator) == "This profile isn't yours."


def test_what_is_to_come_can_be_taken_back(ann: Person) -> None:
    assert end_rest(rest=declare(ann, 1, 5), by=_holder(ann), now=NOW) is None
    assert end_rest(rest=declare(ann, 0, 5), by=_holder(ann), now=NOW) is None
    assert not Rest.objects.exists()
    left = end_rest(rest=declare(ann, -3, 5), by=_holder(ann), now=NOW)
    assert left is not None
    row = Rest.objects.get()
    assert (row.first_day, row.last_day) == (day(-3), day(-1))
    with pytest.raises(RestRefused, match="This break is over"):
        end_rest(rest=row, by=_holder(ann), now=NOW)
    assert Rest.objects.get().last_day == day(-1)


def test_taking_back_twice_is_taking_back_once(ann: Person) -> None:
    rest = declare(ann, 1, 5)
    stale = Rest.objects.get()
    end_rest(rest=rest, by=_holder(ann), now=NOW)
    assert end_rest(rest=stale, by=_holder(ann), now=NOW) is None


def test_nobody_takes_back_somebody_elses(ann: Person) -> None:
    rest = declare(ann, 1, 5)
    with pytest.raises(RestRefused, match="isn't yours"):
        end_rest(rest=rest, by=UserFactory.create(is_superuser=True), now=NOW)
    assert Rest.objects.get().last_day == day(5)


def test_rests_are_seen_by_their_person_and_operators(ann: Person) -> None:
    rest = declare(ann, 1, 5)
    assert list(Rest.objects.visible_to(_holder(ann))) == [rest]
    assert list(Rest.objects.visible_to(UserFactory.create(is_superuser=True))) == [rest]
    assert not Rest.objects.visible_to(UserFactory.create(is_staff=True)).exists()
    assert not Rest.objects.visible_to(AnonymousUser()).exists()


@pytest.mark.parametrize(("first", "last"), [(1, 0), (0, 42)])
def test_the_database_refuses(ann: Person, first: int, last: int) -> None:
    RestFactory.create(person=ann, first_day=day(0), last_day=day(41))
    with pytest.raises(IntegrityError), transaction.atomic():
        RestFactory.create(person=ann, first_day=day(first), last_day=day(last))


def test_runs_read_rests_to_the_midnight_after_the_last_day(ann: Person) -> None:
    assert rests().num_rows == 0
    RestFactory.create(person=ann, first_day=date(1970, 1, 11), last_day=date(1970, 1, 12))
    assert rests().to_pylist() == [{"person": ann.pk, "start": 10 * 86400, "end": 12 * 86400}]


def test_rests_follow_a_merge_and_come_back(ann: Person) -> None:
    operator = UserFactory.create(is_superuser=True, is_staff=True)
    other = PersonFactory.create()
    mine, theirs = declare(ann, 1, 5), RestFactory.create(person=other, first_day=day(3), last_day=day(8))

    merge = merge_people(kept=ann, merged=other, by=operator, now=NOW)
    assert set(Rest.objects.filter(person=ann)) == {mine, theirs}
    # Eight days, not eleven.
    declare(ann, 20, 53)
    undo_merge(merge=merge, by=operator, now=NOW)

    assert Rest.objects.get(pk=theirs.pk).person == other
    assert Rest.objects.filter(person=ann).count() == 2


def test_erasing_a_person_takes_their_rests(ann: Person) -> None:
    declare(ann, 1, 5)
    erase_person(ann, by=UserFactory.create(is_superuser=True), now=NOW)
    assert not Rest.objects.exists()


def _holder(person: Person) -> User:
    assert person.user is not None
    return person.user
