"""The list of influencers, as its tests fill and read it."""

from typing import Any

from django.test import Client
from django.urls import reverse

from accounts.models import Person
from scoring.models import ScoreRun
from tests.factories.accounts import PersonFactory
from tests.factories.scoring import (
    ScoreFactory,
)

LIST = reverse("admin:scoring_influencer_changelist")


TORONTO = {"name": "Toronto", "region": "ON", "country": "CA", "latitude": 43.70011, "longitude": -79.4163}


def scored(run: ScoreRun, handle: str, score: float = 43.0, **given: Any) -> Person:
    person: Person = PersonFactory.create(handle=handle, **given)
    ScoreFactory.create(run=run, person=person, score=score)
    return person


def listed(client: Client, **query: Any) -> list[str]:
    response = client.get(LIST, query)
    assert response.status_code == 200
    return [person.handle for person in response.context["cl"].result_list]
