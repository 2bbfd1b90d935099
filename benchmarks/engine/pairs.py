"""Acts summed up to pairs of accounts: the engine's way, and the same columns by other libraries.

    python -m benchmarks.engine.pairs prepare LOG ACTS    the log's acts as the engine counts them, as one Parquet file
    python -m benchmarks.engine.pairs NAME ACTS UNTIL     one way, from that file

Each gives a row for two accounts of which one acted on the other: how many acts, reactions and namings, what they weigh
with the half-life, and what of that was free, by the rules of `scoring.engine.daily.freed`.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.engine.activity import DAYS, FIRST, Activity, write_log
from benchmarks.engine.measure import by_turns, cost, mebibytes, middle, noise, part
from benchmarks.score.bound import Bound, Part

_DAY: Final = 86_400
UNTIL: Final = (FIRST.toordinal() - 719_163 + DAYS) * _DAY
HALF_LIFE: Final = 30.0
RETURN_HOURS: Final = 12.0
OURS: Final = "Sway"
COLUMNS: Final = ("actions", "reactions", "namings", "slow", "slow_free")


@dataclass(frozen=True)
class Sums:
    """What all ways have to agree on: how many pairs there are, and the sum of each column."""

    pairs: int
    sums: tuple[float, ...]

    def agrees(self, other: "Sums") -> bool:
        """Say whether two ways gave the same, but for the order of their sums."""
        return self.pairs == other.pairs and bool(np.allclose(self.sums, other.sums, rtol=1e-9))


def measured(size: int, folder: Path, rounds: int) -> Part:
    """Sum the acts of a size up in every way, by turns."""
    log, acts = folder / "log", folder / "acts.parquet"
    for _ in write_log(Activity(size), log):
        pass
    cost(part("pairs", "prepare", str(log), str(acts)))
    lines = []
    ways = dict(WAYS)
    if find_spec("pyspark") is None:
        del ways["Spark local[2]"]
        lines.append("Spark local[2]: left out, for PySpark isn't installed here")
    found = by_turns({name: _runner(name, acts) for name in ways}, rounds)
    sums = {name: Sums(each[0].told["pairs"], tuple(each[0].told["sums"])) for name, each in found.items()}
    different = [name for name, each in sums.items() if not each.agrees(sums[OURS])]
    if different:
        raise ArithmeticError(f"{', '.join(different)} gives other pairs than {OURS}: {sums}")
    head = f"{'':<20}{'seconds':>10}{'of Sway':>10}{'MiB':>10}"
    lines = [f"pairs of {size:,} acts: {sums[OURS].pairs:,}", head, *lines]
    bounds = []
    ours = found[OURS]
    for name, each in found.items():
        ratio = middle(each) / middle(ours)
        lines.append(f"{name:<20}{middle(each):>10.2f}{ratio:>10.2f}{mebibytes(each):>10.0f}")
        if name != OURS:
            least = 1 / (1 + max(noise(ours), noise(each)))
            bounds.append(Bound(f"pairs, {size:,} acts: {name}, of Sway's time", ratio, low=round(least, 2)))
    return Part(tuple(lines), tuple(bounds))


def _runner(name: str, acts: Path) -> Callable[[], Any]:
    return lambda: cost(part("pairs", name, str(acts), str(UNTIL)))


def prepare(log: Path, acts: Path) -> None:
    """Write what the engine counts of a log's acts: actor, target, at, naming, talk."""
    from scoring.engine import Inputs
    from scoring.engine.activity import activity
    from scoring.engine.tables import Workspace

    files = {name: sorted((log / name).glob("day=*/*.parquet")) for name in ("interactions", "posts")}
    with Workspace() as workspace:
        seen = activity(workspace, Inputs(files["interactions"], files["posts"], UNTIL))
        rows = seen.acts.select("actor", "target", "at", "day", "kind", "naming", "talk")
        workspace.connection.to_parquet(rows, acts)


def sway(acts: Path, until: int) -> Sums:
    """Sum up as the nightly run does. What is to change with the engine stands here and nowhere else."""
    from scoring.engine import Parameters
    from scoring.engine.daily import weighed
    from scoring.engine.state import paired
    from scoring.engine.tables import Workspace

    formula = Parameters(half_life_days=HALF_LIFE, return_hours=RETURN_HOURS, burst_share=0.0)
    with Workspace() as workspace:
        rows = workspace.connection.read_parquet(str(acts))
        pairs = paired(workspace, weighed(rows.filter(rows["at"] < until), until, formula), until, formula)
        found = workspace.connection.to_pyarrow(
            pairs.aggregate(pairs=pairs.count(), **{name: pairs[name].sum() for name in COLUMNS})
        ).to_pylist()[0]
    return Sums(int(found["pairs"]), tuple(float(found[name]) for name in COLUMNS))


