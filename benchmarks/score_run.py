"""What publishing a run costs, against a bare COPY of the same rows, and what finding topics costs.

    python benchmarks/score_run.py --people 100000

Needs the database of the settings; everything is rolled back.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
WORDS = ["flying", "to", "toronto", "with", "a", "good", "book", "about", "jazz", "and", "data", "science", "today"]


@contextmanager
def timed(what: str, rows: int, seconds: dict[str, float]) -> Iterator[None]:
    """Print how long the block took, and remember it."""
    started = time.monotonic()
    yield
    seconds[what] = time.monotonic() - started
    print(f"{what:<32}{rows:>12,} rows{seconds[what]:>9.1f} s")


def made_up_result(people: Any, topics: Any, dice: np.random.Generator) -> Any:
    """Return a result with a row per person, and three topics and five supporters for every second one."""
    from scoring.engine import REASONS, Result, score
    from scoring.engine.forecasts import Forecast

    size = len(people)
    reach = dice.pareto(1.0, size)
    numbers = {name: np.zeros(size) for name in ("taken_exchange", "taken_indiscriminate", "taken_repetition")}
    numbers |= {name: dice.random(size) for name in ("trust", "alive", "credibility", "original_share")}
    numbers |= {
        name: dice.random(size)
        for name in (
            "vouchers",
            "vouched",
            "broad",
            "narrow",
            "vouched_exchanged",
            "broad_exchanged",
            "narrow_exchanged",
        )
    }
    counts = {name: dice.integers(0, 100, size) for name in ("supporters", "actions", "posts")}
    scores = {
        "person": people,
        "score": score(reach),
        "reach": reach,
        "forecast": reach + 1.5,
        "low": reach * 0.5,
        "high": reach * 2,
        "percentile": dice.random(size) * 100,
        "taken_unvouched": np.full(size, 0.5),
        "taken_absence": np.ones(size),
    }
    some = people[::2]
    on_topic = np.stack([np.roll(topics, turn)[:3] for turn in dice.integers(0, len(topics), len(some))])
    topic_rows = {
        "person": np.repeat(some, 3),
        "topic": on_topic.ravel(),
        "reach": dice.random(3 * len(some)),
        "reach_with_below": 1 + dice.random(3 * len(some)),
        "score": 1 + dice.random(3 * len(some)),
        "lift": 1 + dice.random(3 * len(some)),
        "rank": np.tile([1, 2, 3], len(some)),
    }
    support_rows = {
        "supporter": np.concatenate([np.roll(people, step)[::2] for step in range(1, 6)]),
        "supported": np.tile(some, 5),
        "reach": dice.random(5 * len(some)),
        "actions": dice.integers(1, 10, 5 * len(some)),
        "expected": dice.random(5 * len(some)),
        **{f"taken_{reason}": dice.random(5 * len(some)) for reason in REASONS},
    }
    part_rows = {
        "person": np.repeat(some, 3),
        "kind": np.tile(["like", "reply", "repost"], len(some)),
        "network": np.full(3 * len(some), "twitter"),
        "reach": dice.random(3 * len(some)),
    }
    columns: Any = scores | numbers | counts
    tables = (pa.table(columns), pa.table(topic_rows), pa.table(support_rows), pa.table(part_rows))
    return Result(*tables, {"interactions": 0}, lambda: Forecast(0, "data", pa.table({}), pa.table({})))


def publish(size: int, seconds: dict[str, float]) -> None:
    """Measure a bare COPY into tables without keys, and publishing, in a transaction that is rolled back."""
    from django.db import connection, transaction

    from accounts.models import Person
    from scoring.actions import ensure_formula, ensure_topics, filling, publishing
    from scoring.actions.rows import rows_of
    from scoring.models import ReachPart, Score, ScoreRun, Support, Topic, TopicReach

    with transaction.atomic():
        made = Person.objects.bulk_create((Person(handle=f"benchmark-{n}") for n in range(size)), batch_size=5000)
        ensure_topics()
        people = np.array([person.pk for person in made], np.int64)
        topics = np.array(Topic.objects.values_list("pk", flat=True), np.int64)
        result = made_up_result(people, topics, np.random.default_rng(1))
        rows = rows_of(result, people=people, topics=topics)
        count = rows.scores.num_rows + rows.topics.num_rows + rows.supported + rows.parts.num_rows
        run = ScoreRun.objects.create(as_of=MOMENT, formula=ensure_formula(MOMENT), started_at=MOMENT)
        with connection.cursor() as cursor:
            for model in (Score, TopicReach, Support, ReachPart):
                table = model._meta.db_table
                # Found before the real one, so that the same code writes to it.
                cursor.execute(f"CREATE TEMP TABLE {table} (LIKE public.{table} INCLUDING IDENTITY)")
        with timed("bare COPY", count, seconds):
            tables: dict[Any, Any] = {
                Score: [rows.scores],
                TopicReach: [rows.topics],
                Support: rows.supports,
                ReachPart: [rows.parts],
            }
            for each, table_rows in tables.items():
                filling.copy_rows(each, run, table_rows)
        with connection.cursor() as cursor:
            for model in (Score, TopicReach, Support, ReachPart):
                cursor.execute(f"DROP TABLE pg_temp.{model._meta.db_table}")
        with timed("publishing", count, seconds):
            publishing.publish(run, result, now=MOMENT, finished=lambda: MOMENT, make_current=False, check=lambda: None)
        transaction.set_rollback(True)


def topics(size: int, seconds: dict[str, float]) -> None:
    """Measure finding the starter table's topics in made-up posts of 15 words."""
    from scoring.actions.topics import starter_topics

    dice = np.random.default_rng(1)
    pool = np.array([*WORDS, *(f"word{n}" for n in range(20_000))])
    texts = [" ".join(row) for row in pool[dice.integers(0, len(pool), (size, 15))]]
    tags: Any = pa.nulls(size, pa.list_(pa.string()))
    posts = pa.table([pa.array(np.arange(size)), pa.array(texts, pa.string()), tags], names=["post", "text", "topics"])
    matcher = starter_topics().matcher
    with timed("topics of posts", size, seconds):
        matcher.match_all(posts.slice(start, 50_000) for start in range(0, size, 50_000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    size = parser.parse_args().people

    import django

    django.setup()
    seconds: dict[str, float] = {}
    topics(size * 3, seconds)
    publish(size, seconds)
    print(f"publishing is {seconds['publishing'] / seconds['bare COPY']:.1f} times the bare COPY")


if __name__ == "__main__":
    main()
