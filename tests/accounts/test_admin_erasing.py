"""The admin page that erases a person: who may, what it says, and that it asks."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from accounts.models import ErasedAccount, Person, User
from tests.factories.accounts import NOW, IdentityFactory, MergeFactory, PersonFactory, UserFactory
from tests.factories.scoring import ScoreFactory, current_run

pytestmark = pytest.mark.django_db

LIST = reverse("admin:accounts_person_changelist")


@pytest.fixture
def ann() -> Person:
    person: Person = PersonFactory.create(
        handle="Ann", user=UserFactory.create(), claimed_at=NOW, claimed_via="operator", name="Ann Ash"
    )
    IdentityFactory.create(person=person, handle="ann-on-one")
    return person


def page(person: Person) -> str:
    return reverse("admin:accounts_person_erase", args=[person.pk])


def text(response: Any) -> str:
    assert response.status_code == 200
    body = re.sub(r"<(script|style).*?</\1>", "", response.content.decode(), flags=re.S)
    return " ".join(strip_tags(body.replace("<", " <")).split())


def test_the_action_leads_one_person_to_the_page(client: Client, operator: User, ann: Person) -> None:
    def choose(*people: Person) -> Any:
        form = {"action": "erase", "_selected_action": [person.pk for person in people]}
        return client.post(LIST, form)

    assert choose(ann)["Location"] == page(ann)
    assert choose(ann, PersonFactory.create())["Location"].endswith(LIST)
    assert ErasedAccount.objects.count() == 0


def test_it_says_what_goes_and_does_it_when_the_handle_is_written(client: Client, operator: User, ann: Person) -> None:
    ScoreFactory.create(run=current_run(), person=ann, score=43.2, supporters=1234)
    MergeFactory.create(kept=ann, merged=PersonFactory.create(merged_into=ann), at=NOW - timedelta(days=1))
    shown = text(client.get(page(ann)))
    for words in (
        "Ann Ash",
        "ann-on-one@test",
        "43.2",
        "So is whoever was merged into Ann: 1.",
        "The login that claimed the profile is deleted, with its memberships of brands and its API keys.",
        "What others wrote about the person stays in those people's posts.",
        "It can't be undone.",
    ):
        assert words in shown.replace("&#x27;", "'")

    wrong = client.post(page(ann), {"handle": "Anna"})
    assert "That isn't Ann: nobody was erased." in text(wrong).replace("&#x27;", "'")
    assert Person.objects.filter(pk=ann.pk).exists()

    done = client.post(page(ann), {"handle": " @ann "}, follow=True)
    assert "Ann is erased, with 2 account keys" in text(done)
    assert not Person.objects.exists()
    assert ErasedAccount.objects.count() == 2
    assert client.get(page(ann)).status_code == 404


def test_somebody_known_by_a_handle_alone_can_be_erased(client: Client, operator: User) -> None:
    person = PersonFactory.create(handle="@ann@test")
    IdentityFactory.create(person=person, external_id="@ann", handle="ann")
    client.post(page(person), {"handle": "@ann@test"})
    assert not Person.objects.exists()


def test_whoever_may_not_is_refused(client: Client, ann: Person) -> None:
    staff = UserFactory.create(is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_person"))
    client.force_login(staff)
    for response in (client.get(page(ann)), client.post(page(ann), {"handle": "Ann"})):
        assert response.status_code == 403
    assert Person.objects.filter(pk=ann.pk).exists()
