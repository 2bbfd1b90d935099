"""What others did to some people's accounts and posts, as the activity log has it."""

import math
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.db.models import Q

from accounts.models import Identity, InteractionKind, LogFile
from accounts.queries import erased_accounts, log_files, numbers
from accounts.storage import open_parquet
from campaigns.queries.authors import NAMED, Accounts, places
from campaigns.returns.reached import Acts

Ints = npt.NDArray[np.int64]

# Interactions in memory at once.
_BATCH: Final = 200_000
_COLUMNS: Final = ["at", "kind", "actor", "target", "post"]


def acts_on(people: Ints, *, since: datetime, until: datetime) -> Acts:
    """Return what others did to people, ascending by id, from a moment to before another; follows don't count.

    Four queries, and one pass over the interactions of these days, of which some 200,000 are in memory at once.
    """
    accounts = Accounts.of(people)
    found: list[Acts] = []
    first, last = math.ceil(since.timestamp()), math.ceil(until.timestamp())
    for file in log_files(LogFile.Table.INTERACTIONS, until, since=since) if accounts.keys.size else ():
        with open_parquet(file) as parquet:
            for batch in parquet.iter_batches(_BATCH, columns=_COLUMNS):
                at, target = (np.asarray(batch[name].to_numpy()) for name in ("at", "target"))
                place = places(accounts.keys, target)
                mine: Any = np.flatnonzero((place >= 0) & (at >= first) & (at < last))
                rows: Any = pa.Table.from_batches([batch]).take(pa.array(mine))
                found.append(
                    Acts(
                        of=accounts.person[place[mine]],
                        actor=rows["actor"].to_numpy(),
                        kind=np.array(rows["kind"].to_pylist(), dtype=np.str_),
                        post=rows["post"].combine_chunks().fill_null(0).to_numpy(),
                        at=at[mine],
                    )
                )
    acts = Acts.joined(found)
    who = _persons(acts.actor)
    counts = (acts.kind != InteractionKind.FOLLOW) & (who != people[acts.of]) & ~np.isin(acts.actor, erased_accounts())
    return replace(acts, actor=who).where(counts)


def rows_to_read(*, since: datetime, until: datetime) -> int:
    """Return how many interactions `acts_on` would read. One query."""
    files = LogFile.objects.live().filter(table=LogFile.Table.INTERACTIONS)
    return sum(files.filter(day__gte=since.date(), day__lte=until.date()).values_list("rows", flat=True))


def _persons(accounts: Ints) -> Ints:
    """Return whose each account is; one that nobody is known by stands for itself, by a number below 0. One query."""
    different, place = np.unique(accounts, return_inverse=True)
    if not different.size:
        return accounts
    among = Q(key__in=different.tolist()) if different.size < NAMED else Q()
    keys, person = numbers(Identity.objects.filter(among).order_by("key"), "key", "person_id")
    at = places(keys, different)
    unknown = ~(different & np.iinfo(np.int64).max)
    if not keys.size:
        return np.asarray(unknown[place])
    return np.asarray(np.where(at >= 0, person[at], unknown)[place])
