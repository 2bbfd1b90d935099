#!/usr/bin/env python
"""Run Sway's management commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A wrong setting is the operator's to mend: one line that says what to do, no traceback.
        sys.exit(_refuse(str(error)))


def _refuse(message: str) -> int:
    print(f"sway: {' '.join(message.split())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
