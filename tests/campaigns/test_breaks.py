"""Breaks on one's own page: declared, listed, taken back, and nobody else's to see."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Person, Rest
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import holder, shown
from tests.factories.accounts import PersonFactory, RestFactory, UserFactory

pytestmark = pytest.mark.django_db


def _day(after: int) -> date:
    return datetime.now(UTC).date() + timedelta(days=after)


def _shown(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _declare(client: Client, first: int, last: int) -> str:
    form = {"first_day": _day(first).isoformat(), "last_day": _day(last).isoformat()}
    return client.post(reverse("rest"), form, follow=True).content.decode()


@pytest.fixture
def ann(client: Client) -> Person:
    user, person = holder("ann")
    client.force_login(user)
    return person


def test_a_break_is_declared_listed_and_taken_back(client: Client, ann: Person) -> None:
    assert "Take a break" in shown(client, "/me")
    assert "Your break is noted." in _declare(client, 3, 9)
    rest = Rest.objects.get()
    assert (rest.person, rest.first_day, rest.last_day, rest.created_by) == (ann, _day(3), _day(9), ann.user)
    assert f"{_shown(_day(3))} {_shown(_day(9))} 7 Take back" in shown(client, "/me")

    page = client.post(reverse("end_rest", args=[rest.pk]), follow=True)

    assert "Your break is taken back." in page.content.decode()
    assert not Rest.objects.exists()


def test_breaks_of_who_held_the_profile_before_arent_shown(client: Client, ann: Person) -> None:
    before = RestFactory.create(person=ann, first_day=_day(3), last_day=_day(9))
    assert _shown(before.first_day) not in shown(client, "/me")


def test_a_break_that_goes_on_ends_yesterday_and_one_that_is_over_stays(client: Client, ann: Person) -> None:
    _declare(client, -3, 9)
    assert "End it now" in shown(client, "/me")
    rest = Rest.objects.get()
    page = client.post(reverse("end_rest", args=[rest.pk]), follow=True).content.decode()
    assert "your break ended yesterday" in page
    assert Rest.objects.get().last_day == _day(-1)
    assert f"{_shown(_day(-3))} {_shown(_day(-1))} 3 Over" in shown(client, "/me")

    assert "This break is over." in client.post(reverse("end_rest", args=[rest.pk]), follow=True).content.decode()
    assert Rest.objects.get().last_day == _day(-1)


def test_a_refusal_stands_on_the_page_with_what_was_asked(client: Client, ann: Person) -> None:
    page = _declare(client, 3, 44 + 3)
    assert "There can be at most 42 days of breaks in any 365 days." in page
    assert f'value="{_day(3).isoformat()}"' in page
    assert "This field is required." in client.post(reverse("rest"), {"first_day": "soon"}).content.decode()
    assert not Rest.objects.exists()


def test_old_breaks_leave_the_page(client: Client, ann: Person) -> None:
    RestFactory.create(person=ann, created_by=ann.user, first_day=_day(-366), last_day=_day(-365))
    RestFactory.create(person=ann, created_by=ann.user, first_day=_day(-364), last_day=_day(-364))
    page = shown(client, "/me")
    assert _shown(_day(-365)) not in page
    assert _shown(_day(-364)) in page


def test_nobody_else_sees_or_ends_a_break(client: Client, airlines: Airlines) -> None:
    _, person = holder("ann")
    rest = RestFactory.create(person=person, first_day=_day(-1), last_day=_day(5))
    for user in (holder("bob")[0], airlines.manager, UserFactory.create(is_superuser=True, is_staff=True)):
        client.force_login(user)
        assert client.post(reverse("end_rest", args=[rest.pk])).status_code == 404
        assert _shown(_day(5)) not in client.get(reverse("profile", args=["ann"])).content.decode()
        assert _shown(_day(5)) not in client.get("/me").content.decode()
    assert Rest.objects.get().last_day == _day(5)


def test_breaks_want_a_login_a_profile_and_a_post(client: Client) -> None:
    for address in (reverse("rest"), reverse("end_rest", args=[1])):
        assert client.post(address).status_code == 302
    client.force_login(UserFactory.create())
    assert client.post(reverse("rest"), {}).status_code == 404
    assert client.get(reverse("rest")).status_code == 405


def test_operators_see_breaks_and_change_none(client: Client) -> None:
    client.force_login(UserFactory.create(is_superuser=True, is_staff=True))
    person = PersonFactory.create()
    RestFactory.create(person=person)
    address = reverse("admin:accounts_person_change", args=[person.pk])
    page = client.get(address).content.decode()
    assert "Declared breaks" in page
    assert "Jan. 5, 2026" in page
    assert 'name="rests-0-first_day"' not in page
