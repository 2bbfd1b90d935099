"""How often the API may be asked, by whom."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.throttling import SimpleRateThrottle

from accounts.actions import create_api_key
from accounts.models import User
from tests.factories.accounts import UserFactory

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPICS, DOCUMENT = "/api/v1/topics/", "/api/schema/"

Headers = dict[str, str]


@pytest.fixture(autouse=True)
def _two_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    for scope in ("key", "address"):
        monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, scope, "2/min")
    cache.clear()  # it outlives a test, and with it what counts against the limits


@pytest.fixture
def new_key(db: None) -> Callable[[User], Headers]:
    def make(user: User) -> Headers:
        _, text = create_api_key(name="partner", purpose="Plan whom to invite.", user=user, by=None, now=NOW)
        return {"Authorization": f"Bearer {text}"}

    return make


def _asked(client: Client, times: int, address: str, **given: Any) -> list[int]:
    return [client.get(address, **given).status_code for _ in range(times)]


def test_each_key_has_a_limit_of_its_own(client: Client, new_key: Callable[[User], Headers]) -> None:
    user = UserFactory.create(is_service=True)
    one, other = new_key(user), new_key(user)

    assert _asked(client, 3, TOPICS, headers=one) == [200, 200, 429]
    # From elsewhere too.
    assert _asked(client, 1, TOPICS, headers=one, REMOTE_ADDR="192.0.2.9") == [429]
    assert _asked(client, 3, TOPICS, headers=other) == [200, 200, 429]
    refused = client.get(TOPICS, headers=one)
    assert (refused["Content-Type"], refused.json()["status"]) == ("application/problem+json", 429)
    assert 0 < int(refused["Retry-After"]) <= 60


def test_strangers_use_up_nothing_of_a_key(client: Client, new_key: Callable[[User], Headers]) -> None:
    user = UserFactory.create(is_service=True)
    headers = new_key(user)

    for forged in (str(user.pk), str(user.api_keys.get().pk)):
        _asked(client, 2, DOCUMENT, headers={"X-Forwarded-For": forged})
    assert _asked(client, 2, TOPICS, headers=headers) == [200, 200]


def test_no_header_makes_one_address_many(client: Client) -> None:
    answers = [client.get(DOCUMENT, headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code for n in range(3)]

    assert answers == [200, 200, 429]
    assert _asked(client, 1, DOCUMENT, REMOTE_ADDR="192.0.2.1") == [200]


def test_behind_a_proxy_the_address_is_the_one_that_it_adds(client: Client, settings: Settings) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}

    answers = [client.get(DOCUMENT, headers={"X-Forwarded-For": f"{n}, 192.0.2.7"}).status_code for n in range(3)]
    assert answers == [200, 200, 429]
    assert _asked(client, 1, DOCUMENT, headers={"X-Forwarded-For": "192.0.2.8"}) == [200]
