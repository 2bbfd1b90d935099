"""Brands and members in the admin: through the actions, which say who may."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from campaigns.models import Brand, Membership
from tests.campaigns.conftest import Airlines
from tests.factories.campaigns import CampaignFactory

BRANDS = reverse("admin:campaigns_brand_changelist")
MEMBERS = reverse("admin:campaigns_membership_changelist")


@pytest.fixture
def operator(client: Client, airlines: Airlines) -> Client:
    client.force_login(airlines.operator)
    return client


def _fresh(user: User) -> User:
    return User.objects.get(pk=user.pk)


def test_a_brand_gets_its_slug(operator: Client) -> None:
    operator.post(reverse("admin:campaigns_brand_add"), {"name": "Delta Wing"})
    brand = Brand.objects.get(name="Delta Wing")
    assert brand.slug == "delta-wing"
    operator.post(reverse("admin:campaigns_brand_change", args=[brand.pk]), {"name": "Delta Wings"})
    brand.refresh_from_db()
    assert (brand.name, brand.slug) == ("Delta Wings", "delta-wing")


def test_the_list_counts_members_and_campaigns(operator: Client, airlines: Airlines) -> None:
    CampaignFactory.create_batch(2, brand=airlines.brand)
    rows = operator.get(BRANDS).context["cl"].result_list
    assert [(row.name, row.member_count, row.campaign_count) for row in rows] == [
        ("Maple Air", 1, 2),
        ("Other Air", 1, 0),
    ]


def test_members_get_and_lose_their_rights(operator: Client, airlines: Airlines) -> None:
    user = User.objects.create_user("new")
    data = {"user": user.pk, "brand": airlines.brand.pk, "role": "manager"}
    operator.post(reverse("admin:campaigns_membership_add"), data)
    membership = Membership.objects.get(user=user)
    assert _fresh(user).is_staff
    assert _fresh(user).has_perm("campaigns.add_campaign")
    operator.post(reverse("admin:campaigns_membership_change", args=[membership.pk]), {"role": "partner"})
    membership.refresh_from_db()
    assert (membership.role, _fresh(user).is_staff) == ("partner", False)
    operator.post(reverse("admin:campaigns_membership_delete", args=[membership.pk]), {"post": "yes"})
    assert not Membership.objects.filter(user=user).exists()
    assert _fresh(user).get_all_permissions() == set()


def test_many_members_lose_their_rights(operator: Client, airlines: Airlines) -> None:
    keys = list(Membership.objects.values_list("pk", flat=True))
    operator.post(MEMBERS, {"action": "delete_selected", "_selected_action": keys, "post": "yes"})
    assert not Membership.objects.exists()
    assert not _fresh(airlines.manager).is_staff


def test_a_brand_takes_its_members_rights_along(operator: Client, airlines: Airlines) -> None:
    operator.post(reverse("admin:campaigns_brand_delete", args=[airlines.brand.pk]), {"post": "yes"})
    assert not _fresh(airlines.manager).is_staff
    data = {"action": "delete_selected", "_selected_action": [airlines.other_brand.pk], "post": "yes"}
    operator.post(BRANDS, data)
    assert not Brand.objects.exists()
    assert not _fresh(airlines.other_manager).is_staff


def test_a_brand_with_campaigns_stays(operator: Client, airlines: Airlines) -> None:
    CampaignFactory.create(brand=airlines.brand)
    operator.post(reverse("admin:campaigns_brand_delete", args=[airlines.brand.pk]), {"post": "yes"})
    assert Brand.objects.filter(pk=airlines.brand.pk).exists()
    assert _fresh(airlines.manager).is_staff


def test_managers_have_no_business_here(client: Client, airlines: Airlines) -> None:
    client.force_login(airlines.manager)
    for url in (
        BRANDS,
        MEMBERS,
        reverse("admin:campaigns_brand_add"),
        reverse("admin:campaigns_membership_add"),
        reverse("admin:campaigns_brand_change", args=[airlines.brand.pk]),
        reverse("admin:campaigns_membership_change", args=[Membership.objects.order_by("pk")[0].pk]),
    ):
        assert client.get(url).status_code == 403, url
