"""Publishing a run's scores, against a bare COPY of the same rows.

    python -m benchmarks.engine.publishing PEOPLE ROUNDS    under config.launcher

The bare COPY goes into a table of the same columns without index or constraint, from text that is ready in memory; the
same into a table with the indexes and checks of the scores' table is shown beside it.
"""

import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv

from benchmarks.engine.measure import part, platform
from benchmarks.score.bound import Bound, Part

TIME: Final = 2.5
_WAYS: Final = ("bare COPY", "COPY with indexes", "publish", "publish again")


def measured(people: int, folder: Path, rounds: int) -> Part:
    """Publish the scores of so many people, and copy the same rows."""
    with platform(folder) as run:
        told = run(part("publishing", str(people), str(rounds))).told
    seconds = {name: median(told[name]) for name in _WAYS}
    lines = [f"publishing {people:,} scores, {told['text'] / 2**20:.0f} MiB of text", f"{'':<20}{'seconds':>10}"]
    lines += [f"{name:<20}{found:>10.1f}" for name, found in seconds.items()]
    ratio = seconds["publish"] / seconds["bare COPY"]
    return Part(tuple(lines), (Bound(f"publish, {people:,} scores, against a bare COPY", ratio, high=TIME),))


def made_up(people: Any, seed: int = 4) -> pa.Table:
    """Return score rows of some people: reach falls off as people's does, everything else is any number it may be."""
    from scoring.engine import REASONS, score
    from scoring.engine.inputs import SCORES

    rng = np.random.default_rng(seed)
    size = len(people)
    columns: dict[str, Any] = {
        field.name: rng.random(size) if pa.types.is_floating(field.type) else rng.integers(0, 1000, size)
        for field in SCORES
    }
    reach = rng.pareto(0.95, size).clip(0, 1e6)
    taken = {f"taken_{reason}": reach * 0.1 * rng.random(size) for reason in REASONS}
    columns |= taken | {"person": people, "reach": reach, "forecast": reach + sum(taken.values())}
    columns |= {"low": reach * 0.5, "high": reach * 2.0, "percentile": 100 * rng.random(size)}
    columns["score"] = score(reach)
    return pa.table(columns, schema=SCORES)


def _texts(rows: pa.Table) -> list[bytes]:
    found = []
    for batch in rows.to_batches(max_chunksize=50_000):
        text = io.BytesIO()
        pyarrow.csv.write_csv(batch, text, pyarrow.csv.WriteOptions(include_header=False))
        found.append(text.getvalue())
    return found


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def publish_and_copy(people: int, rounds: int) -> dict[str, Any]:
    """Take both ways by turns in the database that the settings name; return the seconds of each round."""
    from datetime import timedelta

    from django.db import connection, transaction
    from django.utils import timezone

    from scoring.actions import filling, publishing
    from scoring.actions.copying import copied_columns
    from scoring.actions.formulas import ensure_formula
    from scoring.actions.rows import rows_of
    from scoring.engine import Result
    from scoring.engine.forecasts import Forecast
    from scoring.engine.inputs import PARTS, SUPPORTS, TOPICS
    from scoring.models import Score, ScoreRun

    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_person"
            " (handle, name, bio, location, email, claimed_via, is_hidden, is_seed, created_at)"
            " SELECT 'h' || i, '', '', '', '', '', FALSE, FALSE, now() FROM generate_series(1, %s) i RETURNING id",
            [people],
        )
        ids = np.array(cursor.fetchall(), dtype=np.int64)[:, 0]
        cursor.execute("ANALYZE accounts_person")
    scores = made_up(ids)
    nothing = Forecast(0, "data", pa.table({}), pa.table({}))
    result = Result(
        scores, TOPICS.empty_table(), SUPPORTS.empty_table(), PARTS.empty_table(), {"interactions": 0}, lambda: nothing
    )
    rows = rows_of(result, people=ids, topics=np.zeros(0, dtype=np.int64)).scores
    names = ", ".join(copied_columns(Score, ["run", *rows.column_names]))
    formula = ensure_formula(now, as_of=now)
    texts: list[bytes] = []
    found: dict[str, Any] = {name: [] for name in _WAYS}

    def copied(like: str) -> float:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE bare (LIKE scoring_score INCLUDING {like})")

            def copy() -> None:
                with transaction.atomic(), cursor.copy(f"COPY bare ({names}) FROM STDIN (FORMAT csv)") as stream:
                    for text in texts:
                        stream.write(text)

            try:
                return _seconds(copy)
            finally:
                cursor.execute("DROP TABLE bare")

    for turn in range(rounds):
        run = ScoreRun.objects.create(as_of=now - timedelta(days=rounds - turn), formula=formula)
        texts = _texts(filling.with_run(run, rows))

        def publish(run: ScoreRun = run) -> None:
            publishing.publish(run, result, now=now, finished=timezone.now, make_current=False, check=lambda: None)

        # Numbers of rows come from the table's sequence everywhere.
        found["bare COPY"].append(copied("DEFAULTS"))
        found["COPY with indexes"].append(copied("ALL"))
        texts = []
        found["publish"].append(_seconds(publish))
        found["publish again"].append(_seconds(publish))
    return found | {"text": sum(map(len, _texts(filling.with_run(run, rows))))}


if __name__ == "__main__":
    import django
    from django.core.management import call_command

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    print(json.dumps(publish_and_copy(int(sys.argv[1]), int(sys.argv[2]))))
