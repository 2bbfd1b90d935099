"""How browser tests look at pages: widths, and signing in."""

from typing import Any, Final

from playwright.sync_api import Page, expect

PASSWORD: Final = "a long and quiet river"
WIDE: Final[Any] = {"width": 1440, "height": 900}
NARROW: Final[Any] = {"width": 390, "height": 844}


def sign_in(page: Page, address: str, username: str, password: str = PASSWORD) -> None:
    """Sign somebody in, in the place of whoever is."""
    page.context.clear_cookies()
    page.goto(f"{address}/accounts/login/")
    page.locator("input[name=login]").fill(username)
    page.locator("input[name=password]").fill(password)
    page.locator("input[name=password]").press("Enter")
    expect(page.get_by_text("Sign in", exact=True)).to_have_count(0)
