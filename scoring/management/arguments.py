"""Types of command-line arguments: moments and durations."""

import re
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def moment(text: str) -> datetime:
    """Return the moment that a text means: a date is its first instant, and without a zone it is UTC.

    >>> moment("2018-02-08").isoformat()
    '2018-02-08T00:00:00+00:00'
    >>> moment("2018-02-08T06:30+02:00").isoformat()
    '2018-02-08T04:30:00+00:00'
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no date and no moment: write 2018-02-08 or 2018-02-08T18:30Z") from None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def duration(text: str) -> timedelta:
    """Return the duration that a text means: a number and one of s, m, h, d, w.

    >>> duration("28d").days, duration("1.5h").seconds
    (28, 5400)
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None or float(found[1]) == 0:
        raise ArgumentTypeError(f"{text!r} is no duration: write 28d, 36h or 90m")
    try:
        return timedelta(seconds=float(found[1]) * _SECONDS[found[2]])
    except OverflowError:
        raise ArgumentTypeError(f"{text!r} is longer than any calendar") from None
