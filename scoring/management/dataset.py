"""What commands take that work on a data set's files, with no database."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from accounts.intake import FORMATS
from scoring.actions import ScoringError
from scoring.engine import Parameters
from scoring.management.arguments import duration, moment


def add_dataset(parser: CommandParser) -> None:
    """Let a command take the place of a data set, and its format."""
    parser.add_argument("path", type=Path, metavar="DIR", help="The data set's folder, or the file of a format.")
    parser.add_argument("--format", choices=sorted(FORMATS), default="dataset")
    parser.add_argument("--network", help="Network of rows that name none.")


def add_as_of(parser: CommandParser) -> None:
    """Let a command take the moment up to which a data set counts."""
    parser.add_argument(
        "--as-of",
        type=moment,
        required=True,
        metavar="WHEN",
        help="A date (its first instant in UTC) or an ISO moment; only activity before it counts.",
    )


def add_formula(parser: CommandParser) -> None:
    """Let a command take a formula; `parameters_from` makes it of the options."""
    parser.add_argument("--horizon", type=duration, help="How far the forecast looks ahead: 28d, 36h.")
    parser.add_argument("--half-life", type=duration, help="Age at which an action weighs half: 30d, 1d.")
    parser.add_argument("--formula", type=Path, metavar="FILE", help="Parameters as JSON, else the defaults.")


def parameters_from(formula: Path | None, horizon: timedelta | None, half_life: timedelta | None) -> Parameters:
    """Return the formula of a file, or the defaults, with what the options change; raise ScoringError or InputError."""
    given: dict[str, Any] = {}
    if formula is not None:
        try:
            given = json.loads(formula.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ScoringError(f"{formula.name} is no JSON: {error}") from error
        if not isinstance(given, dict):
            raise ScoringError(f"{formula.name} should hold one JSON object of parameters")
    changes: dict[str, Any] = {
        name: value / timedelta(days=1)
        for name, value in (("horizon_days", horizon), ("half_life_days", half_life))
        if value is not None
    }
    return replace(Parameters.from_dict(given), **changes)