def polars(acts: Path, until: int) -> Sums:
    """Sum up by Polars, lazily and with its streaming engine."""
    import polars as pl

    c = pl.col
    keys = ["actor", "target", "day"]
    age = (pl.min_horizontal((c("day") + 1) * _DAY, until) - c("at")) / _DAY
    days = (
        pl.scan_parquet(acts)
        .filter(c("at") < until)
        .with_columns(day=c("at") // _DAY)
        .group_by(keys)
        .agg(
            actions=pl.len().cast(pl.Int64),
            reactions=(~c("naming") & ~c("talk")).sum().cast(pl.Int64),
            namings=c("naming").sum().cast(pl.Int64),
            slow=(pl.lit(2.0) ** (-age / HALF_LIFE)).sum(),
            first=c("at").min(),
            last=c("at").max(),
        )
        .collect(engine="streaming")
        .lazy()
    )
    other_way = days.select(actor="target", target="actor").unique()
    mutual = days.join(other_way, on=["actor", "target"], how="semi").select(*keys, "actions", "first", "last")
    back = mutual.select(actor="target", target="actor", day="day", returned="actions", returned_first="first")
    mutual = mutual.join(back, on=keys, how="left")
    given = c("actions") - c("returned").fill_null(0)
    owed = mutual.filter(given > 0).select(
        actor="target", target="actor", day=c("day") + 1, owed=given, owed_last="last"
    )
    mutual = mutual.join(owed, on=keys, how="left")
    free = (
        pl.when(c("returned").is_null() | (c("first") < c("returned_first")))
        .then(c("actions"))
        .otherwise((c("actions") - c("returned")).clip(0))
    )
    owing = c("owed").is_not_null() & (c("first") - c("owed_last") <= round(RETURN_HOURS * 3600))
    share = (free - pl.when(owing).then(c("owed")).otherwise(0)).clip(0) / c("actions")
    shares = mutual.select(*keys, share=share).filter(c("share") < 1)
    older = pl.lit(2.0) ** (-pl.max_horizontal(until / _DAY - (c("day") + 1), 0.0) / HALF_LIFE)
    weighed = days.join(shares, on=keys, how="left").with_columns(slow=c("slow") * older)
    pairs = (
        weighed.with_columns(slow_free=c("slow") * c("share").fill_null(1.0))
        .group_by("actor", "target")
        .agg(c(*COLUMNS).sum())
        .collect(engine="streaming")
    )
    return Sums(pairs.height, tuple(float(pairs[name].sum()) for name in COLUMNS))


def pandas(acts: Path, until: int) -> Sums:
    """Sum up by pandas."""
    import pandas as pd

    keys = ["actor", "target", "day"]
    rows = pd.read_parquet(acts)
    rows = rows[rows["at"] < until]
    rows["day"] = rows["at"] // _DAY
    rows["slow"] = 2.0 ** (-((np.minimum((rows["day"] + 1) * _DAY, until) - rows["at"]) / _DAY) / HALF_LIFE)
    rows["reaction"] = ~rows["naming"] & ~rows["talk"]
    days = rows.groupby(keys, sort=False).agg(
        actions=("at", "size"),
        reactions=("reaction", "sum"),
        namings=("naming", "sum"),
        slow=("slow", "sum"),
        first=("at", "min"),
        last=("at", "max"),
    )
    days = days.reset_index()
    other_way = days[["actor", "target"]].drop_duplicates().rename(columns={"actor": "target", "target": "actor"})
    mutual = days.merge(other_way, on=["actor", "target"])[[*keys, "actions", "first", "last"]]
    swapped = mutual.rename(columns={"actor": "target", "target": "actor"})
    back = swapped.rename(columns={"actions": "returned", "first": "returned_first"}).drop(columns="last")
    mutual = mutual.merge(back, on=keys, how="left")
    mutual["owed"] = mutual["actions"] - mutual["returned"].fillna(0)
    owed = mutual[mutual["owed"] > 0].rename(columns={"actor": "target", "target": "actor", "last": "owed_last"})
    owed = owed.assign(day=owed["day"] + 1)[[*keys, "owed", "owed_last"]]
    mutual = mutual.drop(columns="owed").merge(owed, on=keys, how="left")
    first = mutual["returned"].isna() | (mutual["first"] < mutual["returned_first"])
    free = np.where(first, mutual["actions"], np.maximum(mutual["actions"] - mutual["returned"], 0))
    owing = mutual["first"] - mutual["owed_last"] <= round(RETURN_HOURS * 3600)
    mutual["share"] = np.maximum(free - np.where(owing, mutual["owed"], 0), 0) / mutual["actions"]
    days = days.merge(mutual[[*keys, "share"]], on=keys, how="left")
    days["slow"] *= 2.0 ** (-np.maximum(until / _DAY - (days["day"] + 1), 0.0) / HALF_LIFE)
    days["slow_free"] = days["slow"] * days["share"].fillna(1.0)
    pairs = days.groupby(["actor", "target"], sort=False)[list(COLUMNS)].sum()
    return Sums(len(pairs), tuple(float(pairs[name].sum()) for name in COLUMNS))


def spark(acts: Path, until: int) -> Sums:
    """Sum up by Spark SQL on two cores of this machine."""
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "3g")
        .config("spark.sql.shuffle.partitions", "8")
        .getOrCreate()
    )
    try:
        session.read.parquet(str(acts)).createOrReplaceTempView("acts")
        named = {"day": _DAY, "until": until, "half": HALF_LIFE, "back": round(RETURN_HOURS * 3600)}
        session.sql(_SPARK_DAYS.format(**named)).cache().createOrReplaceTempView("days")
        row = session.sql(_SPARK_PAIRS.format(**named)).collect()[0]
    finally:
        session.stop()
    return Sums(int(row["pairs"]), tuple(float(row[name]) for name in COLUMNS))


