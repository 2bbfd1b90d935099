"""docs/scoring.md states the formula that is computed."""

import re
from pathlib import Path

from scoring.engine import REASONS, Parameters, reach_at, score
from scoring.engine.alive import Presence, alive

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "scoring.md").read_text(encoding="utf-8")


def test_every_parameter_stands_there_with_its_default() -> None:
    stated = dict(re.findall(r"^\| (\w+) \| (\S+) \| .+ \|$", PAGE.split("## Parameters")[1], re.MULTILINE))
    stated.pop("name")

    formula = Parameters().to_dict()
    assert stated.pop("version") == formula.pop("version")
    assert {name: float(value) for name, value in stated.items()} == formula


def test_the_table_of_the_scale_is_right() -> None:
    reach, scores = (
        [cell.strip() for cell in re.findall(rf"^\| {label} \|(.+)\|$", PAGE, re.MULTILINE)[0].split("|")]
        for label in ("reach, in people", "score")
    )

    found = score([float(cell.replace(",", "")) for cell in reach]).round(1).tolist()
    assert found == [float(cell) for cell in scores]


def test_every_reason_has_its_paragraph() -> None:
    for reason in REASONS:
        assert f"**{reason.capitalize()}**" in PAGE


def test_figures_in_the_text_hold() -> None:
    text = " ".join(PAGE.split())
    presence = Presence(100, 10, 0.8, 730, 0.5, 2)
    kept = (100 * alive([60, 60, 3], [59, 59, 60], [3, 40, 40], presence)).round().astype(int).tolist()
    daily, long, rare = kept
    assert f"After sixty days of posting daily, 3 silent days leave {daily} % and 40 leave {long} %" in text
    assert f"after three posts in sixty days, 40 silent days leave {rare} %" in text

    # What kappa can raise a large reach by, and what a point is.
    gain = float(score((1 + Parameters().kappa) * 1e5) - score(1e5))
    assert f"raises reach by at most 40 %, which is {gain:.1f} points" in text
    point = 100 * float(reach_at(51) / reach_at(50) - 1)
    assert f"it is about {point:.0f} % more or fewer people" in text
