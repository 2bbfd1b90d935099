"""The code on the pages of the person who got it, and on nobody else's."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.actions import add_codes, add_member, hold, redeem, revoke, set_fulfilment, take_back
from campaigns.models import Campaign, Invitation, Membership, PerkCode
from tests.asked import tables_asked
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import address, holder, open_campaign, shown
from tests.campaigns.perks import guest, says_yes
from tests.factories.campaigns import BrandFactory, InvitationFactory, PerkCodeFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    return open_campaign(brand=airlines.brand)


@pytest.fixture
def invitation(campaign: Campaign) -> Invitation:
    return guest(campaign, "ann")


def _sign_in(client: Client, invitation: Invitation) -> None:
    assert invitation.person.user
    client.force_login(invitation.person.user)


def _code(campaign: Campaign, text: str = "WING-7788") -> PerkCode:
    until = timezone.now().date() + timedelta(days=30)
    code: PerkCode = PerkCodeFactory.create(campaign=campaign, code=text, expires_on=until)
    return code


def test_after_accepting_the_code_stands_on_both_pages(
    client: Client, airlines: Airlines, campaign: Campaign, invitation: Invitation
) -> None:
    code, now = _code(campaign), timezone.now()
    _sign_in(client, invitation)
    for path in (address(invitation), "/me"):
        assert code.code not in shown(client, path)
    client.post(address(invitation), {"answer": "accept"})
    for path in (address(invitation), "/me"):
        page = shown(client, path)
        assert "Your code WING-7788" in page
        assert f"Good until {code.expires_on:%-d %b %Y}" in page
        assert "Status" not in page
    set_fulfilment(code, fulfilment=PerkCode.Fulfilment.BOOKED, by=airlines.manager, now=now)
    for path in (address(invitation), "/me"):
        assert "Status Booked" in shown(client, path)
    redeem(code, by=airlines.manager, now=now)
    for path in (address(invitation), "/me"):
        assert "Status Redeemed, Booked" in shown(client, path)
    response = client.get("/me")
    assert "no-store" in response["Cache-Control"]


def test_nobody_else_is_shown_the_code(
    client: Client, airlines: Airlines, campaign: Campaign, invitation: Invitation
) -> None:
    code = _code(campaign)
    _sign_in(client, invitation)
    client.post(reverse("answer", args=[invitation.pk]), {"answer": "accept"})
    assert code.code in shown(client, address(invitation))
    others = [None, holder("bob")[0], airlines.manager, airlines.other_manager, airlines.operator]
    for other in others:
        client.logout()
        if other is not None:
            client.force_login(other)
        for path in (address(invitation), "/me", reverse("profile", args=[invitation.person.handle])):
            assert code.code not in client.get(path, follow=True).content.decode(), (other, path)
    # Nor whoever holds the link once nobody holds the profile.
    type(invitation.person).objects.update(user=None, claimed_at=None, claimed_via="")
    client.logout()
    assert code.code not in shown(client, address(invitation))


def test_a_code_held_is_not_shown(client: Client, airlines: Airlines, campaign: Campaign) -> None:
    ann = guest(campaign, "ann")
    code = _code(campaign)
    hold(ann, by=airlines.manager, now=timezone.now())
    _sign_in(client, ann)
    for path in (address(ann), "/me"):
        assert code.code not in shown(client, path)


def test_where_codes_have_run_out_one_waits_for_the_next(
    client: Client, airlines: Airlines, campaign: Campaign, invitation: Invitation
) -> None:
    code, now = _code(campaign), timezone.now()
    _sign_in(client, guest(campaign, "ben"))
    client.post(address(Invitation.objects.get(person__user__username="ben")), {"answer": "accept"})
    _sign_in(client, invitation)
    client.post(address(invitation), {"answer": "accept"})
    assert "You are number 1 on the waiting list." in shown(client, address(invitation))
    assert code.code not in shown(client, "/me")
    add_codes(campaign=campaign, codes=["NEXT-1"], expires_on=None, by=airlines.manager, now=now)
    assert "Your code NEXT-1" in shown(client, address(invitation))
    page = shown(client, "/me")
    assert "Your code NEXT-1" in page
    assert "Good until" not in page
    # One that is dead is followed by another, or by nothing.
    revoke(PerkCode.objects.get(code="NEXT-1"), by=airlines.manager, now=now, keeps_seat=True)
    for path in (address(invitation), "/me"):
        page = shown(client, path)
        assert "NEXT-1" not in page
        assert "Your code follows" in page
    add_codes(campaign=campaign, codes=["NEXT-2"], expires_on=None, by=airlines.manager, now=now)
    take_back(PerkCode.objects.get(code="NEXT-2"), by=airlines.manager, now=now)
    assert "What you accepted was taken back" in shown(client, address(invitation))
    page = shown(client, "/me")
    assert "Accepted, then taken back" in page
    assert "NEXT-2" not in page


def test_pages_say_by_when_to_answer_and_by_which_clock(
    client: Client, campaign: Campaign, invitation: Invitation
) -> None:
    _sign_in(client, invitation)
    last = f"the end of {campaign.ends_on:%-d %b %Y}, UTC"
    for path in (address(invitation), "/me"):
        assert f"Answer by {last}" in shown(client, path)


def test_the_page_says_beforehand_that_one_would_wait(
    client: Client, airlines: Airlines, campaign: Campaign, invitation: Invitation
) -> None:
    def would_wait() -> bool:
        pages = [shown(client, path) for path in (address(invitation), "/me")]
        said = ["What there is has been given out." in page for page in pages]
        assert said == ["Join the waiting list" in page for page in pages]
        assert said == ["Accept" not in page for page in pages]
        assert len(set(said)) == 1
        return said[0]

    _sign_in(client, invitation)
    assert not would_wait()
    code = _code(campaign)
    assert not would_wait()
    says_yes(guest(campaign, "ben"), now=timezone.now())
    assert would_wait()
    assert says_yes(guest(campaign, "cem"), now=timezone.now()).state == "waiting"
    assert would_wait()
    add_codes(campaign=campaign, codes=["N1", "N2"], expires_on=None, by=airlines.manager, now=timezone.now())
    assert not would_wait()
    hold(invitation, by=airlines.manager, now=timezone.now())
    assert PerkCode.objects.filter(state="in_stock").count() == 0
    assert not would_wait()
    take_back(code, by=airlines.manager, now=timezone.now())
    assert not would_wait()


def test_a_waiting_list_that_is_over_is_no_list(client: Client, invitation: Invitation) -> None:
    campaign = invitation.campaign
    Campaign.objects.filter(pk=campaign.pk).update(seats=1, seats_taken=1)
    _sign_in(client, invitation)
    client.post(address(invitation), {"answer": "accept"})
    yesterday = timezone.now().date() - timedelta(days=1)
    Campaign.objects.filter(pk=campaign.pk).update(starts_on=yesterday, ends_on=yesterday)
    assert "This invitation has ended" in shown(client, address(invitation))
    assert "Waited in vain: it has ended" in shown(client, "/me")


def test_ones_own_page_takes_the_same_queries_however_many_codes(
    client: Client, airlines: Airlines, invitation: Invitation
) -> None:
    _sign_in(client, invitation)
    counts = []
    for _ in range(2):
        for _ in range(2):
            more = open_campaign(brand=BrandFactory.create())
            _code(more)
            _accept(client, more, invitation)
        with tables_asked() as asked:
            client.get("/me")
        counts.append(asked)
    assert counts[0] == counts[1]
    assert counts[0].count("campaigns_perkcode") == 1


def _accept(client: Client, campaign: Campaign, invitation: Invitation) -> None:
    row = InvitationFactory.create(campaign=campaign, person=invitation.person)
    client.post(reverse("answer", args=[row.pk]), {"answer": "accept"})


def test_a_partner_of_the_brand_is_shown_no_code_on_the_invitation(
    client: Client, airlines: Airlines, campaign: Campaign, invitation: Invitation
) -> None:
    code = _code(campaign)
    _sign_in(client, invitation)
    client.post(address(invitation), {"answer": "accept"})
    add_member(brand=airlines.brand, user=airlines.other_manager, role=Membership.Role.PARTNER, by=airlines.operator)
    client.force_login(airlines.other_manager)
    assert code.code not in shown(client, address(invitation))
