"""Choose a group out of any data set, from files to a file; needs no database."""

from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.intake import NotThisFormat
from accounts.management.progress import Steps
from campaigns.actions import CampaignError
from campaigns.actions.datasets import choose_dataset
from campaigns.selection import RulesError
from scoring.actions import ScoringError
from scoring.engine import EngineError
from scoring.management.dataset import add_as_of, add_dataset, add_formula, parameters_from


def _seats(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number of seats: write 1 or more")
    return int(text)


class Command(BaseCommand):
    help = (
        "Choose the people who together reach the most different people. Writes a row per seat: rank, who, their reach "
        "alone, what they add to those before (marginal), all so far (cumulative), and what no group can exceed. Exits "
        "with 2 if it was refused (then nothing is written)."
    )
    # It must run where no database is, and touches nothing that the checks look at.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_dataset(parser)
        add_as_of(parser)
        parser.add_argument("--seats", type=_seats, required=True, metavar="N", help="How many to choose at most.")
        parser.add_argument(
            "--candidates",
            type=Path,
            metavar="FILE",
            help="A .csv of who can be chosen, by account or handle, with columns network, cost, must and any others; "
            "without it everybody.",
        )
        parser.add_argument(
            "--quota",
            action="append",
            default=[],
            metavar="RULE",
            help="'3 per city': at most so many of each value of a column of the candidates, of network, or of ten "
            "points of score. '5 below 1000': at least so many with a reach below that. May be given several times.",
        )
        parser.add_argument("--budget", type=float, metavar="SUM", help="What the column cost may add up to.")
        parser.add_argument("--topic", default="", metavar="SLUG", help="Reach on this topic counts.")
        add_formula(parser)
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="A .csv or .parquet file.")

    def handle(self, *args: Any, **options: Any) -> None:
        steps = Steps()
        try:
            report = choose_dataset(
                options["path"],
                format=options["format"],
                network=options["network"],
                as_of=options["as_of"],
                parameters=parameters_from(options["formula"], options["horizon"], options["half_life"]),
                seats=options["seats"],
                candidates=options["candidates"],
                quotas=options["quota"],
                budget=options["budget"],
                topic=options["topic"],
                out=options["out"],
                progress=steps,
            )
        except (NotThisFormat, ScoringError, EngineError, CampaignError, RulesError, OSError) as error:
            raise CommandError(" ".join(str(error).split()), returncode=2) from error
        chosen = report.chosen
        if report.rejected:
            self.stderr.write(f"{report.rejected:,} bad rows were left out; score_dataset lists them")
        self.stdout.write(
            f"{chosen.group.size:,} of {report.candidates:,} people chosen, who reach {chosen.reached:,.1f} different "
            f"people, at least {chosen.proved:.1%} of the best possible: {options['out']}"
        )
