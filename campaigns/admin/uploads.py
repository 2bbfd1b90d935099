"""Files of handles that managers upload."""

import re
from typing import Any, Final

from django import forms

# What the first line of such a file may be, beside a handle.
HEADINGS: Final = frozenset({"handle", "handles", "account", "username", "name"})


def handles_of(file: Any, *, largest: int, most: int | None = None) -> list[str]:
    """Return the first column of an uploaded CSV or text file, without its heading.

    `most` is how many lines it may have. Raises ValidationError as `lines_of` does.
    """
    cells = [
        line.replace(";", ",").replace("\t", ",").partition(",")[0].strip().strip('"')
        for line in lines_of(file, largest=largest)
    ]
    if most is not None and len(cells) > most:
        raise forms.ValidationError(f"The file has more than {most:,} lines. Split it.")
    # A heading isn't anybody.
    return cells[1:] if cells and cells[0].lower() in HEADINGS else cells


def lines_of(file: Any, *, largest: int) -> list[str]:
    """Return the lines of an uploaded text file of `largest` bytes at most.

    Raises ValidationError for a file that is larger, or no text in UTF-8.
    """
    if file.size > largest:
        raise forms.ValidationError(f"The file has more than {largest // 1000} kB. Leave its other columns out.")
    try:
        text: str = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise forms.ValidationError("The file is no text in UTF-8. Save it as CSV (UTF-8).") from None
    if "\0" in text:
        raise forms.ValidationError("The file is no text. Save it as CSV (UTF-8).")
    return text.splitlines()


def costs_of(file: Any, *, largest: int) -> list[str]:
    """Return the lines "handle, cost" of an uploaded file, without its heading. Raises as `lines_of` does."""
    lines = lines_of(file, largest=largest)
    first = re.split(r"[,;\t]", lines[0])[0].strip(' "').lower() if lines else ""
    return lines[1:] if first in HEADINGS else lines
