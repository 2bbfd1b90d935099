"""Score everybody, in the foreground: what the nightly task does."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse
from django.utils import timezone

from accounts.management.progress import Steps
from scoring.actions import ScoringError, score, score_shadows
from scoring.engine import EngineError
from scoring.management.arguments import moment
from scoring.models import Formula, ScoreRun


class Command(BaseCommand):
    help = "Compute and publish all scores as known at a moment. Exits with 2 if refused, 1 if it failed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--as-of",
            type=moment,
            help="A date (its first instant in UTC) or an ISO moment; only activity before it counts. Else today.",
        )
        parser.add_argument(
            "--make-current",
            action="store_true",
            help="Show readers this run even if another is of a later moment; the next night's run replaces it.",
        )
        parser.add_argument(
            "--formula", metavar="VERSION", help="A stored version; the one that counts at that moment if missing."
        )
        parser.add_argument(
            "--shadow",
            action="store_true",
            help="Compute instead the formulas that are asked to run in shadow, as of the run that readers see.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        if options["shadow"]:
            if options["as_of"] or options["formula"] or options["make_current"]:
                raise CommandError("--shadow stands alone: its runs are as of the run that readers see", returncode=2)
            self.stdout.write(score_shadows(now=now))
            return
        as_of = options["as_of"] or moment(f"{now:%Y-%m-%d}")
        formula = None
        if options["formula"]:
            formula = Formula.objects.filter(version=options["formula"]).first()
            if formula is None:
                known = ", ".join(Formula.objects.order_by("pk").values_list("version", flat=True)) or "none"
                raise CommandError(f"there is no formula {options['formula']!r}; known are: {known}", returncode=2)
        steps = Steps()
        try:
            run = score(as_of=as_of, now=now, formula=formula, progress=steps, make_current=options["make_current"])
        except ScoringError as error:
            raise CommandError(str(error), returncode=2) from error
        except EngineError as error:
            raise CommandError(str(error), returncode=1) from error
        self.stdout.write(
            f"{run.people:,} people, {run.interactions:,} interactions, {steps.seconds:.1f} s: "
            f"run as of {run.as_of:%Y-%m-%d %H:%M} UTC, formula {run.formula.version}, "
            + ("current" if run.is_current else "not current")
        )
        if not run.is_current:
            self.stdout.write(_why_not_current(run))


def _why_not_current(run: ScoreRun) -> str:
    """Return why readers don't see a run, where to look at it, and how to show it to them."""
    if run.formula.is_current:
        latest = ScoreRun.objects.done().order_by("-as_of").values_list("as_of", flat=True)[0]
        why = f"Readers go on seeing what they saw: there is a run of a later moment, {latest:%Y-%m-%d %H:%M} UTC."
    else:
        why = f"Readers see runs of the current formula, and {run.formula.version} isn't that."
    scores = reverse("admin:scoring_score_changelist")
    return (
        f"{why} To look at this one: in the admin under Runs, {scores}?run={run.pk}. "
        "To show it to readers until the next night: the same command with --make-current."
    )
