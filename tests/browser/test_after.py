"""After the invitations: a post without a label, the return, a group that a second person approves; with axe."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import Person, User
from campaigns.links import join_url
from campaigns.management.demo_route import ROUTE
from campaigns.models import Approval, Brand, Campaign, CampaignPost, ExclusionList, PerkCode, Remark, Segment
from scoring.models import Influencer, ScoreRun
from tests.browser.axe import serious
from tests.browser.logins import let_sign_in
from tests.browser.pages import NARROW, WIDE, sign_in
from tests.factories.campaigns import ColleagueInvitationFactory, ExclusionListFactory, SegmentFactory

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PAPER = {"width": 794, "height": 1123}  # A4


@pytest.fixture
def route(live_server: LiveServer, settings: Settings) -> Campaign:
    """Fill the platform with a small world in which a campaign is over; owner, manager and viewer can sign in."""
    settings.PUBLIC_URL = live_server.url
    call_command("demo_world", address=live_server.url, people=300, days=32, history=1)
    campaign = Campaign.objects.get(name=ROUTE)
    let_sign_in("owner", "manager", "viewer", "influencer")
    # One post without a label, whoever the lot fell on; its author is to be reminded by hand.
    last = CampaignPost.objects.order_by("-at").values("pk")[:1]
    CampaignPost.objects.filter(pk__in=last).update(label_state="missing", label="", remark="", reminder="to_do")
    return campaign


def test_a_label_is_missed_the_return_is_shown_and_a_second_person_approves(
    route: Campaign,
    live_server: LiveServer,
    page: Page,
    picture: Callable[[Page, str], None],
) -> None:
    page.set_viewport_size(WIDE)
    admin = f"{live_server.url}/admin/campaigns"
    sign_in(page, live_server.url, "manager")
    page.goto(f"{admin}/campaign/{route.pk}/posts/")
    page.goto(f"{page.url}&label_state__exact=missing")
    row = page.locator("#result_list tbody tr", has_text="to remind by hand").first
    expect(row.get_by_text("missing")).to_be_visible()
    picture(page, "posts")
    row.locator("input[name=_selected_action]").check()
    page.locator("select[name=action]").select_option(label="Reminded by hand")
    page.get_by_role("button", name=re.compile("Run|Go")).click()
    expect(page.get_by_text("1 post is noted as reminded of.")).to_be_visible()
    assert CampaignPost.objects.filter(reminder="by_hand").count() == 1

    page.goto(f"{admin}/campaign/{route.pk}/return/")
    measured = route.returns.get()
    expect(page.get_by_role("region", name="What it brought")).to_contain_text(f"{measured.reached:,}")
    expect(page.get_by_role("region", name="Against the forecast")).to_be_visible()
    _look(page, picture, "return")
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name=f"What {route.name} brought")).to_be_visible()
    expect(page.get_by_role("link", name="Audit trail")).to_be_hidden()
    expect(page.get_by_role("button", name="Measure again")).to_be_hidden()
    # Whatever is folded away on the screen is on paper.
    expect(page.get_by_role("cell", name="kept back").first).to_be_visible()
    page.set_viewport_size(PAPER)  # type: ignore[arg-type]
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.emulate_media(media="screen")

    page.set_viewport_size(WIDE)
    group = f"{admin}/selection/{route.selections.get().pk}/change/"
    page.goto(group)
    page.get_by_role("button", name="Send for approval").click()
    expect(page.get_by_text("who asks doesn’t approve")).to_be_visible()
    sign_in(page, live_server.url, "viewer")
    page.goto(group)
    expect(page.get_by_role("region", name="Approval")).to_contain_text("waits for approval")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    sign_in(page, live_server.url, "owner")
    page.goto(group)
    _look(page, picture, "approval")
    page.set_viewport_size(WIDE)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("region", name="Approval")).to_contain_text(re.compile(r"approved\s+by owner"))
    assert Approval.objects.get().answer == Approval.Answer.APPROVED
    _every_other_page(page, route, live_server.url)


def _look(page: Page, picture: Callable[[Page, str], None], name: str) -> None:
    """Save pictures at both widths, and have axe look at the page on a phone and beside."""
    picture(page, name)
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        assert serious(page) == [], name


def _every_other_page(page: Page, route: Campaign, url: str) -> None:
    """Have axe look at the pages of a brand that the story doesn't open, at the width that leaves most of them open."""
    page.set_viewport_size(WIDE)
    brand = Brand.objects.get(pk=route.brand_id)
    SegmentFactory.create(brand=brand)
    ExclusionListFactory.create(brand=brand)
    admin, other = f"{url}/admin/campaigns", Campaign.objects.exclude(pk=route.pk).get()
    pages = [
        *(f"{admin}/{name}/" for name in ("campaign", "selection", "shortlisting", "invitation", "membership")),
        *(f"{admin}/{name}/" for name in ("segment", "exclusionlist", "auditentry", "exclusionlist/add")),
        *(f"{admin}/campaign/{other.pk}/{name}/" for name in ("change", "choose", "overlap", "invite", "codes")),
        *(f"{admin}/campaign/{other.pk}/mails/", f"{admin}/handover/"),
        *(f"{admin}/colleagueinvitation/", f"{admin}/colleagueinvitation/add/"),
        *(f"{url}{reverse(name)}" for name in ("mfa_index", "mfa_activate_totp", "account_change_password")),
        *(f"{admin}/campaign/add/", f"{admin}/membership/add/", f"{admin}/brand/{brand.pk}/change/"),
        *(f"{admin}/campaignpost/", f"{admin}/perkcode/", f"{admin}/segment/{Segment.objects.get().pk}/change/"),
        f"{admin}/perkcode/{PerkCode.objects.earliest('pk').pk}/change/",
        f"{admin}/exclusionlist/{ExclusionList.objects.get().pk}/change/",
        f"{url}/admin/scoring/influencer/",
    ]
    found = {address: _found_on(page, address) for address in pages}
    found["compared"] = _compared(page, f"{url}/admin/scoring/influencer/")
    page.context.clear_cookies()
    owner, soon = User.objects.get(username="owner"), timezone.now() + timedelta(days=1)
    joining = join_url(ColleagueInvitationFactory.create(brand=brand, invited_by=owner, expires_at=soon), url)
    found |= {address: _found_on(page, address) for address in (joining, f"{url}{reverse('account_login')}")}
    page.goto(f"{joining}x")
    expect(page.get_by_role("heading", name="This link doesn't work")).to_be_visible()
    found["a link that doesn't work"] = serious(page)
    sign_in(page, url, "influencer")
    _remark_on(other)
    page.set_viewport_size(NARROW)
    found["/me"] = _found_on(page, f"{url}/me")
    expect(page.get_by_text("A later flight, please.")).to_be_visible()
    assert {address: rules for address, rules in found.items() if rules} == {}


def _found_on(page: Page, address: str) -> list[str]:
    answer = page.goto(address)
    assert answer is not None
    assert answer.ok, address
    return serious(page)


def _compared(page: Page, address: str) -> list[str]:
    """Tick two people and see them side by side."""
    assert Influencer.objects.with_score(ScoreRun.objects.current()).count() > 2
    page.goto(address)
    for place in range(2):
        page.locator("input[name=_selected_action]").nth(place).check()
    page.locator("select[name=action]").select_option(label="Compare side by side")
    page.get_by_role("button", name=re.compile("Run|Go")).click()
    expect(page.get_by_role("link", name="Back to the list")).to_be_visible()
    return serious(page)


def _remark_on(campaign: Campaign) -> None:
    person = Person.objects.get(user__username="influencer")
    invitation = campaign.invitations.get(person=person)
    Remark.objects.create(
        invitation=invitation, kind=Remark.Kind.COUNTER_OFFER, text="A later flight, please.", written_at=timezone.now()
    )
