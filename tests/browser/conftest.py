"""Browser tests drive Debian's Chromium; nothing is downloaded."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
WIDTHS = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}


@pytest.fixture(scope="session", autouse=True)
def _needs_chromium() -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")


@pytest.fixture(scope="session", autouse=True)
def _queries_beside_an_event_loop() -> Any:
    """Playwright's loop runs in the test's thread, where Django would refuse queries for fear of blocking it."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_type_launch_args,
        "executable_path": CHROMIUM,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    }


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Any:
    """Save a page at both widths into test-results/, for people to look at."""
    folder = Path(__file__).resolve().parents[2] / "test-results"

    def take(page: Page, name: str) -> None:
        folder.mkdir(exist_ok=True)
        before = page.viewport_size
        for label, size in WIDTHS.items():
            page.set_viewport_size(size)  # type: ignore[arg-type]  # a dict of the two numbers
            page.screenshot(path=folder / f"{name}-{label}.png", full_page=True)
            wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            assert not wide, f"{name} scrolls sideways at {size['width']} px"
        if before:
            page.set_viewport_size(before)

    return take
