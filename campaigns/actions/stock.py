"""Codes come into a campaign's stock: from a file, or made here."""

import csv
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction

from accounts.models import User
from campaigns.actions.auditing import Kind, counted, record_for
from campaigns.actions.errors import CampaignError
from campaigns.actions.perks import managed, serve
from campaigns.models import Campaign, PerkCode

# A file of so many codes of full length, and no larger one.
MOST_CODES: Final = 20_000
MOST_BYTES: Final = 2 * 1024 * 1024
LONGEST: Final = 64
# Letters and digits that nobody takes for one another: 32 of them, so that twelve are 60 bits.
ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GROUPS, _GROUP = 3, 4
_BATCH = 2000


class NoCodes(CampaignError):
    """What was given holds no codes that could be taken in; nothing was."""


@dataclass(frozen=True, slots=True)
class FoundCodes:
    """The codes of a file, each once and in order, and how many lines gave none."""

    codes: list[str]
    repeated: int
    blank: int


@dataclass(frozen=True, slots=True)
class CodesReport:
    """What became of codes given to a campaign: new ones, those it had before, and people who waited and got one."""

    added: int
    known: int
    served: int


def read_codes(data: bytes, *, is_csv: bool) -> FoundCodes:
    """Return the codes of a text file, one a line; of a CSV file the first column, without its heading `code`.

    Raises NoCodes, with a sentence that names the line but never what stands there, at the first thing that is wrong.
    """
    if len(data) > MOST_BYTES:
        raise NoCodes(f"The file has more than {MOST_BYTES // 1024 // 1024} MB: split it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NoCodes("The file isn't a text in UTF-8: save it as such and try again.") from None
    lines = text.splitlines()
    seen: dict[str, None] = {}
    repeated = blank = 0
    for number, line in enumerate(lines, 1):
        code = _first_column(line) if is_csv else line.strip()
        if number == 1 and is_csv and code.lower() in {"code", "codes"}:
            continue
        if not code:
            blank += 1
        elif code in seen:
            repeated += 1
        else:
            _check(code, f"Line {number}")
            seen[code] = None
    if not seen:
        raise NoCodes("There is no code in it.")
    if len(seen) > MOST_CODES:
        raise NoCodes(f"There are more than {MOST_CODES:,} codes in it: split it.")
    return FoundCodes(list(seen), repeated, blank)


@transaction.atomic
def add_codes(
    *, campaign: Campaign, codes: Iterable[str], expires_on: date | None, by: User, now: datetime
) -> CodesReport:
    """Put codes into a campaign's stock and serve who waits for one; codes that the campaign has are left as they are.

    Raises NotYours, and NoCodes for a text that can't be a code or a last day that has passed.
    """
    campaign = managed(campaign.pk, by)
    if expires_on is not None and PerkCode(expires_on=expires_on).is_past(now):
        raise NoCodes("The last day has passed: nobody could use these codes.")
    wanted = list(dict.fromkeys(codes))
    for number, code in enumerate(wanted, 1):
        _check(code, f"Code {number}")
    # Under the campaign's lock nobody else adds any, so the constraint, whose error would tell the code, never speaks.
    there = set(PerkCode.objects.filter(campaign=campaign, code__in=wanted).values_list("code", flat=True))
    new = [
        PerkCode(campaign=campaign, code=code, expires_on=expires_on, added_at=now, added_by=by)
        for code in wanted
        if code not in there
    ]
    PerkCode.objects.bulk_create(new, batch_size=_BATCH)
    if new:
        record_for(Kind.CODES_ADDED, campaign, by, counted(len(new), "code"))
    return CodesReport(added=len(new), known=len(there), served=serve(campaign, by=by, now=now))


def generate_codes(*, campaign: Campaign, number: int, expires_on: date | None, by: User, now: datetime) -> CodesReport:
    """Put so many new codes into a campaign's stock that nobody can guess, and serve who waits for one.

    Raises NotYours, and NoCodes where the number is none that can be made at once or the last day has passed.
    """
    if not 1 <= number <= MOST_CODES:
        raise NoCodes(f"1 to {MOST_CODES:,} codes can be made at once.")
    made: set[str] = set()
    while len(made) < number:
        made.add(_new_code())
    # That one of them is there already, among 2 to the power of 60, is not to be expected; it would only be one fewer.
    return add_codes(campaign=campaign, codes=sorted(made), expires_on=expires_on, by=by, now=now)


def _new_code() -> str:
    letters = [secrets.choice(ALPHABET) for _ in range(_GROUPS * _GROUP)]
    return "-".join("".join(letters[at : at + _GROUP]) for at in range(0, len(letters), _GROUP))


def _first_column(line: str) -> str:
    separator = next((sign for sign in line if sign in ",;\t"), ",")
    try:
        cells = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:  # a cell of more than a hundred thousand characters
        return line
    return cells[0].strip() if cells else ""


def _check(code: str, where: str) -> None:
    if len(code) > LONGEST:
        raise NoCodes(f"{where} is longer than {LONGEST} characters: nothing was taken in.")
    if not code.isprintable() or code != code.strip() or not code:
        raise NoCodes(f"{where} isn't a code: it holds signs that can't be printed. Nothing was taken in.")
