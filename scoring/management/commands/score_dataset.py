"""Score any data set from files to a file; needs no database."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.intake import NotThisFormat
from accounts.management.progress import Steps
from accounts.management.rejects import end_with
from scoring.actions import ScoringError, score_dataset
from scoring.engine import EngineError
from scoring.management.dataset import add_as_of, add_dataset, add_formula, parameters_from


class Command(BaseCommand):
    help = (
        "Score a data set as known at a moment. Exits with 1 if rows were bad (the rest is scored; they stand in "
        "OUT.rejects.csv), with 2 if it was refused (then nothing is written)."
    )
    # It must run where no database is, and touches nothing that the checks look at.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_dataset(parser)
        add_as_of(parser)
        add_formula(parser)
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="A .csv or .parquet file.")

    def handle(self, *args: Any, **options: Any) -> None:
        steps = Steps()
        try:
            report = score_dataset(
                options["path"],
                format=options["format"],
                network=options["network"],
                as_of=options["as_of"],
                parameters=parameters_from(options["formula"], options["horizon"], options["half_life"]),
                out=options["out"],
                progress=steps,
            )
        except (NotThisFormat, ScoringError, EngineError, OSError) as error:
            raise CommandError(" ".join(str(error).split()), returncode=2) from error
        if not report.interactions:
            self.stderr.write(_nothing_counts(options["as_of"], report.between))
        kept = (
            f"{report.people:,} people, {report.interactions:,} interactions, {steps.seconds:.1f} s: {options['out']}"
        )
        end_with(self, kept, report.rejects, Path(f"{options['out']}.rejects.csv"))


def _nothing_counts(as_of: datetime, between: tuple[datetime, datetime] | None) -> str:
    """Return the line that says why nobody has a score to speak of."""
    if between is None:
        return "no activity counts: the data set holds none"
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in between)
    return f"no activity counts before --as-of {as_of:%Y-%m-%d %H:%M} UTC; the data set's is of {first} to {last} UTC"
