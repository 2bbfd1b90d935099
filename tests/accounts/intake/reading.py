"""What the tests of the readers share: a source read to its end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from accounts.intake import Batch, Reject, open_source

Rows = list[dict[str, Any]]


def read(path: Path, format: str, *, network: str | None = None, handles: Mapping[str, str] | None = None) -> Batch:
    """Return all batches of a source as one."""
    batches = list(open_source(path, format, network=network, handles=handles).batches())
    return Batch(
        interactions=pa.concat_tables([Batch().interactions, *(batch.interactions for batch in batches)]),
        posts=pa.concat_tables([Batch().posts, *(batch.posts for batch in batches)]),
        accounts=pa.concat_tables([Batch().accounts, *(batch.accounts for batch in batches)]),
        rejects=[reject for batch in batches for reject in batch.rejects],
        rows=sum(batch.rows for batch in batches),
        bytes_read=batches[-1].bytes_read if batches else 0,
    )


def known(rows: pa.Table) -> Rows:
    """Return rows without their empty columns, which keeps expectations short."""
    return [{name: value for name, value in row.items() if value is not None} for row in rows.to_pylist()]


def lines(rejects: list[Reject]) -> list[tuple[int, str]]:
    """Return line and reason of each reject."""
    return [(reject.line, reject.reason) for reject in rejects]
