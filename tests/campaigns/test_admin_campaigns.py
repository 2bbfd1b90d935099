"""Campaigns in the admin: the form, the list, and a campaign's own page."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings
from unfold.enums import ActionVariant

from accounts.models import User
from campaigns.actions import accept, add_member
from campaigns.models import Campaign, CampaignPlace, Invitation, Membership, Shortlisting
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import (
    NOW,
    BrandFactory,
    CampaignFactory,
    CampaignPlaceFactory,
    InvitationFactory,
    ShortlistingFactory,
)
from tests.factories.scoring import ScoreFactory, TopicFactory, current_run

LIST = reverse("admin:campaigns_campaign_changelist")


ADD = reverse("admin:campaigns_campaign_add")


LONG = {"starts_on": date(2026, 1, 1), "ends_on": date(2099, 1, 1)}


def filled_in(**given: Any) -> dict[str, Any]:
    """Return a campaign's form as a manager fills it in."""
    return {
        "name": "Toronto route",
        "perk": "flight",
        "perk_text": "a free flight",
        "purpose": "Choose whom to offer a free flight to Toronto.",
        "brief": "",
        "seats": "40",
        "starts_on": "2026-02-01",
        "ends_on": "2026-05-31",
        "score_min": "",
        "score_max": "",
        "places-TOTAL_FORMS": "0",
        "places-INITIAL_FORMS": "0",
        **given,
    }


def _place(number: int, name: str, radius: str = "50") -> dict[str, str]:
    return {f"places-{number}-name": name, f"places-{number}-radius_km": radius}


def _change(campaign: Campaign) -> str:
    return reverse("admin:campaigns_campaign_change", args=[campaign.pk])


def test_a_campaign_is_the_managers_brands(manager: Client, airlines: Airlines) -> None:
    topics = [TopicFactory.create(), TopicFactory.create()]
    places = {"places-TOTAL_FORMS": "2", **_place(0, "toronto, canada", "80"), **_place(1, "LA")}
    response = manager.post(ADD, filled_in(**places, topics=[topic.pk for topic in topics], score_min="20"))
    campaign = Campaign.objects.get()
    assert (response.status_code, response["Location"]) == (302, _change(campaign))
    assert (campaign.brand, campaign.created_by, campaign.seats, campaign.score_min) == (
        airlines.brand,
        airlines.manager,
        40,
        20.0,
    )
    assert set(campaign.topics.all()) == set(topics)
    rows = campaign.places.order_by("pk").values_list("name", "latitude", "longitude", "radius_km")
    assert list(rows) == [
        ("Toronto, ON, CA", 43.70643, -79.39864, 80),
        ("Los Angeles, CA, US", 34.05223, -118.24368, 50),
    ]


def test_a_city_that_is_none_is_told_by_its_name(manager: Client) -> None:
    response = manager.post(ADD, filled_in(**{"places-TOTAL_FORMS": "1", **_place(0, "Nowhereville")}))
    assert response.status_code == 200
    text = response.content.decode()
    assert "No city is known as “Nowhereville”" in text
    assert "Portland, OR" in text
    assert not Campaign.objects.exists()


def test_a_city_left_alone_keeps_its_coordinates(manager: Client, airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand)
    place = CampaignPlaceFactory.create(campaign=campaign, name="Our own circle", latitude=1, longitude=2)
    given = {
        "places-TOTAL_FORMS": "1",
        "places-INITIAL_FORMS": "1",
        "places-0-id": str(place.pk),
        "places-0-campaign": str(campaign.pk),
    }
    manager.post(_change(campaign), filled_in(**given, **_place(0, "Our own circle", "70")))
    assert CampaignPlace.objects.values_list("latitude", "longitude", "radius_km").get() == (1, 2, 70)
    manager.post(_change(campaign), filled_in(**given, **_place(0, "Ottawa", "70")))
    assert CampaignPlace.objects.values_list("name", "radius_km").get() == ("Ottawa, ON, CA", 70)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"starts_on": "2026-06-01"}, "It ends before it starts."),
        ({"ends_on": ""}, "Say until when people can accept."),
        ({"ends_on": "9999-12-31"}, "This is more than ten years ahead: choose an earlier day."),
        ({"score_min": "50", "score_max": "40"}, "The highest score is below the lowest."),
        ({"score_min": "101"}, "less than or equal to 100"),
        ({"seats": "0"}, "greater than or equal to 1"),
        ({"name": "Taken already"}, "Maple Air has a campaign of this name already."),
    ],
)
def test_what_cannot_be_is_told_in_words(
    manager: Client, airlines: Airlines, given: dict[str, str], message: str
) -> None:
    CampaignFactory.create(brand=airlines.brand, name="Taken already")
    response = manager.post(ADD, filled_in(**given))
    assert response.status_code == 200
    assert message in response.content.decode()
    assert Campaign.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_give_the_same_name_at_once_one_is_told(airlines: Airlines) -> None:
    other = CampaignFactory.create(brand=airlines.brand, name="Other route")
    together = Barrier(4)

    def post(url: str) -> tuple[int, bool]:
        try:
            client = Client()
            client.force_login(airlines.manager)
            together.wait()
            response = client.post(url, filled_in())
            return response.status_code, "Maple Air has a campaign of this name already." in response.content.decode()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(post, [ADD, ADD, ADD, _change(other)]))
    assert answers == [(200, True)] * 3 + [(302, False)]
    assert Campaign.objects.filter(name="Toronto route").count() == 1


