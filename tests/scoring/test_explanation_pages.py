"""The pages that open a score: figures that add up as they are shown, down to single reactions."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from scoring.actions import score
from scoring.models import ScoreRun
from tests.factories.accounts import PersonFactory, UserFactory
from tests.factories.scoring import ScoreFactory, current_run
from tests.scoring.conftest import NOW


@pytest.fixture
def scored(known: Path) -> ScoreRun:
    score(as_of=datetime(2026, 4, 1, tzinfo=UTC), now=NOW)
    return score(as_of=datetime(2026, 4, 2, tzinfo=UTC), now=NOW)


@pytest.fixture
def operator(db: None, client: Client) -> Client:
    client.force_login(UserFactory.create(is_superuser=True, is_staff=True))
    return client


def _section(page: str, name: str) -> str:
    found = re.search(rf'<section[^>]*aria-labelledby="{name}">.*?</section>', page, re.S)
    assert found, name
    return found[0]


def _units(texts: list[str]) -> int:
    return sum(round(float(text.replace(",", "").replace("−", "-")) * 100) for text in texts)


def test_every_list_adds_up_as_it_is_shown(operator: Client, scored: ScoreRun) -> None:
    page = operator.get("/why/handle0").content.decode()

    taken = _section(page, "taken")
    forecast = re.search(r'Forecast</th><td class="num">([\d.,]+)', taken)
    reach = re.search(r'Reach</th><td class="num">([\d.,]+)', taken)
    assert forecast
    assert reach
    reasons = re.findall(r'</span>\n.*?</th><td class="num">−?([\d.,]+)', taken, re.S)
    assert len(reasons) == 5
    assert _units([forecast[1]]) - _units(reasons) == _units([reach[1]])
    supporters = re.findall(r'<td class="num">([\d.,]+)</td></tr>\n', _section(page, "supporters"))
    assert len(supporters) > 20
    assert _units(supporters) == _units([reach[1]])
    for name in ("kinds", "networks", "topics"):
        figures = re.findall(r'<span class="num">([\d.,−]+) ', _section(page, name))
        assert figures
        assert _units(figures) == _units([reach[1]])
    change = _section(page, "change")
    points = re.search(r", ([+−]?[\d.]+) points", change)
    assert points
    tables = re.findall(r"<table>.*?</table>", change)
    assert len(tables) == 3
    for table in tables:
        rows = re.findall(r'<td class="num">([+−]?[\d.]+)<', table)
        assert _units(rows) == _units([points[1]])


def test_a_supporter_opens_down_to_the_reactions(operator: Client, scored: ScoreRun) -> None:
    page = operator.get("/why/handle0").content.decode()
    address = re.search(r'href="(/reactions/handle0\?supporter=[^"]+)"', page)
    assert address

    reactions = operator.get(address[1]).content.decode()

    assert "All of them add up to" in reactions
    assert reactions.count('<td class="when">') > 3
    assert "Lighter ones" in operator.get("/reactions/handle0").content.decode()
    assert "Heavier ones" in operator.get("/reactions/handle0?offset=50").content.decode()
    assert "None that can be shown here" in operator.get("/reactions/handle0?kind=nod").content.decode()


def test_crawlers_are_asked_to_follow_no_link_to_reactions(operator: Client, scored: ScoreRun) -> None:
    for address in ("/why/handle0", "/reactions/handle0?offset=50"):
        links = re.findall(r'<a [^>]*href="(?:/reactions/|\?)[^>]*>', operator.get(address).content.decode())
        assert len(links) >= 2
        assert [link for link in links if 'rel="nofollow"' not in link] == []


def test_visitors_open_ten_pages_of_reactions_a_minute_and_logins_twenty(client: Client, db: None) -> None:
    cache.clear()  # it outlives a test, and with it what counts against the limit
    user = UserFactory.create()
    person = PersonFactory.create(handle="ann", user=user, claimed_at=NOW, claimed_via="invitation")
    ScoreFactory.create(run=current_run(), person=person)
    assert [client.get("/reactions/ann").status_code for _ in range(11)] == [200] * 10 + [429]
    refused = client.get("/reactions/ann?offset=50")
    assert refused.status_code == 429
    assert "Wait some minutes, then go back and try once more." in refused.content.decode()
    assert client.get("/why/ann").status_code == 200
    # Whoever signs in gets some more.
    client.force_login(user)
    assert [client.get("/reactions/ann").status_code for _ in range(21)] == [200] * 20 + [429]
    client.force_login(UserFactory.create(is_superuser=True))
    assert client.get("/reactions/ann").status_code == 200


def test_every_bar_opens_down_to_its_reactions(operator: Client, scored: ScoreRun) -> None:
    page = operator.get("/why/handle0").content.decode()
    for narrowed, words in (
        ("kind=like", "What: Like"),
        ("network=dataset", "Network: dataset"),
        ("topic=", "Topic: "),
    ):
        address = re.search(rf'href="(/reactions/handle0\?{narrowed}[^"]*)"', page)
        assert address, narrowed
        opened = operator.get(address[1]).content.decode()
        assert words in opened
        assert opened.count('<td class="when">') > 3
    assert "by the topics as they are named today" in opened
    assert operator.get("/reactions/handle0?topic=nowhere").status_code == 404
    for name in ("topic", "kind", "network", "supporter"):
        assert operator.get(f"/reactions/handle0?{name}=%00").status_code == 404
    both = operator.get("/reactions/handle0?topic=jazz&kind=like").content.decode()
    assert re.search(r"All of them add up to [\d.]+ people", both)
    assert "can't be named" not in both


def test_what_if_is_asked_by_address(operator: Client, scored: ScoreRun) -> None:
    assert "The score would be" not in operator.get("/why/handle0").content.decode()
    assert "The score would be" in operator.get("/why/handle0?supporters=100").content.decode()
    assert "The score would be" in operator.get("/why/handle0?rested=on").content.decode()
    refused = operator.get("/why/handle0?supporters=-3").content.decode()
    assert "The score would be" not in refused
    assert "greater than or equal to 0" in refused


def test_the_profile_leads_there(operator: Client, scored: ScoreRun) -> None:
    assert 'href="/why/handle0"' in operator.get("/p/handle0").content.decode()


def test_whom_nobody_may_see_has_no_such_pages(client: Client, db: None) -> None:
    run, hidden = current_run(), PersonFactory.create(handle="hidden", is_hidden=True)
    ScoreFactory.create(run=run, person=hidden)

    for address in ("/why/hidden", "/reactions/hidden", "/why/nobody", "/reactions/nobody"):
        assert client.get(address).status_code == 404


def test_too_little_seen_is_said_and_no_score_is_shown(operator: Client) -> None:
    person = PersonFactory.create(handle="new")
    ScoreFactory.create(
        run=current_run(),
        person=person,
        score=1.0,
        reach=0.0,
        forecast=0.4,
        taken_unvouched=0.4,
        low=0,
        high=5,
        supporters=1,
    )

    page = operator.get("/why/new").content.decode()

    assert "Not enough seen yet" in page
    assert 'id="change"' not in page
    assert 'id="what-if"' not in page


@given(parts=st.lists(st.floats(-1e4, 1e4), max_size=8), off=st.integers(0, 1))
def test_rounding_keeps_the_sum(parts: list[float], off: int) -> None:
    from math import floor

    from scoring.views.figures import share_out

    whole = floor(sum(parts)) + off
    if not parts:
        assert share_out(0, parts) == []
        return

    units = share_out(whole, parts)

    assert sum(units) == whole
    assert all(abs(unit - part) < 2 for unit, part in zip(units, parts, strict=True))
