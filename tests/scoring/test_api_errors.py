"""What partners are told where something can't be answered."""

import re
from typing import Any
from urllib.parse import urljoin

import pytest
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from scoring import queries
from scoring.models import ScoreRun
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import CampaignFactory
from tests.factories.scoring import ScoreFactory, TopicFactory, current_run


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    generator: Any = SchemaGenerator
    found: dict[str, Any] = generator().get_schema(request=None, public=True)
    return found


@pytest.fixture
def partner(partner: dict[str, str]) -> Client:
    """Return a client that sends a partner's key along."""
    return Client(headers=partner)


def _fail(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("Zanzibaria")


@pytest.mark.parametrize("address", ["/api/v1/influencers/", "/about-the-score"])
def test_a_fault_of_ours_says_so_and_no_more(
    partner: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    monkeypatch.setattr(queries, "current_run", _fail)
    partner.raise_request_exception = False
    answer = partner.get(address)

    assert answer.status_code == 500
    assert "Zanzibaria" in caplog.text
    if address == "/about-the-score":
        assert "Something went wrong on our side" in answer.content.decode()
        assert answer["Content-Type"].startswith("text/html")
    else:
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json() == {
            "type": "about:blank",
            "title": "Internal Server Error",
            "status": 500,
            "detail": "Something went wrong on our side. It was noted.",
        }


def test_what_django_refuses_is_a_problem_too(partner: Client) -> None:
    answer = partner.get("/api/v1/topics/?" + "a=1&" * 1001)

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["detail"] == "This request can't be read."
    assert partner.get("/accounts/login/?" + "a=1&" * 1001)["Content-Type"].startswith("text/html")


def test_errors_have_one_shape(partner: Client, db: None) -> None:
    current_run()
    answer = partner.get("/api/v1/influencers/?score_min=many&topic=%23&topic=a&topic=b!&city=Atlantis")

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"parameter": "score_min", "detail": "A valid number is required.", "code": "invalid"},
        *(
            {
                "parameter": "topic",
                "detail": 'Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.',
                "code": "invalid",
            }
            for _ in ("#", "b!")
        ),
        {
            "parameter": "city",
            "detail": "No city is known as 'Atlantis'; add a region or a country, as in 'Portland, OR'.",
            "code": "invalid",
        },
    ]
    [error] = partner.get("/api/v1/influencers/?score_min=50&score_max=20").json()["errors"]
    assert error == {"parameter": "score_min", "detail": "It exceeds score_max.", "code": "invalid"}


