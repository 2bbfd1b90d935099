"""The audit trail: what is written, that it stays, and who reads it."""

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.actions import erase_person
from accounts.models import User
from campaigns.actions import (
    NotYours,
    add_codes,
    add_member,
    approve,
    ask_for_approval,
    ask_for_group,
    delete_brand,
    invite,
    redeem,
    remove_member,
    rename_brand,
    revoke,
    set_approval_required,
    shortlist,
)
from campaigns.models import AuditEntry, Campaign, Membership, PerkCode, Selection
from tests.campaigns.conftest import Airlines
from tests.campaigns.perks import codes, guest
from tests.campaigns.team import joins
from tests.campaigns.test_approving import group as group
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, AuditEntryFactory, CampaignFactory

TRAIL = reverse("admin:campaigns_auditentry_changelist")


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    found: Campaign = CampaignFactory.create(brand=airlines.brand)
    return found


def _said(airlines: Airlines, skip: int = 0) -> list[tuple[str, str, str]]:
    rows = AuditEntry.objects.filter(brand=airlines.brand).order_by("pk").select_related("by")
    return [(row.kind, str(row.by), row.what) for row in rows][skip:]


def test_members_and_settings_are_written_down(airlines: Airlines) -> None:
    owner, new = joins(airlines, "owner", "owner"), User.objects.create_user("new")
    membership = add_member(brand=airlines.brand, user=new, role="viewer", by=owner)
    add_member(brand=airlines.brand, user=new, role="viewer", by=owner)
    membership = add_member(brand=airlines.brand, user=new, role="manager", by=owner)
    remove_member(membership=membership, by=owner)
    set_approval_required(brand=airlines.brand, required=True, by=owner)
    rename_brand(brand=airlines.brand, name="Maple", by=airlines.operator)
    with pytest.raises(NotYours):
        set_approval_required(brand=airlines.brand, required=False, by=airlines.manager)

    assert _said(airlines, skip=2) == [
        ("member_added", "owner", "as viewer"),
        ("member_changed", "owner", "viewer → manager"),
        ("member_removed", "owner", "was manager"),
        ("brand_changed", "owner", "groups need approval: yes"),
        ("brand_changed", "operator", "name"),
    ]
    assert set(AuditEntry.objects.filter(by=owner, kind__startswith="member").values_list("member", flat=True)) == {
        new.pk
    }


def test_what_is_done_for_a_campaign_is_written_down(group: Selection, airlines: Airlines) -> None:
    before, by, campaign = AuditEntry.objects.count(), airlines.manager, group.campaign
    asked = ask_for_group(selection=Selection(campaign=campaign, seats=1), by=by, now=NOW)
    ask_for_approval(selection=group, by=by, now=NOW)
    ask_for_approval(selection=group, by=by, now=NOW)
    approve(selection=group, by=airlines.operator, now=NOW)
    people = PersonFactory.create_batch(2)
    for _ in range(2):
        shortlist(campaign=campaign, people=people, by=by, now=NOW)
        invite(campaign=campaign, people=people, by=by, now=NOW)
    add_codes(campaign=campaign, codes=["A", "B"], expires_on=None, by=by, now=NOW)
    code = PerkCode.objects.get(code="A")
    revoke(code, by=by, now=NOW, note="for Jane")

    assert _said(airlines)[before - 1 :] == [
        ("group_asked", "manager", f"group {asked.pk}: 1 seat"),
        ("group_sent", "manager", f"group {group.pk}"),
        ("group_approved", "operator", f"group {group.pk}"),
        ("shortlisted", "manager", "2 people"),
        ("invited", "manager", "2 people"),
        ("codes_added", "manager", "2 codes"),
        ("code_revoked", "manager", f"code {code.pk}"),
    ]
    assert set(AuditEntry.objects.filter(kind="invited").values_list("campaign", flat=True)) == {campaign.pk}


def test_nothing_is_written_of_what_was_refused(campaign: Campaign, airlines: Airlines) -> None:
    before = AuditEntry.objects.count()
    (code,) = codes(campaign, 1)
    for refused in (
        lambda: shortlist(campaign=campaign, people=[PersonFactory.create()], by=airlines.other_manager, now=NOW),
        lambda: redeem(code, by=airlines.other_manager, now=NOW),
    ):
        with pytest.raises(NotYours):
            refused()
    assert AuditEntry.objects.exclude(kind="codes_added").count() == before


def test_a_campaigns_form_says_what_it_changed(manager: Client, airlines: Airlines) -> None:
    data = {
        "name": "Route",
        "perk": "flight",
        "perk_text": "fly",
        "purpose": "Choose whom to offer a free flight.",
        "brief": "",
        "seats": 40,
        "tags": "",
        "starts_on": "2026-02-01",
        "ends_on": "2026-05-31",
        "holdout_percent": 0,
        "score_min": "",
        "score_max": "",
        "places-TOTAL_FORMS": 0,
        "places-INITIAL_FORMS": 0,
    }
    manager.post(reverse("admin:campaigns_campaign_add"), data)
    page = reverse("admin:campaigns_campaign_change", args=[Campaign.objects.get().pk])
    manager.post(page, data)
    manager.post(page, data | {"seats": 50, "brief": "Ask Jane Doe", "ends_on": "2026-06-01", "score_min": 20})

    assert _said(airlines, skip=1) == [
        ("campaign_created", "manager", ""),
        (
            "campaign_changed",
            "manager",
            "brief; seats: 40 → 50; ends on: 2026-05-31 → 2026-06-01; lowest score: none → 20.0",
        ),
    ]


