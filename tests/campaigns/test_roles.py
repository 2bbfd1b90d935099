"""Owners, managers and viewers: who may do what for a brand, and who says so."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from campaigns.actions import LastOwner, NotYours, add_member, remove_member
from campaigns.models import Brand, Campaign, Membership, PerkCode
from tests.campaigns.conftest import Airlines
from tests.campaigns.team import joins
from tests.campaigns.test_brands import MANAGERS_PERMISSIONS
from tests.factories.campaigns import CampaignFactory, MembershipFactory

Role = Membership.Role


def _of(user: User) -> Membership:
    return Membership.objects.get(user=user)


def test_what_each_role_may_do(airlines: Airlines) -> None:
    owner, viewer = joins(airlines, "owner", "owner"), joins(airlines, "viewer", "viewer")

    members = {f"campaigns.{verb}_membership" for verb in ("view", "add", "change", "delete")}
    assert owner.get_all_permissions() == MANAGERS_PERMISSIONS | members | {
        "campaigns.view_brand",
        "campaigns.change_brand",
    }
    assert viewer.get_all_permissions() == {
        "accounts.view_person",
        "campaigns.view_campaign",
        "campaigns.view_campaignplace",
        "campaigns.view_shortlisting",
        "campaigns.view_invitation",
    }
    assert owner.is_staff
    assert viewer.is_staff


def test_viewers_see_and_manage_nothing_and_owners_manage(airlines: Airlines) -> None:
    owner, viewer = joins(airlines, "owner", "owner"), joins(airlines, "viewer", "viewer")
    campaign = CampaignFactory.create(brand=airlines.brand)

    assert list(Campaign.objects.visible_to(viewer)) == list(Campaign.objects.managed_by(owner)) == [campaign]
    assert not Campaign.objects.managed_by(viewer).exists()
    assert not PerkCode.objects.managed_by(viewer).exists()
    assert list(Brand.objects.owned_by(owner)) == [airlines.brand]
    for user in (viewer, airlines.manager, airlines.other_manager):
        assert not Brand.objects.owned_by(user).exists()
        assert not Membership.objects.visible_to(user).exists()
    assert set(Membership.objects.visible_to(owner)) == set(airlines.brand.memberships.all())


def test_a_role_counts_for_its_own_brand_only(airlines: Airlines) -> None:
    owner = joins(airlines, "owner", "owner")
    add_member(brand=airlines.other_brand, user=owner, role=Role.VIEWER, by=airlines.operator)
    there = CampaignFactory.create(brand=airlines.other_brand)

    assert list(Campaign.objects.visible_to(owner)) == [there]
    assert not Campaign.objects.managed_by(owner).exists()
    with pytest.raises(NotYours):
        add_member(brand=airlines.other_brand, user=airlines.manager, role=Role.VIEWER, by=owner)
    with pytest.raises(NotYours):
        remove_member(membership=_of(airlines.other_manager), by=owner)
    assert airlines.other_brand.memberships.count() == 2


def test_owners_add_change_and_remove_their_brands_people(airlines: Airlines) -> None:
    owner, new = joins(airlines, "owner", "owner"), User.objects.create_user("new")

    add_member(brand=airlines.brand, user=new, role=Role.VIEWER, by=owner)
    assert add_member(brand=airlines.brand, user=new, role=Role.OWNER, by=owner).role == Role.OWNER
    assert User.objects.get(pk=new.pk).has_perm("campaigns.add_membership")
    remove_member(membership=_of(new), by=owner)
    assert not User.objects.get(pk=new.pk).is_staff
    for by in (airlines.manager, joins(airlines, "viewer", "viewer"), airlines.other_manager, new):
        with pytest.raises(NotYours):
            add_member(brand=airlines.brand, user=new, role=Role.VIEWER, by=by)
        with pytest.raises(NotYours):
            remove_member(membership=_of(owner), by=by)
    assert not Membership.objects.filter(user=new).exists()


def test_partners_are_for_operators_to_let_in(airlines: Airlines) -> None:
    owner, service = joins(airlines, "owner", "owner"), User.objects.create_user("service", is_service=True)
    partner = joins(airlines, "partner", "partner")

    for user, role in ((service, Role.MANAGER), (User.objects.create_user("x"), Role.PARTNER), (partner, Role.OWNER)):
        with pytest.raises(NotYours):
            add_member(brand=airlines.brand, user=user, role=role, by=owner)
    remove_member(membership=_of(partner), by=owner)
    assert set(airlines.brand.memberships.values_list("user__username", "role")) == {
        ("manager", "manager"),
        ("owner", "owner"),
    }


def test_the_last_owner_stays(airlines: Airlines) -> None:
    owner = joins(airlines, "owner", "owner")

    with pytest.raises(LastOwner):
        remove_member(membership=_of(owner), by=owner)
    with pytest.raises(LastOwner):
        add_member(brand=airlines.brand, user=owner, role=Role.MANAGER, by=owner)
    assert _of(owner).role == Role.OWNER
    second = joins(airlines, "second", "owner")
    remove_member(membership=_of(owner), by=owner)
    with pytest.raises(LastOwner):
        remove_member(membership=_of(second), by=second)
    remove_member(membership=_of(second), by=airlines.operator)
    assert not airlines.brand.memberships.filter(role=Role.OWNER).exists()


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_remove_each_other_leave_one(airlines: Airlines) -> None:
    owners = [joins(airlines, "owner", "owner"), joins(airlines, "second", "owner")]
    rows = [_of(owner) for owner in owners]
    together = threading.Barrier(2)

    def remove(n: int) -> bool:
        try:
            connection.ensure_connection()
            together.wait(30)
            remove_member(membership=rows[1 - n], by=owners[n])
        except NotYours:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, range(2))) == [False, True]
    assert airlines.brand.memberships.filter(role=Role.OWNER).count() == 1


def test_the_database_knows_the_roles(airlines: Airlines) -> None:
    with pytest.raises(IntegrityError, match="membership_role_is_known"), transaction.atomic():
        MembershipFactory.create(role="boss")
