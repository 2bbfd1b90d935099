"""The public page of how well forecasts did: what it shows, and what never."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from scoring.engine import Parameters
from scoring.models import ScoreRun
from scoring.views.meanings import meanings
from tests.factories.scoring import BacktestFactory, FormulaFactory, ScoreRunFactory, current_run

PAGE = "/how-it-works"
NIGHT = datetime(2026, 5, 1, tzinfo=UTC)


def shown(client: Client) -> str:
    response = client.get(PAGE)
    assert response.status_code == 200
    return " ".join(re.sub("<[^>]+>", " ", response.content.decode()).split())


def nights(count: int, **figures: Any) -> ScoreRun:
    """Make runs under one formula, a day apart, each with a backtest; return the last, which is current."""
    formula = FormulaFactory.create(is_current=True)
    for n in range(count - 1):
        BacktestFactory.create(run=ScoreRunFactory.create(formula=formula, as_of=NIGHT + timedelta(days=n)), **figures)
    run = current_run(formula=formula, as_of=NIGHT + timedelta(days=count - 1))
    BacktestFactory.create(run=run, **figures)
    return run


def test_every_parameter_has_a_meaning_and_no_other_has() -> None:
    assert meanings().keys() == Parameters().to_dict().keys()
    for name, meaning in meanings().items():
        assert re.fullmatch(r"[A-Z].+\.", meaning), name
    assert meanings()["scale_top"] == "Reach, in people, at which the score is 100."
    assert meanings()["exchange_from"] == meanings()["exchange_to"]


def test_before_anything_is_known_it_says_so(client: Client, db: None) -> None:
    assert "No formula yet" in shown(client)
    current_run()
    page = shown(client)
    assert "Nothing to compare yet" in page
    assert "horizon_days 28 How far the forecast looks ahead." in page
    # In the order of the engine's documentation, whatever order the database keeps them in.
    assert (
        page.index("version test-") < page.index("half_life_days") < page.index("kappa") < page.index("supports_kept")
    )


def test_the_latest_night_is_shown_with_its_baselines(client: Client, db: None) -> None:
    nights(1)
    page = shown(client)
    assert "On 3 April 2026 the score put 1,200 people in an order" in page
    assert "in the 28 days after" in page
    assert "The score was closest." in page
    assert "The score 0.610 0.880 0.700" in page
    assert "Distinct reactors 0.520 0.860 0.660" in page
    assert "Bands are made to hold 80 of 100 outcomes. They held 81." in page
    assert "Where 20 people or more were expected (40 forecasts), 78." in page
    assert "The chart begins with the second comparison." in page
    assert "260 7.0 6.1 2.5–12.0" in page


def test_that_a_count_was_closer_is_not_hidden(client: Client, db: None) -> None:
    nights(1, spearman=0.4)
    assert "A plain count was closer than the score." in shown(client)


def test_nights_become_two_lines(client: Client, db: None) -> None:
    nights(3)
    content = client.get(PAGE).content.decode()
    # From .5 to .7: .61 lies at 45 % from the top, .52 at 90 %.
    assert 'points="0.0 90.0, 500.0 90.0, 1000.0 90.0"' in content
    assert 'points="0.0 180.0, 500.0 180.0, 1000.0 180.0"' in content
    assert content.count("<polyline") == 2


def test_nights_of_other_formulas_and_unfinished_ones_are_not_shown(client: Client, db: None) -> None:
    run = nights(1)
    BacktestFactory.create(run=ScoreRunFactory.create(as_of=NIGHT + timedelta(days=1)), spearman=0.99)
    failed = ScoreRunFactory.create(formula=run.formula, as_of=NIGHT + timedelta(days=2), state=ScoreRun.State.FAILED)
    BacktestFactory.create(run=failed, spearman=0.98)
    page = shown(client)
    assert "0.990" not in page
    assert "0.980" not in page


def test_without_bands_it_says_why(client: Client, db: None) -> None:
    nights(1, coverage=None, coverage_large=None, bins=[])
    page = shown(client)
    assert "Too few people had a forecast to learn a band from." in page
    assert "None" not in page


def test_numbers_below_zero_and_level_ones_are_drawn(client: Client, db: None) -> None:
    nights(2, spearman=-0.3, best_baseline=-0.3)
    content = client.get(PAGE).content.decode()
    assert "nan" not in content
    (line,) = set(re.findall(r'<polyline[^>]+points="([^"]+)"', content))
    assert all(0 <= float(point.split()[1]) <= 200 for point in line.split(", "))


def test_it_may_be_kept_for_five_minutes_by_whoever_asked(client: Client, db: None) -> None:
    nights(1)
    response = client.get(PAGE)
    assert set(response["Cache-Control"].split(", ")) == {"max-age=300", "private"}
    assert "Cookie" in response["Vary"]
    assert client.post(PAGE).status_code == 405


def test_it_holds_no_script_and_no_style_of_its_own(client: Client, db: None) -> None:
    nights(2)
    content = client.get(PAGE).content.decode()
    assert not re.search(r"<script|<style| style=| on\w+=", content)


def test_it_is_linked_from_the_page_about_the_score_and_from_every_foot(client: Client, db: None) -> None:
    current_run()
    assert client.get("/about-the-score").content.decode().count(f'href="{PAGE}"') == 2
    assert f'href="{PAGE}"' in client.get("/").content.decode()


# What the page asks: the current run with its formula, the nights with their runs.
@pytest.mark.parametrize("count", [2, 20])
def test_two_queries_however_many_nights(client: Client, db: None, count: int) -> None:
    nights(count)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        client.get(PAGE)
    assert len(asked) == 2
