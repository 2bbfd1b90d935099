"""How a command ends that left rows out."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand


def end_with(command: BaseCommand, kept: str, rejected: int, file: Path | None) -> None:
    """Print what was kept, and what was left out and where that is listed; exit with 1 if anything was."""
    command.stdout.write(kept)
    if rejected:
        rows = "1 row was" if rejected == 1 else f"{rejected:,} rows were"
        command.stderr.write(f"{rows} left out; file, line and reason of each: {file}")
        sys.exit(1)
