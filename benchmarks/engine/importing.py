"""An import of a data set in CSV into an empty log, against DuckDB alone.

DuckDB reads the same files, makes the same keys (the first eight bytes of SHA-256) and writes the same folders by day,
also as Parquet with zstd. It doesn't look whether a row can be used or is there twice, sorts nothing, knows no people,
forces nothing to the disk and keeps no checksums.

    python -m benchmarks.engine.importing bare CSV OUT    DuckDB alone
    python -m benchmarks.engine.importing product CSV     manage.py import_activity, under config.launcher
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.engine.activity import NETWORK, Activity, write_csv
from benchmarks.engine.measure import ROOT, Cost, by_turns, cost, mebibytes, middle, part, platform
from benchmarks.score.bound import Bound, Part

TIME: Final = 2.0
MEMORY: Final = 1024.0


def measured(size: int, folder: Path, rounds: int) -> Part:
    """Import a data set of a size, and let DuckDB do its bare part, by turns."""
    source, bare = folder / "csv", folder / "bare"
    rows = write_csv(Activity(size), source)

    def alone() -> Cost:
        return cost(part("importing", "bare", str(source), str(bare)))

    def imported() -> Cost:
        with platform(folder) as run:
            told = run(part("importing", "product", str(source)))
        return replace(told, seconds=told.told["seconds"], bytes=told.told["bytes"])

    found = by_turns({"DuckDB alone": alone, "import_activity": imported}, rounds)
    least, ours = found.values()
    lines = [f"import of {size:,} acts, {rows:,} rows of CSV", f"{'':<20}{'seconds':>10}{'MiB':>10}{'rows/s':>12}"]
    for name, costs in found.items():
        lines.append(f"{name:<20}{middle(costs):>10.1f}{mebibytes(costs):>10.0f}{rows / middle(costs):>12,.0f}")
    bounds = (
        Bound(f"import, {size:,} acts, time against DuckDB alone", middle(ours) / middle(least), high=TIME),
        Bound(f"import, {size:,} acts, memory, MiB", mebibytes(ours), high=MEMORY),
    )
    return Part(tuple(lines), bounds)


def bare(source: Path, out: Path) -> None:
    """Do what DuckDB alone can do of an import."""
    out.mkdir(parents=True, exist_ok=True)
    # In the order of the files.
    words = {
        "interactions": ("at", "kind", "actor", "target", "post"),
        "posts": ("post", "at", "author", "kind", "text"),
    }
    keys = {"actor", "target", "post", "author"}
    with duckdb.connect() as connection:
        # Rows come in any order, which DuckDB finds quicker.
        connection.execute("SET preserve_insertion_order = false")
        for table, names in words.items():
            types = {name: "TIMESTAMP" if name == "at" else "VARCHAR" for name in names}
            columns = ", ".join(f"\"{name}\": '{type_}'" for name, type_ in types.items())
            chosen = ", ".join(f"{_key(name)} AS {name}" if name in keys else name for name in names if name != "at")
            connection.execute(
                f"""
                COPY (
                    SELECT epoch("at")::BIGINT AS "at", {chosen}, '{NETWORK}' AS network,
                        "at"::DATE AS day
                    FROM read_csv('{source / table}.csv', columns = {{{columns}}})
                ) TO '{out / table}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day), OVERWRITE)
                """  # noqa: S608  # names of this file
            )


def _key(column: str) -> str:
    return f"('0x' || left(sha256('{NETWORK}' || chr(31) || {column}), 16))::UBIGINT::BIT::BIGINT"


def product(source: Path) -> Cost:
    """Import into the platform whose services the environment names, in a process of its own."""
    manage = [sys.executable, str(ROOT / "manage.py")]
    cost([*manage, "migrate", "--verbosity", "0"], telling=False)
    return cost([*manage, "import_activity", str(source), "--network", NETWORK], telling=False)


if __name__ == "__main__":
    if sys.argv[1] == "bare":
        started = time.perf_counter()
        bare(Path(sys.argv[2]), Path(sys.argv[3]))
        print(json.dumps({"seconds": time.perf_counter() - started}))
    else:
        found = product(Path(sys.argv[2]))
        print(json.dumps({"seconds": found.seconds, "bytes": found.bytes}))
