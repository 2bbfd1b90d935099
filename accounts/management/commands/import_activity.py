"""Import a file or folder of activity."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.actions import ImportReport, import_activity
from accounts.intake import FORMATS, NotThisFormat
from accounts.management.progress import Bars
from accounts.management.rejects import end_with

# What each stage of an import counts.
_UNITS = {"reading": "bytes", "people": "accounts", "websites": "websites", "log": "days"}


class Command(BaseCommand):
    help = (
        "Import a file or folder of activity into people and the activity log. The same file twice changes nothing. "
        "Exit code 0: all of it; 1: some rows were left out and are listed in a file; 2: refused, nothing changed."
    )
    # Pages and their addresses aren't needed, and take longer to check than a small file to import.
    requires_system_checks = (Tags.models,)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--format", choices=sorted(FORMATS), default="dataset")
        parser.add_argument("--network", help="network of rows that name none, where the format leaves it open")

    def handle(self, *args: Any, **options: Any) -> None:
        bars = Bars(_UNITS)
        try:
            report = import_activity(
                options["path"],
                format=options["format"],
                now=timezone.now(),
                progress=lambda at: bars.show(at.stage, at.done, at.total, at.rows),
                network=options["network"],
            )
        except NotThisFormat as error:
            raise CommandError(f"refused, nothing changed: {' '.join(str(error).split())}", returncode=2) from error
        finally:
            bars.close()
        end_with(self, _summary(report), report.rejected, report.rejects_file)


def _summary(report: ImportReport) -> str:
    return (
        f"{report.rows_read:,} rows read; new: {report.people:,} people, {report.identities:,} identities, "
        f"{report.posts:,} posts, {report.interactions:,} interactions on {report.days:,} days"
    )
