"""One's own page: the card, invitations to answer, past answers."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Person, User
from campaigns.models import Invitation
from tests.asked import tables_asked
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import NOW, holder, invited, open_campaign, over_campaign, shown, state
from tests.factories.accounts import PlaceFactory
from tests.factories.campaigns import CampaignPostFactory
from tests.factories.scoring import ScoreFactory, current_run


@pytest.mark.django_db
def test_ones_own_page_wants_a_login(client: Client) -> None:
    assert client.get("/me")["Location"] == f"{reverse('account_login')}?next=/me"


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "args"), [("answer", [1]), ("rest", []), ("end_rest", [1])])
def test_a_form_sent_after_the_login_expired_leads_back_to_its_page(client: Client, name: str, args: list[int]) -> None:
    user, _ = holder("ann")
    user.set_password("long enough 4 a test")
    user.save()

    sent = client.post(reverse(name, args=args), {"answer": "accept"})
    assert sent["Location"] == f"{reverse('account_login')}?next=/me"
    login = {"login": user.username, "password": "long enough 4 a test"}
    assert "nothing was sent" in shown(client, sent["Location"])
    signed_in = client.post(sent["Location"], {**login, "next": "/me"}, follow=True)
    assert (signed_in.status_code, signed_in.redirect_chain) == (200, [("/me", 302)])


@pytest.mark.django_db
def test_ones_own_page_says_that_one_is_hidden(client: Client) -> None:
    user, person = holder("ann")
    client.force_login(user)
    page = shown(client, "/me")
    assert ("You are hidden" in page, "Your page as others see it" in page) == (False, True)
    Person.objects.filter(pk=person.pk).update(is_hidden=True)
    page = shown(client, "/me")
    assert ("You are hidden" in page, "Your page as others see it" in page) == (True, False)


@pytest.mark.django_db
def test_without_a_profile_the_page_says_how_to_get_one(client: Client, airlines: Airlines) -> None:
    client.force_login(User.objects.create_user("new"))
    assert "No profile belongs to this login yet" in shown(client, "/me")
    client.force_login(airlines.manager)
    page = client.get("/me").content.decode()
    assert "You manage campaigns" in page
    assert f'href="{reverse("admin:index")}"' in page


@pytest.mark.django_db
def test_ones_own_page_has_the_card_open_invitations_and_past_answers(client: Client) -> None:
    user, person = holder("ann")
    ScoreFactory.create(person=person, run=current_run(), score=38.4)
    invited(person=person, campaign=open_campaign(perk_text="a weekend", seats=5, seats_taken=1, brief="By the lake."))
    invited(person=person, campaign=open_campaign(perk_text="a dinner"), state="declined", answered_at=NOW)
    invited(person=person, campaign=over_campaign(perk_text="a concert"))
    invited("bob", campaign=open_campaign(perk_text="not for ann"))
    client.force_login(user)
    page = shown(client, "/me")
    assert "Score 38 / 100" in page
    assert "You have an invitation" in page
    assert "A weekend By the lake." in page
    assert "Seats left 4 of 5" in page
    assert "a dinner" in page
    assert "Declined on 1 Mar 2026" in page
    assert "a concert" in page
    assert "None: it has ended" in page
    assert "not for ann" not in page


@pytest.mark.django_db
def test_what_was_accepted_is_past_once_its_campaign_is_over(client: Client) -> None:
    user, person = holder("ann")
    yes: dict[str, Any] = {"person": person, "state": "accepted", "answered_at": NOW}
    running = invited(campaign=open_campaign(perk_text="a weekend"), **yes)
    client.force_login(user)
    page = shown(client, "/me")
    assert "Past invitations" not in page
    assert "a weekend" in page
    assert "No invitations so far" not in page

    over = invited(campaign=over_campaign(perk_text="a concert"), **yes)
    past = client.get("/me").context["past"]
    assert [row.pk for row in past] == [over.pk] != [running.pk]


@pytest.mark.django_db
def test_an_answer_from_ones_own_page(client: Client) -> None:
    user, person = holder("ann")
    first, second = invited(person=person), invited(person=person)
    client.force_login(user)
    assert client.get(reverse("answer", args=[first.pk])).status_code == 405
    response = client.post(reverse("answer", args=[first.pk]), {"answer": "accept"})
    assert (response.status_code, response["Location"]) == (302, "/me")
    client.post(reverse("answer", args=[second.pk]), {"answer": "decline"})
    client.post(reverse("answer", args=[second.pk]), {"answer": "nonsense"})
    assert state(first) == ("accepted", user.pk, 1)
    assert state(second) == ("declined", user.pk, 0)


@pytest.mark.django_db
def test_nobody_answers_for_somebody_else(client: Client) -> None:
    user, _person = holder("bob")
    invitation = invited(person=holder("ann")[1])
    client.force_login(user)
    for answer in ("accept", "decline"):
        assert client.post(reverse("answer", args=[invitation.pk]), {"answer": answer}).status_code == 404
    assert client.post(reverse("answer", args=[10**6]), {"answer": "accept"}).status_code == 404
    assert Invitation.objects.get().state == "invited"


@pytest.mark.django_db
def test_ones_own_page_takes_the_same_queries_however_many_invitations(client: Client) -> None:
    user, person = holder("ann")
    ScoreFactory.create(person=person, run=current_run())
    client.force_login(user)
    expected = [
        "django_session",
        "accounts_user",
        "accounts_person",  # with the city
        "campaigns_invitation",  # with campaigns and brands
        "campaigns_remark",
        "campaigns_invitation",  # those shown for the first time are seen
        "campaigns_invitation",  # what a yes has brought: with one there are codes to be asked for too
        "scoring_scorerun",
        "scoring_score",
        "auth_permission",  # which supporters may be named: the user's own permissions
        "auth_permission",  # and those of their groups
        "scoring_support",
        "scoring_support",
        "scoring_topicreach",
        "scoring_score",  # history
        "campaigns_campaignpost",
        "accounts_rest",
        "accounts_identity",
    ]
    for _twice in range(2):
        for _ in range(3):
            invited(person=person)
            invited(person=person, campaign=over_campaign())
        with tables_asked() as asked:
            client.get("/me")
        assert asked == expected


@pytest.mark.django_db
def test_what_is_shown_to_be_answered_is_seen(client: Client) -> None:
    user, person = holder("ann")
    waiting, over = invited(person=person), invited(person=person, campaign=over_campaign())
    somebody_elses = invited("bob")
    client.force_login(user)

    client.get("/me")
    waiting.refresh_from_db()
    first = waiting.seen_at
    client.get("/me")

    for invitation in (waiting, over, somebody_elses):
        invitation.refresh_from_db()
    assert (waiting.state, waiting.seen_at) == (Invitation.State.SEEN, first)
    assert first is not None
    assert over.seen_at is None
    assert somebody_elses.state == Invitation.State.INVITED


@pytest.mark.django_db
def test_ones_own_posts_and_what_to_add(client: Client) -> None:
    user, person = holder("ann")
    person.place = PlaceFactory.create(country="DE")
    person.save()
    invitation = invited(person=person, state="accepted", answered_at=NOW)
    for given in (
        {"post_id": "p-missing", "language": "de"},
        {"post_id": "p-found", "label_state": "found", "label": "#ad", "remark": "elsewhere", "language": "de"},
        {"post_id": "p-vague", "remark": "vague", "language": "en"},
        {"post_id": "p-unread", "label_state": "unread"},
        {"post_id": "p-out", "taken_out_at": NOW, "taken_out_why": "another"},
    ):
        CampaignPostFactory.create(invitation=invitation, **given)
    CampaignPostFactory.create(invitation=invited("bob", state="accepted", answered_at=NOW), post_id="p-bob")
    client.force_login(user)
    page = shown(client, "/me")
    assert "None found Add #werbung at the beginning of the text." in page
    assert "#ad More usual there is #werbung." in page
    assert "tell readers that it is advertising. Add #ad at the beginning" in page
    assert "It needs a label such as #werbung." in page
    assert "p-missing" in page
    for other in ("p-out", "p-bob"):
        assert other not in page
