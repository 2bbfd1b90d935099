"""The demo's sheet: where the site is, how to sign in, whom to look at. `demo.json` in the data folder."""

import json
import os
from pathlib import Path
from typing import TypedDict


class Login(TypedDict):
    username: str
    password: str


class Sheet(TypedDict):
    """What `demo.json` says. `handles` have public pages; `cast` are the handles of the sample world's characters."""

    address: str
    logins: dict[str, Login]
    api_key: str
    handles: list[str]
    cast: dict[str, str]


def read_sheet(file: Path) -> Sheet:
    """Return what the file says, or an empty sheet where there is none or it was cut off or mangled."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        told = {}
    empty = Sheet(address="", logins={}, api_key="", handles=[], cast={})
    if not isinstance(told, dict) or not isinstance(told.get("logins", {}), dict):
        return empty
    return Sheet(**{**empty, **{name: value for name, value in told.items() if name in empty}})


def write_sheet(file: Path, sheet: Sheet) -> None:
    """Write the file whole and for its owner's eyes only: it holds passwords."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            json.dump(sheet, out, indent=2, ensure_ascii=False)
            out.write("\n")
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