def test_every_operation_says_how_it_may_be_refused(document: dict[str, Any]) -> None:
    answers = document["components"]["responses"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            places = {parameter["in"] for parameter in operation.get("parameters", ())}
            named = {status: answer for status, answer in operation["responses"].items() if status != "200"}
            assert named.keys() >= {"401", "406", "429", "500"}, path
            assert ("400" in named, "404" in named) == ("query" in places, "path" in places), path
            for status, answer in named.items():
                content = answers[answer["$ref"].removeprefix("#/components/responses/")]["content"]
                assert content["application/problem+json"]["example"]["status"] == int(status)
    assert "Retry-After" in answers["TooManyRequests"]["headers"]
    assert "409" in document["paths"]["/api/v1/influencers/{id}/what-if/"]["get"]["responses"]
    assert "410" in document["paths"]["/api/v1/influencers/"]["get"]["responses"]


def test_the_examples_are_what_is_answered(
    partner: Client, client: Client, monkeypatch: pytest.MonkeyPatch, document: dict[str, Any]
) -> None:
    run, person = current_run(), PersonFactory.create()
    ScoreFactory.create(run=run, person=person, vouchers=0)
    ScoreFactory.create(run=run)
    listed = "/api/v1/influencers/"
    following = partner.get(listed, {"page_size": 1}).json()["next"]
    answers = {
        "BadRequest": partner.get(listed, {"score_min": "many"}),
        "Unauthorized": client.get(listed),
        "NotFound": partner.get(f"{listed}0/"),
        "NotAcceptable": partner.get(listed, headers={"Accept": "text/html"}),
        "Conflict": partner.get(f"{listed}{person.pk}/what-if/", {"supporters": 1}),
    }
    ScoreRun.objects.filter(pk=run.pk).update(finished_at=timezone.now())
    answers["Gone"] = partner.get(following)
    monkeypatch.setattr(queries, "current_run", _fail)
    partner.raise_request_exception = False
    answers["ServerError"] = partner.get(listed)

    told = document["components"]["responses"]
    assert told.keys() - answers.keys() == {"TooManyRequests"}
    for name, answer in answers.items():
        content = told[name]["content"]["application/problem+json"]
        assert answer["Content-Type"] == "application/problem+json", name
        assert (answer.status_code, answer.json()) == (content["example"]["status"], content["example"]), name


def test_no_default_of_the_document_is_refused(document: dict[str, Any]) -> None:
    parameters = document["paths"]["/api/v1/influencers/{id}/reactions/"]["get"]["parameters"]
    defaults = {each["name"]: each["schema"]["default"] for each in parameters if "default" in each["schema"]}
    assert defaults == {"offset": 0, "page_size": 50}
    part = document["components"]["schemas"]["SupporterPart"]["properties"]["taken_off"]
    assert part["items"] == {"$ref": "#/components/schemas/TakenPart"}


NO_SUCH = "There is no such parameter"


@pytest.mark.parametrize(
    ("address", "query", "detail"),
    [
        ("", {"min_score": "60"}, f"{NO_SUCH}; score_min is one."),
        ("", {"score-max": "60"}, f"{NO_SUCH}; score_max is one."),
        ("", {"Topics": "tea"}, f"{NO_SUCH}; topic is one."),
        ("", {"pagesize": "3"}, f"{NO_SUCH}; page_size is one."),
        ("", {"fast": "1"}, f"{NO_SUCH}."),
        ("{pk}/", {"score_min": "60"}, f"{NO_SUCH}."),
        ("{pk}/history/", {"page_size": "60"}, f"{NO_SUCH}."),
        ("{pk}/reactions/", {"limit": "60"}, f"{NO_SUCH}."),
        ("{pk}/reactions/", {"kinds": "like"}, f"{NO_SUCH}; kind is one."),
        ("{pk}/what-if/", {"supporter": "6"}, f"{NO_SUCH}; supporters is one."),
        ("../topics/", {"q": "tea"}, f"{NO_SUCH}."),
        ("../campaigns/", {"cursors": "x"}, f"{NO_SUCH}; cursor is one."),
    ],
)
def test_a_parameter_with_a_slip_in_its_name_is_refused(
    partner: Client, address: str, query: dict[str, str], detail: str
) -> None:
    run, person = current_run(), PersonFactory.create()
    ScoreFactory.create(run=run, person=person)
    address = urljoin("/api/v1/influencers/", address.format(pk=person.pk))
    answer = partner.get(address, query)

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["errors"] == [{"parameter": next(iter(query)), "detail": detail, "code": "unknown"}]
    assert partner.get(address, {**query, "format": "json"}).json() == answer.json()


def test_every_parameter_of_the_document_is_known(partner: Client, document: dict[str, Any]) -> None:
    run, person = current_run(), PersonFactory.create()
    ScoreFactory.create(run=run, person=person)
    campaign, topic = CampaignFactory.create(), TopicFactory.create()
    keys = {"influencers": person.pk, "topics": topic.slug, "campaigns": campaign.pk}
    for path, operations in document["paths"].items():
        names = [each["name"] for each in operations["get"].get("parameters", ()) if each["in"] == "query"]
        address = re.sub("{.*}", str(keys[path.split("/")[3]]), path)
        answer = partner.get(address, dict.fromkeys([*names, "format"], "json"))
        assert b'"code":"unknown"' not in answer.content, path
