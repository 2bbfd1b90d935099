"""The figures and the chart on the page of a score."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.queries import HistoryPoint
from scoring.views.chart import line_chart
from scoring.views.figures import add_up, band_sentence, number, people

NOW = datetime(2026, 3, 1, tzinfo=UTC)

# Figures.


@pytest.mark.parametrize(
    ("value", "places", "text"), [(1234567.4, 0, "1,234,567"), (0.5, 0, "1"), (2.5, 0, "3"), (0.125, 2, "0.13")]
)
def test_numbers_round_half_up_with_thousands_apart(value: float, places: int, text: str) -> None:
    assert number(value, places) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.05, "less than 0.1 people"), (1.0, "1 person"), (3.26, "3.3 people"), (3.0, "3 people"), (41.7, "42 people")],
)
def test_people_are_counted_with_their_unit(value: float, text: str) -> None:
    assert people(value) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (119.6, 340.2, "Between 119 and 341 people are likely to act in the next 28 days."),
        (0.0, 0.4, "Between 0 and 1 people are likely to act in the next 28 days."),
        (5.0, 5.0, "About 5 people are likely to act in the next 28 days."),
        (0.0, 0.0, "Nobody is likely to act in the next 28 days."),
    ],
)
def test_the_band_is_rounded_outwards(low: float, high: float, text: str) -> None:
    assert band_sentence(low, high, 28) == text


amounts = st.floats(min_value=0, max_value=1e6)


@given(st.lists(amounts, min_size=5, max_size=5), amounts)
def test_rounded_figures_still_add_up(parts: list[float], rest: float) -> None:
    whole = rest + sum(parts)
    rounded_whole, rounded_parts, rounded_rest, places = add_up(whole, parts, rest)
    unit = 10**places
    in_units = [round(value * unit) for value in (rounded_whole, *rounded_parts, rounded_rest)]
    assert in_units[0] - sum(in_units[1:-1]) == in_units[-1]
    for exact, rounded in zip([whole, *parts, rest], in_units, strict=True):
        assert abs(exact * unit - rounded) <= 1 + 1e-6


def test_sums_are_shown_in_as_many_decimals_as_they_need() -> None:
    assert add_up(483.9, [31.2, 12.1, 15.1, 0.0, 5.1], 420.4) == (484, [32, 12, 15, 0, 5], 420, 0)
    assert add_up(42.26, [2.13], 40.13) == (42.3, [2.2], 40.1, 1)
    assert add_up(0.48, [0.08, 0.0], 0.4) == (0.48, [0.08, 0.0], 0.4, 2)


# The chart.


def points(*days_and_scores: tuple[float, float], formula: str = "a") -> list[HistoryPoint]:
    return [HistoryPoint(NOW + timedelta(days=day), score, 1.0, formula) for day, score in days_and_scores]


def test_one_point_is_no_chart() -> None:
    assert line_chart([]) is None
    assert line_chart(points((0, 30))) is None


def test_the_scale_holds_the_scores_and_at_least_ten() -> None:
    chart = line_chart(points((0, 33.0), (1, 34.0)))
    assert chart
    assert [(tick.label, tick.y, tick.at) for tick in chart.ticks] == [
        ("40", "0.0", "0.0%"),
        ("35", "100.0", "50.0%"),
        ("30", "200.0", "100.0%"),
    ]
    assert chart.lines == ("0.0 140.0, 1000.0 120.0",)
    assert chart.last == "1000.0 120.0"
    assert chart.dates == (NOW, NOW + timedelta(hours=12), NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("lowest", "highest", "labels"),
    [
        (1.0, 1.0, ["10", "5", "0"]),
        (30.0, 30.0, ["40", "35", "30"]),
        (100.0, 100.0, ["100", "95", "90"]),
        (1.0, 99.0, ["100", "80", "60", "40", "20", "0"]),
        (12.0, 55.0, ["60", "50", "40", "30", "20", "10"]),
    ],
)
def test_ticks_are_few_and_round(lowest: float, highest: float, labels: list[str]) -> None:
    chart = line_chart(points((0, lowest), (1, highest)))
    assert chart
    assert [tick.label for tick in chart.ticks] == labels


def test_a_gap_in_the_runs_is_a_gap_in_the_line() -> None:
    chart = line_chart(points((0, 30), (1, 31), (2, 32), (6, 33), (9, 34), (10, 35)))
    assert chart
    assert chart.has_gaps
    assert [line.count(",") + 1 for line in chart.lines] == [3, 2]
    assert chart.dots == ("600.0 140.0",)


def test_a_change_of_the_formula_parts_the_line_without_being_a_gap() -> None:
    chart = line_chart(points((0, 30), (1, 31)) + points((2, 35), (3, 36), formula="b"))
    assert chart
    assert not chart.has_gaps
    assert len(chart.lines) == 2
    assert chart.changes == ("666.7",)
