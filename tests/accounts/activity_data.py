"""Data sets in a few words, and what the platform made of them."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.conf import settings

from accounts.actions import ImportReport, import_activity
from accounts.actions.first_people import tables_to_oneself
from accounts.keys import account_key
from accounts.log import LogFolder
from accounts.models import Identity, LogFile

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
# 1 and 2 January 2026.
DAY_1, DAY_2 = 1_767_225_600, 1_767_312_000

Rows = list[dict[str, Any]]
Event = tuple[int, str, str, str]


def dataset(
    folder: Path,
    *,
    interactions: Iterable[Event | dict[str, Any]] = (),
    posts: Iterable[dict[str, Any]] = (),
    accounts: Iterable[dict[str, Any]] = (),
) -> Path:
    """Write a data set's folder; an interaction can be (at, kind, actor, target)."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        row if isinstance(row, dict) else dict(zip(("at", "kind", "actor", "target"), row, strict=True))
        for row in interactions
    ]
    for name, table in (("interactions", rows), ("posts", list(posts)), ("accounts", list(accounts))):
        if table or name == "interactions":
            (folder / f"{name}.ndjson").write_text("".join(json.dumps(row) + "\n" for row in table))
    return folder


def imported(path: Path, format: str = "dataset", *, network: str | None = "test", **given: Any) -> ImportReport:
    """Import with the tests' clock."""
    return import_activity(path, format=format, network=network, **{"now": NOW, **given})


def log_rows(table: str) -> Rows:
    """Return all rows of a table of the log."""
    paths = list(LogFile.objects.live().filter(table=table).order_by("day", "pk").values_list("path", flat=True))
    return LogFolder(settings.ACTIVITY_LOG).read(table, paths).to_pylist()


def log_events() -> list[tuple[int, str, str, str]]:
    """Return the log's interactions as (at, kind, actor, target), accounts as id@network, sorted."""
    names = {
        key: f"{id}@{network}" for key, network, id in Identity.objects.values_list("key", "network", "external_id")
    }
    return sorted(
        (row["at"], row["kind"], names[row["actor"]], names[row["target"]]) for row in log_rows("interactions")
    )


def split_days(rows: pa.Table) -> dict[date, pa.Table]:
    """Return the rows of each day in UTC, days ascending, rows in their order."""
    days = rows["at"].to_numpy() // 86_400
    return {
        datetime.fromtimestamp(day * 86_400, UTC).date(): rows.filter(pa.array(days == day))
        for day in np.unique(days).tolist()
    }


def files_below(folder: Path) -> list[str]:
    """Return every file below a folder, hidden ones too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def identity(account: str, network: str = "test") -> Identity:
    """Return the identity of an account."""
    return Identity.objects.select_related("person").get(pk=account_key(network, account))


def answers_of_first_people(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list that gets what is said each time that the tables of people are wanted for oneself."""
    said: list[bool] = []

    @contextmanager
    def noted() -> Iterator[bool]:
        with tables_to_oneself() as answer:
            said.append(answer)
            yield answer

    monkeypatch.setattr("accounts.actions.people.tables_to_oneself", noted)
    return said
