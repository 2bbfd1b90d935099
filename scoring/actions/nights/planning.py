"""What a night has to read: what is new since the sums were made, or everything."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from accounts.queries import LogDay, erased_between
from scoring.actions.nights.states import DAYS, day_number, day_of, fault_of, state_root
from scoring.engine.activity import DAY, POST_DAYS
from scoring.models import ScoreState

log = logging.getLogger(__name__)

# How long something may come late and be taken in; what comes later makes all sums be made anew.
LATE_DAYS: Final = 28
# Of somebody who was erased sums hold nothing from that moment on, but that others were there to write to them; that
# too goes within so long, with the next sums that are made anew.
ERASED_WAIT: Final = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: take `changed` days into `stored`, or, without it, read everything. `how` says so, and why."""

    stored: ScoreState | None
    changed: tuple[int, ...]
    fresh: tuple[int, ...]
    folders: dict[int, Path]
    how: str
    earlier: bool = False


def plan_of(stored: ScoreState | None, until: int, log_of: dict[int, LogDay], now: datetime) -> Plan:
    if stored is None:
        return _whole("nothing is kept yet")
    if stored.until > now:
        # The clock was ahead once. By it every night would read the whole log until that moment comes.
        return _whole(f"what is kept is of {stored.until:%Y-%m-%d}, which is yet to come")
    first = int(stored.until.timestamp()) // DAY
    if until // DAY < first:
        return _whole(f"what is kept is of {stored.until:%Y-%m-%d}", earlier=True)
    fault = fault_of(stored)
    if fault is not None:
        log.error("what is kept of %s is damaged: %s", stored, fault)
        return _whole(f"what is kept is damaged: {fault}")
    if erased_between(stored.rebuilt_at, now - ERASED_WAIT):
        return _whole("somebody was erased four weeks ago")
    folders = {day_number(row.day): state_root() / row.folder / DAYS for row in stored.days.all()}
    fresh, changed = set(range(first, until // DAY)), set(range(first, until // DAY))
    for day, found in log_of.items():
        if found.acted > stored.added:
            changed |= {day, day + 1}
        if found.posted > stored.added:
            fresh.add(day)
            # A post says what acts on it were.
            changed |= set(range(day, day + POST_DAYS + 1))
    changed = {day for day in changed if day < until // DAY}
    older = sorted(day for day in changed if day < first and day not in folders)
    if older:
        return _whole(f"the log has got rows of {day_of(older[0]):%Y-%m-%d}")
    days = f"{len(changed)} days were taken in" if changed else "nothing is new"
    return Plan(stored, tuple(sorted(changed)), tuple(sorted(fresh)), folders, days)


def _whole(how: str, *, earlier: bool = False) -> Plan:
    return Plan(None, (), (), {}, how, earlier)
