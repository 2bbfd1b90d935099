"""Recent activity as rows: taken in, moved to the log, and kept a while as a view."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
from django.db import connection, transaction
from django.db.models import Min

from accounts.actions.daily import add_to_day, open_day
from accounts.actions.people import Account, save_accounts
from accounts.intake import ACCOUNTS, INTERACTION_KINDS, INTERACTIONS
from accounts.intake.columns import LATEST
from accounts.intake.rows import checked_id
from accounts.keys import account_keys, post_key
from accounts.log import LOG_INTERACTIONS
from accounts.models import NETWORK_SLUG, Activity, Identity, LogFile, User

# How long a row stays as the admin's view after it was recorded.
KEPT: Final = timedelta(days=7)
# Rows moved in one transaction: each takes about a kilobyte while it is on its way.
_AT_ONCE = 50_000

# In one order, so that two who record the same events at once wait for each other in turn.
_INSERT = """
INSERT INTO accounts_activity (recorded_by_id, created_at, at, network_id, kind, actor_id, target_id, post)
SELECT %s::bigint, %s, to_timestamp(at), network, kind, actor, target, post
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[])
    AS event (at, network, kind, actor, target, post)
ORDER BY at, network, kind, actor, target, post
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class NewActivity:
    """An interaction to be recorded: ids as the network gives them, `post` empty where there is none."""

    network: str
    kind: str
    actor: str
    target: str
    at: datetime
    post: str = ""


class ActivityRefused(ValueError):
    """Say what is wrong with a row; none of the rows was recorded."""


def record_activity(events: pa.Table | Iterable[NewActivity], *, by: User | None, now: datetime) -> int:
    """Record interactions as rows, and return how many were new.

    A table has the columns of `intake.INTERACTIONS`. Accounts that nobody knew become people, `@handle` stands for the
    account that has the handle; an event that is a row already changes nothing; whether the log has it is found out
    when it is moved there. What erased accounts did or received is left out. `by` is who recorded it, or None for a
    program. One transaction: raises `ActivityRefused` for a row that can't be an event, and for an account whose key
    belongs to another. Three queries where all accounts are known.
    """
    table = events if isinstance(events, pa.Table) else _table(events)
    if table.num_rows == 0:
        return 0
    networks: list[Any] = table["network"].to_pylist()
    elsewhere = [own or other for own, other in zip(table["target_network"].to_pylist(), networks, strict=True)]
    actors: list[Any] = list(zip(networks, table["actor"].to_pylist(), strict=True))
    targets: list[Any] = list(zip(elsewhere, table["target"].to_pylist(), strict=True))
    with transaction.atomic():
        keys = _save(frozenset(actors) | frozenset(targets), now)
        posts = [post or "" for post in table["post"].to_pylist()]
        rows = [
            (at, network, kind, keys[actor], keys[target], post)
            for at, network, kind, actor, target, post in zip(
                table["at"].to_pylist(), networks, table["kind"].to_pylist(), actors, targets, posts, strict=True
            )
            if actor in keys and target in keys
        ]
        columns: list[Any] = [list(column) for column in zip(*rows, strict=True)] or [[]] * 6
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, [by.pk if by else None, now, *columns])
            new: int = cursor.rowcount
    return new


def move_activity_to_log(*, now: datetime) -> int:
    """Move the rows that the log doesn't hold yet, a day at a time, and return how many those were.

    A file and the rows that it holds change in one transaction, so killed anywhere each row is moved exactly once. Rows
    that another mover is moving are left to it. Of the rows in the log those recorded more than `KEPT` ago are deleted:
    when a row became known decides, not the age of its event, nor of the file that holds it.
    """
    moved = 0
    while (first := Activity.objects.not_in_log().aggregate(first=Min("at"))["first"]) is not None:
        part = _move(first.astimezone(UTC).date(), now=now)
        if not part:
            break
        moved += part
    Activity.objects.filter(log_file__isnull=False, created_at__lt=now - KEPT).delete()
    return moved


