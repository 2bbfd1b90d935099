"""What owners and viewers find in the admin."""

import pytest
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from campaigns.actions import add_member
from campaigns.admin.brands import MembershipAdmin
from campaigns.models import Brand, Campaign, Invitation, Membership, PerkCode, Shortlisting
from tests.campaigns.conftest import Airlines
from tests.campaigns.team import joins
from tests.campaigns.test_admin_visibility import SECRET, secrets
from tests.factories.campaigns import CampaignFactory, InvitationFactory

__all__ = ["secrets"]
MEMBERS = reverse("admin:campaigns_membership_changelist")
ADD = reverse("admin:campaigns_membership_add")


@pytest.fixture
def owner(client: Client, airlines: Airlines) -> Client:
    client.force_login(joins(airlines, "owner", "owner"))
    return client


def _page(name: str, user: str) -> str:
    return reverse(f"admin:campaigns_membership_{name}", args=[Membership.objects.get(user__username=user).pk])


def test_an_owner_adds_changes_and_removes_a_colleague(owner: Client, airlines: Airlines) -> None:
    User.objects.create_user("new")
    form = owner.get(ADD).content.decode()
    assert "partner" not in form
    assert "Other Air" not in form

    owner.post(ADD, {"username": "new", "brand": airlines.brand.pk, "role": "viewer"})
    assert Membership.objects.get(user__username="new").role == "viewer"
    owner.post(_page("change", "new"), {"role": "manager"})
    assert User.objects.get(username="new").has_perm("campaigns.add_campaign")
    owner.post(_page("delete", "new"), {"post": "yes"})
    assert not Membership.objects.filter(user__username="new").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"username": "nobody"}, "Nobody signs in by this name."),
        ({"username": "service"}, "Nobody signs in by this name."),
        ({"username": "manager"}, "works for this brand already"),
        ({"username": "new", "role": "partner"}, "Select a valid choice"),
        ({"username": "new", "brand": "other"}, "Select a valid choice"),
    ],
)
def test_what_an_owner_may_not_add(owner: Client, airlines: Airlines, given: dict[str, str], said: str) -> None:
    User.objects.create_user("new")
    User.objects.create_user("service", is_service=True)
    before = list(Membership.objects.values_list())
    data = {"brand": str(airlines.brand.pk), "role": "viewer"} | given
    if data["brand"] == "other":
        data["brand"] = str(airlines.other_brand.pk)

    assert said in owner.post(ADD, data).content.decode()
    assert list(Membership.objects.values_list()) == before


def test_the_only_owner_cannot_leave(owner: Client, airlines: Airlines) -> None:
    assert owner.post(_page("delete", "owner"), {"post": "yes"}).status_code == 403
    assert "make somebody else one first" in owner.post(_page("change", "owner"), {"role": "viewer"}).content.decode()
    keys = list(Membership.objects.values_list("pk", flat=True))
    owner.post(MEMBERS, {"action": "delete_selected", "_selected_action": keys, "post": "yes"})
    assert Membership.objects.filter(role="owner").count() == 1
    assert Membership.objects.count() == len(keys)


def test_who_is_no_owner_any_more_is_refused_at_the_last_moment(airlines: Airlines) -> None:
    request = RequestFactory().post("/")
    request.user = airlines.manager
    membership = Membership.objects.get(user=airlines.manager)
    with pytest.raises(PermissionDenied):
        MembershipAdmin(Membership, site).delete_model(request, membership)
    with pytest.raises(PermissionDenied):
        MembershipAdmin(Membership, site).save_model(request, membership, None, True)


def test_owners_find_their_own_brands_people_only(owner: Client, airlines: Airlines) -> None:
    page = owner.get(MEMBERS).content.decode()
    assert "manager" in page
    assert "other-manager" not in page
    assert "Other Air" not in page
    assert "Other Air" not in owner.get(reverse("admin:campaigns_brand_changelist")).content.decode()
    for name in ("change", "delete", "history"):
        assert owner.get(_page(name, "other-manager")).status_code in {302, 403, 404}
    assert owner.get(MEMBERS, {"brand__id__exact": airlines.other_brand.pk}).status_code == 400
    assert owner.get(MEMBERS, {"user__email__startswith": "a"}).status_code == 400


