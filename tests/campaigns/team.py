"""People who work for a brand, in the roles that the tests of teams need."""

from accounts.models import User
from campaigns.actions import add_member
from campaigns.models import Membership
from tests.campaigns.conftest import Airlines


def joins(airlines: Airlines, name: str, role: str) -> User:
    """Return a new login that works for the airline in a role."""
    user = User.objects.create_user(name)
    add_member(brand=airlines.brand, user=user, role=Membership.Role(role), by=airlines.operator)
    return User.objects.get(pk=user.pk)
