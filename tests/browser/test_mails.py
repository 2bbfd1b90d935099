"""A manager writes a campaign's invitation, sees it as it will go out while writing, and keeps it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.models import MailText
from tests.browser.axe import serious
from tests.browser.logins import campaign_of_manager
from tests.browser.pages import NARROW, WIDE, sign_in
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import ShortlistingFactory


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_an_invitation_is_written_and_seen_before_it_goes_out(
    page: Page, live_server: LiveServer, picture: Callable[[Page, str], None]
) -> None:
    campaign = campaign_of_manager(name="Toronto route")
    ShortlistingFactory.create(campaign=campaign, person=PersonFactory.create(name="Ann Ash"))
    faults: list[str] = []
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)

    page.set_viewport_size(WIDE)
    sign_in(page, live_server.url, "manager")
    page.goto(f"{live_server.url}/admin/campaigns/campaign/{campaign.pk}/change/")
    page.get_by_role("link", name="What the e-mail says").click()
    preview = page.get_by_role("region", name="Preview")
    expect(preview).to_contain_text("Hello Robin Sample,")
    picture(page, "mails-usual")

    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        assert serious(page) == []
        page.locator("textarea[name=text]").fill(f"Dear {{name}}, at {size['width']} wide: {{perk}}")
        expect(preview).to_contain_text("The text has to hold {link}: the person's own link.")
        page.locator("textarea[name=text]").fill(f"Dear {{name}}, at {size['width']} wide: {{perk}}\n\n{{link}}")
        expect(preview).to_contain_text(f"Dear Robin Sample, at {size['width']} wide: a free flight to Toronto")
        expect(preview).to_contain_text("/i/the-personal-link-stands-here")
        expect(preview).to_contain_text("Maple Air sends you this through Sway")
    page.locator("select[name=person]").select_option(label="Ann Ash")
    expect(preview).to_contain_text("Dear Ann Ash, at 390 wide")
    page.locator("input[name=subject]").fill("{brand} & {name}")
    expect(preview).to_contain_text("Maple Air & Ann Ash")
    picture(page, "mails-written")
    assert not MailText.objects.exists()

    page.set_viewport_size(NARROW)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It is sent so from now on.").first).to_be_visible()
    assert MailText.objects.get().text == "Dear {name}, at 390 wide: {perk}\n\n{link}"
    expect(page.get_by_role("button", name="Use the usual text again")).to_be_visible()
    assert faults == []
