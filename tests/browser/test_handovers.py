"""Somebody gives an address for a perk; the brand sends it, and both see how far it is."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.models import Handover
from tests.browser.axe import serious
from tests.browser.logins import campaign_of_manager, let_sign_in
from tests.browser.pages import NARROW, WIDE, sign_in
from tests.campaigns.invited import address
from tests.campaigns.perks import guest, says_yes


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_suitcase_from_the_address_to_its_arrival(
    page: Page, live_server: LiveServer, picture: Callable[[Page, str], None]
) -> None:
    campaign = campaign_of_manager(name="Suitcases", perk_text="a suitcase", details_kind="address")
    ann = says_yes(guest(campaign, "ann"), now=timezone.now())
    let_sign_in("ann")

    page.set_viewport_size(NARROW)
    sign_in(page, live_server.url, "ann")
    page.goto(f"{live_server.url}/me")
    page.get_by_role("link", name="Say where to send it").click()
    assert page.url == live_server.url + address(ann)
    picture(page, "details-asked")
    assert serious(page) == []
    page.get_by_label("Name", exact=True).fill("Ann Ash")
    page.get_by_label("Street and number").fill("1 Elm Road")
    page.get_by_label("City").fill("Toronto")
    page.get_by_role("button", name="Send", exact=True).first.click()
    expect(page.locator(".field.wrong")).to_have_count(1)
    picture(page, "details-wrong")
    assert serious(page) == []
    page.get_by_label("Country").select_option(label="Canada")
    page.get_by_role("button", name="Send", exact=True).first.click()
    expect(page.get_by_text("Thank you. Maple Air sees it now.")).to_be_visible()
    expect(page.get_by_text("Ann Ash, 1 Elm Road, Toronto, Canada")).to_be_visible()
    picture(page, "details-given")
    assert serious(page) == []

    sign_in(page, live_server.url, "manager")
    page.set_viewport_size(WIDE)
    page.goto(f"{live_server.url}/admin/campaigns/campaign/{campaign.pk}/change/")
    picture(page, "campaign-to-send")
    page.set_viewport_size(WIDE)
    page.get_by_role("link", name="Names, addresses, status, CSV").click()
    expect(page.get_by_text("1 Elm Road, Toronto, Canada")).to_be_visible()
    picture(page, "handovers")
    assert serious(page) == []
    page.set_viewport_size(WIDE)
    page.locator("input[name=_selected_action]").check()
    page.locator("select[name=action]").select_option(label="Mark sent…")
    page.get_by_role("button", name="Run").click()
    page.get_by_label("Ann Ash, 1 Elm Road, Toronto, Canada").fill("1Z 999")
    picture(page, "references")
    assert serious(page) == []
    page.get_by_role("button", name="Mark sent").click()
    expect(page.get_by_text("1 sent.")).to_be_visible()
    page.locator("#result_list tbody a").first.click()
    expect(page.get_by_text("1Z 999")).to_be_visible()
    picture(page, "handover")
    assert serious(page) == []
    assert Handover.objects.get().reference == "1Z 999"

    sign_in(page, live_server.url, "ann")
    page.goto(live_server.url + address(ann))
    expect(page.get_by_text("1Z 999")).to_be_visible()
    picture(page, "details-sent")
    assert serious(page) == []
