#!/usr/bin/env python
"""Run Sway's management commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except Exception as error:  # raised again unless it is the operator's to mend
        from config.refusals import refusal_of

        refusal = None if "--traceback" in sys.argv else refusal_of(error)
        if refusal is None:
            raise
        # The operator's to mend: one line that says what to do, no traceback.
        print(f"sway: {refusal}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
