"""Approval on the group's page, in the list of groups and on the first page."""

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import Approval, Brand, Selection, Shortlisting
from tests.campaigns.conftest import Airlines
from tests.campaigns.team import joins
from tests.campaigns.test_approving import group as group
from tests.factories.campaigns import SelectionFactory, ShortlistingFactory

GROUPS = reverse("admin:campaigns_selection_changelist")


@pytest.fixture
def address(group: Selection) -> str:
    return reverse("admin:campaigns_selection_change", args=[group.pk])


@pytest.fixture
def second(airlines: Airlines) -> Client:
    client = Client()
    client.force_login(joins(airlines, "second", "owner"))
    return client


def _read(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_group_is_sent_and_approved_and_then_shortlisted(
    manager: Client, second: Client, airlines: Airlines, address: str
) -> None:
    second.post(
        reverse("admin:campaigns_brand_change", args=[airlines.brand.pk]), {"approval_required": "on", "name": "x"}
    )
    assert Brand.objects.get(pk=airlines.brand.pk).approval_required
    shown = _read(manager, address)
    assert "Send for approval" in shown
    assert "on the shortlist" not in shown
    assert "Send for approval" not in _read(second, address)

    manager.post(address, {"do": "ask"})
    shown = _read(manager, address)
    assert "who asks doesn’t approve" in shown
    assert 'value="approve"' not in shown
    manager.post(address, {"do": "approve"})
    assert Approval.objects.get().answer == "waiting"
    manager.post(address)
    assert not Shortlisting.objects.exists()
    assert "1 group waits for your approval" in _read(second, reverse("admin:index"))
    assert "for your approval" not in _read(manager, reverse("admin:index"))
    assert 'value="approve"' in _read(second, address)

    assert "Approved." in second.post(address, {"do": "approve"}, follow=True).content.decode()
    shown = _read(manager, address)
    assert "by <b>second</b> on" in shown
    assert "Put these 2 on the shortlist" in shown
    manager.post(address)
    assert Shortlisting.objects.count() == 2


def test_it_is_sent_back_with_a_remark(manager: Client, second: Client, address: str) -> None:
    manager.post(address, {"do": "ask"})
    assert "Say what should be different" in second.post(address, {"do": "send_back"}, follow=True).content.decode()
    second.post(address, {"do": "send_back", "remark": "<b>More cities"})
    shown = _read(manager, address)
    assert "&lt;b&gt;More cities" in shown
    assert "sent back" in shown
    # No brand asked for approval: the group can still be used.
    assert "Put these 2 on the shortlist" in shown


def test_a_line_break_counts_as_the_one_character_that_browsers_count(
    manager: Client, second: Client, address: str
) -> None:
    manager.post(address, {"do": "ask"})
    second.post(address, {"do": "send_back", "remark": "x\r\n" * 499 + "xx"})
    assert Approval.objects.get().remark == "x\n" * 499 + "xx"


def test_without_approval_nobody_is_offered_to_invite(manager: Client, airlines: Airlines, group: Selection) -> None:
    Brand.objects.filter(pk=airlines.brand.pk).update(approval_required=True)
    type(group.campaign).objects.update(ends_on="2099-01-01")
    row = ShortlistingFactory.create(campaign=group.campaign)
    invite = reverse("admin:campaigns_campaign_invite_shortlist", args=[group.campaign_id])
    answer = manager.get(invite, follow=True).content.decode()
    assert "Nobody on the shortlist is in an approved group" in answer
    data = {"action": "invite", "_selected_action": [row.pk]}
    asked = manager.post(reverse("admin:campaigns_shortlisting_changelist"), data).content.decode()
    assert "1 person waits for approval" in asked
    data["confirmed"] = "1"
    said = manager.post(reverse("admin:campaigns_shortlisting_changelist"), data, follow=True).content.decode()
    assert "0 invited, 1 left out, for no group with them is approved" in said


def test_the_list_finds_what_waits(
    manager: Client, second: Client, airlines: Airlines, address: str, group: Selection
) -> None:
    SelectionFactory.create(campaign=group.campaign)
    manager.post(address, {"do": "ask"})

    def found(client: Client, asked: str) -> int:
        return len(client.get(GROUPS, {"approval": asked}).context["cl"].result_list)

    assert [found(second, asked) for asked in ("yours", "waiting", "approved", "")] == [1, 1, 0, 2]
    assert found(manager, "yours") == 0
    second.post(address, {"do": "approve"})
    assert [found(second, asked) for asked in ("yours", "waiting", "approved")] == [0, 0, 1]


def test_a_viewer_sees_the_answer_and_gives_none(manager: Client, airlines: Airlines, address: str) -> None:
    manager.post(address, {"do": "ask"})
    viewer = Client()
    viewer.force_login(joins(airlines, "viewer", "viewer"))
    assert "waits for approval" in _read(viewer, address)
    assert 'value="approve"' not in _read(viewer, address)
    viewer.post(address, {"do": "approve"})
    assert Approval.objects.get().answer == "waiting"
    assert "for your approval" not in _read(viewer, reverse("admin:index"))


def test_another_brand_learns_nothing(manager: Client, airlines: Airlines, address: str) -> None:
    manager.post(address, {"do": "ask"})
    other = Client()
    other.force_login(airlines.other_manager)
    for action in ("ask", "approve", "send_back"):
        assert other.post(address, {"do": action, "remark": "x"}).status_code == 404
    assert other.get(address).status_code == 404
    assert "for your approval" not in _read(other, reverse("admin:index"))
    assert not other.get(GROUPS, {"approval": "yours"}).context["cl"].result_list
    assert Approval.objects.get().answer == "waiting"
