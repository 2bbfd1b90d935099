"""Who signs in in browser tests, and for whom they work."""

from datetime import date
from typing import Any

from django.utils import timezone

from accounts.models import User
from campaigns.actions import add_member
from campaigns.models import Campaign, Membership
from tests.browser.pages import PASSWORD
from tests.factories.campaigns import BrandFactory, CampaignFactory


def let_sign_in(*usernames: str) -> None:
    """Give people the password of these tests."""
    for user in User.objects.filter(username__in=usernames):
        user.set_password(PASSWORD)
        user.save()


def campaign_of_manager(**values: Any) -> Campaign:
    """Make an airline with a campaign that is open, and the login `manager`, who manages it."""
    operator = User.objects.create_superuser("operator")
    manager = User.objects.create_user("manager", email="manager@maple.example", password=PASSWORD)
    brand = BrandFactory.create(name="Maple Air")
    add_member(brand=brand, user=manager, role=Membership.Role.MANAGER, by=operator)
    dates = {"starts_on": timezone.now().date(), "ends_on": date(2099, 1, 1)}
    return CampaignFactory.create(brand=brand, **dates, **values)
