"""A person declares a break on their own page, on a phone, and comes back from it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Rest
from tests.campaigns.invited import holder, invited
from tests.factories.accounts import IdentityFactory, RestFactory
from tests.factories.scoring import ScoreFactory, current_run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_break_is_declared_and_taken_back(
    live_server: LiveServer, page: Page, picture: Callable[[Page, str], None]
) -> None:
    user, person = holder("ann")
    IdentityFactory.create(person=person)
    ScoreFactory.create(person=person, run=current_run(), score=38.4)
    invited(person=person)
    today = datetime.now(UTC).date()
    RestFactory.create(
        person=person, created_by=user, first_day=today - timedelta(days=60), last_day=today - timedelta(days=50)
    )
    RestFactory.create(
        person=person, created_by=user, first_day=today - timedelta(days=2), last_day=today + timedelta(days=3)
    )
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/me")
    first, last = today + timedelta(days=10), today + timedelta(days=90)

    page.get_by_label("First day off").fill(first.isoformat())
    page.get_by_label("Last day off").fill(last.isoformat())
    page.get_by_role("button", name="Declare the break").click()

    expect(page.get_by_role("alert")).to_have_text("There can be at most 42 days of breaks in any 365 days.")
    expect(page.get_by_label("Last day off")).to_have_value(last.isoformat())
    picture(page, "break-refused")
    page.get_by_label("Last day off").fill((first + timedelta(days=6)).isoformat())
    page.get_by_role("button", name="Declare the break").click()

    expect(page.get_by_text("Your break is noted.")).to_be_visible()
    picture(page, "break")
    assert Rest.objects.filter(person=person).count() == 3
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("Your break is taken back.")).to_be_visible()
    page.get_by_role("button", name="End it now").click()
    expect(page.get_by_text("your break ended yesterday")).to_be_visible()
    assert Rest.objects.order_by("-last_day").values_list("last_day", flat=True)[0] == today - timedelta(days=1)
