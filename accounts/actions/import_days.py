"""An import's days on their way from the spool to the log."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute
from django.conf import settings
from django.db import transaction

from accounts.actions.daily import DayRows, Drafts, add_to_days, open_days
from accounts.actions.import_names import Names
from accounts.actions.spool import Spool
from accounts.actions.websites import known_websites
from accounts.intake.websites import link_interactions
from accounts.keys import account_keys
from accounts.log import LOG_INTERACTIONS, LOG_TABLES, LogFolder
from accounts.models import LogFile
from accounts.queries import erased_accounts
from accounts.storage import LogUnreachable

# The stubs of pyarrow lack functions on whole columns.
pc: Any = pyarrow.compute

logger = logging.getLogger(__name__)

# Rows, and days, of the log written in one transaction: others who add to one of these days wait meanwhile.
_ROWS_AT_ONCE = 500_000
_DAYS_AT_ONCE = 8
# People of fewer rows are made before a draft would be worth anything.
_WORTH_DRAFTS = 500_000
# The thread that writes drafts.
DRAFTING = "drafts of the log"


def save_days(
    spool: Spool, names: Names, drafts: Drafts, *, now: datetime
) -> Iterator[tuple[list[date], list[LogFile]]]:
    """Write a spool's rows to the log, and yield some days at a time with their new files, once they are committed.

    Links in posts to known websites are among the interactions. Drafts are taken where names are plain.
    """
    websites = known_websites()
    taken = drafts if names.are_plain else None
    for days in _together(spool):
        parts = [
            DayRows(table, day, partial(_rows, spool, names, table, day, websites))
            for day in days
            for table in ("posts", "interactions")
        ]
        with transaction.atomic():
            open_days(days)
            files = add_to_days(parts, now=now, drafts=taken)
        yield days, [file for file in files if file]


def _together(spool: Spool) -> Iterator[list[date]]:
    """Yield consecutive days in lists, each of some days, or of fewer with many rows."""
    some: list[date] = []
    rows = 0
    for day in spool.days():
        some.append(day)
        rows += spool.rows_of(day)
        if len(some) == _DAYS_AT_ONCE or rows >= _ROWS_AT_ONCE:
            yield some
            some, rows = [], 0
    if some:
        yield some


def _rows(spool: Spool, names: Names, table: str, day: date, websites: frozenset[str]) -> pa.Table:
    """Return a day's posts or interactions as the log takes them, links to known websites among the latter."""
    parts = [LOG_TABLES[table].empty_table(), *(names.keyed(table, part) for part in spool.day(table, day))]
    if table == "interactions" and websites:
        posts = (names.keyed("posts", part, counting=False) for part in spool.day("posts", day))
        parts[1:1] = [_links(each, websites) for each in posts if _has_links(each)]
    return pa.concat_tables(parts)


def _has_links(posts: pa.Table) -> bool:
    return posts["links"].null_count < posts.num_rows


def _links(posts: pa.Table, websites: frozenset[str]) -> pa.Table:
    """Return the log's interactions that come of links in the log's posts to known websites."""
    spelt = posts.filter(posts["links"].is_valid())
    for name in ("author", "post"):
        # Keys stand for ids, which nobody asks for here.
        spelt = spelt.set_column(spelt.column_names.index(name), name, spelt[name].cast(pa.string()))
    found = link_interactions(spelt, websites)
    columns: dict[str, Any] = {name: found[name] for name in ("at", "kind", "network")}
    columns |= {name: found[name].cast(pa.int64()) for name in ("actor", "post")}
    columns["target"] = account_keys(
        found["target_network"].combine_chunks(),  # type: ignore[arg-type]
        found["target"].combine_chunks(),  # type: ignore[arg-type]
    )
    return pa.table(columns).select(LOG_INTERACTIONS.names).cast(LOG_INTERACTIONS)


@contextmanager
def drafted_meanwhile(spool: Spool, names: Names) -> Iterator[Drafts]:
    """Write the log's files of a spool's days while the block makes people, and yield them, ready at its end.

    A processor has nothing to do while PostgreSQL makes people. It is a guess that all accounts are kept under their
    own names and that the days are new: drafts of days that the log has, and of which a link may become an
    interaction, aren't made. What isn't taken belongs to nothing, and `sweep_log` deletes it a day later.
    """
    drafts = Drafts(frozenset(erased_accounts().tolist()))
    if not _are_worth_it(spool, drafts.erased):
        yield drafts
        return
    known = set(LogFile.objects.live().filter(day__in=spool.days()).values_list("table", "day"))
    ended = threading.Event()
    with ThreadPoolExecutor(1, thread_name_prefix=DRAFTING) as drafter:
        drafting = drafter.submit(_draft, spool, names, known, drafts, ended)
        try:
            yield drafts
        finally:
            ended.set()
        drafting.result()


def _are_worth_it(spool: Spool, erased: frozenset[int]) -> bool:
    if spool.has_handles or sum(map(spool.rows_of, spool.days())) < _WORTH_DRAFTS:
        return False
    # A hash of the few, by which the many are looked up.
    unwanted = pa.array(sorted(erased), pa.int64())
    return not any(pc.any(pc.is_in(pa.array(spool.keys(file)), value_set=unwanted)).as_py() for file in spool.files)


def _draft(spool: Spool, names: Names, known: set[tuple[str, date]], drafts: Drafts, ended: threading.Event) -> None:
    try:
        log = LogFolder(settings.ACTIVITY_LOG)
        for day in spool.days():
            tables = [table for table in ("posts", "interactions") if (table, day) not in known]
            if not tables:
                continue
            posts = _rows(spool, names, "posts", day, frozenset())
            for table in tables:
                if ended.is_set():
                    return
                if table == "interactions" and _has_links(posts):
                    continue
                rows = posts if table == "posts" else _rows(spool, names, table, day, frozenset())
                if rows.num_rows:
                    drafts.files[table, day] = log.write_day(table, day, log.new_rows(table, rows, ()))
    except (OSError, LogUnreachable, MemoryError) as error:
        # Whoever writes the rest meets it too, and says what to do, or has the room that people took.
        logger.warning("no more drafts of the log: %s", type(error).__name__)
