"""A run that goes on from the sums of the night before, and one that reads the whole log, against their bare parts.

    python -m benchmarks.engine.nights fill SIZE     people, log and manifest, under config.launcher
    python -m benchmarks.engine.nights score DAY     a run as of the beginning of a day of the log, counted from 0
    python -m benchmarks.engine.nights forget        forget all sums
    python -m benchmarks.engine.nights bare          the bare parts of the run that readers see

Bare parts of a night: reading all columns of the sums, as many products of matrix and vector as the walk took, writing
the sums, and COPY of the run's rows into tables of the same columns without index or constraint. Of the whole log: the
same, and plain SQL by DuckDB that sums the log's acts up by two accounts. The forecast of a horizon before is one that
a run stored, as on most nights.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from benchmarks.engine.activity import DAYS, FIRST, NETWORK, Activity, write_log
from benchmarks.engine.measure import Cost, busy, part, platform
from benchmarks.score.bound import Bound, Part

TIME: Final = 1.5
MEMORY: Final = 4096.0
# The last night of the log; the one before; and a horizon before the last, which leaves the forecast that is checked.
LAST: Final = DAYS
HORIZON: Final = 28


def measured(size: int, folder: Path, rounds: int) -> Part:
    """Measure the last night of a log, and the same night from the whole log."""
    # A machine of 4 GiB would get as much by default.
    with platform(folder, SCORING_MEMORY="2048 MiB") as run:

        def step(*arguments: str) -> Cost:
            return run(part("nights", *arguments))

        step("fill", str(size))
        for day in (LAST - HORIZON, LAST - 1):
            step("score", str(day))
        night = step("score", str(LAST))
        step("forget")
        whole = step("score", str(LAST))
        bare = step("bare").told
    parts = {name: float(bare[name]) for name in ("reading", "products", "writing", "copying")}
    of_night = sum(parts.values())
    of_whole = of_night + float(bare["aggregating"])
    lines = [
        f"a night of {size:,} acts: {night.told['people']:,} people, {bare['pairs']:,} pairs",
        f"{'':<20}{'seconds':>10}{'MiB':>10}",
        f"{'night':<20}{night.seconds:>10.1f}{night.bytes / 2**20:>10.0f}",
        f"{'whole log':<20}{whole.seconds:>10.1f}{whole.bytes / 2**20:>10.0f}",
        *(f"{'bare ' + name:<20}{float(bare[name]):>10.1f}" for name in (*parts, "aggregating")),
        "steps, seconds, and in brackets those of processors, which others' work adds to:",
        "  of the night: " + _steps(night),
        "  of the whole log: " + _steps(whole),
        f"the night kept processors at work for {_worked(night):.1f} s;"
        f" the bound leaves {os.cpu_count()} of them {TIME * of_night * (os.cpu_count() or 1):.1f} s",
    ]
    bounds = (
        Bound(f"night, {size:,} acts, time against its bare parts", night.seconds / of_night, high=TIME),
        Bound(f"night, {size:,} acts, memory, MiB", night.bytes / 2**20, high=MEMORY),
        Bound(f"whole log, {size:,} acts, time against its bare parts", whole.seconds / of_whole, high=TIME),
        Bound(f"whole log, {size:,} acts, memory, MiB", whole.bytes / 2**20, high=MEMORY),
    )
    return Part(tuple(lines), bounds, {"night": night.seconds, "whole log": whole.seconds})


def _steps(cost: Cost) -> str:
    return ", ".join(f"{name} {seconds:.1f} ({worked:.1f})" for name, seconds, worked in cost.told["steps"])


def _worked(cost: Cost) -> float:
    return sum(float(worked) for _name, _seconds, worked in cost.told["steps"])


def fill(size: int) -> None:
    """Write a log, and people with an account each."""
    import pyarrow as pa
    from django.conf import settings
    from django.db import connection, transaction

    from accounts.actions.daily import enter
    from accounts.keys import account_keys
    from accounts.models import Network
    from scoring.actions import ensure_topics

    activity = Activity(size)
    now = datetime.combine(FIRST, datetime.min.time(), UTC)
    ids = activity.ids()
    keys = account_keys(pa.array([NETWORK] * len(ids)), ids).to_pylist()
    Network.objects.get_or_create(slug=NETWORK, defaults={"name": NETWORK})
    ensure_topics()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE made (key bigint, external_id text, place bigint) ON COMMIT DROP")
        with cursor.copy("COPY made FROM STDIN") as copy:
            for place, (key, id_) in enumerate(zip(keys, ids.to_pylist(), strict=True), start=1):
                copy.write_row((key, id_, place))
        # Every thousandth is where trust starts.
        cursor.execute(
            "INSERT INTO accounts_person"
            " (handle, name, bio, location, email, claimed_via, is_hidden, is_seed, created_at)"
            " SELECT 'h' || place, '', '', '', '', '', FALSE, place %% 1000 = 0, %s FROM made ORDER BY place",
            [now],
        )
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'accounts_identity'"
            " AND is_nullable = 'NO' AND column_default IS NULL"
        )
        needed = {name for (name,) in cursor.fetchall()}
        values = {
            "key": "made.key",
            "external_id": "made.external_id",
            "person_id": "p.id",
            "network_id": f"'{NETWORK}'",
            "verified": "FALSE",
        } | dict.fromkeys(("handle", "website", "website_host", "name", "bio", "location", "proof"), "''")
        values |= dict.fromkeys(("created_at", "first_seen_at", "updated_at"), "now()")
        values["handle"] = "p.handle"
        columns = sorted(needed & values.keys())
        cursor.execute(
            f"INSERT INTO accounts_identity ({', '.join(columns)}) SELECT {', '.join(values[name] for name in columns)}"  # noqa: S608  # names of this file
            " FROM made JOIN accounts_person p ON p.handle = 'h' || made.place"
        )
    for table, day, written in write_log(activity, Path(settings.ACTIVITY_LOG)):
        with transaction.atomic():
            enter(table, day, written, now=now)


def score_day(day: int) -> dict[str, Any]:
    """Run as of the beginning of a day; return seconds and memory, and by step seconds and those of processors."""
    from django.utils import timezone

    from scoring.actions import score

    as_of = datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(days=day)
    begun: list[tuple[str, float, float]] = []

    def begin(step: str) -> None:
        begun.append((step, time.perf_counter(), busy()))

    started = time.perf_counter()
    run = score(as_of=as_of, now=max(timezone.now(), as_of), progress=begin)
    ended = time.perf_counter()
    begin("end")
    steps = [
        (name, moment - since, worked - before) for (name, since, before), (_next, moment, worked) in pairwise(begun)
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": ended - started, "bytes": peak, "people": run.people, "steps": steps, "read": run.notes["read"]}


def bare() -> dict[str, Any]:
    """Do the bare parts of the run that readers see; return the seconds of each."""
    import duckdb
    import numpy as np
    from django.conf import settings
    from django.db import connection
    from scipy import sparse

    from scoring.models import ReachPart, Score, ScoreRun, ScoreState, Support, TopicReach

    run = ScoreRun.objects.get(is_current=True)
    folder = Path(settings.SCORING_STATE) / ScoreState.objects.get().folder
    found: dict[str, Any] = {}
    with duckdb.connect() as db:
        db.execute("SET preserve_insertion_order = false")
        names = [path.stem for path in sorted(folder.glob("*.parquet"))]

        def reading() -> None:
            for name in names:
                table = f"read_parquet('{folder / name}.parquet')"
                columns = [row[0] for row in db.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()]  # noqa: S608
                db.execute(f"SELECT {', '.join(f'sum({column})' for column in columns)} FROM {table}").fetchall()  # noqa: S608

        found["reading"] = _seconds(reading)
        for name in names:
            db.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{folder / name}.parquet')")  # noqa: S608

        def writing() -> None:
            for name in names:
                db.execute(f"COPY {name} TO '{folder / name}.again' (FORMAT parquet, COMPRESSION zstd)")

        found["writing"] = _seconds(writing)
        edges = db.execute("SELECT actor, target, slow_free FROM pairs").fetchnumpy()
        found["pairs"] = len(edges["actor"])
        log = Path(settings.ACTIVITY_LOG) / "interactions" / "*" / "*.parquet"
        until = int(run.as_of.timestamp())
        found["aggregating"] = _seconds(
            lambda: db.execute(
                'CREATE TABLE aggregated AS SELECT actor, target, count(*) AS acts, min("at") AS first, '  # noqa: S608
                f'max("at") AS last, sum(pow(2.0, -({until} - "at") / 86400.0 / 30.0)) AS slow'
                f" FROM read_parquet('{log}') GROUP BY ALL"
            )
        )
    people, ends = np.unique(np.concatenate([edges["actor"], edges["target"]]), return_inverse=True)
    giver, receiver = np.split(ends, 2)
    step = sparse.csr_array((edges["slow_free"], (receiver, giver)), shape=(people.size, people.size))
    share = np.full(people.size, 1.0 / people.size)

    def products() -> None:
        for _ in range(int(run.notes["walk_iterations"])):
            step @ share

    found["products"] = _seconds(products)
    found["copying"] = 0.0
    with connection.cursor() as cursor:
        for model in (Score, TopicReach, Support, ReachPart):
            table = model._meta.db_table
            texts = []
            with cursor.copy(f"COPY (SELECT * FROM {table} WHERE run_id = {run.pk}) TO STDOUT (FORMAT csv)") as copy:  # noqa: S608
                texts = [bytes(text) for text in copy]
            cursor.execute(f"CREATE TABLE bare_{table} (LIKE {table})")

            def copying(table: str = table, texts: list[bytes] = texts) -> None:
                with cursor.copy(f"COPY bare_{table} FROM STDIN (FORMAT csv)") as copy:
                    copy.write(b"".join(texts))

            found["copying"] += _seconds(copying)
            cursor.execute(f"DROP TABLE bare_{table}")
    return found


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def main(what: str, *arguments: str) -> None:
    """Do one step, and say what came of it."""
    import django
    from django.core.management import call_command

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    from scoring.actions.nights import forget_states

    steps: dict[str, Callable[..., Any]] = {
        "fill": lambda size: fill(int(size)),
        "score": lambda day: score_day(int(day)),
        "forget": forget_states,
        "bare": bare,
    }
    told = steps[what](*arguments)
    print(json.dumps(told if isinstance(told, dict) else {}))


if __name__ == "__main__":
    main(*sys.argv[1:])
