"""The admin pages of API keys."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from accounts import queries
from accounts.actions import create_api_key
from accounts.models import ApiKey, User
from tests.factories.accounts import ApiKeyFactory, UserFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _url(page: str, *keys: Any) -> str:
    return reverse(f"admin:{page}", args=keys)


class TestKeys:
    def test_a_new_key_is_shown_once(self, client: Client, operator: User, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        service, human = UserFactory.create(is_service=True), UserFactory.create()
        page = client.get(_url("accounts_apikey_add")).content.decode()
        assert f">{service.username}<" in page
        assert f">{human.username}<" not in page
        form = {"name": "partner", "purpose": "Plan whom\n to invite.", "user": service.pk}
        shown = client.post(_url("accounts_apikey_add"), form, follow=True)
        (text,) = re.findall(r"sway_\w{8}_\w{32,}", strip_tags(shown.content.decode()))
        key = ApiKey.objects.get()
        assert (key.name, key.user, key.created_by) == ("partner", service, operator)
        assert key.purpose == "Plan whom to invite."
        assert key.digest == hashlib.sha256(text.encode()).hexdigest()
        assert queries.authenticate_key(text, now=NOW) == key
        secret = text.rsplit("_", 1)[1]
        for address in (
            _url("accounts_apikey_changelist"),
            _url("accounts_apikey_change", key.pk),
            reverse("admin:index"),
        ):
            assert secret not in client.get(address).content.decode(), address
        # Neither the admin's own record of it nor the log has more than the key's name and beginning.
        assert LogEntry.objects.get().object_repr == f"partner ({key.prefix}…)"
        assert secret not in str(list(LogEntry.objects.values()))
        assert secret not in caplog.text

    def test_a_key_for_a_login_that_signs_in_is_refused(self, client: Client, operator: User) -> None:
        closed = UserFactory.create(is_service=True, is_active=False)
        for user in (operator, closed):
            page = client.post(
                _url("accounts_apikey_add"), {"name": "partner", "purpose": "Plan whom to invite.", "user": user.pk}
            )
            assert "Select a valid choice" in page.content.decode()
        assert not ApiKey.objects.exists()

    def test_keys_are_revoked_and_not_deleted(self, client: Client, operator: User) -> None:
        key, text = create_api_key(
            name="partner",
            purpose="Plan whom to invite.",
            user=UserFactory.create(is_service=True),
            by=operator,
            now=NOW,
        )
        action = {"action": "revoke", "_selected_action": [key.pk]}
        response = client.post(_url("accounts_apikey_changelist"), action, follow=True)
        assert "1 revoked" in response.content.decode()
        assert queries.authenticate_key(text, now=NOW) is None
        assert "0 revoked" in client.post(_url("accounts_apikey_changelist"), action, follow=True).content.decode()
        assert client.post(_url("accounts_apikey_delete", key.pk), {"post": "yes"}).status_code == 403
        assert ApiKey.objects.filter(pk=key.pk).exists()

    @pytest.mark.parametrize(
        ("purpose", "said"),
        [
            ("", "Say what this key uses people&#x27;s scores for."),
            ("scores", "Say it in a sentence: whom the scores choose, and what for."),
            ("Decide whom to hire in our shops", "“hire” is about work"),
            ("Festlegen, wer einen Kredit bekommt", "“kredit” is about credit"),
        ],
    )
    def test_a_key_for_nothing_or_for_what_is_refused_is_not_made(
        self, client: Client, operator: User, purpose: str, said: str
    ) -> None:
        form = {"name": "partner", "purpose": purpose, "user": UserFactory.create(is_service=True).pk}
        assert said in client.post(_url("accounts_apikey_add"), form).content.decode()
        assert not ApiKey.objects.exists()

    def test_a_key_of_before_is_asked_what_it_is_for_once(self, client: Client, operator: User) -> None:
        old, new = ApiKeyFactory.create(purpose="", name="old"), ApiKeyFactory.create(name="new")
        page = client.get(_url("accounts_apikey_changelist"), {"purpose": "lacking"})
        assert list(page.context["cl"].result_list) == [old]
        assert "says nothing: open it and say what it is for" in page.content.decode()
        change = _url("accounts_apikey_change", old.pk)
        refused = client.post(change, {"purpose": "Decide about mortgages here"})
        assert "is about credit" in refused.content.decode()
        other = {"purpose": "Plan whom to invite.", "name": "x", "digest": "x", "revoked_at_0": "2026-01-01"}
        assert client.post(change, other).status_code == 302
        old.refresh_from_db()
        assert (old.purpose, old.name, old.revoked_at) == ("Plan whom to invite.", "old", None)
        entry = LogEntry.objects.get()
        assert (entry.user, entry.object_id) == (operator, str(old.pk))
        for key in (old, new):
            address = _url("accounts_apikey_change", key.pk)
            assert client.post(address, {"purpose": "Something else altogether."}).status_code == 403
            key.refresh_from_db()
            assert key.purpose == "Plan whom to invite."

    def test_who_revoked_a_key_stands_in_its_history(self, client: Client, operator: User) -> None:
        key = ApiKeyFactory.create()
        client.post(_url("accounts_apikey_changelist"), {"action": "revoke", "_selected_action": [key.pk]})
        entry = LogEntry.objects.get()
        assert (entry.user, entry.object_id, entry.get_change_message()) == (operator, str(key.pk), "Revoked.")
