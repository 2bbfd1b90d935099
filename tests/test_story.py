"""The whole chain on real and on generated input: files, scores, and what a partner then reads."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actions import create_api_key, import_activity
from accounts.models import Identity, User
from accounts.sample import make_world, write_dataset
from campaigns.actions import add_member, create_brand
from campaigns.models import Membership
from scoring.actions import ensure_topics, score

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def key(db: None) -> str:
    operator = User.objects.create_superuser("operator", password="p")
    service = User.objects.create_user("service", is_service=True)
    brand = create_brand(name="Maple Air", by=operator, now=NOW)
    add_member(brand=brand, user=service, role=Membership.Role.PARTNER, by=operator)
    return create_api_key(name="test", purpose="Plan whom to invite.", user=service, by=operator, now=NOW)[1]


def _get(client: Client, key: str, address: str, **query: Any) -> Any:
    response = client.get(address, query, headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 200, response.content
    return response.json()


def test_a_conferences_real_tweets_become_scores_that_name_its_voices(
    shared_data: Path, key: str, client: Client
) -> None:
    tweets = shared_data / "rstudioconf" / "tweets.csv.gz"
    report = import_activity(tweets, format="rtweet", now=NOW)
    assert report.rejected == 0
    score(as_of=datetime(2018, 2, 8, tzinfo=UTC), now=NOW)

    first_ten = _get(client, key, reverse("api-influencer-list"), page_size=10)["results"]
    handles = [person["handle"] for person in first_ten]
    assert {"drob", "robinson_es", "AmeliaMN"} <= set(handles)

    # Whoever wrote nothing of their own and only reposted moved nobody: none of them is among the first ten.
    only_reposted = _who_only_reposted(tweets)
    assert len(only_reposted) > 500
    assert not only_reposted & set(handles)
    assert all(person["low"] <= person["reach"] <= person["high"] for person in first_ten)


def _who_only_reposted(tweets: Path) -> set[str]:
    import csv
    import gzip

    reposted: set[str] = set()
    wrote: set[str] = set()
    with gzip.open(tweets, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            (reposted if row["is_retweet"] == "True" else wrote).add(row["screen_name"])
    return reposted - wrote


def test_a_generated_world_becomes_scores_that_tell_its_characters_apart(
    key: str, client: Client, tmp_path: Path
) -> None:
    today = NOW.replace(hour=0)
    world = make_world(people=1500, days=60, until=today)
    write_dataset(world, tmp_path / "world")
    ensure_topics()
    import_activity(tmp_path / "world", format="dataset", now=NOW)
    score(as_of=today - timedelta(days=7), now=NOW)
    run = score(as_of=today, now=NOW)
    assert run.is_current

    cast = {
        role: _get(client, key, reverse("api-influencer-detail", args=[person]))
        for role, person in _people_of(world.cast).items()
    }
    reach = {role: shown["reach"] for role, shown in cast.items()}
    assert reach["nonsense"] < reach["consultant"]
    assert reach["pod"] < reach["consultant"]
    assert reach["curator"] > reach["consultant"]
    assert reach["absent_author"] > 1, "attention counts wherever it lands"
    off = {item["reason"]: item["people"] for item in cast["nonsense"]["taken_off"]}
    assert off["repetition"] > 0
    assert off["unvouched"] > 0
    for shown in cast.values():
        assert shown["forecast"] - sum(item["people"] for item in shown["taken_off"]) == pytest.approx(
            shown["reach"], abs=1e-9
        )
    points = _get(client, key, reverse("api-influencer-history", args=[cast["curator"]["id"]]))
    assert len(points) == 2


def _people_of(cast: dict[str, str]) -> dict[str, int]:
    return {
        role: Identity.objects.get(external_id=account).person_id
        for role, account in cast.items()
        if role in {"nonsense", "consultant", "pod", "curator", "absent_author"}
    }
