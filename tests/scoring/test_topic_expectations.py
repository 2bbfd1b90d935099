"""Who is about what at rstudioconf 2018, written down by reading the tweets, against what comes out."""

import csv
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from accounts.intake import open_source
from scoring.actions.computing import compute_scores, until
from scoring.actions.spool import Spool
from scoring.actions.topics import STARTER, read_topics, starter_topics
from scoring.engine import Parameters
from scoring.engine.progress import quiet

EXPECTED = Path(__file__).parent / "data" / "rstudioconf_topics.csv"
# As many as lists of people show.
SHOWN = 3


@pytest.fixture(scope="module")
def found(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Return each person's rows of topics, computed as score_dataset does."""
    import duckdb

    path = shared_data / "rstudioconf" / "tweets.csv.gz"
    if not path.is_file():
        pytest.skip(f"no conference at {path}")
    with duckdb.connect() as connection:
        spool = Spool(tmp_path_factory.mktemp("spool"), connection)
        for batch in open_source(path, "rtweet", network=None).batches():
            spool.add(batch)
        spool.close()
        people = spool.people()
        result = compute_scores(
            interactions=spool.interactions(),
            posts=spool.posts(),
            until=until(datetime(2018, 2, 8, tzinfo=UTC)),
            owners=people.owners,
            seeds=people.seeds,
            topics=starter_topics(),
            parameters=Parameters(),
            progress=quiet,
        )
    handles = dict(zip(*(people.names[name].to_pylist() for name in ("key", "handle")), strict=True))
    slugs = [row.slug for row in read_topics(STARTER)]
    rows = defaultdict(list)
    for row in result.topics.to_pylist():
        if row["topic"] is not None:
            rows[handles[row["person"]]].append({**row, "topic": slugs[row["topic"]]})
    return dict(rows)


def unmet(shown: dict[str, list[str]], rows: list[dict[str, str]]) -> list[str]:
    """Return the expectations that the topics shown of each person don't meet."""
    return [
        f"{row['handle']} on {row['topic']}: {row['own']}, shown are {shown[row['handle']]}"
        for row in rows
        if (row["topic"] in shown[row["handle"]]) != (row["own"] == "yes")
    ]


def test_people_are_about_what_they_were_heard_on(found: dict[str, list[dict[str, Any]]]) -> None:
    with EXPECTED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({(row["handle"], row["topic"]) for row in rows}) == len(rows) >= 30
    assert {row["own"] for row in rows} == {"yes", "no"}
    assert {row["topic"] for row in rows} <= {row.slug for row in read_topics(STARTER)}
    assert {row["handle"] for row in rows} <= set(found), "somebody isn't there at all"

    own = {
        who: [line["topic"] for line in sorted(lines, key=lambda line: line["rank"]) if line["rank"] <= SHOWN]
        for who, lines in ((who, [line for line in lines if line["rank"]]) for who, lines in found.items())
    }
    by_share = {
        who: [line["topic"] for line in sorted(lines, key=lambda line: -line["reach"])[:SHOWN]]
        for who, lines in found.items()
    }
    missed, missed_by_share = unmet(own, rows), unmet(by_share, rows)
    met, met_by_share = len(rows) - len(missed), len(rows) - len(missed_by_share)
    print(f"{met} of {len(rows)} expectations met; by share of reach {met_by_share}")
    print("\n".join(missed))
    assert met >= 0.85 * len(rows), missed
    assert met_by_share <= met - 8
    # What everybody at a conference on R is heard on is nobody's own topic.
    assert not any(line["rank"] for lines in found.values() for line in lines if line["topic"] == "r-programming")