def test_one_brand_is_not_asked_for_and_another_cannot_be_slipped_in(manager: Client, airlines: Airlines) -> None:
    assert 'name="brand"' not in manager.get(ADD).content.decode()
    manager.post(ADD, filled_in(brand=airlines.other_brand.pk))
    assert Campaign.objects.get().brand == airlines.brand


def test_with_two_brands_one_of_ones_own_is_chosen(manager: Client, airlines: Airlines) -> None:
    second, foreign = BrandFactory.create(name="Second Air"), airlines.other_brand
    add_member(brand=second, user=airlines.manager, role=Membership.Role.MANAGER, by=airlines.operator)
    page = manager.get(ADD).content.decode()
    assert "Second Air" in page
    assert "Other Air" not in page
    assert manager.post(ADD, filled_in(brand=foreign.pk)).status_code == 200
    assert manager.post(ADD, filled_in()).status_code == 200
    assert not Campaign.objects.exists()
    manager.post(ADD, filled_in(brand=second.pk))
    campaign = Campaign.objects.get()
    assert campaign.brand == second
    manager.post(_change(campaign), filled_in(brand=airlines.brand.pk, name="New name"))
    campaign.refresh_from_db()
    assert (campaign.brand, campaign.name) == (second, "New name")
    assert "Second Air" in manager.get(LIST).content.decode()


def test_seats_taken_are_not_taken_away(manager: Client, airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, seats=5, seats_taken=3)
    response = manager.post(_change(campaign), filled_in(seats="2"))
    assert "3 seats are taken already" in response.content.decode()
    campaign.refresh_from_db()
    assert campaign.seats == 5
    manager.post(_change(campaign), filled_in(seats="3"))
    campaign.refresh_from_db()
    assert (campaign.seats, campaign.seats_taken) == (3, 3)


def test_saving_does_not_undo_who_accepted_meanwhile(manager: Client, airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand)
    user = User.objects.create_user("ann")
    person = PersonFactory.create(user=user, claimed_at=NOW, claimed_via="operator")
    invitation = InvitationFactory.create(campaign=campaign, person=person)
    manager.get(_change(campaign))
    accept(invitation, by=user, now=NOW)
    manager.post(_change(campaign), filled_in(name="Renamed"))
    campaign.refresh_from_db()
    assert (campaign.name, campaign.seats_taken) == ("Renamed", 1)


def test_the_list_counts(manager: Client, airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, name="Toronto route", seats=7, seats_taken=2)
    ShortlistingFactory.create_batch(3, campaign=campaign)
    ShortlistingFactory.create(campaign=campaign, person__is_hidden=True)
    InvitationFactory.create_batch(2, campaign=campaign)
    InvitationFactory.create_batch(2, campaign=campaign, state="accepted", answered_at=NOW)
    empty = CampaignFactory.create(brand=airlines.brand, starts_on=date(2026, 1, 1))
    CampaignFactory.create(brand=airlines.other_brand, name="Secret route")
    response = manager.get(LIST)
    rows = [(row.pk, row.shortlisted, row.invited, row.accepted) for row in response.context["cl"].result_list]
    assert rows == [(campaign.pk, 3, 4, 2), (empty.pk, 0, 0, 0)]
    text = response.content.decode()
    assert "2 of 7" in text
    assert "1 Feb to 31 May 2026" in text
    assert "Secret route" not in text


