"""Inviting a campaign's shortlist: the page that asks first, and what its answer does."""

import re
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.actions import invite
from campaigns.models import Holdout, Invitation
from tests.campaigns.conftest import Airlines
from tests.factories.campaigns import (
    NOW,
    CampaignFactory,
    ExclusionFactory,
    ExclusionListFactory,
    InvitationFactory,
    ShortlistingFactory,
)

LONG = {"starts_on": date(2026, 1, 1), "ends_on": date(2099, 1, 1)}


def test_the_shortlist_is_invited_after_asking(manager: Client, airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, name="Toronto route", **LONG)
    for address in ("a@example.org", "", ""):
        ShortlistingFactory.create(campaign=campaign, person__email=address)
    ShortlistingFactory.create(campaign=campaign, person__is_hidden=True)
    already = ShortlistingFactory.create(campaign=campaign)
    InvitationFactory.create(campaign=campaign, person=already.person)
    url = reverse("admin:campaigns_campaign_invite_shortlist", args=[campaign.pk])
    asked = manager.get(url).content.decode()
    assert "3 people" in asked
    assert "1 by e-mail" in asked
    assert "2 with a personal link" in asked
    assert Invitation.objects.count() == 1
    done = manager.post(url, {"confirmed": "1"}, follow=True).content.decode()
    assert "Toronto route: 3 invited, 1 by e-mail, 2 with a link for you to send." in done
    assert Invitation.objects.count() == 4
    assert set(Invitation.objects.exclude(person=already.person).values_list("invited_by", flat=True)) == {
        airlines.manager.pk
    }
    again = manager.get(url, follow=True).content.decode()
    assert "Nobody on the shortlist waits for an invitation" in again


def test_who_is_on_a_list_of_the_brand_is_told_and_left_out_unless_asked_for(
    manager: Client, airlines: Airlines
) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, name="Toronto route", **LONG)
    waiting = [ShortlistingFactory.create(campaign=campaign).person for _ in range(3)]
    expired = ShortlistingFactory.create(campaign=campaign).person
    InvitationFactory.create(campaign=campaign, person=expired, state=Invitation.State.EXPIRED)
    url = reverse("admin:campaigns_campaign_invite_shortlist", args=[campaign.pk])
    # Another brand's list is nothing to this one.
    ExclusionFactory.create(exclusion_list__brand=airlines.other_brand, person=waiting[0])
    asked = manager.get(url).content.decode()
    assert "people to leave out:" not in asked
    assert "with_listed" not in asked
    customers, staff = (ExclusionListFactory.create(brand=airlines.brand, name=name) for name in ("Customers", "Staff"))
    for exclusion_list, person in ((customers, waiting[0]), (customers, expired), (staff, waiting[0])):
        ExclusionFactory.create(exclusion_list=exclusion_list, person=person)

    asked = manager.get(url).content.decode()
    assert "4 people" in asked
    assert "2 of them are on lists of people to leave out: “Customers” (2), “Staff” (1)" in asked
    assert "can be invited" in asked
    assert re.search(r'<input[^>]* name="with_listed"', asked)

    done = manager.post(url, {"confirmed": "1"}, follow=True).content.decode()
    assert "2 invited, 2 with a link for you to send, 2 left out, as on a list of people to leave out." in done
    invited = Invitation.objects.filter(state=Invitation.State.INVITED)
    assert set(invited.values_list("person", flat=True)) == {waiting[1].pk, waiting[2].pk}

    asked = manager.get(url).content.decode()
    assert "All of them are on lists of people to leave out" in asked
    done = manager.post(url, {"confirmed": "1", "with_listed": "on"}, follow=True).content.decode()
    assert "2 invited" in done
    assert invited.count() == 4


