"""Look after the activity log, and what runs keep of it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import actions, queries
from accounts.management.progress import Bars, Steps
from scoring.actions import ScoringError, rebuild_state
from scoring.engine import EngineError


class Command(BaseCommand):
    help = "Look after the activity log: see whether its files are as they were written, tidy it, make sums anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
        what.add_parser(
            "verify",
            help="hold each file against its length, checksum and number of rows; exit code 1 where one is wrong",
        )
        tidy = what.add_parser("tidy", help="merge small files, drop texts that are too old, take out erased accounts")
        tidy.add_argument("--at-once", action="store_true", help="don't let erasures wait for others, a week at most")
        discard = what.add_parser(
            "discard", help="take a file out of the log that can't be restored: its rows are lost"
        )
        discard.add_argument("path", help="as verify names it")
        what.add_parser(
            "rebuild",
            help="make the sums that nightly runs go on from anew, of all days; a run does so where need be",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['what']}")(options)

    def _verify(self, options: dict[str, Any]) -> None:
        bars = Bars({"log": "files"})
        checked = faults = 0

        def show(done: int, of: int, rows: int) -> None:
            nonlocal checked
            checked = done
            bars.show("log", done, of, rows)

        try:
            for fault in queries.log_faults(progress=show):
                faults += 1
                self.stdout.write(f"{fault.path}: {fault.what}")
        finally:
            bars.close()
        if faults:
            raise CommandError(
                f"{faults:,} of {checked:,} files are wrong: copy them back from a backup, or give one up with "
                "manage.py log discard PATH; nothing is scored until then",
                returncode=1,
            )
        self.stdout.write(f"{checked:,} files, all as they were written")

    def _tidy(self, options: dict[str, Any]) -> None:
        bars = Bars({"log": "days"})
        try:
            tidied = actions.tidy_log(
                now=timezone.now(), progress=lambda *at: bars.show("log", *at), at_once=options["at_once"]
            )
        finally:
            bars.close()
        self.stdout.write(str(tidied))

    def _rebuild(self, options: dict[str, Any]) -> None:
        steps = Steps()
        try:
            state = rebuild_state(now=timezone.now(), progress=steps)
        except ScoringError as error:
            raise CommandError(str(error), returncode=2) from error
        except EngineError as error:
            raise CommandError(str(error), returncode=1) from error
        self.stdout.write(
            f"the sums of all days before {state.until:%Y-%m-%d} were made anew, "
            f"{sum(state.files.values()):,} bytes in {steps.seconds:.1f} s"
        )

    def _discard(self, options: dict[str, Any]) -> None:
        rows = actions.discard_file(options["path"], now=timezone.now())
        if rows is None:
            raise CommandError(
                f"{options['path']} is no file of the log; manage.py log verify names them", returncode=2
            )
        self.stdout.write(
            f"{options['path']} is out of the log; of its {rows:,} rows those are lost that aren't activity any more"
        )
