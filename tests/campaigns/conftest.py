"""An airline with a manager, and another one."""

from dataclasses import dataclass

import pytest

from accounts.models import User
from campaigns.actions import add_member
from campaigns.models import Brand, Membership
from tests.factories.campaigns import BrandFactory


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
