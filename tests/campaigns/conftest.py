"""An airline with a manager, and another one."""

from dataclasses import dataclass

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from campaigns.actions import add_member
from campaigns.models import Brand, Membership
from scoring.models import ScoreRun
from tests.factories.campaigns import NOW, BrandFactory
from tests.factories.scoring import current_run


@dataclass(frozen=True)
class Airlines:
    operator: User
    brand: Brand
    manager: User
    other_brand: Brand
    other_manager: User


@pytest.fixture
def airlines(db: None) -> Airlines:
    operator = User.objects.create_superuser("operator")
    brand, other_brand = BrandFactory.create(name="Maple Air"), BrandFactory.create(name="Other Air")
    manager, other_manager = User.objects.create_user("manager"), User.objects.create_user("other-manager")
    add_member(brand=brand, user=manager, role=Membership.Role.MANAGER, by=operator)
    add_member(brand=other_brand, user=other_manager, role=Membership.Role.MANAGER, by=operator)
    return Airlines(operator, brand, manager, other_brand, other_manager)


@pytest.fixture
def run(db: None) -> ScoreRun:
    return current_run(as_of=NOW, people=10)


@pytest.fixture
def manager(client: Client, airlines: Airlines) -> Client:
    client.force_login(airlines.manager)
    return client


@pytest.fixture(autouse=True)
def tries_start_at_none() -> None:
    """The cache in memory outlives a test, and with it what counts against the limit of tries."""
    cache.clear()
