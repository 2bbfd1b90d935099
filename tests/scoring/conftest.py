"""A small world in the database and in the log."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.actions import create_api_key
from accounts.actions.daily import enter
from accounts.intake import open_source
from accounts.keys import account_key
from accounts.log import LogFolder, interactions_to_log, posts_to_log
from accounts.models import Identity, LogFile, Network, Person
from campaigns.actions import add_member
from campaigns.models import Membership
from tests.accounts.activity_data import split_days
from tests.factories.accounts import UserFactory
from tests.factories.campaigns import BrandFactory
from tests.scoring.worlds import write_world

NOW = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)
LOADED = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
APRIL_1, APRIL_2, APRIL_3 = (datetime(2026, 4, day, tzinfo=UTC) for day in (1, 2, 3))

Get = Callable[..., Any]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Return the folder of a small world."""
    return write_world(tmp_path / "world")


@pytest.fixture
def known(world: Path, db: None, settings: Settings) -> Path:
    """Return the folder of a small world whose people and activity are known.

    What an import would do with checks and links to websites is done here without: most tests are about what comes
    after it.
    """
    batches = list(open_source(world, "dataset").batches())
    tables = {
        LogFile.Table.POSTS: posts_to_log(pa.concat_tables([batch.posts for batch in batches])),
        LogFile.Table.INTERACTIONS: interactions_to_log(pa.concat_tables([batch.interactions for batch in batches])),
    }
    log = LogFolder(settings.ACTIVITY_LOG)
    for table, rows in tables.items():
        for day, part in split_days(rows).items():
            enter(table, day, log.write_day(table, day, part), now=LOADED)
    network = Network.objects.create(slug="dataset", name="dataset")
    profiles = pa.concat_tables([batch.accounts for batch in batches]).to_pylist()
    people = Person.objects.bulk_create([Person(handle=row["handle"]) for row in profiles])
    Identity.objects.bulk_create(
        Identity(
            key=account_key("dataset", row["account"]),
            network=network,
            external_id=row["account"],
            handle=row["handle"],
            verified=row["verified"],
            person=person,
        )
        for row, person in zip(profiles, people, strict=True)
    )
    return world


@pytest.fixture
def partner(db: None) -> dict[str, str]:
    """Return the headers of a partner's key."""
    service = UserFactory.create(is_service=True)
    operator = UserFactory.create(is_superuser=True, is_staff=True)
    add_member(brand=BrandFactory.create(), user=service, role=Membership.Role.PARTNER, by=operator)
    _, text = create_api_key(name="partner", purpose="Plan whom to invite.", user=service, by=operator, now=NOW)
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture
def get(client: Client, partner: dict[str, str]) -> Get:
    """Return a function that asks with a partner's key and returns the status and the JSON."""

    def get(address: str, **query: Any) -> Any:
        response = client.get(address, query, headers=partner)
        return response.status_code, response.json()

    get("/api/v1/topics/")  # the key's first use is noted, which is a query of its own
    return get
