"""Shortlists and invitations in the admin."""

import csv
import io
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from campaigns.actions import add_member
from campaigns.links import invitation_url, make_token
from campaigns.models import Invitation, Membership, Shortlisting
from campaigns.queries import invitation_of
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, CampaignFactory, InvitationFactory, ShortlistingFactory
from tests.factories.scoring import ScoreFactory, current_run

SHORTLISTS = reverse("admin:campaigns_shortlisting_changelist")


INVITATIONS = reverse("admin:campaigns_invitation_changelist")


LONG = {"starts_on": date(2026, 1, 1), "ends_on": date(2099, 1, 1)}


def _act(client: Client, url: str, action: str, rows: list[Any], **more: Any) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(url, data, follow=True).content.decode()


def _names(client: Client, url: str, **query: Any) -> list[str]:
    return [row.person.handle for row in client.get(url, query).context["cl"].result_list]


def test_shortlists_show_whom_ones_own_campaigns_consider(manager: Client, airlines: Airlines) -> None:
    run = current_run(as_of=NOW)
    mine = CampaignFactory.create(brand=airlines.brand, name="Toronto route")
    second = CampaignFactory.create(brand=airlines.brand)
    ann = PersonFactory.create(handle="ann")
    ScoreFactory.create(run=run, person=ann, score=43.2)
    ShortlistingFactory.create(campaign=mine, person=ann)
    InvitationFactory.create(campaign=mine, person=ann, state="declined", answered_at=NOW)
    ShortlistingFactory.create(campaign=second, person__handle="ben")
    ShortlistingFactory.create(campaign=mine, person__handle="hidden", person__is_hidden=True)
    ShortlistingFactory.create(campaign__brand=airlines.other_brand, person__handle="theirs")
    text = manager.get(SHORTLISTS).content.decode()
    assert ">43.2<" in text
    assert "declined" in text
    assert _names(manager, SHORTLISTS) == ["ben", "ann"]
    assert _names(manager, SHORTLISTS, campaign=mine.pk) == ["ann"]
    assert _names(manager, SHORTLISTS, invited="no") == ["ben"]
    assert _names(manager, SHORTLISTS, invited="yes") == ["ann"]
    assert _names(manager, SHORTLISTS, invited="expired") == []
    Invitation.objects.update(state="expired", answered_at=None)
    assert _names(manager, SHORTLISTS, invited="expired") == ["ann"]
    assert _names(manager, SHORTLISTS, q="an") == ["ann"]


def test_chosen_people_are_invited_each_to_their_campaign(manager: Client, airlines: Airlines) -> None:
    first = CampaignFactory.create(brand=airlines.brand, name="First", **LONG)
    second = CampaignFactory.create(brand=airlines.brand, name="Second", **LONG)
    rows = [ShortlistingFactory.create(campaign=first), ShortlistingFactory.create(campaign=first)]
    rows.append(ShortlistingFactory.create(campaign=second, person__email="a@example.org"))
    left = ShortlistingFactory.create(campaign=first)
    InvitationFactory.create(campaign=first, person=rows[0].person)
    asked = _act(manager, SHORTLISTS, "invite", rows)
    assert "1 person</b> will be invited" in asked
    assert "1 had been invited before and hears nothing new" in asked
    assert Invitation.objects.count() == 1
    done = _act(manager, SHORTLISTS, "invite", rows, confirmed="1")
    assert "First: 1 invited, 1 with a link for you to send, 1 had been invited before." in done
    assert "Second: 1 invited, 1 by e-mail." in done
    assert Invitation.objects.count() == 3
    assert not Invitation.objects.filter(person=left.person).exists()


def test_people_are_taken_off_the_shortlist(manager: Client, airlines: Airlines) -> None:
    mine = CampaignFactory.create(brand=airlines.brand)
    rows = ShortlistingFactory.create_batch(3, campaign=mine)
    assert "Take off the shortlist" in manager.get(SHORTLISTS).content.decode()
    _act(manager, SHORTLISTS, "delete_selected", rows[:2], post="yes")
    assert list(Shortlisting.objects.all()) == rows[2:]


