"""To whom people write: it stands on every page that they open."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User


@pytest.mark.django_db
def test_pages_name_the_address_that_takes_answers(client: Client, settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Sway <hello@sway.example>"
    client.force_login(User.objects.create_user("ann"))
    for name in ("home", "about_the_score", "how_it_works", "me"):
        page = client.get(reverse(name), follow=True).content.decode()
        assert 'be erased, write to <a href="mailto:hello@sway.example">hello@sway.example</a>' in page, name
