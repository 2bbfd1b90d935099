"""Who works for a brand, and what that lets them do."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import ProtectedError

from accounts.models import User
from campaigns.actions import NotYours, add_member, create_brand, delete_brand, remove_member
from campaigns.models import Brand, Campaign, Membership
from tests.campaigns.conftest import Airlines
from tests.factories.campaigns import NOW, BrandFactory, CampaignFactory

MANAGER, PARTNER = Membership.Role.MANAGER, Membership.Role.PARTNER
MANAGERS_PERMISSIONS = {
    "accounts.view_person",
    "scoring.view_influencer",
    "scoring.view_topic",
    "campaigns.add_campaign",
    "campaigns.change_campaign",
    "campaigns.view_campaign",
    "campaigns.add_campaignplace",
    "campaigns.change_campaignplace",
    "campaigns.delete_campaignplace",
    "campaigns.view_campaignplace",
    "campaigns.add_shortlisting",
    "campaigns.delete_shortlisting",
    "campaigns.view_shortlisting",
    "campaigns.view_invitation",
}


def _fresh(user: User) -> User:
    # Permissions are remembered on the instance.
    return User.objects.get(pk=user.pk)


def test_managers_get_in_and_may_do_exactly_this(airlines: Airlines) -> None:
    manager = _fresh(airlines.manager)
    assert manager.is_staff
    assert manager.get_all_permissions() == MANAGERS_PERMISSIONS


def test_partners_see_people_and_do_not_get_in(airlines: Airlines) -> None:
    service = User.objects.create_user("service", is_service=True)
    add_member(brand=airlines.brand, user=service, role=PARTNER, by=airlines.operator)
    assert _fresh(service).get_all_permissions() == {"accounts.view_person"}
    assert not _fresh(service).is_staff


def test_the_groups_permissions_are_put_right_with_each_member(airlines: Airlines) -> None:
    group = Group.objects.get(name="Brand managers")
    group.permissions.clear()
    add_member(brand=airlines.brand, user=User.objects.create_user("second"), role=MANAGER, by=airlines.operator)
    assert group.permissions.count() == len(MANAGERS_PERMISSIONS)


def test_only_operators_change_brands_and_members(airlines: Airlines) -> None:
    user = User.objects.create_user("somebody")
    membership = Membership.objects.get(user=airlines.manager)
    with pytest.raises(NotYours):
        create_brand(name="Mine", by=airlines.manager, now=NOW)
    with pytest.raises(NotYours):
        add_member(brand=airlines.brand, user=user, role=MANAGER, by=airlines.manager)
    with pytest.raises(NotYours):
        remove_member(membership=membership, by=airlines.manager)
    with pytest.raises(NotYours):
        delete_brand(brand=airlines.brand, by=airlines.manager)
    assert Brand.objects.count() == 2
    assert Membership.objects.count() == 2
    assert not _fresh(user).is_staff


@pytest.mark.django_db(transaction=True)
def test_whom_two_brands_remove_at_once_keeps_nothing(airlines: Airlines) -> None:
    user = airlines.manager
    second = add_member(brand=airlines.other_brand, user=user, role=MANAGER, by=airlines.operator)
    first = Membership.objects.get(user=user, brand=airlines.brand)
    removed, both = threading.Event(), threading.Event()

    def remove_and_linger() -> None:
        with closing(connection), transaction.atomic():
            remove_member(membership=first, by=airlines.operator)
            removed.set()
            # Not yet committed when the other one begins, which waits for this one then, or doesn't.
            both.wait(1)

    def remove_meanwhile() -> None:
        with closing(connection):
            removed.wait(30)
            remove_member(membership=second, by=airlines.operator)
            both.set()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(remove_and_linger), pool.submit(remove_meanwhile)]:
            done.result()
    assert not _fresh(user).is_staff
    assert not user.groups.exists()


def test_whom_one_brand_removes_while_another_takes_them_in_gets_in(airlines: Airlines) -> None:
    user = airlines.manager
    known = _fresh(user)  # read before, as by the page of the other brand's owner
    remove_member(membership=Membership.objects.get(user=user), by=airlines.operator)
    add_member(brand=airlines.other_brand, user=known, role=MANAGER, by=airlines.operator)
    assert _fresh(user).is_staff


def test_the_last_membership_of_a_role_takes_its_rights_along(airlines: Airlines) -> None:
    second = add_member(brand=airlines.other_brand, user=airlines.manager, role=MANAGER, by=airlines.operator)
    remove_member(membership=second, by=airlines.operator)
    assert _fresh(airlines.manager).is_staff
    remove_member(membership=Membership.objects.get(user=airlines.manager), by=airlines.operator)
    assert not _fresh(airlines.manager).is_staff
    assert _fresh(airlines.manager).get_all_permissions() == set()


def test_a_changed_role_changes_the_rights(airlines: Airlines) -> None:
    add_member(brand=airlines.brand, user=airlines.manager, role=PARTNER, by=airlines.operator)
    assert Membership.objects.get(user=airlines.manager).role == PARTNER
    assert not _fresh(airlines.manager).is_staff
    assert _fresh(airlines.manager).get_all_permissions() == {"accounts.view_person"}


def test_whom_an_operator_let_in_for_other_work_stays_in(airlines: Airlines) -> None:
    Group.objects.create(name="Support").user_set.add(airlines.manager)
    remove_member(membership=Membership.objects.get(user=airlines.manager), by=airlines.operator)
    assert _fresh(airlines.manager).is_staff
    remove_member(
        membership=add_member(brand=airlines.brand, user=airlines.operator, role=MANAGER, by=airlines.operator),
        by=airlines.operator,
    )
    assert _fresh(airlines.operator).is_staff


def test_slugs_are_made_from_names(airlines: Airlines) -> None:
    names = ["Delta Wing", "Delta-Wing", "Delta  wing!", "東京航空"]
    slugs = [create_brand(name=name, by=airlines.operator, now=NOW).slug for name in names]
    assert slugs == ["delta-wing", "delta-wing-2", "delta-wing-3", "brand"]


def test_a_brand_goes_with_its_members_and_not_with_campaigns(airlines: Airlines) -> None:
    delete_brand(brand=airlines.brand, by=airlines.operator)
    assert not Brand.objects.filter(pk=airlines.brand.pk).exists()
    assert not _fresh(airlines.manager).is_staff
    CampaignFactory.create(brand=airlines.other_brand)
    with pytest.raises(ProtectedError):
        delete_brand(brand=airlines.other_brand, by=airlines.operator)
    assert _fresh(airlines.other_manager).is_staff


def test_partners_see_their_campaigns_and_manage_none(airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand)
    CampaignFactory.create(brand=airlines.other_brand)
    service = User.objects.create_user("service", is_service=True)
    add_member(brand=airlines.brand, user=service, role=PARTNER, by=airlines.operator)
    assert list(Campaign.objects.visible_to(service)) == [campaign]
    assert list(Campaign.objects.managed_by(service)) == []
    assert list(Campaign.objects.managed_by(airlines.manager)) == [campaign]
    assert Campaign.objects.managed_by(airlines.operator).count() == 2
    assert list(Brand.objects.managed_by(service)) == []
    assert list(Brand.objects.managed_by(airlines.manager)) == [airlines.brand]
    BrandFactory.create()
    assert Brand.objects.managed_by(airlines.operator).count() == 3