_SPARK_DAYS: Final = """
SELECT actor, target, at DIV {day} AS day, count(*) AS actions,
    count_if(NOT naming AND NOT talk) AS reactions, count_if(naming) AS namings,
    sum(pow(2D, -((least((at DIV {day} + 1) * {day}, {until}) - at) / {day}) / {half})) AS slow,
    min(at) AS first, max(at) AS last
FROM acts WHERE at < {until} GROUP BY actor, target, at DIV {day}
"""
_SPARK_PAIRS: Final = """
WITH mutual AS (
    SELECT d.actor, d.target, d.day, d.actions, d.first, d.last FROM days d
    LEFT SEMI JOIN days o ON o.actor = d.target AND o.target = d.actor
), both_ways AS (
    SELECT m.*, b.actions AS returned, b.first AS returned_first FROM mutual m
    LEFT JOIN mutual b ON b.actor = m.target AND b.target = m.actor AND b.day = m.day
), owed AS (
    SELECT target AS actor, actor AS target, day + 1 AS day, actions - coalesce(returned, 0) AS owed, last AS owed_last
    FROM both_ways WHERE actions > coalesce(returned, 0)
), shares AS (
    SELECT m.actor, m.target, m.day, greatest(
        if(m.returned IS NULL OR m.first < m.returned_first, m.actions, greatest(m.actions - m.returned, 0))
        - if(o.owed IS NOT NULL AND m.first - o.owed_last <= {back}, o.owed, 0), 0) / m.actions AS share
    FROM both_ways m LEFT JOIN owed o ON o.actor = m.actor AND o.target = m.target AND o.day = m.day
), weighed AS (
    SELECT d.actor, d.target, actions, reactions, namings, coalesce(share, 1D) AS share,
        slow * pow(2D, -greatest({until} / {day} - (d.day + 1), 0) / {half}) AS slow
    FROM days d LEFT JOIN shares s ON s.actor = d.actor AND s.target = d.target AND s.day = d.day
), pairs AS (
    SELECT sum(actions) AS actions, sum(reactions) AS reactions, sum(namings) AS namings, sum(slow) AS slow,
        sum(slow * share) AS slow_free
    FROM weighed GROUP BY actor, target
)
SELECT count(*) AS pairs, sum(actions) AS actions, sum(reactions) AS reactions, sum(namings) AS namings,
    sum(slow) AS slow, sum(slow_free) AS slow_free
FROM pairs
"""
WAYS: Final[dict[str, Callable[[Path, int], Sums]]] = {
    OURS: sway,
    "Polars": polars,
    "pandas": pandas,
    "Spark local[2]": spark,
}


# What takes seconds to import, which a night does once.
_NEEDED: Final = {
    OURS: ("ibis.backends.duckdb", "scoring.engine", "scoring.engine.state"),
    "Polars": ("polars",),
    "pandas": ("pandas", "pyarrow.dataset", "pyarrow.parquet"),
    "Spark local[2]": ("pyspark.sql",),
}


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        for module in _NEEDED[sys.argv[1]]:
            import_module(module)
        started = time.perf_counter()
        sums = WAYS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "pairs": sums.pairs, "sums": sums.sums}))