def _move(day: date, *, now: datetime) -> int:
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    with transaction.atomic():
        open_day(day)
        rows = list(
            Activity.objects.not_in_log()
            .filter(at__gte=begin, at__lt=begin + timedelta(days=1))
            .select_for_update(skip_locked=True)
            .order_by("pk")
            .values_list("pk", "at", "kind", "actor_id", "target_id", "post", "network_id")[:_AT_ONCE]
        )
        if not rows:
            return 0
        pks, ats, kinds, actors, targets, posts, networks = zip(*rows, strict=True)
        table = pa.table(
            [
                pa.array([int(at.timestamp()) for at in ats], pa.int64()),
                pa.array(kinds),
                pa.array(actors, pa.int64()),
                pa.array(targets, pa.int64()),
                pa.array(
                    [post_key(network, post) if post else None for network, post in zip(networks, posts, strict=True)],
                    pa.int64(),
                ),
                pa.array(networks),
            ],
            schema=LOG_INTERACTIONS,
        )
        file = add_to_day("interactions", day, table, now=now)
        if file is None:  # an import has brought all of them before
            file = LogFile.objects.live().filter(table="interactions", day=day).order_by("-pk").first()
        moved = Activity.objects.filter(pk__in=pks)
        if file is not None:
            moved.update(log_file=file)
        else:  # all are of erased accounts, of which the log takes nothing
            moved.delete()
    return len(rows)


def _table(rows: Iterable[NewActivity]) -> pa.Table:
    return pa.Table.from_pylist([_checked(row) for row in rows], schema=INTERACTIONS)


def _checked(row: NewActivity) -> dict[str, Any]:
    try:
        if row.kind not in INTERACTION_KINDS:
            raise ValueError(f"kind {row.kind!r} is not one of {', '.join(INTERACTION_KINDS)}")
        if not re.fullmatch(NETWORK_SLUG, row.network):
            raise ValueError(f"network {row.network!r} is not a slug of at most 50 characters")
        if row.at.tzinfo is None:
            raise ValueError(f"at {row.at} names no time zone")
        at = math.floor(row.at.timestamp())
        if not 0 <= at <= LATEST:
            raise ValueError(f"at {row.at} is outside the years 1970 to 2100")
        return {
            "at": at,
            "kind": row.kind,
            "actor": checked_id(row.actor, "actor"),
            "target": checked_id(row.target, "target"),
            "post": checked_id(row.post, "post") if row.post else None,
            "network": row.network,
            "target_network": None,
        }
    except ValueError as error:
        raise ActivityRefused(str(error)) from error


def _save(named: frozenset[Account], now: datetime) -> dict[Account, int]:
    """Return the key of each account that may be kept; make people for those that aren't known."""
    pairs = sorted(named)
    keys = _keys(pairs)
    known = Identity.objects.filter(key__in=keys, alias_of__isnull=True).values_list("network_id", "external_id")
    if named <= set(known):
        # The usual case needs no lock on the making of people.
        return dict(zip(pairs, keys, strict=True))
    accounts = [{"network": network, "account": account} for network, account in pairs]
    saved = save_accounts(pa.Table.from_pylist(accounts, schema=ACCOUNTS), now=now)
    if saved.refused:
        raise ActivityRefused(f"the key of an account belongs to another account: {sorted(saved.refused)[0]}")
    pairs = [pair for pair in pairs if pair not in saved.erased]
    settled = [(network, saved.aliases.get((network, account), account)) for network, account in pairs]
    return dict(zip(pairs, _keys(settled), strict=True))


def _keys(pairs: list[Account]) -> list[int]:
    networks: Any = pa.array([network for network, _ in pairs], pa.string())
    ids: Any = pa.array([account for _, account in pairs], pa.string())
    keys: Any = account_keys(networks, ids)
    found: list[int] = keys.to_pylist()
    return found
