"""Appeals: by the owner of a profile, against what was taken off, answered once by whoever may."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.actions import merge_people, undo_merge
from accounts.models import Person, User
from scoring.actions.appeals import AppealRefused, answer_appeal, appeal
from scoring.models import Appeal
from tests.factories.accounts import NOW, PersonFactory, UserFactory
from tests.factories.scoring import AppealFactory, ScoreFactory, current_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Person:
    person: Person = PersonFactory.create(
        handle="ann", user=UserFactory.create(), claimed_at=NOW, claimed_via=Person.ClaimedVia.INVITATION
    )
    ScoreFactory.create(
        run=current_run(), person=person, reach=10.0, forecast=12.0, taken_exchange=2.0, score=15.7, supporters=9
    )
    return person


def _user(*permissions: str, **given: Any) -> User:
    user: User = UserFactory.create(is_staff=True, **given)
    user.user_permissions.add(*Permission.objects.filter(codename__in=permissions))
    return User.objects.get(pk=user.pk)


def _made(person: Person, **given: Any) -> Appeal:
    values: dict[str, Any] = {"reason": "exchange", "text": "We work together.", "by": person.user, "now": NOW}
    return appeal(person=person, **{**values, **given})


def test_an_appeal_notes_what_was_taken_off(owner: Person) -> None:
    made = _made(owner)

    assert (made.state, made.people, made.run.is_current, made.made_at) == (Appeal.State.OPEN, 2.0, True, NOW)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"text": "  "}, "what is wrong"),
        ({"text": "x" * 2001}, "up to 2000"),
        ({"reason": "absence"}, "Nothing is taken off"),
        ({"reason": "weather"}, "Nothing is taken off"),
    ],
)
def test_what_is_no_appeal_is_refused(owner: Person, given: dict[str, str], message: str) -> None:
    with pytest.raises(AppealRefused, match=message):
        _made(owner, **given)
    assert not Appeal.objects.exists()


def test_nobody_appeals_for_another_and_nobody_twice(owner: Person) -> None:
    with pytest.raises(AppealRefused, match="Only whoever holds"):
        _made(owner, by=UserFactory.create(is_superuser=True))
    _made(owner)
    with pytest.raises(AppealRefused, match="waiting for its answer"):
        _made(owner)
    assert Appeal.objects.count() == 1


def test_an_appeal_is_answered_once_by_whoever_may(owner: Person) -> None:
    made, staff = _made(owner), _user("answer_appeal")
    for by, answer in ((_user(), "No."), (staff, " ")):
        with pytest.raises(AppealRefused):
            answer_appeal(made, accepted=False, answer=answer, by=by, now=NOW)
    answer_appeal(made, accepted=True, answer="You are right.", by=staff, now=NOW)
    with pytest.raises(AppealRefused, match="answered already"):
        answer_appeal(made, accepted=False, answer="No.", by=staff, now=NOW)

    made.refresh_from_db()
    assert (made.state, made.answer, made.answered_by, made.answered_at) == ("accepted", "You are right.", staff, NOW)
    _made(owner)  # a new one can be made then


@pytest.mark.parametrize(
    "values", [{"state": "accepted"}, {"answered_at": NOW}, {"answer": "No."}, {"text": ""}, {"state": "lost"}]
)
def test_the_database_keeps_answers_whole(owner: Person, values: dict[str, Any]) -> None:
    made = _made(owner)
    with pytest.raises(IntegrityError), transaction.atomic():
        Appeal.objects.filter(pk=made.pk).update(**values)


def test_the_owners_page_takes_it_and_shows_the_answer(owner: Person, client: Client) -> None:
    assert owner.user is not None
    assert "Something taken off wrongly?" not in client.get("/why/ann").content.decode()
    client.force_login(owner.user)
    page = client.get("/why/ann").content.decode()
    assert '<option value="exchange">' in page
    assert '<option value="absence">' not in page

    client.post("/appeal", {"reason": "exchange", "text": "We work <together>."})
    shown = client.get("/why/ann").content.decode()
    assert "We work &lt;together&gt;." in shown
    assert "waiting for an answer" in shown

    answer_appeal(Appeal.objects.get(), accepted=False, answer="It is a pod.", by=_user("answer_appeal"), now=NOW)
    assert "It is a pod." in client.get("/why/ann").content.decode()


def test_a_line_break_counts_as_the_one_character_that_browsers_count(owner: Person, client: Client) -> None:
    assert owner.user is not None
    client.force_login(owner.user)
    client.post("/appeal", {"reason": "exchange", "text": "x\r\n" * 999 + "xx"})
    assert Appeal.objects.get().text == "x\n" * 999 + "xx"


def test_what_the_database_cant_store_is_left_out(owner: Person, client: Client) -> None:
    assert owner.user is not None
    client.force_login(owner.user)
    assert client.post("/appeal", {"reason": "exchange", "text": "\0"}).status_code == 302
    assert not Appeal.objects.exists()
    client.post("/appeal", {"reason": "exchange\0", "text": "No pod."})
    assert not Appeal.objects.exists()
    client.post("/appeal", {"reason": "exchange", "text": "\0No \0pod."})
    assert Appeal.objects.get().text == "No pod."


def test_an_appeal_sent_after_the_login_expired_leads_back_to_its_page(client: Client) -> None:
    for then, there in [("/why/ann", "/why/ann"), ("https://elsewhere.example/", "/"), ("", "/")]:
        sent = client.post("/appeal", {"reason": "exchange", "text": "No.", "next": then})
        assert sent["Location"] == f"{reverse('account_login')}?next={there}"
    assert "nothing was sent" in client.get(sent["Location"]).content.decode()
    assert not Appeal.objects.exists()


def test_others_make_none(owner: Person, client: Client) -> None:
    assert client.post("/appeal", {"reason": "exchange", "text": "x"}).status_code == 302
    client.force_login(UserFactory.create())
    assert client.post("/appeal", {"reason": "exchange", "text": "x"}).status_code == 404
    assert client.get("/appeal").status_code == 405
    assert not Appeal.objects.exists()


def test_staff_answer_in_the_admin(owner: Person, client: Client) -> None:
    made = _made(owner)
    address = f"/admin/scoring/appeal/{made.pk}/change/"
    client.force_login(_user("view_appeal", "view_person"))
    assert client.get("/admin/scoring/appeal/").status_code == 200
    assert client.post(address, {"state": "accepted", "answer": "Yes."}).status_code == 403
    staff = _user("view_appeal", "view_person", "answer_appeal")
    client.force_login(staff)
    page = client.get(address).content.decode()
    assert "We work together." in page
    assert re.search(r'<option value=""[^>]*>-+</option>\s*<option value="accepted">', page)
    assert client.post(address, {"state": "", "answer": "Yes."}).status_code == 200  # asks again

    assert client.post(address, {"state": "accepted", "answer": "Yes."}).status_code == 302

    made.refresh_from_db()
    assert (made.state, made.answer, made.answered_by) == ("accepted", "Yes.", staff)
    assert client.post(address, {"state": "refused", "answer": "No."}).status_code == 403


@pytest.mark.parametrize(("permission", "shown"), [("view_appeal", True), ("view_person", False)])
def test_the_menu_leads_to_appeals_whoever_sees_them(rf: RequestFactory, permission: str, *, shown: bool) -> None:
    request = rf.get("/admin/")
    request.user = _user(permission)
    site: Any = admin.site
    menu = [item for group in site.get_sidebar_list(request) for item in group["items"]]
    assert ["Appeals" in item["title"] for item in menu if item["has_permission"]].count(True) == shown


def test_appeals_of_people_who_hide_are_for_operators(client: Client) -> None:
    hidden = AppealFactory.create(person__is_hidden=True, person__handle="hidden", text="Secretly wrong")
    client.force_login(_user("view_appeal", "view_person", "answer_appeal"))
    address = f"/admin/scoring/appeal/{hidden.pk}/change/"
    assert address not in client.get("/admin/scoring/appeal/").content.decode()
    assert client.get(address).status_code == 302
    client.force_login(_user(is_superuser=True))
    assert address in client.get("/admin/scoring/appeal/").content.decode()
    assert "Secretly wrong" in client.get(address).content.decode()


def test_open_appeals_follow_a_merge_and_come_back(client: Client) -> None:
    kept, merged = PersonFactory.create(handle="ann"), PersonFactory.create(handle="ann-b")
    moving = AppealFactory.create(person=merged, reason="exchange")
    both = AppealFactory.create(person=merged, reason="absence", text="Asked twice")
    answered = {"state": "refused", "answer": "No.", "answered_at": NOW}
    past = AppealFactory.create(person=merged, reason="repetition", **answered)
    AppealFactory.create(person=kept, reason="absence")
    AppealFactory.create(person=kept, reason="exchange", **answered)
    operator = _user(is_superuser=True)
    before = list(Appeal.objects.order_by("pk").values())

    merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW)
    assert merge.moved == {"scoring.appeal": [moving.pk]}
    assert set(Appeal.objects.filter(person=merged)) == {both, past}
    # What stays with the merged person is seen and answered all the same.
    client.force_login(_user("view_appeal", "view_person", "answer_appeal"))
    address = f"/admin/scoring/appeal/{both.pk}/change/"
    assert "Asked twice" in client.get(address).content.decode()
    client.force_login(operator)
    assert "1 open appeal" in client.get(f"/admin/accounts/merge/{merge.pk}/change/").content.decode()

    undo_merge(merge=merge, by=operator, now=NOW)
    assert list(Appeal.objects.order_by("pk").values()) == before


def test_an_appeal_of_somebody_merged_into_who_hides_is_for_operators() -> None:
    kept = PersonFactory.create(is_hidden=True)
    appeal = AppealFactory.create(person__merged_into=kept)
    assert not Appeal.objects.visible_to(_user("view_appeal", "view_person", "answer_appeal")).exists()
    assert Appeal.objects.visible_to(_user(is_superuser=True)).get() == appeal


def test_appeals_go_with_the_person(owner: Person) -> None:
    _made(owner)
    owner.delete()
    assert not Appeal.objects.exists()
