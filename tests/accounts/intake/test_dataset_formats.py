"""One data set in each format: the tables that come out are the same."""

import csv
import gzip
import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.intake.schema import POST_KINDS, TABLES
from tests.accounts.intake.reading import Rows, read

KINDS = "like, reply, repost, quote, mention, link, click, follow"


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).strip())


SIGNS = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"])
WORDS = st.text(SIGNS, min_size=1, max_size=5).map(_normal).filter(bool)
IDS = WORDS | st.sampled_from(["a", "Jürgen", 'say "hi"', "x, y", "日本 語"])
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
LISTS = st.none() | st.lists(
    WORDS.filter(lambda word: "|" not in word and not word.startswith("#") and word.split() == [word]),
    min_size=1,
    max_size=3,
)
TIMES = st.integers(0, 4133980799)
NETWORKS = st.sampled_from(["demo", "web", "dataset"])
WORLDS = st.fixed_dictionaries(
    {
        "interactions": st.lists(
            st.fixed_dictionaries(
                {
                    "at": TIMES,
                    "kind": st.sampled_from(KINDS.split(", ")),
                    "actor": IDS,
                    "target": IDS,
                    "post": st.none() | IDS,
                    "network": NETWORKS,
                    "target_network": st.none() | NETWORKS,
                }
            ),
            max_size=4,
        ),
        "posts": st.lists(
            st.fixed_dictionaries(
                {
                    "post": IDS,
                    "at": TIMES,
                    "author": IDS,
                    "kind": st.sampled_from(POST_KINDS),
                    "text": TEXTS,
                    "links": LISTS,
                    "topics": LISTS,
                    "lang": st.none() | st.sampled_from(["en", "de"]),
                    "network": NETWORKS,
                }
            ),
            max_size=4,
        ),
        "accounts": st.lists(
            st.fixed_dictionaries(
                {
                    "account": IDS,
                    "handle": st.none() | st.sampled_from(["bee", "Jürgen"]),
                    "name": st.none() | WORDS,
                    "followers": st.none() | st.integers(0, 10**12),
                    "following": st.none() | st.integers(0, 10),
                    "verified": st.none() | st.booleans(),
                    "created_at": st.none() | TIMES,
                    "bio": st.none() | WORDS,
                    "location": st.none() | WORDS,
                    "website": st.none() | st.just("https://seths.blog"),
                    "network": NETWORKS,
                }
            ),
            max_size=4,
        ),
    }
)


def _iso(row: dict[str, Any]) -> dict[str, Any]:
    moment = row.get("at", row.get("created_at"))
    name = "at" if "at" in row else "created_at"
    return row if moment is None else row | {name: datetime.fromtimestamp(moment, UTC).isoformat()}


def _write_csv(path: Path, rows: Rows, schema: pa.Schema) -> None:
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, schema.names[::-1])
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {name: " | ".join(value) if isinstance(value, list) else value for name, value in row.items()}
            )


def _write_zipped_csv(path: Path, rows: Rows, schema: pa.Schema) -> None:
    _write_csv(path, [_iso(row) for row in rows], schema)
    plain = path.with_suffix(".csv")
    path.with_suffix(".csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()


def _write_ndjson(path: Path, rows: Rows, schema: pa.Schema) -> None:
    path.with_suffix(".ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _write_loose_ndjson(path: Path, rows: Rows, schema: pa.Schema) -> None:
    """Write lines that only the slow way can read: empty ones between them, and a key that is never the same type."""
    texts = [json.dumps(_iso(row) | {"number": number or "none"}) for number, row in enumerate(rows)]
    path.with_suffix(".ndjson").write_text("\n\n".join(texts))


def _write_parquet(path: Path, rows: Rows, schema: pa.Schema) -> None:
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema=schema), path.with_suffix(".parquet"))


@given(WORLDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_format_gives_the_same_tables(tmp_path_factory: pytest.TempPathFactory, world: dict[str, Rows]) -> None:
    for write in (_write_csv, _write_zipped_csv, _write_ndjson, _write_loose_ndjson, _write_parquet):
        folder = tmp_path_factory.mktemp("data")
        for table, schema in TABLES.items():
            write(folder / table, world[table], schema)
        found = read(folder, "dataset")
        assert found.rejects == []
        for table, schema in TABLES.items():
            expected = pa.Table.from_pylist(world[table], schema=schema)
            assert getattr(found, table).to_pylist() == expected.to_pylist()
            assert getattr(found, table).schema == schema
