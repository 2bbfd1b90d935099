"""Bring the database up to date, in one process: `python -m config.launcher.prepare [ADDRESS]`.

With the address that the site will have, the sample world is made as well. Loading the project takes longer than the
work of a second start, so it is loaded once.
"""

import os
import sys

import django
from django.conf import settings
from django.core.management import CommandError, call_command

from config.launcher.console import step


def main(address: str | None) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        with step("migrating"):
            django.setup()
            call_command("migrate", interactive=False, verbosity=0)
        if settings.PRODUCTION:
            with step("collecting static files"):
                call_command("collectstatic", interactive=False, verbosity=0)
        if address is not None:
            with step("the sample world", talks=True):
                call_command("demo_world", address=address)
    except CommandError as error:
        print(f"sway: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
