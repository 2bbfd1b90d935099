"""The admin pages of merges: who may, what is shown before and after."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from accounts.actions import merge_people
from accounts.models import Merge, Person, User
from tests.factories.accounts import NOW, IdentityFactory, MergeFactory, PersonFactory, UserFactory
from tests.factories.campaigns import InvitationFactory
from tests.factories.scoring import ScoreFactory, current_run

pytestmark = pytest.mark.django_db

NEW = reverse("admin:accounts_merge_new")
LIST = reverse("admin:accounts_merge_changelist")


def text(response: Any) -> str:
    assert response.status_code == 200
    body = re.sub(r"<(script|style).*?</\1>", "", response.content.decode(), flags=re.S)
    return " ".join(strip_tags(body.replace("<", " <")).split())


def test_the_action_leads_to_the_page_with_whoever_claimed_as_the_kept(client: Client, operator: User) -> None:
    one = PersonFactory.create(handle="one")
    two = PersonFactory.create(handle="two & co", user=UserFactory.create(), claimed_at=NOW, claimed_via="operator")
    PersonFactory.create()

    def choose(*people: Person) -> Any:
        form = {"action": "merge_with", "_selected_action": [person.pk for person in people]}
        return client.post(reverse("admin:accounts_person_changelist"), form)

    assert choose(one, two)["Location"] == f"{NEW}?kept=two+%26+co&merged=one"
    assert choose(one)["Location"] == f"{NEW}?kept=one&merged="
    assert choose(*Person.objects.all())["Location"].endswith(reverse("admin:accounts_person_changelist"))


def test_both_are_shown_and_what_will_happen_and_then_it_does(client: Client, operator: User) -> None:
    kept, merged = PersonFactory.create(handle="ann"), PersonFactory.create(handle="ann-b", is_hidden=True)
    IdentityFactory.create(person=kept, handle="ann-on-one")
    IdentityFactory.create(person=merged, handle="ann-on-two")
    run = current_run()
    ScoreFactory.create(run=run, person=kept, score=43.2, supporters=1234)
    invitation = InvitationFactory.create(person=merged)
    shown = text(client.get(NEW, {"kept": "@Ann", "merged": "ann-b"}))
    for words in (
        *("ann-on-one@test", "ann-on-two@test", "Score 43.2, from 1,234 people", "Score none yet"),
        *(f"Invitations {invitation.campaign} (invited)", "ann is hidden too", "What will happen"),
    ):
        assert words in shown
    assert not Merge.objects.exists()
    form = {"kept": "ann", "merged": "ann-b", "confirmed": "1", "note": "Says so."}
    response = client.post(NEW, form)
    merge = Merge.objects.get()
    assert response["Location"] == reverse("admin:accounts_merge_change", args=[merge.pk])
    assert (merge.kept, merge.merged, merge.by, merge.note) == (kept, merged, operator, "Says so.")
    assert "1 identity, 1 invitation" in text(client.get(response["Location"]))
    # Once more: the merged isn't there for anybody.
    assert "There is no person with the handle ann-b." in text(client.post(NEW, form))


def test_a_handle_that_begins_with_the_sign_is_found_as_it_is(client: Client, operator: User) -> None:
    for handle in ("@ann@test", "@bob", "bob"):
        PersonFactory.create(handle=handle)
    sides = client.get(NEW, {"kept": "@ann@test", "merged": "@bob"}).context["sides"]
    assert [side.person.handle for side in sides] == ["@ann@test", "@bob"]
    sides = client.get(NEW, {"kept": "@ANN@test", "merged": "bob"}).context["sides"]
    assert [side.person.handle for side in sides] == ["@ann@test", "bob"]


def test_reasons_stand_where_the_button_would(client: Client, operator: User) -> None:
    for handle in ("ann", "bob"):
        PersonFactory.create(handle=handle, user=UserFactory.create(), claimed_at=NOW, claimed_via="operator")
    asked = {"kept": "ann", "merged": "bob"}
    shown = text(client.get(NEW, asked))
    assert "They can't be merged Each is claimed by a login of its own" in shown
    assert "What will happen" not in shown
    assert "They can't be merged" in text(client.post(NEW, asked | {"confirmed": "1"}))
    assert not Merge.objects.exists()


def test_a_post_that_confirms_nothing_merges_nothing(client: Client, operator: User) -> None:
    PersonFactory.create(handle="ann")
    PersonFactory.create(handle="bob")
    assert "What will happen" in text(client.post(NEW, {"kept": "ann", "merged": "bob"}))
    assert not Merge.objects.exists()


def test_who_names_the_same_website_is_offered(client: Client, operator: User) -> None:
    ann = IdentityFactory.create(person__handle="ann", website_host="ann.example").person
    IdentityFactory.create(person__handle="ann-too", website_host="ann.example")
    IdentityFactory.create(person__handle="bob", website_host="bob.example")
    IdentityFactory.create(person__handle="carl")
    shown = client.get(NEW, {"kept": ann.handle, "merged": ""}).content.decode()
    assert f"{NEW}?kept=ann&amp;merged=ann-too" in shown
    assert "merged=bob" not in shown
    carl = text(client.get(NEW, {"kept": "carl", "merged": ""}))
    assert "Nobody else names the same website as carl" in carl
    assert "Null characters are not allowed" in text(client.get(NEW, {"kept": "a\0b", "merged": ""}))


def test_undoing_from_the_list_goes_backwards(client: Client, operator: User) -> None:
    first, second, third = [IdentityFactory.create().person for _ in range(3)]
    merges = [
        merge_people(kept=second, merged=first, by=operator, now=NOW),
        merge_people(kept=third, merged=second, by=operator, now=NOW + timedelta(hours=1)),
    ]
    form: dict[str, Any] = {"action": "undo", "_selected_action": [merges[0].pk]}
    assert "since: undo that first" in text(client.post(LIST, form, follow=True))
    assert Merge.objects.standing().count() == 2
    form["_selected_action"] = [merge.pk for merge in merges]
    assert "stands apart from" in text(client.post(LIST, form, follow=True))
    assert not Merge.objects.standing().exists()
    assert set(Merge.objects.values_list("undone_by", flat=True)) == {operator.pk}
    assert Person.objects.unmerged().count() == 3
    assert client.get(LIST, {"undone": "yes"}).context["cl"].result_count == 2
    assert client.get(LIST, {"undone": "no"}).context["cl"].result_count == 0


def test_the_permission_alone_lets_in_and_shows_no_more_than_its_holder_may_see(client: Client) -> None:
    user = UserFactory.create(is_staff=True)
    client.force_login(user)
    for address in (LIST, NEW):
        assert client.get(address).status_code == 403
    user.user_permissions.add(
        Permission.objects.get(codename="merge_people"), Permission.objects.get(codename="view_person")
    )
    hidden = MergeFactory.create(kept__is_hidden=True, kept__handle="secret-one")
    also_hidden = MergeFactory.create(merged__is_hidden=True, merged__handle="secret-two", undone_at=NOW)
    seen = MergeFactory.create(kept__handle="seen")
    shown = text(client.get(LIST))
    assert "seen" in shown
    assert "secret" not in shown
    assert client.get(reverse("admin:accounts_merge_change", args=[seen.pk])).status_code == 200
    for merge in (hidden, also_hidden):
        assert client.get(reverse("admin:accounts_merge_change", args=[merge.pk])).status_code == 302
    assert "There is no person with the handle secret-one" in text(
        client.get(NEW, {"kept": "seen", "merged": "secret-one"})
    )
