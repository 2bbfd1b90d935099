"""Recent activity as rows: taken in, moved to the log, and kept a while as a view."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
from django.db import transaction
from django.db.models import Min

from accounts.actions.daily import add_to_day, open_day
from accounts.actions.people import save_accounts
from accounts.intake import ACCOUNTS, INTERACTIONS
from accounts.keys import account_keys, post_key
from accounts.log import LOG_INTERACTIONS
from accounts.models import Activity, LogFile, User

# How long a row stays as the admin's view once it is in the log.
KEPT: Final = timedelta(days=7)
# Rows moved in one transaction: each takes about a kilobyte while it is on its way.
_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class NewActivity:
    """An interaction to be recorded: ids as the network gives them, `post` empty where there is none."""

    network: str
    kind: str
    actor: str
    target: str
    at: datetime
    post: str = ""


def record_activity(rows: pa.Table | Iterable[NewActivity], *, by: User | None, now: datetime) -> int:
    """Record interactions as rows, and return how many were new.

    A table has the columns of `intake.INTERACTIONS`. Accounts that nobody knew become people; an event that is a
    row already changes nothing; whether the log has it is found out when it is moved there. `by` is who recorded it, or
    None for a program. One transaction.
    """
    table = rows if isinstance(rows, pa.Table) else _table(rows)
    networks = {"actor": table["network"].to_pylist()}
    networks["target"] = [
        own or other for own, other in zip(table["target_network"].to_pylist(), networks["actor"], strict=True)
    ]
    named = {pair for side in networks for pair in zip(networks[side], table[side].to_pylist(), strict=True)}
    if not named:
        return 0
    with transaction.atomic():
        saved = save_accounts(_accounts(named), now=now)
        keys = _keys(named, saved.aliases)
        events = {
            (network, kind, keys[network, actor], keys[elsewhere, target], post or "", at)
            for network, kind, actor, elsewhere, target, post, at in zip(
                networks["actor"],
                table["kind"].to_pylist(),
                table["actor"].to_pylist(),
                networks["target"],
                table["target"].to_pylist(),
                table["post"].to_pylist(),
                table["at"].to_pylist(),
                strict=True,
            )
            if not saved.refused & {(network, actor), (elsewhere, target)}
        }
        before = Activity.objects.count()
        Activity.objects.bulk_create(
            (
                Activity(
                    network_id=network,
                    kind=kind,
                    actor_id=actor,
                    target_id=target,
                    post=post,
                    at=datetime.fromtimestamp(at, UTC),
                    created_at=now,
                )
                for network, kind, actor, target, post, at in sorted(events)
            ),
            ignore_conflicts=True,
            batch_size=5_000,
        )
        return Activity.objects.count() - before


def move_activity_to_log(*, now: datetime) -> int:
    """Move the rows that the log doesn't hold yet, a day at a time, and return how many those were.

    A file and the rows that it holds change in one transaction, so killed anywhere each row is moved exactly once. Rows
    that another mover is moving are left to it. Rows that have been in the log for `KEPT` are deleted.
    """
    moved = 0
    while (first := Activity.objects.not_in_log().aggregate(first=Min("at"))["first"]) is not None:
        part = _move(first.astimezone(UTC).date(), now=now)
        if not part:
            break
        moved += part
    Activity.objects.filter(log_file__isnull=False, log_file__created_at__lt=now - KEPT).delete()
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
            file = LogFile.objects.filter(table="interactions", day=day).latest("pk")
        Activity.objects.filter(pk__in=pks).update(log_file=file)
    return len(rows)


def _table(rows: Iterable[NewActivity]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "at": int(row.at.timestamp()),
                "kind": row.kind,
                "actor": row.actor,
                "target": row.target,
                "post": row.post or None,
                "network": row.network,
                "target_network": None,
            }
            for row in rows
        ],
        schema=INTERACTIONS,
    )


def _accounts(named: Iterable[tuple[str, str]]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"network": network, "account": account} for network, account in sorted(named)], schema=ACCOUNTS
    )


def _keys(named: Iterable[tuple[str, str]], aliases: Any) -> dict[tuple[str, str], int]:
    pairs = sorted(named)
    networks = pa.array([network for network, _ in pairs])
    ids = pa.array([aliases.get(pair, pair[1]) for pair in pairs])
    return dict(zip(pairs, account_keys(networks, ids).to_pylist(), strict=True))
