"""What partners read of people and topics."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils.translation import trans_real
from drf_spectacular.generators import SchemaGenerator

from accounts.models import Person
from scoring import queries
from scoring.models import Score, ScoreRun
from tests.asked import tables_asked
from tests.factories.accounts import NOW, IdentityFactory, PersonFactory, PlaceFactory, UserFactory
from tests.factories.scoring import (
    ScoreFactory,
    ScoreRunFactory,
    SupportFactory,
    TopicFactory,
    TopicReachFactory,
    reach_below,
)
from tests.factories.scoring import current_run as make_current_run

Get = Callable[..., Any]


@pytest.fixture
def run(db: None) -> ScoreRun:
    return make_current_run()


def _scored(run: ScoreRun, score: float, **person: Any) -> Person:
    found = PersonFactory.create(**person)
    ScoreFactory.create(run=run, person=found, score=score)
    return found


def _handles(answer: Any) -> list[str]:
    status, body = answer
    assert status == 200, body
    return [person["handle"] for person in body["results"]]


LIST = "/api/v1/influencers/"


def test_people_come_by_score_page_by_page_each_once(get: Get, run: ScoreRun) -> None:
    # Twenty share a score, so that pages end in the middle of a tie.
    expected = [_scored(run, 50 - min(n, 10), handle=f"p{n:02}").handle for n in range(30)]
    seen: list[str] = []
    address = f"{LIST}?page_size=7"
    while address:
        status, body = get(address)
        assert status == 200
        seen += [person["handle"] for person in body["results"]]
        address = body["next"]

    assert seen == expected


def test_a_score_of_too_little_comes_with_words(get: Get, run: ScoreRun) -> None:
    person = PersonFactory.create()
    row = ScoreFactory.create(run=run, person=person, supporters=2)

    for supporters, words in ((2, "not enough seen yet"), (3, "")):
        Score.objects.filter(pk=row.pk).update(supporters=supporters)
        listed = get(LIST)[1]["results"][0]
        for body in (listed, get(f"{LIST}{person.pk}/")[1], get(f"{LIST}{person.pk}/explanation/")[1]):
            assert (body["enough_seen"], body["seen"]) == (not words, words)


def test_the_list_goes_on_through_more_equal_scores_than_any_page(get: Get, run: ScoreRun) -> None:
    people = Person.objects.bulk_create(Person(handle=f"p{n:04}") for n in range(1_250))
    Score.objects.bulk_create(ScoreFactory.build(run=run, person=person, score=1) for person in people)
    seen: list[str] = []
    address = f"{LIST}?page_size=200"
    while address and len(seen) < 2_000:
        _, body = get(address)
        seen += [person["handle"] for person in body["results"]]
        address = body["next"]

    assert seen == [person.handle for person in people]


def test_filters_narrow_the_list(get: Get, run: ScoreRun) -> None:
    toronto = PlaceFactory.create(name="Toronto", country="CA", latitude=43.70011, longitude=-79.4163)
    hamilton = PlaceFactory.create(name="Hamilton", country="CA", latitude=43.25011, longitude=-79.84963)
    travel = TopicFactory.create(slug="travel")
    flying = TopicFactory.create(slug="air-travel", parent=travel)
    TopicFactory.create(slug="food")
    claimed = {"user": UserFactory.create(), "claimed_at": NOW, "claimed_via": Person.ClaimedVia.OPERATOR}
    low = _scored(run, 10, handle="low", name="Ada Low", place=toronto, **claimed)
    high = _scored(run, 40, handle="high", place=hamilton)
    reach_below(flying, run=run, person=high, reach=5)
    IdentityFactory.create(person=low, network__slug="twitter")

    assert _handles(get(LIST)) == ["high", "low"]
    assert _handles(get(LIST, score_min=20)) == ["high"]
    assert _handles(get(LIST, score_max=20)) == ["low"]
    assert _handles(get(LIST, topic="travel")) == ["high"]
    assert _handles(get(f"{LIST}?topic=air-travel&topic=food")) == ["high"]
    assert _handles(get(LIST, claimed="true")) == ["low"]
    assert _handles(get(LIST, claimed="false")) == ["high"]
    assert _handles(get(LIST, city="Toronto")) == ["low"]
    assert _handles(get(LIST, city="Toronto, ON", radius_km=100)) == ["high", "low"]
    assert _handles(get(f"{LIST}?city=Toronto&city=Hamilton, ON&radius_km=10")) == ["high", "low"]
    assert _handles(get(LIST, network="twitter")) == ["low"]
    assert _handles(get(LIST, q="ada")) == ["low"]


def test_topics_put_those_with_the_most_reach_on_them_first(get: Get, run: ScoreRun) -> None:
    tea, black = TopicFactory.create(slug="tea"), TopicFactory.create(slug="black-tea")
    TopicFactory.create(slug="jam")
    black.parent = tea
    black.save()
    for n in range(20):
        person = _scored(run, 50 - n, handle=f"p{n:02}")
        # A tenth isn't a binary fraction: sums of floats would depend on their order. Pairs of people are equal.
        for topic, reach in ((tea, 0.1 + n // 2), (black, 0.7), (black, None)):
            if reach and n:
                TopicReachFactory.create(run=run, person=person, topic=topic, reach=reach, score=1.5)
    expected = [f"p{n:02}" for n in sorted(range(1, 20), key=lambda n: (-(n // 2), n))]
    for query in ("topic=tea", "topic=tea&topic=jam"):
        address, seen, back = f"{LIST}?{query}&page_size=4", [], ""
        while address:
            status, body = get(address)
            assert status == 200
            seen += body["results"]
            address, back = body["next"], body["previous"]
        assert [person["handle"] for person in seen] == expected
        assert [person["handle"] for person in get(back)[1]["results"]] == expected[-7:-3]
    assert seen[0]["reach_on_topics"] == pytest.approx(9.8)
    assert seen[0]["score_on_topics"] == pytest.approx(queries.score_of(9.8, run.formula.parameters["scale_top"]))

    _, body = get(LIST, topic="black-tea", page_size=1)
    assert (body["results"][0]["reach_on_topics"], body["results"][0]["score_on_topics"]) == (0.7, 1.5)
    _, body = get(LIST, page_size=1)
    assert (body["results"][0]["reach_on_topics"], body["results"][0]["score_on_topics"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"score_min": 0}, "score_min"),
        ({"score_min": "many"}, "score_min"),
        ({"score_min": 50, "score_max": 20}, "score_min"),
        ({"topic": "no-such-topic"}, "topic"),
        ({"city": "Atlantis"}, "city"),
        ({"radius_km": 0}, "radius_km"),
    ],
)
def test_a_filter_that_can_not_be_used_is_named(get: Get, run: ScoreRun, query: dict[str, Any], field: str) -> None:
    status, problem = get(LIST, **query)

    assert status == 400
    assert [error["parameter"] for error in problem["errors"]] == [field]
    assert problem["title"] == "Bad Request"


def test_one_person_adds_up(get: Get, run: ScoreRun) -> None:
    person = PersonFactory.create(handle="ada")
    ScoreFactory.create(
        run=run, person=person, score=25, forecast=50, reach=30, low=20, high=40, taken_unvouched=15, taken_exchange=5
    )
    hidden, shown = PersonFactory.create(is_hidden=True), PersonFactory.create(handle="fan")
    SupportFactory.create(run=run, supporter=hidden, supported=person, reach=0.9)
    SupportFactory.create(run=run, supporter=shown, supported=person, reach=0.5)
    identity = IdentityFactory.create(person=person)

    status, card = get(reverse("api-influencer-detail", args=[person.pk]))

    assert status == 200
    taken = {part["reason"]: part["people"] for part in card["taken_off"]}
    assert taken["unvouched"] == 15
    assert card["forecast"] - sum(taken.values()) == card["reach"] == 30
    assert [supporter["handle"] for supporter in card["supporters"]] == ["fan"]
    assert card["identities"][0]["key"] == str(identity.key)


def test_an_id_made_from_a_handle_is_no_account(get: Get, run: ScoreRun) -> None:
    person = _scored(run, 30)
    account = IdentityFactory.create(person=person, handle="ada")
    IdentityFactory.create(person=person, network=account.network, external_id="@ada", alias_of=account)

    _, card = get(reverse("api-influencer-detail", args=[person.pk]))

    assert [each["external_id"] for each in card["identities"]] == [account.external_id]


def test_a_percentile_is_the_one_that_the_pages_show(get: Get, run: ScoreRun) -> None:
    person = PersonFactory.create()
    ScoreFactory.create(run=run, person=person, percentile=99.96)

    assert get(LIST)[1]["results"][0]["percentile"] == 99.9
    assert get(reverse("api-influencer-detail", args=[person.pk]))[1]["percentile"] == 99.9


def test_history_and_topics_of_a_person(get: Get, run: ScoreRun) -> None:
    person = _scored(run, 30)
    before = ScoreRunFactory.create(as_of=run.as_of - timedelta(days=1), formula=run.formula)
    ScoreFactory.create(run=before, person=person, score=20)
    tea, jam = TopicFactory.create(slug="tea", name="Tea"), TopicFactory.create(slug="jam", name="Jam")
    TopicReachFactory.create(run=run, person=person, topic=tea, reach=4)
    TopicReachFactory.create(run=run, person=person, topic=jam, reach=3, lift=2.5, rank=1)

    _, points = get(reverse("api-influencer-history", args=[person.pk]))
    _, topics = get(reverse("api-influencer-topics", args=[person.pk]))

    assert [point["score"] for point in points] == [20, 30]
    assert topics == [
        {"slug": "jam", "name": "Jam", "reach": 3.0, "score": 36.0, "lift": 2.5, "rank": 1},
        {"slug": "tea", "name": "Tea", "reach": 4.0, "score": 36.0, "lift": None, "rank": None},
    ]


@pytest.mark.parametrize("what", ["detail", "history", "topics"])
def test_who_has_no_score_is_not_there(get: Get, run: ScoreRun, what: str) -> None:
    person = PersonFactory.create()
    before = ScoreRunFactory.create(as_of=run.as_of - timedelta(days=1), formula=run.formula)
    ScoreFactory.create(run=before, person=person)

    status, problem = get(reverse(f"api-influencer-{what}", args=[person.pk]))
    assert (status, problem["detail"]) == (404, "Nothing here that this key may see.")


def test_topics_go_by_their_plain_names_whatever_language_is_asked_for(
    client: Client, partner: dict[str, str], run: ScoreRun
) -> None:
    person = _scored(run, 30)
    tea = TopicFactory.create(slug="tea", name="Tea", names={"de": "Tee"})
    TopicReachFactory.create(run=run, person=person, topic=tea, reach=4)
    german = {**partner, "accept-language": "de"}
    client.get("/about-the-score", headers=german)
    assert tea.shown_name == "Tee", "what a page's reader asked for stays until the next request"

    for name in ("detail", "topics"):
        answer = client.get(reverse(f"api-influencer-{name}", args=[person.pk]), headers=german)
        body = answer.json()
        assert [topic["name"] for topic in (body if name == "topics" else body["topics"])] == ["Tea"]
        assert "Accept-Language" not in answer.get("Vary", "")


def test_nobody_is_there_before_the_first_run(get: Get) -> None:
    person = PersonFactory.create()

    assert _handles(get(LIST)) == []
    assert get(reverse("api-influencer-detail", args=[person.pk]))[0] == 404


@pytest.mark.parametrize("method", ["get", "post", "options"])
@pytest.mark.parametrize("path", ["", "nonsense/", "v1/nonsense", "v1/influencers/ada/", "v1/influencers/1/more/%00"])
def test_an_unknown_address_is_a_problem_like_any_other(client: Client, path: str, method: str) -> None:
    answer = getattr(client, method)(f"/api/{path}")

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "The API has no such address; /api/docs/ lists those that it has.",
    }


def test_every_operation_of_the_document_has_a_summary_and_a_group(client: Client) -> None:
    document = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == 12
    summaries = {operation["summary"] for operation in operations}
    assert len(summaries) == 12
    assert {tuple(operation["tags"]) for operation in operations} == {("Influencers",), ("Topics",), ("Campaigns",)}


def test_the_document_is_the_same_whatever_is_asked_for(client: Client) -> None:
    plain = client.get("/api/schema/")
    known = len(trans_real._translations)  # type: ignore[attr-defined]  # the stubs leave it out

    for asked in ("lang=zz-x", "lang=de", "version=2", "version=%0A", "version=%00"):
        answer = client.get(f"/api/schema/?{asked}")
        assert (answer.status_code, answer.content, answer.headers) == (200, plain.content, plain.headers), asked
    assert len(trans_real._translations) == known  # type: ignore[attr-defined]
    assert plain["Content-Type"] == "application/vnd.oai.openapi; charset=utf-8"
    assert plain["Content-Disposition"] == 'inline; filename="Sway partner API.yaml"'
    assert plain.content == (settings.BASE_DIR / "openapi.yaml").read_bytes()


def test_the_document_is_made_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first = client.get("/api/schema/?format=json")
    monkeypatch.delattr(SchemaGenerator, "get_schema")

    assert client.get("/api/schema/?format=json").json() == first.json()
    assert first["Content-Type"] == "application/vnd.oai.openapi+json"


def test_a_known_address_without_its_slash_leads_there(client: Client) -> None:
    answer = client.get("/api/v1/topics?page_size=3")

    assert (answer.status_code, answer["Location"]) == (301, "/api/v1/topics/?page_size=3")


def test_twice_the_people_cost_the_same_queries(get: Get, run: ScoreRun) -> None:
    def queries() -> list[str]:
        with tables_asked() as asked:
            get(LIST)
        return asked

    _scored(run, 20, place=PlaceFactory.create())
    one = queries()
    for score in range(21, 30):
        _scored(run, score, place=PlaceFactory.create())

    assert queries() == one
    assert one == [
        "accounts_apikey",  # the key, with its user
        "scoring_scorerun",  # the current run
        "auth_permission",  # what the user may see
        "auth_permission",  # and by their group
        "accounts_person",  # the page, with scores and places
    ]
