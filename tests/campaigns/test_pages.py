"""The page behind an invitation's link: who may do what there, and what each step changes."""

import re

import pytest
from django.test import Client

from accounts.models import Person, User
from campaigns.models import Invitation
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import NOW, address, holder, invited, open_campaign, over_campaign, shown, state
from tests.factories.campaigns import BrandFactory
from tests.factories.scoring import ScoreFactory, current_run

LOGIN = {"username": "annvega", "email": "", "password1": "long-Enough-77", "password2": "long-Enough-77"}


# Opening.


@pytest.mark.django_db
def test_opening_the_link_claims_nothing_and_counts_as_seen_once(client: Client) -> None:
    invitation = invited()
    page = shown(client, address(invitation))
    assert "A flight" in page
    assert "Nothing need be posted" in page
    assert "Seats left 3 of 3" in page
    assert "What data is used" in page
    first = Invitation.objects.get()
    assert (first.state, first.person.user_id) == ("seen", None)
    client.get(address(invitation))
    assert Invitation.objects.get().seen_at == first.seen_at
    assert User.objects.count() == 0


@pytest.mark.django_db
def test_the_hidden_are_told_that_claiming_shows_them_to_nobody(client: Client) -> None:
    path, user = address(invited()), User.objects.create_user("new")
    for is_hidden in (False, True):
        Person.objects.update(is_hidden=is_hidden)
        client.logout()
        pages = [shown(client, path)]
        client.force_login(user)
        pages.append(shown(client, path))
        for page in pages:
            assert ("everyone can see" in page, "its page is open to everyone" in page) == (not is_hidden,) * 2
            assert ("stays hidden: only you" in page or "It stays hidden" in page) == is_hidden


@pytest.mark.django_db
def test_asking_for_the_head_alone_is_not_opening(client: Client) -> None:
    invitation = invited()
    assert client.head(address(invitation)).status_code == 200
    assert state(invitation) == ("invited", None, 0)


@pytest.mark.django_db
def test_the_secret_address_stays_here(client: Client) -> None:
    for path, status in ((address(invited()), 200), ("/i/1.nonsense.signature", 404)):
        response = client.get(path)
        assert response.status_code == status
        assert "no-store" in response["Cache-Control"]
        assert response["Referrer-Policy"] == "strict-origin"
        assert response["X-Robots-Tag"] == "noindex"


@pytest.mark.django_db
def test_a_link_that_was_changed_or_replaced_opens_nothing(client: Client) -> None:
    invitation = invited()
    old = address(invitation)
    Invitation.objects.update(nonce="another")
    for path in (old, old[:-1], "/i/x", "/i/" + "9" * 400):
        assert "This link doesn't work" in shown(client, path, 404)
        assert client.post(path, {"answer": "decline"}).status_code == 404
    assert state(invitation) == ("invited", None, 0)


@pytest.mark.django_db
def test_the_invited_read_their_score_before_they_claim_it(client: Client) -> None:
    invitation = invited()
    ScoreFactory.create(person=invitation.person, run=current_run(), score=38.4, reach=421.0, low=231.0, high=682.0)
    page = shown(client, address(invitation))
    assert "Your score is 38 of 100. Between 231 and 682 people are likely to act in the next 28 days." in page


@pytest.mark.django_db
def test_the_score_of_a_claimed_profile_is_not_for_whoever_has_the_link(client: Client, airlines: Airlines) -> None:
    user, person = holder("ann")
    invitation = invited(person=person, campaign=open_campaign(brand=airlines.brand))
    ScoreFactory.create(person=person, run=current_run())
    assert "Your score is" not in shown(client, address(invitation))
    client.force_login(User.objects.create_user("other"))
    assert "Your score is" not in shown(client, address(invitation))
    client.force_login(user)
    assert "Your score is" in shown(client, address(invitation))
    client.force_login(airlines.manager)
    assert "Your score is" in shown(client, address(invitation))
    Person.objects.update(is_hidden=True)
    assert "Your score is" not in shown(client, address(invitation))


# A new login.


@pytest.mark.django_db
def test_saying_no_takes_no_login(client: Client) -> None:
    invitation = invited()
    client.post(address(invitation), {"answer": "decline"})
    assert state(invitation) == ("declined", None, 0)
    assert "You said no" in shown(client, address(invitation))
    client.post(address(invitation), {"answer": "join", **LOGIN})
    assert User.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["without a profile", "with another profile", "of another brand"])
def test_who_is_signed_in_says_no_without_claiming(client: Client, airlines: Airlines, who: str) -> None:
    users = {
        "without a profile": User.objects.create_user("new"),
        "with another profile": holder("bob")[0],
        "of another brand": airlines.other_manager,
    }
    invitation = invited(campaign=open_campaign(brand=airlines.brand))
    client.force_login(users[who])
    page = shown(client, address(invitation))
    assert "Saying no takes no login, and claims nothing. No, thanks Say no to Maple Air?" in page
    client.post(address(invitation), {"answer": "decline"})
    assert state(invitation) == ("declined", None, 0)
    assert "You said no" in shown(client, address(invitation))
    client.post(address(invitation), {"answer": "claim"})
    assert state(invitation) == ("declined", None, 0)


