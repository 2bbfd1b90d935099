"""Claiming a profile by an invitation: a new login, an old one, somebody else."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Person, User
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import address, holder, invited, open_campaign, shown, state
from tests.campaigns.test_pages import LOGIN


@pytest.mark.django_db
def test_one_form_makes_a_login_that_holds_the_profile_and_another_click_accepts(client: Client) -> None:
    invitation = invited()
    joined = client.post(address(invitation), {"answer": "join", **LOGIN, "email": "Ann@Example.org"})
    assert (joined.status_code, joined["Location"]) == (302, address(invitation))
    user = User.objects.get()
    assert (user.username, user.email) == ("annvega", "ann@example.org")
    assert user.check_password("long-Enough-77")
    assert EmailAddress.objects.get().user == user
    person = Person.objects.get()
    assert (person.user, person.claimed_via) == (user, "invitation")
    assert person.claimed_at is not None
    assert state(invitation) == ("invited", user.pk, 0)
    assert "You are signed in as @ann." in shown(client, address(invitation))
    client.post(address(invitation), {"answer": "accept"})
    assert state(invitation) == ("accepted", user.pk, 1)
    assert "You have a seat" in shown(client, address(invitation))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password1": "12345678", "password2": "12345678"}, "entirely numeric"),
        ({"password1": "annvega1", "password2": "annvega1"}, "too similar to the username"),
        ({"password2": "other-Enough-78"}, "same password each time"),
        ({"username": "taken"}, "username already exists"),
        ({"email": "taken@example.org"}, "already registered with this email"),
        ({"username": ""}, "This field is required"),
    ],
)
def test_a_login_that_cannot_be_made_changes_nothing(client: Client, change: dict[str, str], said: str) -> None:
    User.objects.create_user("taken", "taken@example.org", "p")
    invitation = invited()
    response = client.post(address(invitation), {"answer": "join", **LOGIN, **change})
    assert response.status_code == 200
    assert said in response.content.decode()
    assert response["Referrer-Policy"] == "strict-origin"
    assert User.objects.count() == 1
    assert state(invitation) == ("invited", None, 0)
    assert "_auth_user_id" not in client.session


@pytest.mark.django_db(transaction=True)
def test_of_two_who_claim_at_the_same_moment_one_gets_the_profile_and_the_other_no_login() -> None:
    path = address(invited())
    together = Barrier(2)

    def join(name: str) -> int:
        try:
            client = Client()
            together.wait()
            return client.post(path, {"answer": "join", **LOGIN, "username": name}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(join, ["first", "second"])) == [302, 302]
    assert list(User.objects.values_list("pk", flat=True)) == [Person.objects.get().user_id]


@pytest.mark.django_db
def test_who_is_signed_in_claims_with_one_click(client: Client) -> None:
    invitation, user = invited(), User.objects.create_user("ann-login")
    client.force_login(user)
    assert "This is me: claim @ann" in shown(client, address(invitation))
    client.post(address(invitation), {"answer": "accept"})
    assert state(invitation) == ("seen", None, 0)
    client.post(address(invitation), {"answer": "claim"})
    assert state(invitation) == ("seen", user.pk, 0)
    client.post(address(invitation), {"answer": "accept"})
    assert state(invitation) == ("accepted", user.pk, 1)


@pytest.mark.django_db
def test_signing_in_leads_back_to_the_invitation_and_nowhere_else(client: Client) -> None:
    invitation = invited()
    User.objects.create_user("ann-login", password="p")
    page = client.get(address(invitation)).content.decode()
    link = f"{reverse('account_login')}?next={address(invitation).replace('/', '%2F')}"
    # The page's own, and the one in the frame of every page.
    assert page.count(f'href="{link}"') == page.count(f'href="{reverse("account_login")}') == 2
    given = {"login": "ann-login", "password": "p"}
    evil = Client().post(reverse("account_login"), {**given, "next": "https://evil.example/"})
    assert (evil.status_code, evil["Location"]) == (302, "/")
    back = client.post(reverse("account_login"), {**given, "next": address(invitation)})
    assert (back.status_code, back["Location"]) == (302, address(invitation))


@pytest.mark.django_db
def test_a_profile_that_somebody_else_holds_cannot_be_claimed_or_answered_for(client: Client) -> None:
    owner, person = holder("ann")
    invitation = invited(person=person)
    assert "Whoever claimed it answers after signing in" in shown(client, address(invitation))
    for given in ({"answer": "join", **LOGIN}, {"answer": "decline"}, {"answer": "accept"}):
        client.post(address(invitation), given)
    client.force_login(User.objects.create_user("other"))
    page = shown(client, address(invitation))
    assert "Somebody else holds this profile" in page
    assert "@ann was claimed by another login" in page
    for answer in ("claim", "accept", "decline"):
        client.post(address(invitation), {"answer": answer})
    assert state(invitation) == ("seen", owner.pk, 0)
    assert User.objects.count() == 2


@pytest.mark.django_db
def test_who_holds_another_profile_cannot_claim_a_second(client: Client) -> None:
    invitation = invited()
    user, own = holder("bob")
    client.force_login(user)
    page = shown(client, address(invitation))
    assert "Your login holds another profile" in page
    assert "This invitation is for @ann" in page
    client.post(address(invitation), {"answer": "claim"})
    assert state(invitation) == ("seen", None, 0)
    own.refresh_from_db()
    assert own.user == user


@pytest.mark.django_db
def test_a_manager_who_tries_the_link_neither_claims_nor_answers(client: Client, airlines: Airlines) -> None:
    invitation = invited(campaign=open_campaign(brand=airlines.brand))
    for user in (airlines.manager, airlines.operator):
        client.force_login(user)
        assert "You see what the invited sees" in shown(client, address(invitation))
        for answer in ("claim", "accept", "decline", "join"):
            client.post(address(invitation), {"answer": answer, **LOGIN})
    assert state(invitation) == ("invited", None, 0)
    assert User.objects.count() == 3
    # The manager of another brand is somebody like everybody else.
    client.force_login(airlines.other_manager)
    assert "This is me: claim @ann" in shown(client, address(invitation))


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["with another profile", "without a profile"])
def test_signing_out_to_use_another_login_leads_back_to_the_invitation(client: Client, who: str) -> None:
    taken = who == "without a profile"
    invitation = invited(person=holder("ann")[1] if taken else None)
    client.force_login(User.objects.create_user("new") if taken else holder("bob")[0])
    page = client.get(address(invitation)).content.decode()
    assert f'<input type="hidden" name="next" value="{address(invitation)}">' in page
    left = client.post(reverse("account_logout"), {"next": address(invitation)})
    assert (left.status_code, left["Location"]) == (302, address(invitation))
    assert ("Sign in to answer" if taken else "Is this you?") in shown(client, address(invitation))


# Seats and time.


@pytest.mark.django_db
def test_nobody_makes_a_login_for_a_seat_without_being_told_that_there_is_none(client: Client) -> None:
    full = open_campaign(seats=2, seats_taken=2)
    unclaimed, claimed = invited("ann", campaign=full), invited(person=holder("bob")[1], campaign=full)
    for invitation in (unclaimed, claimed):
        assert "All seats are taken." in shown(client, address(invitation))
    client.force_login(User.objects.create_user("new"))
    assert "All seats are taken." in shown(client, address(unclaimed))
    full.seats = 3
    full.save()
    assert "All seats are taken." not in shown(client, address(unclaimed))
