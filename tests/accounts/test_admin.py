"""The admin pages of accounts: what they do. What lists cost and whom they refuse is in test_admin_lists.py."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.actions import erase_person, move_activity_to_log, revoke_api_key
from accounts.models import Activity, Identity, Network, Person, User
from tests.factories.accounts import (
    ActivityFactory,
    ApiKeyFactory,
    IdentityFactory,
    NetworkFactory,
    PersonFactory,
    PlaceFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _url(page: str, *keys: Any) -> str:
    return reverse(f"admin:{page}", args=keys)


class TestSigningIn:
    def test_the_admin_sends_to_the_sites_own_sign_in(self, client: Client) -> None:
        response = client.get(reverse("admin:index"), follow=True)
        assert response.redirect_chain[-1][0].startswith(reverse("account_login"))

    def test_a_login_that_is_no_staff_is_refused(self, client: Client) -> None:
        client.force_login(UserFactory.create())
        assert client.get(reverse("admin:login")).status_code == 403


class TestPeople:
    def _save(self, client: Client, person: Person, **changes: Any) -> Any:
        form = {
            "handle": person.handle,
            "name": person.name,
            "bio": "",
            "location": "",
            "place": "",
            "email": "",
            "claim_for": "",
            "identities-TOTAL_FORMS": 0,
            "identities-INITIAL_FORMS": 0,
            "rests-TOTAL_FORMS": 0,
            "rests-INITIAL_FORMS": 0,
        }
        return client.post(_url("accounts_person_change", person.pk), form | changes)

    def test_what_is_known_is_corrected_and_hidden_and_vouched_for(self, client: Client, operator: User) -> None:
        person = PersonFactory.create(name="Ann")
        place = PlaceFactory.create()
        response = self._save(client, person, name="Dr Ann", place=place.pk, is_hidden="on", is_seed="on")
        assert response.status_code == 302
        person.refresh_from_db()
        assert (person.name, person.place, person.is_hidden, person.is_seed) == ("Dr Ann", place, True, True)

    def test_a_handle_that_somebody_has_in_other_letters_is_refused(self, client: Client, operator: User) -> None:
        PersonFactory.create(handle="Ann")
        person = PersonFactory.create()
        response = self._save(client, person, handle="aNN")
        assert response.status_code == 200
        assert "Ann" not in Person.objects.get(pk=person.pk).handle

    def test_an_operator_joins_a_person_to_a_login(self, client: Client, operator: User) -> None:
        person, user = PersonFactory.create(), UserFactory.create()
        assert self._save(client, person, claim_for=user.username).status_code == 302
        person.refresh_from_db()
        assert (person.user, person.claimed_via) == (user, "operator")
        # From now on it can be seen, and not changed here.
        page = client.get(_url("accounts_person_change", person.pk)).content.decode()
        assert "claim_for" not in page
        assert user.username in page
        other = UserFactory.create()
        again = {"name": "Ann", "claim_for": other.username, "user": other.pk, "claimed_via": "invitation"}
        assert self._save(client, person, **again).status_code == 302
        person.refresh_from_db()
        assert (person.name, person.user, person.claimed_via) == ("Ann", user, "operator")

    def test_a_persons_identities_are_shown_and_not_changed_there(self, client: Client, operator: User) -> None:
        identity = IdentityFactory.create(external_id="id-77", followers=5)
        page = client.get(_url("accounts_person_change", identity.person_id)).content.decode()
        assert "id-77" in page
        assert _url("accounts_identity_change", identity.pk) in page
        form = {
            "identities-TOTAL_FORMS": 1,
            "identities-INITIAL_FORMS": 1,
            "identities-0-key": identity.pk,
            "identities-0-person": identity.person_id,
            "identities-0-followers": 6,
            "identities-0-DELETE": "on",
        }
        assert self._save(client, identity.person, **form).status_code == 302
        identity.refresh_from_db()
        assert identity.followers == 5

    @pytest.mark.parametrize(
        ("whose", "reason"),
        [
            ("nobody's", "There is no login"),
            ("service", "service user"),
            ("taken", "already holds another profile"),
        ],
    )
    def test_a_login_that_cannot_be_this_person_is_refused(
        self, client: Client, operator: User, whose: str, reason: str
    ) -> None:
        UserFactory.create(username="service", is_service=True)
        PersonFactory.create(user=UserFactory.create(username="taken"), claimed_at=NOW, claimed_via="operator")
        person = PersonFactory.create()
        response = self._save(client, person, name="changed", claim_for=whose)
        assert reason in response.content.decode()
        person.refresh_from_db()
        assert (person.user, person.name) == (None, "")

    def test_people_are_neither_added_nor_deleted(self, client: Client, operator: User) -> None:
        person = PersonFactory.create()
        assert client.get(_url("accounts_person_add")).status_code == 403
        assert client.post(_url("accounts_person_delete", person.pk), {"post": "yes"}).status_code == 403
        assert Person.objects.filter(pk=person.pk).exists()

    def test_they_are_found_by_handle_name_and_claim(self, client: Client, operator: User) -> None:
        PersonFactory.create(handle="ann", name="Ann Ash")
        PersonFactory.create(handle="ben", user=UserFactory.create(), claimed_at=NOW, claimed_via="operator")

        def found(query: str) -> list[str]:
            page = client.get(_url("accounts_person_changelist") + query)
            return sorted(person.handle for person in page.context["cl"].result_list)

        assert found("?q=Ash") == ["ann"]
        assert found("?q=be") == ["ben"]
        assert found("?claimed=yes") == ["ben"]
        assert found("?claimed=no") == ["ann"]
        assert found("?claimed=perhaps") == ["ann", "ben"]

    def test_an_identity_moves_to_another_person(self, client: Client, operator: User) -> None:
        identity, other = IdentityFactory.create(), PersonFactory.create()
        left = identity.person
        form = {"person": other.pk, "proved_at_0": "2026-03-01", "proved_at_1": "12:00:00"}
        assert client.post(_url("accounts_identity_change", identity.pk), form).status_code == 302
        identity.refresh_from_db()
        assert (identity.person, identity.proved_at) == (other, NOW)
        assert not Person.objects.filter(pk=left.pk).exists(), "nothing was known of them but this identity"


class TestActivity:
    FORM = {"kind": "like", "who": "1", "whom": "2", "post": "p", "at_0": "2026-01-01", "at_1": "10:00:00"}

    def test_a_row_is_added_by_hand(self, client: Client, operator: User) -> None:
        network = NetworkFactory.create()
        response = client.post(_url("accounts_activity_add"), self.FORM | {"network": network.pk})
        assert response.status_code == 302
        row = Activity.objects.get()
        assert (row.kind, row.actor.external_id, row.target.external_id, row.post) == ("like", "1", "2", "p")
        assert (row.at, row.recorded_by) == (datetime(2026, 1, 1, 10, tzinfo=UTC), operator)
        page = client.get(_url("accounts_activity_change", row.pk)).content.decode()
        assert "1@test" in page
        # The same again is said to be there.
        again = client.post(_url("accounts_activity_add"), self.FORM | {"network": network.pk}, follow=True)
        assert "here already" in again.content.decode()
        assert Activity.objects.count() == 1

    def test_a_handle_stands_for_its_account(self, client: Client, operator: User) -> None:
        ann = IdentityFactory.create(handle="Ann")
        form = self.FORM | {"network": "test", "who": "@ANN", "whom": "@unknown"}
        assert client.post(_url("accounts_activity_add"), form).status_code == 302
        row = Activity.objects.get()
        assert (row.actor, row.target.external_id) == (ann, "@unknown")

    @pytest.mark.parametrize(
        ("field", "value", "reason"),
        [
            ("who", "a" * 256, "It is longer than 255 characters."),
            ("whom", "", "This field is required."),
            ("at_0", "1960-01-01", "It is outside the years 1970 to 2100."),
            ("kind", "hate", "Select a valid choice."),
            ("whom", "taken", "Another account has this account"),
        ],
    )
    def test_what_cannot_be_an_event_is_refused(
        self, client: Client, operator: User, field: str, value: str, reason: str
    ) -> None:
        IdentityFactory.create(external_id="taken")
        Identity.objects.update(external_id="another")
        response = client.post(_url("accounts_activity_add"), self.FORM | {"network": "test", field: value})
        assert response.status_code == 200
        assert reason in response.content.decode()
        assert not Activity.objects.exists()

    @pytest.mark.parametrize("field", ["who", "whom"])
    @pytest.mark.parametrize("named", ["7", "@ann"])
    def test_what_an_erased_account_did_or_received_is_refused(
        self, client: Client, operator: User, field: str, named: str
    ) -> None:
        ann = IdentityFactory.create(external_id="7", handle="Ann", person__name="Ann Ash")
        erase_person(ann.person, by=operator, now=NOW)
        response = client.post(_url("accounts_activity_add"), self.FORM | {"network": "test", field: named})
        assert response.status_code == 200
        assert response.context["adminform"].form.errors == {
            field: ["This account was erased: nothing that it does or receives is kept."]
        }
        assert not Activity.objects.exists()
        assert not Person.objects.exists()
        assert not LogEntry.objects.exists()
        assert not re.search(r"Ann Ash|2026-03-01", strip_tags(response.content.decode()))

    def test_a_mistyped_row_can_be_deleted_until_the_log_has_it(self, client: Client, operator: User) -> None:
        first, second = ActivityFactory.create_batch(2)
        delete = _url("accounts_activity_delete", first.pk)
        assert client.post(delete, {"post": "yes"}).status_code == 302
        assert list(Activity.objects.all()) == [second]
        move_activity_to_log(now=NOW)
        assert client.post(_url("accounts_activity_delete", second.pk), {"post": "yes"}).status_code == 403
        action = {"action": "delete_selected", "_selected_action": [second.pk], "post": "yes"}
        client.post(_url("accounts_activity_changelist"), action)
        assert list(Activity.objects.all()) == [second]


class TestLogins:
    def _add(self, client: Client, **fields: Any) -> Any:
        form = {"username": "new", "usable_password": "true", "password1": "quite-long-9", "password2": "quite-long-9"}
        return client.post(_url("accounts_user_add"), form | fields)

    def test_a_login_is_made_with_a_password(self, client: Client, operator: User) -> None:
        assert self._add(client).status_code == 302
        user = User.objects.get(username="new")
        assert (user.check_password("quite-long-9"), user.is_service) == (True, False)

    def test_a_service_user_is_made_without_one(self, client: Client, operator: User) -> None:
        assert self._add(client, is_service="on").status_code == 200
        assert not User.objects.filter(username="new").exists()
        made = self._add(client, is_service="on", usable_password="false", password1="", password2="")
        assert made.status_code == 302
        user = User.objects.get(username="new")
        assert (user.is_service, user.has_usable_password()) == (True, False)

    def test_a_service_user_gets_no_password_later(self, client: Client, operator: User) -> None:
        service = UserFactory.create(is_service=True)
        address = reverse("admin:auth_user_password_change", args=[service.pk])
        form = {"usable_password": "true", "password1": "quite-long-9", "password2": "quite-long-9"}
        assert client.post(address, form).status_code == 403
        human = UserFactory.create()
        assert client.post(reverse("admin:auth_user_password_change", args=[human.pk]), form).status_code == 302
        human.refresh_from_db()
        assert human.check_password("quite-long-9")

    def test_a_login_that_keys_act_as_stays_a_service_user(self, client: Client, operator: User) -> None:
        key = ApiKeyFactory.create()
        form = {"username": key.user.username, "is_active": "on"}
        response = client.post(_url("accounts_user_change", key.user.pk), form)
        assert response.status_code == 200
        assert response.context["adminform"].errors == {
            "is_service": ["Keys act as this login, which would end them: revoke them first."]
        }
        assert User.objects.get(pk=key.user.pk).is_service
        revoke_api_key(key, by=operator, now=NOW)
        assert client.post(_url("accounts_user_change", key.user.pk), form).status_code == 302
        assert not User.objects.get(pk=key.user.pk).is_service

    @pytest.mark.parametrize("field", ["is_service", "is_superuser"])
    def test_nobody_is_both_a_service_and_something_more(self, client: Client, operator: User, field: str) -> None:
        user = UserFactory.create(is_service=field == "is_superuser")
        if field == "is_service":
            user.set_password("p")
            user.save()
        form = {"username": user.username, "is_active": "on", "is_service": "on", field: "on"}
        response = client.post(_url("accounts_user_change", user.pk), form)
        assert response.status_code == 200
        user.refresh_from_db()
        assert (user.is_service, user.is_superuser) == (field == "is_superuser", False)


def test_a_networks_slug_stays_as_keys_are_made_from_it(client: Client, operator: User) -> None:
    network = NetworkFactory.create()
    client.post(_url("accounts_network_change", network.pk), {"slug": "other", "name": "New", "profile_url": ""})
    assert list(Network.objects.values_list("slug", "name")) == [("test", "New")]


def test_a_slug_that_no_reader_would_write_is_refused(client: Client, operator: User) -> None:
    response = client.post(_url("accounts_network_add"), {"slug": "Foo", "name": "Foo", "profile_url": ""})
    assert "Lower-case letters" in response.content.decode()
    assert not Network.objects.exists()


@pytest.mark.parametrize(
    "address", ["https://x.example/{user}", "https://x.example/{", "https://x.example/", "{handle}"]
)
def test_an_address_of_profiles_that_leads_to_none_is_refused(client: Client, operator: User, address: str) -> None:
    added = {"slug": "x", "name": "X"}
    response = client.post(_url("accounts_network_add"), added | {"profile_url": address})
    assert "with {handle} or {id} in it and no other braces" in response.content.decode()
    assert not Network.objects.exists()
    client.post(_url("accounts_network_add"), added | {"profile_url": "https://{handle}.x.example/u/{id}"})
    assert Network.objects.get().profile_url == "https://{handle}.x.example/u/{id}"


def test_a_task_is_put_on_the_schedule(client: Client, operator: User) -> None:
    page = client.get(_url("django_celery_beat_periodictask_add")).content.decode()
    assert "accounts.tasks.move_activity_to_log" in page
    every = IntervalSchedule.objects.create(every=1, period="days")
    form = {"name": "sweep", "regtask": "accounts.tasks.sweep_log", "enabled": "on", "interval": every.pk}
    empty = {"args": "[]", "kwargs": "{}", "headers": "{}"}
    assert client.post(_url("django_celery_beat_periodictask_add"), form | empty).status_code == 302
    assert PeriodicTask.objects.get(name="sweep").task == "accounts.tasks.sweep_log"