def test_whoever_is_erased_leaves_nothing(campaign: Campaign, airlines: Airlines) -> None:
    codes(campaign, 1)
    invitation = guest(campaign, "jane")
    shortlist(campaign=campaign, people=[invitation.person], by=airlines.manager, now=NOW)
    person = invitation.person
    for row in AuditEntry.objects.values_list():
        assert "jane" not in str(row)
    before = AuditEntry.objects.count()
    assert not [field for field in AuditEntry._meta.fields if field.related_model is type(person)]
    erase_person(person, by=airlines.operator, now=NOW)
    assert AuditEntry.objects.count() == before


def test_lines_stay_and_forget_only_what_is_gone(campaign: Campaign, airlines: Airlines) -> None:
    entry = AuditEntryFactory.create(brand=airlines.brand, campaign=campaign, by=airlines.manager, what="x")
    rows = AuditEntry.objects.filter(pk=entry.pk)

    def _update_to_the_end(change: dict[str, Any]) -> None:
        rows.update(**change)
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")

    changes: list[dict[str, Any]] = [
        *({"what": "y"}, {"kind": "invited"}, {"by": airlines.operator}, {"brand": airlines.other_brand}),
        *({"by": None}, {"brand": None}, {"campaign": None}, {"at": NOW}),
    ]
    for change in changes:
        with pytest.raises(IntegrityError, match="audit trail"), transaction.atomic():
            _update_to_the_end(change)
    with pytest.raises(IntegrityError, match="can't be deleted"), transaction.atomic():
        rows.delete()
    with pytest.raises(IntegrityError, match="audit_kind_is_known"), transaction.atomic():
        AuditEntryFactory.create(kind="other")

    airlines.manager.delete()
    campaign.delete()
    delete_brand(brand=airlines.brand, by=airlines.operator)
    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    left: list[Any] = list(rows.values_list("by", "brand", "campaign", "what"))
    assert left == [(None, None, None, "x")]


def test_owners_and_managers_read_their_own_brands_trail(airlines: Airlines) -> None:
    owner, viewer = joins(airlines, "owner", "owner"), joins(airlines, "viewer", "viewer")
    own = set(AuditEntry.objects.filter(brand=airlines.brand))
    assert len(own) == 3
    assert set(AuditEntry.objects.visible_to(owner)) == set(AuditEntry.objects.visible_to(airlines.manager)) == own
    assert not AuditEntry.objects.visible_to(viewer).exists()
    assert not set(AuditEntry.objects.visible_to(airlines.other_manager)) & own
    client = Client()
    client.force_login(viewer)
    assert client.get(TRAIL).status_code == 403
    # Who manages another brand sees that one's.
    add_member(brand=airlines.other_brand, user=viewer, role=Membership.Role.MANAGER, by=airlines.operator)
    assert {row.brand for row in AuditEntry.objects.visible_to(viewer)} == {airlines.other_brand}


def test_it_is_filtered_and_exported_and_that_is_written_down(manager: Client, airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, name="Route", ends_on=date(2099, 1, 1))
    shortlist(campaign=campaign, people=[PersonFactory.create()], by=airlines.manager, now=NOW)

    def found(**asked: str | int) -> list[str]:
        return [row.kind for row in manager.get(TRAIL, asked).context["cl"].result_list]

    assert found() == ["shortlisted", "member_added"]
    assert found(kind__exact="shortlisted") == found(campaign=campaign.pk) == ["shortlisted"]
    assert found(who=airlines.operator.pk) == ["member_added"]
    assert manager.get(TRAIL, {"by__email__startswith": "a"}).status_code == 400

    keys = list(AuditEntry.objects.values_list("pk", flat=True))
    answer = manager.post(TRAIL, {"action": "export_csv", "_selected_action": keys})
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines[0].endswith("at,by,kind,brand,campaign,member,what")
    assert [line.split(",", 1)[1] for line in lines[1:]] == [
        "manager,shortlisted,Maple Air,Route,,1 person",
        "operator,member_added,Maple Air,,manager,as manager",
    ]
    assert _said(airlines)[-1] == ("exported", "manager", "audit trail")


def test_files_that_are_taken_are_written_down(manager: Client, airlines: Airlines, run: object) -> None:
    invitation = guest(CampaignFactory.create(brand=airlines.brand), "somebody")
    for name in ("campaigns_invitation", "scoring_influencer"):
        data = {"action": "export_csv", "_selected_action": [invitation.pk], "select_across": "0"}
        manager.post(reverse(f"admin:{name}_changelist"), data)
    said = [entry for entry in _said(airlines) if entry[0] == "exported"]
    assert ("exported", "manager", "invitations") in said
    assert not AuditEntry.objects.filter(brand=airlines.other_brand, kind="exported").exists()
