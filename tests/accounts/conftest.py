"""Who is signed in."""

import pytest
from django.test import Client

from accounts.models import User
from tests.factories.accounts import UserFactory


@pytest.fixture
def operator(client: Client) -> User:
    """Return a superuser, who is signed in to the client."""
    user: User = UserFactory.create(username="root", is_superuser=True, is_staff=True)
    client.force_login(user)
    return user
