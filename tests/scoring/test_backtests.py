"""Backtests as rows: written with the run's scores or not at all, guarded by the database, shown in the admin."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from scoring.actions import publishing, score
from scoring.engine import Parameters
from scoring.models import Backtest, Formula, Score
from tests.factories.scoring import BacktestFactory, FormulaFactory, ScoreRunFactory
from tests.scoring.conftest import APRIL_1, NOW


@pytest.fixture
def weekly(db: None) -> Formula:
    """Return a formula whose horizon the small world has several of."""
    parameters = Parameters(version="weekly", horizon_days=7, band_people=10)
    return FormulaFactory.create(
        version="weekly", parameters=parameters.to_dict(), fingerprint=parameters.fingerprint(), is_current=True
    )


def test_a_run_stores_how_the_forecast_before_did(known: Path, weekly: Formula) -> None:
    run = score(as_of=APRIL_1, now=NOW, formula=weekly)

    found = run.backtest
    assert found.cut == APRIL_1 - timedelta(days=7)
    assert found.horizon_days == 7
    assert 2 <= found.people <= 30
    assert found.best_baseline == max(each["spearman"] for each in found.baselines)
    assert [each["name"] for each in found.baselines] == [
        "reactions counted",
        "distinct reactors",
        "distinct reactors, last horizon",
        "reactions, recent ones weighing more",
    ]
    assert str(found) == f"backtest of run {run.pk}"


def test_a_run_again_has_the_same_one_and_not_two(known: Path, weekly: Formula) -> None:
    first = score(as_of=APRIL_1, now=NOW, formula=weekly)
    before: dict[str, Any] = {**Backtest.objects.filter(run=first).values().get()}
    score(as_of=APRIL_1, now=NOW, formula=weekly)

    after: dict[str, Any] = {**Backtest.objects.filter(run=first).values().get()}
    # Sums by several threads may differ in their last bit.
    assert after.pop("cut") == before.pop("cut")
    for name in ("bins", "baselines"):
        assert after.pop(name) == [pytest.approx(row) for row in before.pop(name)]
    assert after == pytest.approx(before)


def test_without_a_past_there_is_no_row_and_one_of_before_goes(known: Path, db: None) -> None:
    run = score(as_of=APRIL_1, now=NOW)
    assert not Backtest.objects.exists()
    BacktestFactory.create(run=run)
    score(as_of=APRIL_1, now=NOW)
    assert not Backtest.objects.exists()


def test_what_fails_to_be_published_leaves_no_backtest(
    known: Path, weekly: Formula, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = publishing._store_backtest

    def store_and_fail(run: Any, found: Any) -> None:
        stored(run, replace(found, coverage=1.5))

    monkeypatch.setattr(publishing, "_store_backtest", store_and_fail)
    with pytest.raises(IntegrityError, match="backtest_coverage_in_range"):
        score(as_of=APRIL_1, now=NOW, formula=weekly)
    assert not Backtest.objects.exists()
    assert not Score.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "values",
    [
        {"spearman": 1.01},
        {"best_baseline": -1.01},
        {"ndcg": 1.01},
        {"overlap": -0.01},
        {"coverage": 1.01},
        {"coverage_large": -0.01},
        {"people": 1, "large": 0},
        {"large": 1201},
        {"horizon_days": 0, "cut": APRIL_1},
    ],
    ids=str,
)
def test_the_database_refuses_what_cannot_be(values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="backtest_"), transaction.atomic():
        BacktestFactory.create(**values)
    assert not Backtest.objects.exists()


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def test_the_admin_lists_and_draws_them_and_changes_none(operator: Client) -> None:
    address = reverse("admin:scoring_backtest_changelist")
    assert "Nothing to compare yet" in operator.get(address).content.decode()
    formula = FormulaFactory.create()
    rows = [
        BacktestFactory.create(run=ScoreRunFactory.create(formula=formula), spearman=spearman, coverage=coverage)
        for spearman, coverage in ((0.5, 0.8), (0.6, None))
    ]
    page = operator.get(address)
    drawn = json.loads(page.context["trend"])
    assert drawn["labels"] == [f"{row.run.as_of:%Y-%m-%d}" for row in rows]
    assert [line["data"] for line in drawn["datasets"]] == [[0.5, 0.6], [0.52, 0.52], [0.8, None]]
    assert 'data-type="line"' in page.content.decode()
    # However the list is sorted, time goes from left to right.
    assert json.loads(operator.get(address, {"o": "-4"}).context["trend"]) == drawn
    assert json.loads(operator.get(address, {"o": "4"}).context["trend"]) == drawn
    assert reverse("admin:scoring_scorerun_change", args=[rows[0].pk]) in page.content.decode()
    change = reverse("admin:scoring_backtest_change", args=[rows[0].pk])
    assert operator.get(change).status_code == 200
    assert operator.post(change, {"spearman": 1}).status_code == 403
    assert operator.get(reverse("admin:scoring_backtest_add")).status_code == 403
    assert (
        operator.post(reverse("admin:scoring_backtest_delete", args=[rows[0].pk]), {"post": "yes"}).status_code == 403
    )
    rows[0].refresh_from_db()
    assert rows[0].spearman == 0.5


# What the list asks of this app's tables: how many are shown, these with run and formula, the formulas for the filter,
# the first and last moment, its years, and those of the chart.
def test_the_list_costs_the_same_with_twice_the_rows(operator: Client) -> None:
    formula = FormulaFactory.create()

    def asked(count: int) -> list[str]:
        for _ in range(count):
            BacktestFactory.create(run=ScoreRunFactory.create(formula=formula))
        with CaptureQueriesContext(connection) as queries:
            assert operator.get(reverse("admin:scoring_backtest_changelist")).status_code == 200
        return [query["sql"] for query in queries.captured_queries]

    first = asked(3)
    assert len([sql for sql in first if '"scoring_' in sql]) == 6, first
    assert len(asked(3)) == len(first)


def test_a_runs_page_shows_its_own(operator: Client) -> None:
    run = BacktestFactory.create().run
    text = operator.get(reverse("admin:scoring_scorerun_change", args=[run.pk])).content.decode()
    assert "distinct reactors: 0.520, 0.860, 0.66" in text
    assert "260 people: 7.0 expected, 6.1 came, band 2.5 to 12.0" in text
    bare = ScoreRunFactory.create()
    assert operator.get(reverse("admin:scoring_scorerun_change", args=[bare.pk])).status_code == 200


def test_without_the_right_they_are_not_shown(client: Client, db: None) -> None:
    member = User.objects.create_user("member", is_staff=True)
    client.force_login(member)
    row = BacktestFactory.create()
    assert client.get(reverse("admin:scoring_backtest_changelist")).status_code == 403
    member.user_permissions.set(Permission.objects.filter(codename="view_scorerun"))
    client.force_login(User.objects.get(pk=member.pk))
    text = client.get(reverse("admin:scoring_scorerun_change", args=[row.pk])).content.decode()
    assert "distinct reactors" not in text