def test_the_list_costs_the_same_however_many_campaigns(manager: Client, airlines: Airlines) -> None:
    CampaignFactory.create_batch(2, brand=airlines.brand)
    with CaptureQueriesContext(connection) as few:
        manager.get(LIST)
    for campaign in CampaignFactory.create_batch(4, brand=airlines.brand):
        ShortlistingFactory.create(campaign=campaign)
    with CaptureQueriesContext(connection) as many:
        manager.get(LIST)
    expected = [
        "django_session",
        "accounts_user",
        "accounts_user_user_permissions",
        "auth_group_permissions",
        "campaigns_brand",  # the user's: is there one, is there a choice
        "campaigns_campaign",  # counted
        "campaigns_campaign",  # the page, with its counts
    ]
    tables = [re.findall(r'(?:FROM|JOIN) "(\w+)"', query["sql"]) for query in many.captured_queries]
    assert len(tables) == len(few.captured_queries)
    assert len(tables) == len(expected), tables
    assert [expected[n] for n, found in enumerate(tables) if expected[n] in found] == expected


def test_the_main_button_is_the_group_and_once_it_is_over_the_return(manager: Client, airlines: Airlines) -> None:
    def buttons(ends_on: date) -> list[str]:
        campaign = CampaignFactory.create(brand=airlines.brand, starts_on=date(2020, 1, 1), ends_on=ends_on)
        page = manager.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk]))
        shown = page.context["actions_detail"]
        assert shown[0]["variant"] == ActionVariant.PRIMARY
        assert [button["title"] for button in shown[-1]["items"]].count("Return") == (shown[0]["title"] != "Return")
        return [button["title"] for button in shown]

    assert buttons(date(2099, 1, 1)) == ["Choose the group", "Invite shortlist", "More"]
    assert buttons(date(2020, 2, 1)) == ["Return", "More"]