def test_who_is_left_out_as_on_a_list_isnt_drawn_to_be_kept_back(airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, holdout_percent=50, **LONG)
    people = [ExclusionFactory.create(exclusion_list__brand=airlines.brand).person for _ in range(4)]
    already = ExclusionFactory.create(exclusion_list__brand=airlines.brand).person
    InvitationFactory.create(campaign=campaign, person=already)

    report = invite(campaign=campaign, people=[*people, already], by=airlines.manager, now=NOW, without_listed=True)

    assert (report.invited, report.listed, report.already, report.held_back) == (0, 4, 1, 0)
    assert not Holdout.objects.exists()


def test_more_people_than_anybody_means_are_not_invited_by_the_answer_either(
    manager: Client, airlines: Airlines, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, **LONG)
    ShortlistingFactory.create_batch(2, campaign=campaign)
    url = reverse("admin:campaigns_campaign_invite_shortlist", args=[campaign.pk])
    monkeypatch.setattr("campaigns.admin.acting.MOST_AT_ONCE", 1)
    for answer in (manager.get(url, follow=True), manager.post(url, {"confirmed": "1"}, follow=True)):
        assert "These are more than 1 people" in answer.content.decode()
    assert not Invitation.objects.exists()
    monkeypatch.setattr("campaigns.admin.acting.MOST_AT_ONCE", 2)
    manager.post(url, {"confirmed": "1"})
    assert Invitation.objects.count() == 2


def test_a_campaign_that_is_over_invites_nobody(manager: Client, airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, starts_on=date(2020, 1, 1), ends_on=date(2020, 1, 2))
    ShortlistingFactory.create(campaign=campaign)
    url = reverse("admin:campaigns_campaign_invite_shortlist", args=[campaign.pk])
    assert "nobody can be invited any more" in manager.post(url, {}, follow=True).content.decode()
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    ("given", "said", "button"),
    [
        ({"seats": 3, "seats_taken": 2}, "One seat is left: the first to accept gets it.", True),
        ({"seats": 4, "seats_taken": 1}, "3 seats are left: the first to accept get them.", True),
        ({"seats": 2, "seats_taken": 2}, "All its seats are taken", False),
        ({"ends_on": date(2026, 1, 2)}, "It ended on 2 January 2026", False),
    ],
)
def test_the_page_that_asks_says_how_many_can_accept(
    manager: Client, airlines: Airlines, given: dict[str, Any], said: str, button: bool
) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, **(LONG | given))
    ShortlistingFactory.create_batch(4, campaign=campaign)
    asked = manager.get(reverse("admin:campaigns_campaign_invite_shortlist", args=[campaign.pk]))
    text = asked.content.decode()
    assert said in text
    assert asked.context["can_invite"] is button
    assert ("will be invited" in text) is button
    assert (
        "Invite the 4 who"
        in manager.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).content.decode()
    ) is button


def test_inviting_asks_a_worker_only_once_all_is_written(
    manager: Client, airlines: Airlines, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr("campaigns.tasks.send_due_invitations.apply_async", lambda **given: asked.append(given))
    campaign = CampaignFactory.create(brand=airlines.brand, **LONG)
    by_hand = ShortlistingFactory.create(campaign=campaign)
    url = reverse("admin:campaigns_campaign_invite_shortlist", args=[campaign.pk])
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        manager.post(url)
    assert (callbacks, asked) == ([], [])
    assert Invitation.objects.get().person == by_hand.person
    ShortlistingFactory.create(campaign=campaign, person__email="a@example.org")
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        manager.post(url)
        assert asked == []
    assert len(callbacks) == 1
    assert asked == [{"retry": False}]


def test_without_a_broker_the_invitations_wait(
    manager: Client, airlines: Airlines, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from config.celery import app

    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    monkeypatch.setattr(app.conf, "broker_write_url", "redis+socket:///nonexistent/broker.socket")
    campaign = CampaignFactory.create(brand=airlines.brand, **LONG)
    ShortlistingFactory.create(campaign=campaign, person__email="a@example.org")
    url = reverse("admin:campaigns_campaign_invite_shortlist", args=[campaign.pk])
    with django_capture_on_commit_callbacks(execute=True):
        assert manager.post(url).status_code == 302
    assert Invitation.objects.get().delivery == "due"
