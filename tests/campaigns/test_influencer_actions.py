"""What managers do with a list of influencers: shortlist and export."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import Person, User
from campaigns.admin.influencers_file import CSV_COLUMNS
from campaigns.models import Shortlisting
from scoring.models import ScoreRun
from tests.campaigns.conftest import Airlines
from tests.campaigns.listing import LIST, TORONTO, listed, scored
from tests.factories.accounts import IdentityFactory, PersonFactory, PlaceFactory
from tests.factories.campaigns import NOW, CampaignFactory, ShortlistingFactory
from tests.factories.scoring import (
    ScoreFactory,
    ScoreRunFactory,
    TopicFactory,
    TopicReachFactory,
)


def test_the_export_says_the_reach_on_the_topics_filtered_by(manager: Client, run: ScoreRun) -> None:
    flying = TopicFactory.create(slug="flying", name="Flying")
    people = [scored(run, handle) for handle in ("ann", "ben")]
    for person, reach in zip(people, (3.14, 9.0), strict=True):
        TopicReachFactory.create(run=run, person=person, topic=flying, reach=reach, score=12.345)
    data = {"action": "export_csv", "_selected_action": [person.pk for person in people]}
    rows = _csv(manager.post(f"{LIST}?topic=flying", data))
    columns = ("handle", "filtered_topics", "reach_on_topics", "score_on_topics")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("ben", "Flying", "9.0", "12.35"),
        ("ann", "Flying", "3.1", "12.35"),
    ]


def _act(client: Client, action: str, people: list[Person], **more: Any) -> Any:
    data = {"action": action, "_selected_action": [person.pk for person in people], **more}
    return client.post(LIST, data, follow=True)


def test_shortlisting_asks_for_the_campaign(manager: Client, airlines: Airlines, run: ScoreRun) -> None:
    mine = CampaignFactory.create(brand=airlines.brand, name="Toronto route", ends_on="2099-01-01")
    CampaignFactory.create(brand=airlines.brand, name="Over and done")
    CampaignFactory.create(brand=airlines.other_brand, name="Secret route", ends_on="2099-01-01")
    people = [scored(run, f"p{n}") for n in range(3)]
    asked = _act(manager, "shortlist_for", people).content.decode()
    assert "3 people" in asked
    assert "Toronto route" in asked
    assert "Over and done" not in asked
    assert "Secret route" not in asked
    assert not Shortlisting.objects.exists()
    ShortlistingFactory.create(campaign=mine, person=people[0])
    done = _act(manager, "shortlist_for", people, campaign=mine.pk, confirmed="1").content.decode()
    assert set(Shortlisting.objects.values_list("campaign", "person")) == {(mine.pk, person.pk) for person in people}
    assert "2 people were put on the shortlist of" in done
    assert "1 was on it already" in done
    assert reverse("admin:campaigns_campaign_change", args=[mine.pk]) in done


def test_all_of_the_filtered_list_can_be_shortlisted(manager: Client, airlines: Airlines, run: ScoreRun) -> None:
    mine = CampaignFactory.create(brand=airlines.brand, ends_on="2099-01-01")
    people = [scored(run, f"p{n}", 10 + n) for n in range(5)]
    data = {"action": "shortlist_for", "select_across": "1", "_selected_action": [people[4].pk], "campaign": mine.pk}
    manager.post(f"{LIST}?score_from=12", data)
    assert sorted(Shortlisting.objects.values_list("person__handle", flat=True)) == ["p2", "p3", "p4"]


def test_too_many_at_once_are_refused(
    manager: Client, airlines: Airlines, run: ScoreRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = CampaignFactory.create(brand=airlines.brand, ends_on="2099-01-01")
    monkeypatch.setattr("campaigns.admin.acting.MOST_AT_ONCE", 1)
    response = _act(manager, "shortlist_for", [scored(run, "a"), scored(run, "b")], campaign=mine.pk)
    assert "more than 1 people" in response.content.decode()
    assert not Shortlisting.objects.exists()


def test_another_brands_campaign_cannot_be_chosen(manager: Client, airlines: Airlines, run: ScoreRun) -> None:
    theirs = CampaignFactory.create(brand=airlines.other_brand, ends_on="2099-01-01")
    hidden = scored(run, "hidden", is_hidden=True)
    mine = CampaignFactory.create(brand=airlines.brand, ends_on="2099-01-01")
    response = _act(manager, "shortlist_for", [scored(run, "ann")], campaign=theirs.pk, confirmed="1")
    assert "Choose one of these campaigns" in response.content.decode()
    _act(manager, "shortlist_for", [hidden], campaign=mine.pk)
    assert not Shortlisting.objects.exists()


def test_without_the_right_nothing_is_shortlisted(client: Client, airlines: Airlines, run: ScoreRun) -> None:
    looker = User.objects.create_user("looker", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename__in=["view_influencer", "view_person"]))
    client.force_login(looker)
    mine = CampaignFactory.create(brand=airlines.brand, ends_on="2099-01-01")
    assert listed(client) == []
    _act(client, "shortlist_for", [scored(run, "ann")], campaign=mine.pk)
    assert not Shortlisting.objects.exists()


def _csv(response: Any) -> list[dict[str, str]]:
    assert isinstance(response, StreamingHttpResponse)
    body = b"".join(response.streaming_content)  # type: ignore[arg-type]  # nothing here streams asynchronously
    assert body.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))


def test_the_export_holds_what_is_visible(manager: Client, run: ScoreRun) -> None:
    topic = TopicFactory.create(name="Flying")
    person = PersonFactory.create(handle="ann", name="=cmd|' /C calc'!A0", place=PlaceFactory.create(**TORONTO))
    ScoreFactory.create(run=run, person=person, score=43.2, reach=1000.04, low=512, high=2300, percentile=97.256)
    earlier = ScoreRunFactory.create(as_of=NOW - timedelta(days=40), formula=run.formula)
    ScoreFactory.create(run=earlier, person=person, score=50.0)
    TopicReachFactory.create(run=run, person=person, topic=topic, lift=2, rank=1)
    IdentityFactory.create(person=person, followers=1200, network__slug="test")
    hidden = scored(run, "hidden", 60, is_hidden=True)
    response = manager.post(LIST, {"action": "export_csv", "_selected_action": [person.pk, hidden.pk]})
    assert response["Content-Disposition"] == 'attachment; filename="influencers.csv"'
    (row,) = _csv(response)
    assert list(row) == list(CSV_COLUMNS)
    assert row == {
        "handle": "ann",
        "name": "'=cmd|' /C calc'!A0",
        "city": "Toronto",
        "country": "CA",
        "score": "43.2",
        "seen": "",
        "percentile": "97.2",
        "reach": "1000.0",
        "low": "512.0",
        "high": "2300.0",
        "change_28_days": "-6.8",
        "topics": "Flying",
        "filtered_topics": "",
        "reach_on_topics": "",
        "score_on_topics": "",
        "networks": "test",
        "followers": "1200",
        "claimed": "no",
        "as_of": "2026-03-01",
    }


def test_topics_in_the_file_are_named_as_in_the_list(manager: Client, run: ScoreRun) -> None:
    person = scored(run, "ann", 40)
    TopicReachFactory.create(
        run=run, person=person, topic=TopicFactory.create(name="Flying", names={"de": "Fliegen"}), lift=2, rank=1
    )
    german = {"accept-language": "de-AT,de;q=0.9"}
    assert "Fliegen" in manager.get(LIST, headers=german).content.decode()
    data = {"action": "export_csv", "_selected_action": [person.pk]}
    (row,) = _csv(manager.post(LIST, data, headers=german))
    assert (row["topics"], row["score"]) == ("Fliegen", "40.0")
    (row,) = _csv(manager.post(LIST, data))
    assert row["topics"] == "Flying"


def test_too_little_seen_stands_in_the_list_and_in_the_file(manager: Client, run: ScoreRun) -> None:
    person = PersonFactory.create(handle="new")
    ScoreFactory.create(run=run, person=person, score=1.0, reach=0.0, low=0.0, high=5.0, supporters=2)

    page = manager.get(LIST).content.decode()
    (row,) = _csv(manager.post(LIST, {"action": "export_csv", "_selected_action": [person.pk]}))

    assert ">not enough seen yet</span>" in page
    assert ">1.0</span>" not in page
    assert (row["seen"], row["low"], row["high"]) == ("not enough seen yet", "0.0", "5.0")


def test_the_export_of_everybody_goes_past_one_page(manager: Client, run: ScoreRun) -> None:
    people = [scored(run, f"p{n:03}", 99 - n / 10) for n in range(60)]
    data = {"action": "export_csv", "select_across": "1", "_selected_action": [people[0].pk]}
    assert [row["handle"] for row in _csv(manager.post(LIST, data))] == [f"p{n:03}" for n in range(60)]
