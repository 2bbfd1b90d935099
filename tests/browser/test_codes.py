"""Codes in a browser: a manager uploads some, one person gets one, the next waits, and gets what is taken back."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.models import Invitation
from tests.browser.logins import campaign_of_manager, let_sign_in
from tests.browser.pages import WIDE, sign_in
from tests.campaigns.perks import guest


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_codes_from_the_upload_to_the_next_in_line(
    page: Page, live_server: LiveServer, picture: Callable[[Page, str], None]
) -> None:
    campaign = campaign_of_manager(name="Toronto route")
    people = [guest(campaign, name) for name in ("ann", "ben")]
    let_sign_in("ann", "ben")

    sign_in(page, live_server.url, "manager")
    page.goto(f"{live_server.url}/admin/campaigns/campaign/{campaign.pk}/change/")
    page.get_by_role("region", name="Codes").get_by_role("link", name="Add codes").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "codes.csv", "mimeType": "text/csv", "buffer": b"code\nWING-7788\n\nWING-7788\n"}
    )
    picture(page, "add-codes")
    page.set_viewport_size(WIDE)
    page.get_by_role("button", name="Add codes").click()
    expect(page.get_by_text("1 code added, 1 left out that came twice in the file, 1 blank line.")).to_be_visible()
    picture(page, "campaign-with-codes")

    for name in ("ann", "ben"):
        sign_in(page, live_server.url, name)
        page.goto(f"{live_server.url}/me")
        page.get_by_role("button", name="Join the waiting list" if name == "ben" else "Accept").click()
        text = "WING-7788" if name == "ann" else "You are number 1 on the waiting list."
        expect(page.get_by_text(text)).to_be_visible()
        picture(page, f"me-{name}")

    sign_in(page, live_server.url, "manager")
    page.set_viewport_size(WIDE)
    page.goto(f"{live_server.url}/admin/campaigns/perkcode/?campaign={campaign.pk}")
    picture(page, "codes")
    page.set_viewport_size(WIDE)
    page.locator("input[name=_selected_action]").check()
    page.locator("select[name=action]").select_option(label="Take back…")
    page.get_by_role("button", name="Run").click()
    page.locator("input[name=note]").fill("Can't fly")
    picture(page, "take-back")
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("1 code taken back.")).to_be_visible()
    assert [Invitation.objects.get(pk=row.pk).state for row in people] == ["withdrawn", "accepted"]
    page.get_by_role("link", name="WING-7788").click()
    expect(page.get_by_text("released by manager: Can't fly")).to_be_visible()
    picture(page, "code")
