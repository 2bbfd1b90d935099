"""The story of the demo, as people live it: a manager finds three people and invites them; one claims and accepts."""

import json
import re
from collections.abc import Callable

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from campaigns.links import invitation_url
from campaigns.models import Campaign, Invitation, Shortlisting
from tests.browser.pages import NARROW, WIDE, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def demo(live_server: LiveServer, settings: Settings) -> dict[str, dict[str, str]]:
    """Fill the platform with a small sample world and return its logins."""
    settings.PUBLIC_URL = live_server.url
    call_command("demo_world", address=live_server.url, people=700, days=45, history=1, without_past=True)
    logins: dict[str, dict[str, str]] = json.loads((settings.DATA_DIR / "demo.json").read_text())["logins"]
    return logins


def _choose(page: Page, field: str, text: str) -> None:
    """Type into one of the panel's search boxes and take the first answer."""
    box = page.locator(f"select[name={field}] + .select2")
    box.click()
    box.locator("input").press_sequentially(text)
    page.locator(".select2-results__option--highlighted", has_text=text).click()


@pytest.mark.slow
def test_a_manager_invites_three_and_one_of_them_claims_and_accepts(
    demo: dict[str, dict[str, str]],
    live_server: LiveServer,
    page: Page,
    picture: Callable[[Page, str], None],
) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page, live_server.url, **demo["manager"])
    campaign = Campaign.objects.get()
    invited_before = set(Invitation.objects.values_list("pk", flat=True))
    listed_before = set(Shortlisting.objects.values_list("person", flat=True))

    page.goto(f"{live_server.url}/admin/")
    page.get_by_role("link", name="Influencers").first.click()
    page.get_by_text("Filters").first.click()
    _choose(page, "topic", "Food")
    _choose(page, "near", "Toronto")
    page.get_by_role("button", name="Apply Filters").click()
    expect(page.get_by_text("near Toronto").first).to_be_visible()
    picture(page, "influencers")

    page.set_viewport_size({"width": 1440, "height": 900})
    rows = page.locator("#result_list tbody tr")
    ticked = 0
    for row in rows.all():
        box = row.locator("input[name=_selected_action]")
        if ticked < 3 and int(box.get_attribute("value") or 0) not in listed_before:
            assert re.search("Toronto|Mississauga", row.inner_text())
            box.check()
            ticked += 1
    assert ticked == 3
    page.locator("select[name=action]").select_option(label="Shortlist for a campaign…")
    page.get_by_role("button", name=re.compile("Run|Go")).click()
    page.locator(f"input[name=campaign][value='{campaign.pk}']").check()
    page.get_by_role("button", name="Shortlist 3 people").click()
    expect(page.get_by_text(re.compile("3 people")).first).to_be_visible()
    assert Shortlisting.objects.filter(campaign=campaign).exclude(person__in=listed_before).count() == 3

    page.goto(f"{live_server.url}/admin/campaigns/campaign/{campaign.pk}/change/")
    picture(page, "campaign")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("link", name=re.compile(r"Invite the \d+ who aren")).click()
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_text(re.compile(r"\d+ (people )?invited|invited \d+", re.I)).first).to_be_visible()
    new = Invitation.objects.exclude(pk__in=invited_before)
    assert new.count() >= 3

    chosen = new.filter(person__user__isnull=True).select_related("person").order_by("pk").first()
    assert chosen is not None
    _accept(page, invitation_url(chosen, live_server.url), chosen, picture)


def _accept(page: Page, link: str, invitation: Invitation, picture: Callable[[Page, str], None]) -> None:
    """Open the link as somebody new, on a phone: claim the profile with a login of one's own, and accept."""
    assert page.context.browser is not None
    phone = page.context.browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    phone.goto(link)
    invitation.refresh_from_db()
    assert invitation.state == Invitation.State.SEEN
    assert invitation.person.user_id is None, "opening a link claims nothing: mail scanners open links too"
    picture(phone, "invitation")
    phone.set_viewport_size({"width": 390, "height": 844})
    phone.locator("input[name=username]").fill("somebody_new")
    if phone.locator("input[name=email]").count():
        phone.locator("input[name=email]").fill("somebody@example.com")
    for field in phone.locator("input[type=password]").all():
        field.fill("a long and quiet river")
    phone.locator("input[type=password]").last.press("Enter")
    phone.get_by_role("button", name="Accept").click()
    expect(phone.get_by_text(re.compile("accepted", re.I)).first).to_be_visible()
    picture(phone, "accepted")

    invitation.refresh_from_db()
    assert invitation.state == Invitation.State.ACCEPTED
    assert invitation.person.user is not None
    assert invitation.person.user.username == "somebody_new"
    phone.goto(phone.url.split("/i/")[0].split("/me")[0] + "/me")
    expect(phone.get_by_text(invitation.person.display_name).first).to_be_visible()
    picture(phone, "me")
    for size in (WIDE, NARROW):
        phone.set_viewport_size(size)
        # The history's last date stands below its last point.
        ends = [_right_end(phone, part) for part in (".chart .plot", ".chart .dates span:last-child")]
        assert abs(ends[0] - ends[1]) < 10, ends
    phone.context.close()


def _right_end(page: Page, part: str) -> float:
    box = page.locator(part).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"]
