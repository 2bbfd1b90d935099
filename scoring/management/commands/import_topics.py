"""Import Klout's ontology of topics."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.management.progress import Steps
from scoring.actions import import_topics
from scoring.ontology import NotAnOntology
from scoring.queries import KLOUT_LICENCE


class Command(BaseCommand):
    help = (
        "Import Klout's ontology of topics from its tables (topic_ontology, topic_edge and, for names in other "
        "languages, topic_display). Topics that are there stay as they are; the same files twice change nothing. "
        "Exit code 2: refused, nothing changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="A .csv or .csv.gz, in any order.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = import_topics(options["files"], progress=Steps())
        except NotAnOntology as error:
            raise CommandError(f"refused, nothing changed: {error}", returncode=2) from error
        left_out = f"; {report.left_out:,} edges and names of ids without a row left out" if report.left_out else ""
        self.stdout.write(f"{report.created:,} topics created, {report.kept:,} were there{left_out}")
        self.stdout.write(KLOUT_LICENCE)