@pytest.mark.django_db
def test_saying_no_is_confirmed_wherever_it_is_said(client: Client) -> None:
    """Without JavaScript: the button that declines is in a part of the page that the first click opens."""
    user, person = holder("ann")
    own, unclaimed = invited(person=person), invited("bob")
    pages = [client.get(address(unclaimed))]
    client.force_login(user)
    pages += [client.get(address(unclaimed)), client.get(address(own)), client.get("/me")]
    for response in pages:
        text = response.content.decode()
        assert text.count('value="decline"') == 1
        assert re.search(r'<details class="decline">(?:(?!</details>).)*value="decline"', text, re.DOTALL)


@pytest.mark.django_db
def test_nobody_accepts_without_a_login(client: Client) -> None:
    invitation = invited()
    client.post(address(invitation), {"answer": "accept"})
    client.post(address(invitation), {"answer": "claim"})
    client.post(address(invitation))
    assert state(invitation) == ("invited", None, 0)


# Somebody with a login.


@pytest.mark.django_db
def test_without_a_seat_one_is_on_the_waiting_list_and_can_leave_it(client: Client) -> None:
    user, person = holder("ann")
    invitation = invited(person=person, campaign=open_campaign(seats=2, seats_taken=2))
    client.force_login(user)
    page = shown(client, address(invitation))
    assert "All seats are taken" in page
    assert "Join the waiting list" in page
    assert "Accept" not in page
    first = invited("bob", campaign=invitation.campaign, state="waiting", answered_at=NOW, turn=1)
    client.post(address(invitation), {"answer": "accept"})
    assert state(invitation) == ("waiting", user.pk, 2)
    page = shown(client, address(invitation))
    assert "You are number 2 on the waiting list." in page
    assert "Leave the waiting list" in page
    first.delete()
    for path in (address(invitation), "/me"):
        assert "You are number 1 on the waiting list." in shown(client, path)
    client.logout()
    assert "You are number" not in shown(client, address(invitation))
    client.post(address(invitation), {"answer": "decline"})
    assert state(invitation) == ("waiting", user.pk, 2)
    client.force_login(user)
    client.post(address(invitation), {"answer": "decline"})
    assert state(invitation) == ("declined", user.pk, 2)
    assert "You left the waiting list." in shown(client, address(invitation))


@pytest.mark.django_db
def test_after_the_last_day_nothing_is_claimed_or_accepted(client: Client) -> None:
    invitation = invited(campaign=over_campaign())
    assert "This invitation has ended" in shown(client, address(invitation))
    client.post(address(invitation), {"answer": "join", **LOGIN})
    user, person = holder("bob")
    own = invited(person=person, campaign=over_campaign(brand=BrandFactory.create()))
    client.force_login(user)
    client.post(address(own), {"answer": "accept"})
    assert "This campaign has ended." in shown(client, address(own))
    assert state(invitation)[1:] == (None, 0)
    assert state(own) == ("expired", user.pk, 0)
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_an_expired_invitation_to_what_was_extended_names_no_day_to_come(client: Client) -> None:
    invitation = invited(state="expired")
    page = shown(client, address(invitation))
    assert "The offer was extended since" in page
    assert "It could be answered until" not in page
    client.post(address(invitation), {"answer": "decline"})
    assert state(invitation) == ("expired", None, 0)


@pytest.mark.django_db
def test_an_answer_is_final_and_giving_it_twice_is_giving_it_once(client: Client) -> None:
    user, person = holder("ann")
    invitation = invited(person=person)
    client.force_login(user)
    for answer in ("accept", "accept", "decline"):
        client.post(address(invitation), {"answer": answer})
    assert state(invitation) == ("accepted", user.pk, 1)
    assert "This invitation was accepted already." in shown(client, address(invitation))


# Protection.


@pytest.mark.django_db
def test_forms_are_taken_from_our_own_pages_alone() -> None:
    client = Client(enforce_csrf_checks=True)
    invitation = invited()
    assert client.post(address(invitation), {"answer": "decline"}).status_code == 403
    assert state(invitation) == ("invited", None, 0)
    page = client.get(address(invitation)).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    given = {"answer": "decline", "csrfmiddlewaretoken": token[1]}
    # What a browser sends under each policy: our own origin under ours, "null" under "no-referrer".
    assert client.post(address(invitation), given, headers={"Origin": "null"}).status_code == 403
    assert client.post(address(invitation), given, headers={"Origin": "http://testserver"}).status_code == 302
    assert state(invitation) == ("declined", None, 0)


@pytest.mark.django_db
def test_tries_are_limited_by_address(client: Client) -> None:
    invitation = invited()
    weak = {"answer": "join", **LOGIN, "password1": "1", "password2": "1"}
    answers = [client.post(address(invitation), weak).status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]
    response = client.post(address(invitation), {"answer": "decline"})
    assert response.status_code == 429
    assert "Too many tries" in response.content.decode()
    assert state(invitation) == ("invited", None, 0)
    assert client.get(address(invitation)).status_code == 200


@pytest.mark.django_db
def test_texts_of_a_brand_are_text(client: Client) -> None:
    invitation = invited(campaign=open_campaign(perk_text="<b>fly</b>", brief="<script>alert(1)</script>\n\nSecond"))
    page = client.get(address(invitation)).content.decode()
    assert "<b>fly" not in page
    assert "<script" not in page
    assert "<p>Second</p>" in page