def test_an_owners_brand_keeps_its_name_and_stays(owner: Client, airlines: Airlines) -> None:
    page = reverse("admin:campaigns_brand_change", args=[airlines.brand.pk])
    assert owner.get(page).status_code == 200
    owner.post(page, {"name": "Mine"})
    owner.post(reverse("admin:campaigns_brand_delete", args=[airlines.brand.pk]), {"post": "yes"})
    assert Brand.objects.get(pk=airlines.brand.pk).name == "Maple Air"
    assert owner.get(reverse("admin:campaigns_brand_add")).status_code == 403


def test_owners_let_no_partner_pass_as_staff(owner: Client, airlines: Airlines) -> None:
    joins(airlines, "partner", "partner")
    assert owner.post(_page("change", "partner"), {"role": "owner"}).status_code == 403
    assert Membership.objects.get(user__username="partner").role == "partner"


def test_a_viewer_sees_all_but_codes_and_changes_nothing(secrets: Airlines, client: Client) -> None:
    Campaign.objects.update(name="Route", perk_text="fly", brief="see", tags="#fly")
    client.force_login(joins(secrets, "viewer", "viewer"))
    campaign = Campaign.objects.get()
    page = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    for address in (
        page,
        reverse("admin:campaigns_campaign_campaign_return", args=[campaign.pk]),
        reverse("admin:campaigns_campaign_compare_audiences", args=[campaign.pk]),
        reverse("admin:campaigns_selection_changelist"),
        reverse("admin:campaigns_selection_change", args=[campaign.selections.get().pk]),
        reverse("admin:campaigns_shortlisting_changelist"),
        reverse("admin:campaigns_invitation_changelist"),
        reverse("admin:campaigns_perkcode_changelist"),
        reverse("admin:index"),
    ):
        assert client.get(address).status_code == 200, address
        assert f"<code>{SECRET}" not in client.get(address).content.decode(), address
    assert f"q={SECRET}" not in client.get(reverse("admin:campaigns_perkcode_changelist")).content.decode()
    shown = client.get(page).content.decode()
    for name in ("choose_group", "invite_shortlist", "find_influencers", "add_codes"):
        address = reverse(f"admin:campaigns_campaign_{name}", args=[campaign.pk])
        assert address not in shown
        assert client.get(address).status_code == 404
    assert "sway-copy" not in shown
    assert client.get(reverse("admin:scoring_influencer_changelist")).status_code == 403

    lists = {
        Shortlisting: ("shortlisting", "invite", "delete_selected"),
        Invitation: ("invitation", "renew_links", "hold_codes"),
        PerkCode: ("perkcode", "revoke", "take_back", "mark_redeemed", "set_status"),
    }
    before = {model: list(model._default_manager.values_list()) for model in (*lists, Campaign)}
    for model, (name, *verbs) in lists.items():
        keys = list(model._default_manager.values_list("pk", flat=True))
        data = {"_selected_action": keys, "post": "yes", "confirmed": "1", "fulfilment": "booked"}
        for verb in verbs:
            client.post(reverse(f"admin:campaigns_{name}_changelist"), {**data, "action": verb})
    assert client.post(page, {"name": "Mine", "seats": 3}).status_code == 403
    client.post(reverse("admin:campaigns_campaign_campaign_return", args=[campaign.pk]))
    client.post(reverse("admin:campaigns_selection_change", args=[campaign.selections.get().pk]))
    assert {model: list(model._default_manager.values_list()) for model in before} == before
    assert campaign.returns.count() == 1


def test_a_viewer_takes_nobody_home_as_a_file(client: Client, airlines: Airlines) -> None:
    viewer = joins(airlines, "viewer", "viewer")
    here = InvitationFactory.create(campaign=CampaignFactory.create(brand=airlines.brand))
    there = InvitationFactory.create(campaign=CampaignFactory.create(brand=airlines.other_brand))
    client.force_login(viewer)
    address = reverse("admin:campaigns_invitation_changelist")
    data = {"action": "export_csv", "_selected_action": [here.pk, there.pk]}
    assert not getattr(client.post(address, data), "streaming", False)

    # Who manages another brand exports that one's.
    add_member(brand=airlines.other_brand, user=viewer, role="manager", by=airlines.operator)
    file = b"".join(client.post(address, data).streaming_content).decode()  # type: ignore[attr-defined]
    assert there.person.handle in file
    assert here.person.handle not in file
