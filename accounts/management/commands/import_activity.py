"""Import a file or folder of activity."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from accounts.actions import ImportReport, Progress, import_activity
from accounts.intake import FORMATS, NotThisFormat


class Command(BaseCommand):
    help = (
        "Import a file or folder of activity into people and the activity log. The same file twice changes nothing. "
        "Exit code 0: all of it; 1: some rows were left out and are listed in a file; 2: refused, nothing changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--format", choices=sorted(FORMATS), default="dataset")
        parser.add_argument("--network", help="network of rows that name none, where the format leaves it open")

    def handle(self, *args: Any, **options: Any) -> None:
        bars = _Bars()
        try:
            report = import_activity(
                options["path"],
                format=options["format"],
                now=timezone.now(),
                progress=bars.show,
                network=options["network"],
            )
        except NotThisFormat as error:
            bars.close()
            raise CommandError(f"refused, nothing changed: {' '.join(str(error).split())}", returncode=2) from error
        bars.close()
        self.stdout.write(_summary(report))
        if report.rejected:
            self.stderr.write(f"{report.rejected} rows were left out; line and reason of each: {report.rejects_file}")
            sys.exit(1)


class _Bars:
    """A progress bar on stderr for each stage, with the rows so far."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._stage = ""

    def show(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self.close()
            reading = progress.stage == "reading"
            unit = {"reading": "B", "people": " accounts", "websites": " websites", "log": " days"}[progress.stage]
            self._bar = tqdm(total=progress.total, desc=progress.stage, unit=unit, unit_scale=reading, file=sys.stderr)
            self._stage = progress.stage
        self._bar.total = progress.total or None
        self._bar.update(progress.done - self._bar.n)
        rate = progress.rows / max(self._bar.format_dict["elapsed"], 0.001)
        self._bar.set_postfix_str(f"{progress.rows:,} rows, {rate:,.0f}/s", refresh=False)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _summary(report: ImportReport) -> str:
    return (
        f"{report.rows_read:,} rows read; new: {report.people:,} people, {report.identities:,} identities, "
        f"{report.posts:,} posts, {report.interactions:,} interactions on {report.days:,} days"
    )
