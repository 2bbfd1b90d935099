"""A large mailing: how far it is, how fast it goes, and that a sender who is killed leaves the rest to the next."""

import contextlib
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Person, User
from campaigns.actions import add_member, invite, send_due_invitations
from campaigns.models import Campaign, Invitation, Membership
from campaigns.queries.mailing import MailingProgress, mailing_progress
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import open_campaign
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, CampaignFactory, InvitationFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    return open_campaign(brand=airlines.brand, seats=500)


def _mail(campaign: Campaign, delivery: str, **given: Any) -> Invitation:
    made: Invitation = InvitationFactory.create(
        campaign=campaign, delivery=delivery, person__email="a@example.org", **given
    )
    return made


def _page(campaign: Campaign) -> str:
    return reverse("admin:campaigns_campaign_mailing", args=[campaign.pk])


def _text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_what_was_sent_is_left_and_failed_is_counted(campaign: Campaign) -> None:
    assert mailing_progress(campaign, NOW) == MailingProgress(0, 0, 0, 0, 0, None)
    for seconds in (10, 20, 30, 40):
        _mail(campaign, "sent", sent_at=NOW - timedelta(seconds=seconds))
    _mail(campaign, "sent", sent_at=NOW - timedelta(hours=1))
    _mail(campaign, "failed")
    _mail(campaign, "bounced")
    _mail(campaign, "by_hand")
    for _ in range(19):
        _mail(campaign, "due")
    _mail(campaign, "sending", sending_since=NOW)
    # What won't go out isn't left.
    _mail(campaign, "due", state="declined", answered_at=NOW)
    _mail(campaign, "due", person__is_hidden=True)
    _mail(CampaignFactory.create(), "due")
    found = mailing_progress(campaign, NOW)
    assert found == MailingProgress(sent=5, left=20, failed=1, bounced=1, by_hand=1, rate=0.1)
    assert (found.all, found.done, found.seconds_left) == (27, 7, 200.0)
    later = mailing_progress(campaign, NOW + timedelta(minutes=5))
    assert (later.rate, later.seconds_left) == (None, None)
    Campaign.objects.filter(pk=campaign.pk).update(starts_on=date(2020, 1, 1), ends_on=date(2020, 1, 2))
    assert mailing_progress(Campaign.objects.get(pk=campaign.pk), NOW).left == 0


class Dies(EmailBackend):
    """A mail server whose client is killed after some mails."""

    left: int = 0
    to: list[str] = []

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        if not Dies.left:
            raise KeyboardInterrupt
        Dies.left -= 1
        Dies.to += [message.to[0] for message in messages]
        return len(messages)


def test_three_hundred_go_out_once_each_whoever_is_killed(
    settings: Any, airlines: Airlines, campaign: Campaign
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Dies"
    Dies.to = []
    people = [PersonFactory.create(email=f"p{number}@example.org") for number in range(300)]
    assert invite(campaign=campaign, people=people, by=airlines.manager, now=timezone.now()).by_email == 300
    seen = []
    for sends in (120, 100, 300):
        Dies.left = sends
        with contextlib.suppress(KeyboardInterrupt):
            send_due_invitations(now=timezone.now())
        found = mailing_progress(campaign, timezone.now())
        seen.append((found.sent, found.left))
        assert found.rate
    assert seen == [(120, 180), (220, 80), (300, 0)]
    assert sorted(Dies.to) == sorted(person.email for person in people)


def test_the_page_asks_again_until_nothing_is_left(manager: Client, campaign: Campaign) -> None:
    change = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    assert "sway-mailing" not in manager.get(change).content.decode()
    now = timezone.now()
    for seconds in range(1, 11):
        _mail(campaign, "sent", sent_at=now - timedelta(seconds=seconds))
    due = [_mail(campaign, "due") for _ in range(5)]
    _mail(campaign, "failed")
    for address in (change, _page(campaign)):
        page = manager.get(address).content.decode()
        assert f'hx-get="{_page(campaign)}" hx-trigger="every 3s"' in page
        assert "10 sent 5 left 1 failed" in _text(page)
        assert re.search(r"(1\.0|0\.9|5\d|60) a (second|minute), about [4-7] s left\.", _text(page))
    assert "<html" not in manager.get(_page(campaign)).content.decode()
    Invitation.objects.filter(delivery="sent").update(sent_at=now - timedelta(hours=1))
    assert "None went out in the last two minutes" in manager.get(_page(campaign)).content.decode()
    Invitation.objects.filter(pk__in=[row.pk for row in due]).update(delivery="sent", sent_at=now)
    page = manager.get(_page(campaign)).content.decode()
    assert "hx-get" not in page
    assert "15 sent 1 failed None is left to send." in _text(page)


def test_links_that_go_by_hand_are_counted_beside_the_mails(manager: Client, campaign: Campaign) -> None:
    _mail(campaign, "sent", sent_at=NOW)
    assert "by hand" not in _text(manager.get(_page(campaign)).content.decode())
    for _ in range(2):
        _mail(campaign, "by_hand")
    text = _text(manager.get(_page(campaign)).content.decode())
    assert "1 sent 2 by hand None is left to send. Links of those that failed, came back or go by hand are for" in text


def test_viewers_see_how_far_it_is_and_others_nothing(client: Client, airlines: Airlines, campaign: Campaign) -> None:
    _mail(campaign, "due")
    viewer = User.objects.create_user("viewer")
    add_member(brand=airlines.brand, user=viewer, role=Membership.Role.VIEWER, by=airlines.operator)
    assert client.get(_page(campaign)).status_code == 302
    client.force_login(viewer)
    assert "1 left" in _text(client.get(_page(campaign)).content.decode())
    client.force_login(airlines.other_manager)
    assert client.get(_page(campaign)).status_code == 404
    assert client.get(_page(campaign).replace(f"/{campaign.pk}/", "/x/")).status_code == 404
    assert Person.objects.count() == 1
