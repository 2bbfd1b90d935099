"""Hold a forecast from a data set against what then happened in it; needs no database."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.intake import NotThisFormat
from accounts.management.progress import Steps
from scoring.actions import BacktestReport, ScoringError, backtest_dataset
from scoring.engine import Backtest, EngineError
from scoring.engine.backtests import LARGE
from scoring.management.arguments import moment
from scoring.management.dataset import add_dataset, add_formula, parameters_from


class Command(BaseCommand):
    help = (
        "Forecast as of a moment of a data set, and hold that against what then happened, beside plain baselines. "
        "Exits with 1 if rows were bad (the rest is tested), with 2 if it was refused."
    )
    # It must run where no database is, and touches nothing that the checks look at.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_dataset(parser)
        parser.add_argument(
            "--cut",
            type=moment,
            required=True,
            metavar="WHEN",
            help="A date (its first instant in UTC) or an ISO moment: what is before it is known, what comes foretold.",
        )
        add_formula(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        steps = Steps()
        try:
            parameters = parameters_from(options["formula"], options["horizon"], options["half_life"])
            report = backtest_dataset(
                options["path"],
                format=options["format"],
                network=options["network"],
                cut=options["cut"],
                parameters=parameters,
                progress=steps,
            )
        except (NotThisFormat, ScoringError, EngineError, OSError) as error:
            raise CommandError(" ".join(str(error).split()), returncode=2) from error
        if report.backtest is None:
            raise CommandError(_too_little(options["cut"], parameters.horizon_days, report), returncode=2)
        end = options["cut"] + timedelta(days=parameters.horizon_days)
        if report.between and report.between[1] < end - timedelta(days=parameters.horizon_days / 20):
            self.stderr.write(
                f"the horizon ends at {end:%Y-%m-%d %H:%M} UTC, the data set's last row is of "
                f"{report.between[1]:%Y-%m-%d %H:%M}: less happened in it than could have"
            )
        for line in table(report.backtest):
            self.stdout.write(line)
        for reject in report.rejects:
            self.stderr.write(f"left out: {reject.source}, line {reject.line}: {reject.reason}")
        if report.rejected > len(report.rejects):
            self.stderr.write(f"and {report.rejected - len(report.rejects):,} rows more")
        if report.rejected:
            raise SystemExit(1)


def table(found: Backtest) -> list[str]:
    """Return the lines of the table: who was judged, each ranking, the bands."""
    cut = datetime.fromtimestamp(found.cut, UTC)
    rankings = {"the score": found.score, **found.baselines}
    width = max(map(len, rankings)) + 2
    lines = [
        f"cut {cut:%Y-%m-%d %H:%M} UTC, horizon {found.horizon_days:g} days: "
        f"{found.people:,} people on whom somebody had acted, by how many different people then freely acted on them",
        "",
        f"{'':<{width}}{'Spearman':>10}{'nDCG@100':>10}{'overlap@100':>13}",
    ]
    for name, each in rankings.items():
        lines.append(f"{name:<{width}}{each.spearman:>10.3f}{each.ndcg:>10.3f}{each.overlap:>13.2f}")
    of_large = f"{found.large:,} with a forecast of {LARGE:g} and more"
    lines += ["", f"{'outcomes within the band':<{width}}{'all':>10}{of_large:>{len(of_large) + 3}}"]
    for name, shares in (
        ("learned a horizon before", (found.coverage_before, found.coverage_before_large)),
        ("learned from other people", (found.coverage, found.coverage_large)),
    ):
        whole, large = ("–" if share is None else f"{share:.1%}" for share in shares)
        lines.append(f"{name:<{width}}{whole:>10}{large:>{len(of_large) + 3}}")
    return lines


def _too_little(cut: datetime, horizon_days: float, report: BacktestReport) -> str:
    if report.between is None:
        return "there is nothing to test: the data set holds no activity"
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in report.between)
    return (
        f"too little is known before --cut {cut:%Y-%m-%d %H:%M} UTC: it takes {horizon_days / 2:g} days "
        f"(half the horizon) with acts on two people; the data set's activity is of {first} to {last} UTC"
    )
