"""The admin pages of accounts: what each asks of the database, whom it refuses, what it never changes."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import models
from django.test import Client, RequestFactory
from django.urls import reverse
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from django_celery_results.models import GroupResult, TaskResult

from accounts.models import Person, User
from campaigns.actions import add_member
from campaigns.models import Membership
from tests.asked import tables_asked
from tests.factories.accounts import (
    NOW,
    ActivityFactory,
    ApiKeyFactory,
    IdentityFactory,
    LogFileFactory,
    MergeFactory,
    PersonFactory,
    PlaceFactory,
    UserFactory,
)
from tests.factories.campaigns import BrandFactory

pytestmark = pytest.mark.django_db

# What each list asks beside the session and the login: what the filters offer, a count for the pages, the rows; where
# days can be chosen, the first and the last, then those between. The lists of libraries also count the whole table,
# and those of tasks offer each name that occurs. What the sidebar asks for campaigns is that app's matter.
SIGNED_IN = ["django_session", "accounts_user"]
ASKED = {
    "accounts.person": ["accounts_person", "accounts_person"],
    "accounts.identity": ["accounts_network", "accounts_identity", "accounts_identity"],
    "accounts.merge": ["accounts_merge", "accounts_merge"],
    "accounts.network": ["accounts_network", "accounts_network"],
    "accounts.place": ["accounts_place", "accounts_place"],
    "accounts.activity": ["accounts_network", *["accounts_activity"] * 4],
    "accounts.logfile": ["accounts_logfile"] * 4,
    "accounts.user": ["auth_group", "accounts_user", "accounts_user"],
    "accounts.apikey": ["accounts_apikey", "accounts_apikey"],
    "auth.group": ["auth_group"] * 3,
    "account.emailaddress": ["account_emailaddress"] * 3,
    "django_celery_beat.periodictask": ["django_celery_beat_periodictask"] * 6,
    "django_celery_beat.crontabschedule": ["django_celery_beat_crontabschedule"] * 3,
    "django_celery_beat.intervalschedule": ["django_celery_beat_intervalschedule"] * 3,
    "django_celery_beat.clockedschedule": ["django_celery_beat_clockedschedule"] * 3,
    "django_celery_beat.solarschedule": ["django_celery_beat_solarschedule"] * 3,
    "django_celery_results.taskresult": ["django_celery_results_taskresult"] * 8,
    "django_celery_results.groupresult": ["django_celery_results_groupresult"] * 5,
}
PAGES = list(ASKED)


def _url(label: str, page: str, *keys: Any) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_{page}", args=keys)


def _addresses(label: str) -> list[str]:
    """Return every address of a model: the list, adding, and those of its first row."""
    pk = apps.get_model(label)._base_manager.order_by("pk").values_list("pk", flat=True)[0]
    single = [_url(label, page, pk) for page in ("change", "delete", "history")]
    if label == "accounts.user":
        single.append(reverse("admin:auth_user_password_change", args=[pk]))
    return [_url(label, "changelist"), _url(label, "add"), *single]


def _row_of_each() -> None:
    """Add a row to the list of each page."""
    n = Person.objects.count()
    identity = IdentityFactory.create(
        network__slug=f"network{n}",
        person__place=PlaceFactory.create(),
        person__user=UserFactory.create(),
        person__claimed_at=NOW,
        person__claimed_via="operator",
    )
    ActivityFactory.create(actor=identity, log_file=LogFileFactory.create(), at=NOW + timedelta(seconds=n))
    ApiKeyFactory.create(created_by=UserFactory.create())
    MergeFactory.create(by=UserFactory.create())
    Group.objects.create(name=f"group {n}")
    EmailAddress.objects.create(user=UserFactory.create(), email=f"{n}@example.org")
    schedules: dict[str, models.Model] = {
        "interval": IntervalSchedule.objects.create(every=n + 1, period="hours"),
        "crontab": CrontabSchedule.objects.create(minute=str(n % 60)),
        "solar": SolarSchedule.objects.create(event="sunrise", latitude=n % 90, longitude=0),
        "clocked": ClockedSchedule.objects.create(clocked_time=NOW + timedelta(days=n)),
    }
    for kind, schedule in schedules.items():
        once: dict[str, Any] = {kind: schedule, "one_off": kind == "clocked"}
        PeriodicTask.objects.create(name=f"{kind} {n}", task="accounts.tasks.sweep_log", **once)
    TaskResult.objects.create(task_id=str(n), task_name="accounts.tasks.sweep_log")
    GroupResult.objects.create(group_id=str(n))


def test_no_page_of_this_app_is_left_out() -> None:
    own = {model._meta.label_lower for model, page in admin.site._registry.items() if _is_own(page)}
    assert sorted(own) == sorted(ASKED)


def _is_own(page: admin.ModelAdmin[Any]) -> bool:
    return type(page).__module__.startswith("accounts.admin.")


@pytest.mark.parametrize("label", PAGES)
def test_a_list_asks_the_same_whatever_its_length(client: Client, operator: User, label: str) -> None:
    address = _url(label, "changelist")

    def asked() -> list[str]:
        with tables_asked() as tables:
            assert client.get(address).status_code == 200
        return [table for table in tables if not table.startswith("campaigns_")]

    for _ in range(2):
        _row_of_each()
    client.get(address)  # what is asked once per process
    assert asked() == SIGNED_IN + ASKED[label]
    before = client.get(address).context["cl"].result_count
    for _ in range(2):
        _row_of_each()
    assert asked() == SIGNED_IN + ASKED[label]
    assert client.get(address).context["cl"].result_count > before


def test_a_person_with_many_identities_asks_the_same(client: Client, operator: User) -> None:
    person = PersonFactory.create()
    address = _url("accounts.person", "change", person.pk)

    def asked() -> list[str]:
        with tables_asked() as tables:
            assert client.get(address).status_code == 200
        return [table for table in tables if table.startswith("accounts_")]

    IdentityFactory.create(person=person, network__slug="one")
    client.get(address)  # what is asked once per process
    # The login, the person, their breaks, their identities with the networks.
    assert asked() == ["accounts_user", "accounts_person", "accounts_rest", "accounts_identity"]
    for n in range(3):
        IdentityFactory.create(person=person, network__slug=f"network{n}")
    assert asked() == ["accounts_user", "accounts_person", "accounts_rest", "accounts_identity"]


@pytest.mark.parametrize("label", PAGES)
def test_nobody_is_sent_to_sign_in(client: Client, label: str) -> None:
    _row_of_each()
    for address in _addresses(label):
        for response in (client.get(address), client.post(address, {"post": "yes"})):
            assert response.status_code == 302, address
            assert response["Location"] == f"{reverse('admin:login')}?next={address}"


@pytest.mark.parametrize("label", PAGES)
@pytest.mark.parametrize("may", ["what managers may", "everything"])
def test_all_but_superusers_are_refused(client: Client, label: str, may: str) -> None:
    _row_of_each()
    manager: User = UserFactory.create()
    superuser: User = UserFactory.create(is_superuser=True)
    add_member(brand=BrandFactory.create(), user=manager, role=Membership.Role.MANAGER, by=superuser)
    if may == "everything":  # no group opens these pages, but merges have a permission of their own
        manager.user_permissions.set(Permission.objects.exclude(codename="merge_people"))
    client.force_login(manager)
    rows = _all_rows(label)
    for address in _addresses(label):
        assert client.get(address).status_code == 403, address
        assert client.post(address, {"post": "yes"}).status_code == 403, address
    action = {"action": "delete_selected", "_selected_action": [row["pk"] for row in rows], "post": "yes"}
    assert client.post(_url(label, "changelist"), action).status_code == 403
    assert _all_rows(label) == rows
    index = client.get(reverse("admin:index"))
    assert index.status_code == 200
    assert _url(label, "changelist") not in index.content.decode()


def _all_rows(label: str) -> list[dict[str, Any]]:
    rows = apps.get_model(label)._base_manager.order_by("pk")
    return list(rows.values("pk", *(field.attname for field in rows.model._meta.concrete_fields)))


@pytest.mark.parametrize("label", PAGES)
def test_a_superuser_sees_each_row(client: Client, operator: User, label: str) -> None:
    _row_of_each()
    for row in _all_rows(label):
        assert client.get(_url(label, "change", row["pk"])).status_code == 200


@pytest.mark.parametrize("label", PAGES)
def test_a_closed_login_has_no_rights(rf: RequestFactory, label: str) -> None:
    request = rf.get("/")
    request.user = UserFactory.create(is_superuser=True, is_staff=True, is_active=False)
    page = admin.site._registry[apps.get_model(label)]
    assert not page.has_module_permission(request)
    assert set(page.get_model_perms(request).values()) == {False}


READ_ONLY = {
    "accounts.logfile": {"path": "x", "rows": 5},
    "accounts.place": {"name": "x"},
    "accounts.activity": {"kind": "reply", "post": "x"},
    "accounts.apikey": {"name": "x", "digest": "x"},
    "accounts.merge": {"note": "x"},
}


@pytest.mark.parametrize("label", READ_ONLY)
def test_what_only_the_code_writes_is_not_changed(client: Client, operator: User, label: str) -> None:
    _row_of_each()
    rows = _all_rows(label)
    (pk,) = (row["pk"] for row in rows)
    assert client.post(_url(label, "change", pk), READ_ONLY[label]).status_code == 403
    assert client.post(_url(label, "delete", pk), {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
    client.post(_url(label, "changelist"), action)
    if label in {"accounts.logfile", "accounts.place"}:
        assert client.post(_url(label, "add"), READ_ONLY[label]).status_code == 403
    assert _all_rows(label) == rows


def test_an_identitys_key_and_id_stay(client: Client, operator: User) -> None:
    identity = IdentityFactory.create(external_id="1", handle="ann")
    form = {"person": identity.person_id, "external_id": "2", "key": 5, "handle": "ben", "network": "other"}
    assert client.post(_url("accounts.identity", "change", identity.pk), form).status_code == 302
    ((row),) = _all_rows("accounts.identity")
    assert (row["pk"], row["external_id"], row["handle"]) == (identity.pk, "1", "ann")


def test_places_are_found_by_typing_and_out_of_the_index(client: Client, operator: User) -> None:
    PlaceFactory.create(name="Toronto")
    PlaceFactory.create(name="Ottawa")
    asked = {"app_label": "accounts", "model_name": "person", "field_name": "place", "term": "tor"}
    found = client.get(reverse("admin:autocomplete"), asked).json()["results"]
    assert [entry["text"] for entry in found] == ["Toronto, CA"]
    index = client.get(reverse("admin:app_list", args=["accounts"])).content.decode()
    assert _url("accounts.person", "changelist") in index
    assert _url("accounts.place", "changelist") not in index


def test_people_are_found_by_typing_for_superusers_only(client: Client, operator: User) -> None:
    PersonFactory.create(handle="ann")
    asked = {"app_label": "accounts", "model_name": "identity", "field_name": "person", "term": "an"}
    found = client.get(reverse("admin:autocomplete"), asked).json()["results"]
    assert [entry["text"] for entry in found] == ["ann"]
    client.force_login(UserFactory.create(is_staff=True))
    assert client.get(reverse("admin:autocomplete"), asked).status_code == 403