def test_a_campaigns_page_shows_its_people_and_links(manager: Client, airlines: Airlines, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://sway.example"
    run = current_run(as_of=NOW)
    campaign = CampaignFactory.create(brand=airlines.brand, seats=7, seats_taken=1, **LONG)
    ann = PersonFactory.create(handle="ann", name="Ann Ash")
    ScoreFactory.create(run=run, person=ann, score=43.2)
    ShortlistingFactory.create(campaign=campaign, person=ann)
    ShortlistingFactory.create(campaign=campaign, person__name="Hidden Hal", person__is_hidden=True)
    ShortlistingFactory.create(campaign=campaign, person__name="Ben Brook")
    InvitationFactory.create(campaign=campaign, person=ann)
    InvitationFactory.create(campaign=campaign, person__name="Mailed Mia", delivery="sent")
    InvitationFactory.create(campaign=campaign, person__name="Yes Yan", state="accepted", answered_at=NOW)
    InvitationFactory.create(campaign=campaign, person__name="Hidden Ida", person__is_hidden=True)
    response = manager.get(_change(campaign))
    text = response.content.decode()
    assert "1 of 7" in text
    for shown in ("Ann Ash", ">43.2<", "Ben Brook", "Mailed Mia", "Yes Yan", "somebody who hid their profile"):
        assert shown in text, shown
    assert "Hidden" not in text
    assert text.count("https://sway.example/i/") == 1
    assert re.findall(r'<div class="sway-figure">\s*<b>(.*?)</b><span>(.*?)</span>', text) == [
        ("1 of 7", "seats taken"),
        ("2", "shortlisted"),
        ("4", "invited"),
        ("0", "seen"),
        ("1", "accepted"),
        ("0", "waiting"),
        ("0", "declined"),
        ("0", "expired"),
    ]
    assert [row.name for row in response.context["shortlist"]] == ["Ann Ash", "Ben Brook"]
    assert response.context["invitations"][0]["name"] == "Ann Ash"
    assert response.context["new"] == 1


def test_who_let_it_expire_is_invited_again_once_the_campaign_goes_on(manager: Client, airlines: Airlines) -> None:
    campaign = CampaignFactory.create(
        brand=airlines.brand, name="Toronto route", starts_on=date(2020, 1, 1), ends_on=date(2020, 1, 2)
    )
    for state in ("expired", "declined"):
        person = ShortlistingFactory.create(campaign=campaign).person
        answered = NOW if state == "declined" else None
        InvitationFactory.create(campaign=campaign, person=person, state=state, answered_at=answered)
    assert "Invite the 1 who" not in manager.get(_change(campaign)).content.decode()
    manager.post(_change(campaign), filled_in(ends_on=timezone.now().date() + timedelta(days=3650)))
    assert "Invite the 1 who isn't yet or no longer" in manager.get(_change(campaign)).content.decode()
    url = reverse("admin:campaigns_campaign_invite_shortlist", args=[campaign.pk])
    asked = manager.get(url).content.decode()
    assert "1 person" in asked
    assert "1 again, for the first invitation expired: with a new link" in asked
    done = manager.post(url, {}, follow=True).content.decode()
    assert "Toronto route: 1 invited, 1 with a link for you to send, 1 of them again, under a new link." in done
    assert sorted(Invitation.objects.values_list("state", flat=True)) == ["declined", "invited"]


def test_a_partner_sees_and_changes_nothing(client: Client, airlines: Airlines) -> None:
    # Somebody who manages another brand gets into the admin, and is a partner of ours.
    campaign = CampaignFactory.create(brand=airlines.brand, name="Toronto route")
    add_member(brand=airlines.brand, user=airlines.other_manager, role=Membership.Role.PARTNER, by=airlines.operator)
    client.force_login(airlines.other_manager)
    assert "Toronto route" in client.get(LIST).content.decode()
    assert client.get(_change(campaign)).status_code == 200
    assert client.post(_change(campaign), filled_in(name="Mine now")).status_code == 403
    ShortlistingFactory.create(campaign=campaign)
    for name in ("invite_shortlist", "find_influencers"):
        assert client.post(reverse(f"admin:campaigns_campaign_{name}", args=[campaign.pk])).status_code == 404
    campaign.refresh_from_db()
    assert campaign.name == "Toronto route"
    assert not Invitation.objects.exists()


def test_the_first_page_shows_ones_own(manager: Client, airlines: Airlines, settings: Settings) -> None:
    settings.UNFOLD = {**settings.UNFOLD, "DASHBOARD_CALLBACK": "campaigns.admin.dashboard.dashboard"}
    index = reverse("admin:index")
    assert "No campaign yet" in manager.get(index).content.decode()
    campaign = CampaignFactory.create(brand=airlines.brand, name="Toronto route", **LONG)
    CampaignFactory.create(brand=airlines.other_brand, name="Secret route", **LONG)
    InvitationFactory.create(campaign=campaign)
    text = manager.get(index).content.decode()
    assert "Toronto route" in text
    assert "1 link waits for you to send" in text
    assert "Secret route" not in text


def test_tables_on_a_phone_name_each_value(manager: Client, airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, **LONG)
    ShortlistingFactory.create(campaign=campaign)
    InvitationFactory.create(campaign=campaign)
    for address, count in ((reverse("admin:index"), 1), (_change(campaign), 2)):
        tables = re.findall(r'<table class="sway-table">.*?</table>', manager.get(address).content.decode(), re.S)
        assert len(tables) == count
        for table in tables:
            headings = re.findall(r"<th>([^<]*)<", table)
            assert headings == re.findall(r'<td data-label="([^"]*)"', table)


def test_topics_stand_by_their_names_behind_those_above_them(manager: Client, airlines: Airlines) -> None:
    travel = TopicFactory.create(slug="travel", name="Travel")
    flying = TopicFactory.create(slug="air-travel", name="Air travel", parent=travel)
    TopicFactory.create(slug="baking", name="Baking")
    campaign = CampaignFactory.create(brand=airlines.brand)
    campaign.topics.add(flying)
    page = manager.get(_change(campaign))
    (box,) = re.findall(r'<select name="topics".*?</select>', page.content.decode(), re.S)
    assert re.findall(r"<option[^>]*>([^<]*)<", box) == ["Baking", "Travel", "Travel › Air travel"]
    assert re.findall(r"<option[^>]* selected[^>]*>([^<]*)<", box) == ["Travel › Air travel"]
    assert 'class="unfold-admin-autocomplete admin-autocomplete' in box
    assert "Hold down" not in page.content.decode()


def test_operators_delete_what_nobody_was_invited_to(client: Client, airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand)
    url = reverse("admin:campaigns_campaign_delete", args=[campaign.pk])
    client.force_login(airlines.manager)
    assert client.post(url, {"post": "yes"}).status_code == 403
    client.force_login(airlines.operator)
    ShortlistingFactory.create(campaign=campaign)
    assert client.post(url, {"post": "yes"}).status_code == 302
    assert not Campaign.objects.exists()
    assert not Shortlisting.objects.exists()
