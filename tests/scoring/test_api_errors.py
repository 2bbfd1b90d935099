"""What partners are told where something can't be answered."""

from typing import Any

import pytest
from django.test import Client

from scoring import queries


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
