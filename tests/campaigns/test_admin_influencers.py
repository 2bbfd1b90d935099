"""The influencer list: who stands in it, what it costs, what can be done with it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Person, User
from campaigns.admin.base import CappedPaginator
from scoring.models import Influencer, ScoreRun
from scoring.queries import score_of
from tests.campaigns.conftest import Airlines
from tests.campaigns.listing import LIST, TORONTO, listed, scored
from tests.factories.accounts import IdentityFactory, PersonFactory, PlaceFactory
from tests.factories.campaigns import NOW, CampaignFactory, CampaignPlaceFactory, InvitationFactory, ShortlistingFactory
from tests.factories.scoring import (
    ScoreFactory,
    ScoreRunFactory,
    TopicFactory,
    TopicReachFactory,
    reach_below,
)

OAKVILLE = {"name": "Oakville", "region": "ON", "country": "CA", "latitude": 43.45011, "longitude": -79.68292}


BERLIN = {"name": "Berlin", "region": "", "country": "DE", "latitude": 52.52437, "longitude": 13.41053}


def test_people_stand_by_their_current_score(manager: Client, run: ScoreRun) -> None:
    scored(run, "second", 40)
    scored(run, "first", 50)
    scored(run, "third", 30)
    scored(run, "hidden", 60, is_hidden=True)
    PersonFactory.create(handle="unscored")
    scored(ScoreRunFactory.create(), "of-another-run", 99)
    assert listed(manager) == ["first", "second", "third"]
    assert listed(manager, o="2") == ["third", "second", "first"]


def test_a_row_says_what_is_known(manager: Client, run: ScoreRun) -> None:
    earlier = ScoreRunFactory.create(as_of=NOW - timedelta(days=28), formula=run.formula)
    person = PersonFactory.create(handle="ann", name="Ann <b>Ash</b>", place=PlaceFactory.create(**TORONTO))
    ScoreFactory.create(run=run, person=person, score=43.24, reach=1000, low=512, high=2300, percentile=97.26)
    ScoreFactory.create(run=earlier, person=person, score=40.0)
    for name, rank in (("Baking", 3), ("Flying", 1), ("Cats", 2), ("Dogs", 4)):
        TopicReachFactory.create(run=run, person=person, topic__name=name, lift=2, rank=rank)
    TopicReachFactory.create(run=earlier, person=person, topic__name="Yesterday", lift=9, rank=1)
    IdentityFactory.create(person=person, followers=1200)
    IdentityFactory.create(person=person, followers=34)
    IdentityFactory.create(person=person, followers=None)
    text = manager.get(LIST).content.decode()
    for shown in (
        f'href="{reverse("profile", args=["ann"])}"',
        "Ann &lt;b&gt;Ash&lt;/b&gt;",
        ">43.2<",
        ">97.2<",
        "1,000",
        "512 to 2,300",
        "Flying</span> <span",
        ">Toronto<",
        "+3.2",
        "1,234",
        "not part of the score",
    ):
        assert shown in text, shown
    assert text.index(">Flying<") < text.index(">Cats<") < text.index(">Baking<")
    assert ">Dogs</span>" not in text
    assert ">Yesterday</span>" not in text


def test_before_the_first_run_the_list_says_so(manager: Client) -> None:
    PersonFactory.create(handle="ann")
    response = manager.get(LIST)
    assert response.status_code == 200
    assert "No scores yet" in response.content.decode()
    assert response.context["cl"].result_count == 0


def test_scores_filter_with_both_ends(manager: Client, run: ScoreRun) -> None:
    for handle, score in (("low", 19.9), ("from", 20.0), ("to", 40.0), ("high", 40.1)):
        scored(run, handle, score)
    assert listed(manager, score_from="20", score_to="40") == ["to", "from"]
    assert listed(manager, score_from="40") == ["high", "to"]
    assert listed(manager, score_to="20") == ["from", "low"]
    assert len(listed(manager, score_from="nan", score_to="much")) == 4


def test_a_topic_brings_those_below_it(manager: Client, run: ScoreRun) -> None:
    travel = TopicFactory.create(slug="travel", name="Travel")
    flying = TopicFactory.create(slug="flying", name="Flying", parent=travel)
    baking = TopicFactory.create(slug="baking", name="Baking")
    for handle, topic, reach in (("t", travel, 5), ("f", flying, 5), ("b", baking, 5), ("none", flying, 0)):
        reach_below(topic, run=run, person=scored(run, handle), reach=reach)
    assert sorted(listed(manager, topic="travel")) == ["f", "t"]
    assert sorted(listed(manager, topic="flying")) == ["f"]
    assert sorted(listed(manager, topic=["flying", "baking"])) == ["b", "f"]
    assert sorted(listed(manager, topic="no-such-topic")) == ["b", "f", "none", "t"]


def test_the_most_reach_on_the_topics_comes_first(manager: Client, run: ScoreRun) -> None:
    travel = TopicFactory.create(slug="travel", name="Travel")
    flying = TopicFactory.create(slug="flying", name="Flying", parent=travel)
    for handle, score, on_travel, on_flying in (("barely", 60, 0, 0.2), ("most", 40, 30, 12), ("some", 50, 1, 14)):
        person = scored(run, handle, score)
        both = on_travel + on_flying
        TopicReachFactory.create(
            run=run,
            person=person,
            topic=travel,
            reach=on_travel,
            reach_with_below=both,
            score=score_of(both, run.formula.parameters["scale_top"]),
        )
        TopicReachFactory.create(run=run, person=person, topic=flying, reach=on_flying, score=20)
    assert listed(manager) == ["barely", "some", "most"]
    assert listed(manager, topic="flying") == ["some", "most", "barely"]
    assert listed(manager, topic="travel") == ["most", "some", "barely"]
    assert listed(manager, topic=["travel", "flying"]) == ["most", "some", "barely"]
    # The columns: a box to tick, who, reach on the topics, score.
    assert listed(manager, topic="travel", o="2") == ["barely", "some", "most"]
    assert listed(manager, topic="travel", o="-3") == ["barely", "some", "most"]
    text = manager.get(LIST, {"topic": "travel"}).content.decode()
    assert "reach on Travel" in " ".join(text.split())
    assert re.search(r">42<small>score 24\.1<", text)
    assert "column-reach_on_topics" in text
    # Its heading sorts, so that one can come back to it from another: `o` with the second column after the score's.
    by_score = manager.get(LIST, {"topic": "travel", "o": "-3"}).content.decode()
    assert re.search(r'href="\?[^"]*o=-?2[^"]*"', by_score)
    assert "column-reach_on_topics" not in manager.get(LIST).content.decode()


def test_empty_boxes_say_what_to_type(manager: Client, run: ScoreRun) -> None:
    PlaceFactory.create()
    TopicFactory.create()
    text = manager.get(LIST).content.decode()
    for name, prompt in (("topic", "Any topic: type to search"), ("near", "Any city: type to search")):
        (box,) = re.findall(rf'<select[^>]* name="{name}"[^>]*>', text)
        assert f'data-placeholder="{prompt}"' in box


def test_a_topic_table_in_a_circle_ends(manager: Client, run: ScoreRun) -> None:
    first, second = TopicFactory.create(slug="one"), TopicFactory.create(slug="two")
    first.parent, second.parent = second, first
    first.save()
    second.save()
    reach_below(first, run=run, person=scored(run, "ann"))
    assert listed(manager, topic="two") == ["ann"]


def test_cities_filter_by_distance(manager: Client, run: ScoreRun) -> None:
    # Oakville is 35 km from Toronto.
    toronto, oakville = PlaceFactory.create(**TORONTO), PlaceFactory.create(**OAKVILLE)
    berlin = PlaceFactory.create(**BERLIN)
    for handle, place in (("t", toronto), ("o", oakville), ("b", berlin), ("nowhere", None)):
        scored(run, handle, place=place)
    assert sorted(listed(manager, near=toronto.pk, radius="25")) == ["t"]
    assert sorted(listed(manager, near=toronto.pk)) == ["o", "t"]
    assert sorted(listed(manager, near=[toronto.pk, berlin.pk], radius="25")) == ["b", "t"]
    assert sorted(listed(manager, near=toronto.pk, radius="1e9")) == ["o", "t"]
    assert len(listed(manager, near="nonsense")) == 4
    assert len(listed(manager, radius="250")) == 4


def test_network_claim_and_search(manager: Client, run: ScoreRun) -> None:
    ann = scored(run, "ann", name="Ann Ash")
    IdentityFactory.create(person=ann, network__slug="mastodon")
    user = User.objects.create_user("ben")
    ben = scored(run, "ben", name="Ben Brook", user=user, claimed_at=NOW, claimed_via="operator")
    IdentityFactory.create(person=ben, network__slug="test")
    assert listed(manager, network="mastodon") == ["ann"]
    assert listed(manager, claimed="yes") == ["ben"]
    assert listed(manager, claimed="no") == ["ann"]
    assert listed(manager, q="ASH") == ["ann"]
    assert listed(manager, q="be") == ["ben"]
    assert listed(manager, q="nobody") == []


def test_filters_are_named_and_can_be_taken_away(manager: Client, run: ScoreRun) -> None:
    place = PlaceFactory.create(**TORONTO)
    TopicFactory.create(slug="flying", name="Flying")
    query: dict[str, Any] = {"topic": "flying", "near": place.pk, "radius": "100", "score_from": "20", "claimed": "no"}
    chips = dict(manager.get(LIST, query).context["chips"])
    assert list(chips) == ["on Flying", "near Toronto, ON, CA, 100 km", "score from 20", "not claimed"]
    assert chips["score from 20"] == f"?claimed=no&near={place.pk}&radius=100&topic=flying"


def test_a_campaign_fills_the_filters_in(manager: Client, airlines: Airlines, run: ScoreRun) -> None:
    flying = TopicFactory.create(slug="flying", name="Flying")
    campaign = CampaignFactory.create(brand=airlines.brand, name="Toronto route", score_min=20)
    campaign.topics.add(flying)
    circle = CampaignPlaceFactory.create(campaign=campaign, name="Toronto, ON, CA", radius_km=40)
    oakville = PlaceFactory.create(**OAKVILLE)
    fits = {name: scored(run, name, 30, place=oakville) for name in ("fits", "listed", "invited", "elsewhere", "mute")}
    scored(run, "low", 10, place=oakville)
    Person.objects.filter(handle="elsewhere").update(place=PlaceFactory.create(**BERLIN))
    for person in Influencer.objects.exclude(handle="mute"):
        TopicReachFactory.create(run=run, person_id=person.pk, topic=flying)
    ShortlistingFactory.create(campaign=campaign, person=fits["listed"])
    InvitationFactory.create(campaign=campaign, person=fits["invited"])
    response = manager.get(reverse("admin:campaigns_campaign_find_influencers", args=[campaign.pk]))
    assert response.status_code == 302
    assert response["Location"] == f"{LIST}?for={campaign.pk}&topic=flying&near=c{circle.pk}&score_from=20"
    page = manager.get(response["Location"])
    assert [person.handle for person in page.context["cl"].result_list] == ["fits"]
    assert [text for text, _ in page.context["chips"]] == [
        "on Flying",
        "near Toronto, ON, CA, 40 km (Toronto route)",
        "score from 20",
        "not yet asked for Toronto route",
    ]
    assert page.context["chosen_campaign"] == campaign


def test_another_brands_campaign_filters_nothing(manager: Client, airlines: Airlines, run: ScoreRun) -> None:
    theirs = CampaignFactory.create(brand=airlines.other_brand, name="Secret route")
    circle = CampaignPlaceFactory.create(campaign=theirs, name="Secret place")
    listed = scored(run, "listed", place=PlaceFactory.create(**BERLIN))
    ShortlistingFactory.create(campaign=theirs, person=listed)
    response = manager.get(LIST, {"for": str(theirs.pk), "near": f"c{circle.pk}"})
    assert [person.handle for person in response.context["cl"].result_list] == ["listed"]
    assert response.context["chosen_campaign"] is None
    assert "Secret" not in response.content.decode()


def _fill(run: ScoreRun, earlier: ScoreRun, number: int) -> None:
    for n in range(number):
        person = PersonFactory.create(place=PlaceFactory.create(**TORONTO))
        ScoreFactory.create(run=run, person=person)
        ScoreFactory.create(run=earlier, person=person)
        IdentityFactory.create_batch(2, person=person)
        TopicReachFactory.create_batch(5, run=run, person=person)
        assert n < 40


def test_the_list_costs_the_same_however_many_stand_in_it(manager: Client, run: ScoreRun) -> None:
    earlier = ScoreRunFactory.create(as_of=NOW - timedelta(days=30), formula=run.formula)
    _fill(run, earlier, 4)
    manager.get(LIST)
    with CaptureQueriesContext(connection) as few:
        manager.get(LIST)
    _fill(run, earlier, 16)
    with CaptureQueriesContext(connection) as many:
        assert len(listed(manager)) == 20
    expected = [
        "django_session",
        "accounts_user",
        "scoring_scorerun",  # the current run
        "accounts_user_user_permissions",
        "auth_group_permissions",
        "scoring_topic",  # what the filters offer: topics,
        "scoring_runfigures",  # with how many people each has,
        "accounts_place",  # cities,
        "accounts_network",  # networks,
        "campaigns_campaign",  # campaigns of one's own
        "campaigns_exclusionlist",  # and lists to leave out
        "accounts_person",  # counted, to 10,001
        "accounts_person",  # a page of them, with their scores
        "scoring_scorerun",  # the run of 28 days ago
        "accounts_place",  # the page's cities,
        "scoring_topicreach",  # topics,
        "accounts_identity",  # accounts,
        "scoring_score",  # scores of 28 days ago
        "campaigns_brand",  # whether the menu offers to add a campaign
        "campaigns_segment",  # what the brand has saved
        "campaigns_brand",  # brands to save for
    ]
    # The count and the page stand in transactions that forbid to read whole tables.
    asked = [
        query["sql"] for query in many.captured_queries if not re.match("SAVEPOINT|RELEASE|SET LOCAL", query["sql"])
    ]
    tables = [re.findall(r'(?:FROM|JOIN) "(\w+)"', sql) for sql in asked]
    assert len(tables) == len(expected)
    assert [expected[n] for n, found in enumerate(tables) if expected[n] in found] == expected
    assert len(tables) == len(expected)
    assert len(few.captured_queries) == len(many.captured_queries)


def test_counting_stops_at_ten_thousand(run: ScoreRun, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(6):
        scored(run, f"p{n}")
    rows = Influencer.objects.with_score(run).order_by("-current__score")
    exact = CappedPaginator(rows, 2)
    assert (exact.count, exact.has_more, exact.num_pages) == (6, False, 3)
    monkeypatch.setattr(CappedPaginator, "most", 4)
    capped = CappedPaginator(rows, 2)
    assert (capped.count, capped.has_more, capped.num_pages) == (4, True, 2)


def test_one_person_leads_to_the_profile_page(manager: Client, run: ScoreRun) -> None:
    person, hidden = scored(run, "ann"), scored(run, "hidden", is_hidden=True)
    response = manager.get(reverse("admin:scoring_influencer_change", args=[person.pk]))
    assert (response.status_code, response["Location"]) == (302, reverse("profile", args=["ann"]))
    assert manager.get(reverse("admin:scoring_influencer_change", args=[hidden.pk])).status_code == 404
    assert manager.get(reverse("admin:scoring_influencer_change", args=["x"])).status_code == 404
    for refused in ("delete", "add"):
        arguments = [person.pk] if refused == "delete" else []
        assert manager.get(reverse(f"admin:scoring_influencer_{refused}", args=arguments)).status_code == 403


@pytest.mark.parametrize("who", ["nobody", "person", "partner"])
def test_who_works_for_no_brand_sees_no_list(client: Client, airlines: Airlines, run: ScoreRun, who: str) -> None:
    if who != "nobody":
        user = User.objects.create_user(who)
        if who == "partner":
            user.user_permissions.set(Permission.objects.filter(codename="view_person"))
        client.force_login(user)
    assert client.get(LIST).status_code == 302
    assert client.post(LIST, {"action": "export_csv", "_selected_action": [1]}).status_code == 302
