"""A manager narrows the list down with live counts, keeps it as a segment, leaves people out, finds look-alikes."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.models import ExclusionList, Segment
from scoring.models import Influencer, ScoreRun
from tests.browser.pages import sign_in
from tests.browser.test_story import _choose, demo

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

__all__ = ["demo"]


@pytest.mark.slow
def test_a_manager_narrows_keeps_leaves_out_and_finds_look_alikes(
    demo: dict[str, dict[str, str]],
    live_server: LiveServer,
    page: Page,
    picture: Callable[[Page, str], None],
    tmp_path: Path,
) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page, live_server.url, **demo["manager"])
    run = ScoreRun.objects.current()
    everybody = Influencer.objects.with_score(run).filter(is_hidden=False, merged_into=None)
    rows = f"{live_server.url}/admin/scoring/influencer/"
    page.goto(rows)
    page.locator("a", has_text="filter_list").click()
    count = page.locator("#sway-left-count")
    expect(count).to_have_text(f"{everybody.count():,}")
    # Counted anew while one types, and where a box is chosen from, before anything is applied.
    page.locator("input[name=score_from]").fill("12")
    high = everybody.filter(current__score__gte=12).count()
    expect(count).to_have_text(f"{high:,}")
    assert 0 < high < everybody.count()
    _choose(page, "topic", "Food")
    expect(count).not_to_have_text(f"{high:,}")
    left = count.inner_text()
    assert page.locator(".sway-range", has_text="By score").locator(".sway-bars li.out").count() > 0
    picture(page, "workbench-filters")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="Apply Filters").click()
    expect(page.get_by_text("score from 12").first).to_be_visible()

    page.get_by_text("Save these filters as a segment").click()
    page.get_by_label("Name", exact=True).fill("Food, heard")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved as the segment “Food, heard”").first).to_be_visible()
    assert Segment.objects.get().query["score_from"] == ["12"]
    page.goto(rows)
    chip = page.locator("#sway-segments a", has_text="Food, heard")
    expect(chip.locator("small")).to_have_text(left)
    chip.click()
    expect(page.get_by_text(f"{left} influencer").first).to_be_visible()
    picture(page, "workbench-segment")

    page.set_viewport_size({"width": 1440, "height": 900})
    handles = page.locator("#result_list tbody .sway-person span").all_inner_texts()[:2]
    file = tmp_path / "customers.csv"
    file.write_text("handle\n" + "\n".join(handles) + "\nnobody-at-all\n", encoding="utf-8")
    page.get_by_role("link", name="Lists to leave out").click()
    page.goto(f"{live_server.url}/admin/campaigns/exclusionlist/add/")
    page.locator("input[name=name]").fill("Customers")
    page.locator("input[name=file]").set_input_files(file)
    picture(page, "workbench-leave-out")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator("[name=_save]").click()
    expect(page.get_by_text("2 people put on “Customers”").first).to_be_visible()
    expect(page.get_by_text("Nobody is known as nobody-at-all").first).to_be_visible()
    page.goto(f"{rows}?without={ExclusionList.objects.get().pk}")
    expect(page.get_by_text("without Customers").first).to_be_visible()
    assert not set(handles) & set(page.locator("#result_list tbody .sway-person span").all_inner_texts())

    page.get_by_role("link", name="look-alikes").first.click()
    expect(page.get_by_text("like @").first).to_be_visible()
    expect(page.get_by_text(re.compile("supporters? shared")).first).to_be_visible()
    picture(page, "workbench-look-alikes")