def test_other_brands_rows_are_out_of_reach(client: Client, airlines: Airlines) -> None:
    theirs = CampaignFactory.create(brand=airlines.brand, **LONG)
    listed = ShortlistingFactory.create(campaign=theirs)
    invitation = InvitationFactory.create(campaign=theirs)
    client.force_login(airlines.other_manager)
    _act(client, SHORTLISTS, "invite", [listed], confirmed="1")
    _act(client, SHORTLISTS, "delete_selected", [listed], post="yes")
    _act(client, INVITATIONS, "renew_links", [invitation])
    assert Shortlisting.objects.get() == listed
    assert Invitation.objects.get().nonce == invitation.nonce
    # Nor may a partner of the brand change what they see.
    add_member(brand=airlines.brand, user=airlines.other_manager, role=Membership.Role.PARTNER, by=airlines.operator)
    assert _names(client, SHORTLISTS) == [listed.person.handle]
    _act(client, SHORTLISTS, "invite", [listed], confirmed="1")
    _act(client, SHORTLISTS, "delete_selected", [listed], post="yes")
    _act(client, INVITATIONS, "renew_links", [invitation])
    assert Shortlisting.objects.get() == listed
    assert Invitation.objects.get().nonce == invitation.nonce


def test_who_only_reads_for_a_brand_gets_no_link(client: Client, airlines: Airlines, settings: Settings) -> None:
    # A link claims the profile. This login manages another brand, and is a partner of this one.
    settings.PUBLIC_URL = "https://sway.example"
    campaign = CampaignFactory.create(brand=airlines.brand)
    invitation = InvitationFactory.create(campaign=campaign)
    add_member(brand=airlines.brand, user=airlines.other_manager, role=Membership.Role.PARTNER, by=airlines.operator)
    client.force_login(airlines.other_manager)

    for address in (
        INVITATIONS,
        reverse("admin:campaigns_invitation_change", args=[invitation.pk]),
        reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
    ):
        response = client.get(address)
        assert response.status_code == 200
        assert "/i/" not in response.content.decode(), address


