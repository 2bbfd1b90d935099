"""Take an e-mail that came back."""

import sys
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from campaigns.actions import take_bounce
from campaigns.envelopes import MOST_BYTES

# What mail servers take for "not now, try again" (sysexits.h).
_TRY_AGAIN: Final = 75
_CHUNK: Final = 64 * 1024


class Command(BaseCommand):
    help = (
        "Read one delivery status notification (RFC 3464) from standard input, as a mail server pipes it, and mark the "
        "address whose e-mail came back for good. Says in one line what it did. Exit code 0 whatever the message is; "
        "75, at which mail servers try again, where the database can't be asked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--to",
            default="",
            metavar="ADDRESS",
            help="The address that it was sent to; without it X-Original-To, Delivered-To and To are looked at.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        data = sys.stdin.buffer.read(MOST_BYTES + 1)
        # To its end, for a mail server whose pipe is closed takes that for a failure; and nothing of it is kept.
        while len(data) > MOST_BYTES and sys.stdin.buffer.read(_CHUNK):
            pass
        try:
            self.stdout.write(take_bounce(data, written_to=options["to"], now=timezone.now()))
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"try again: {type(error).__name__}", returncode=_TRY_AGAIN) from error
