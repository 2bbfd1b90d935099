"""What partners are told where something can't be answered."""

from typing import Any

import pytest
from django.test import Client

from scoring import queries
from tests.factories.scoring import current_run


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