def test_links_are_shown_where_the_manager_has_to_send_them(
    manager: Client, airlines: Airlines, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://sway.example"
    campaign = CampaignFactory.create(brand=airlines.brand)
    shown = [
        InvitationFactory.create(campaign=campaign),
        InvitationFactory.create(campaign=campaign, delivery="failed"),
    ]
    InvitationFactory.create(campaign=campaign, delivery="due")
    InvitationFactory.create(campaign=campaign, delivery="sent")
    InvitationFactory.create(campaign=campaign, state="accepted", answered_at=NOW)
    InvitationFactory.create(campaign=campaign, person__is_hidden=True, person__handle="hal", person__name="Hidden Hal")
    text = manager.get(INVITATIONS).content.decode()
    for invitation in shown:
        assert invitation_url(invitation, "https://sway.example") in text
    assert text.count("https://sway.example/i/") == 2
    assert "somebody who hid their profile" in text
    assert "Hidden Hal" not in text
    assert _names(manager, INVITATIONS, q="hal") == []
    page = manager.get(reverse("admin:campaigns_invitation_change", args=[shown[0].pk]))
    assert invitation_url(shown[0], "https://sway.example") in page.content.decode()


def test_invitations_filter_by_campaign_answer_and_delivery(manager: Client, airlines: Airlines) -> None:
    first, second = CampaignFactory.create_batch(2, brand=airlines.brand)
    theirs = CampaignFactory.create(brand=airlines.other_brand, name="Secret route")
    InvitationFactory.create(campaign=first, person__handle="a", delivery="sent")
    InvitationFactory.create(campaign=second, person__handle="b", state="declined", answered_at=NOW)
    InvitationFactory.create(campaign=theirs, person__handle="c")
    assert sorted(_names(manager, INVITATIONS)) == ["a", "b"]
    assert _names(manager, INVITATIONS, campaign=first.pk) == ["a"]
    assert sorted(_names(manager, INVITATIONS, campaign=theirs.pk)) == ["a", "b"]
    assert _names(manager, INVITATIONS, state__exact="declined") == ["b"]
    assert _names(manager, INVITATIONS, delivery__exact="sent") == ["a"]
    assert "Secret route" not in manager.get(INVITATIONS).content.decode()


def test_what_the_manager_was_sent_is_not_among_what_the_brand_sends(manager: Client, airlines: Airlines) -> None:
    person = PersonFactory.create(user=airlines.manager, claimed_at=NOW, claimed_via="operator")
    InvitationFactory.create(campaign__brand=airlines.other_brand, person=person)
    assert _names(manager, INVITATIONS) == []


def test_nothing_is_edited_here(manager: Client, airlines: Airlines) -> None:
    invitation = InvitationFactory.create(campaign__brand=airlines.brand)
    listed = ShortlistingFactory.create(campaign__brand=airlines.brand)
    change = reverse("admin:campaigns_invitation_change", args=[invitation.pk])
    assert manager.post(change, {"state": "accepted"}).status_code == 403
    for refused in (
        reverse("admin:campaigns_invitation_add"),
        reverse("admin:campaigns_invitation_delete", args=[invitation.pk]),
        reverse("admin:campaigns_shortlisting_add"),
    ):
        assert manager.post(refused, {"post": "yes"}).status_code == 403, refused
    url = reverse("admin:campaigns_shortlisting_change", args=[listed.pk])
    assert manager.post(url, {"person": 1}).status_code == 403
    assert Invitation.objects.get().state == "invited"


def test_links_can_be_replaced(manager: Client, airlines: Airlines) -> None:
    invitation = InvitationFactory.create(campaign__brand=airlines.brand)
    answered = InvitationFactory.create(campaign=invitation.campaign, state="declined", answered_at=NOW)
    old, kept = make_token(invitation), make_token(answered)
    done = _act(manager, INVITATIONS, "renew_links", [invitation, answered])
    assert "1 replaced. Links sent before open nothing now." in done
    assert "was answered or has expired" in done
    assert invitation_of(old) is None
    assert invitation_of(kept) == answered


def test_the_export_brings_the_links_to_send(manager: Client, airlines: Airlines, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://sway.example"
    campaign = CampaignFactory.create(brand=airlines.brand, name="@Toronto")
    ann = InvitationFactory.create(campaign=campaign, person__handle="ann", person__name="Ann")
    hal = InvitationFactory.create(campaign=campaign, person__handle="hal", person__is_hidden=True)
    theirs = InvitationFactory.create(campaign__brand=airlines.other_brand)
    data = {"action": "export_csv", "_selected_action": [ann.pk, hal.pk, theirs.pk]}
    response = manager.post(INVITATIONS, data)
    body = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = {row["handle"]: row for row in csv.DictReader(io.StringIO(body))}
    assert set(rows) == {"ann", ""}
    assert rows["ann"] == {
        "campaign": "'@Toronto",
        "handle": "ann",
        "name": "Ann",
        "state": "invited",
        "said": "",
        "delivery": "by hand",
        "invited_at": "2026-03-01T12:00:00+00:00",
        "seen_at": "",
        "answered_at": "",
        "link": invitation_url(ann, "https://sway.example"),
    }
    assert rows[""]["link"] == ""


def test_a_bulk_action_on_more_rows_than_anybody_means_changes_nothing(
    manager: Client, airlines: Airlines, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, **LONG)
    listed = ShortlistingFactory.create_batch(2, campaign=campaign)
    monkeypatch.setattr("campaigns.admin.acting.MOST_AT_ONCE", 1)
    for more in ({}, {"confirmed": "1"}):
        assert "These are more than 1 people" in _act(manager, SHORTLISTS, "invite", listed, **more)
    assert not Invitation.objects.exists()
    sent = InvitationFactory.create_batch(2, campaign=campaign)
    assert "These are more than 1 people" in _act(manager, INVITATIONS, "renew_links", sent)
    assert {row.nonce for row in Invitation.objects.all()} == {row.nonce for row in sent}
    monkeypatch.setattr("campaigns.admin.acting.MOST_AT_ONCE", 2)
    _act(manager, INVITATIONS, "renew_links", sent)
    assert not {row.nonce for row in Invitation.objects.all()} & {row.nonce for row in sent}
