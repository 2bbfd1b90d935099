"""What goes into the tables: guarded values, and all at once for whoever reads meanwhile."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.db import IntegrityError, transaction

from accounts.models import Person
from scoring.actions import filling, score
from scoring.actions.rows import ResultFault, rows_of
from scoring.engine import Result
from scoring.engine.forecasts import Forecast
from scoring.engine.inputs import PARTS, SCORES, SUPPORTS, TOPICS
from scoring.models import Formula, Score, ScoreRun, Support, Topic, TopicReach
from tests.scoring.conftest import APRIL_1, APRIL_2, NOW
from tests.scoring.published import Reader, current_rows

PEOPLE = np.array([1, 2], np.int64)
TOPIC_IDS = np.array([7], np.int64)


def row(person: int, **values: Any) -> dict[str, Any]:
    numbers = {field.name: 0.0 if pa.types.is_floating(field.type) else 0 for field in SCORES}
    good = {"score": 20.0, "reach": 10.0, "forecast": 10.0, "low": 5.0, "high": 20.0, "percentile": 50.0}
    return numbers | good | {"person": person, "original_share": None} | values


def result(*rows: dict[str, Any], topics: Any = (), supports: Any = (), parts: Any = ()) -> Result:
    return Result(
        pa.Table.from_pylist(list(rows), SCORES),
        pa.Table.from_pylist([dict(zip(TOPICS.names, values, strict=True)) for values in topics], TOPICS),
        pa.Table.from_pylist([dict(zip(SUPPORTS.names, values, strict=True)) for values in supports], SUPPORTS),
        pa.Table.from_pylist([dict(zip(PARTS.names, values, strict=True)) for values in parts], PARTS),
        {"interactions": 0},
        lambda: Forecast(0, "data", pa.table({}), pa.table({})),
    )


def test_noise_is_put_on_the_bound_and_nothing_else_is_touched() -> None:
    rows = rows_of(
        result(
            row(1, score=1 - 1e-13, reach=0.0, forecast=0.0, low=-1e-15, high=0.5, percentile=100 + 1e-12),
            row(2, score=100 + 1e-12, low=10 + 1e-12, high=10 - 1e-12, taken_absence=0.25, forecast=10.25),
        ),
        people=PEOPLE,
        topics=TOPIC_IDS,
    )
    second, first = pa.concat_tables(rows.by_model()[Score]).to_pylist()
    assert (first["score"], first["low"], first["high"], first["percentile"]) == (1.0, 0.0, 0.5, 100.0)
    assert (second["score"], second["low"], second["high"], second["taken_absence"]) == (100.0, 10.0, 10.0, 0.25)
    assert first["original_share"] is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"score": 0.9}, "score is out of its range in 1 rows"),
        ({"score": 100.1}, "score is out of its range"),
        ({"score": float("nan")}, "score holds something that is no number"),
        ({"reach": None}, "reach holds something that is no number"),
        ({"high": float("inf")}, "high holds something that is no number"),
        ({"low": 11.0}, "low is out of its range"),
        ({"low": -0.1}, "low is out of its range"),
        ({"high": 9.9}, "high is out of its range"),
        ({"percentile": 101.0}, "percentile is out of its range"),
        ({"taken_exchange": 1.0}, "doesn't add up"),
    ],
)
def test_what_the_definition_forbids_is_not_published(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ResultFault, match=message):
        rows_of(result(row(1, **values)), people=PEOPLE, topics=TOPIC_IDS)


def test_rows_of_people_and_topics_that_are_not_there_are_left_out() -> None:
    rows = rows_of(
        result(
            row(1),
            row(-5),
            topics=[
                (1, 7, 3.0, 3.5, 10.0, 2.0, 1),
                (1, 8, 3.0, 3.0, 10.0, 1.0, None),
                (-5, 7, 3.0, 3.0, 10.0, 1.0, None),
                (1, None, 4.0, 4.0, 10.0, None, None),
            ],
            supports=[
                (1, 2, 1.0, 1, 1, 4, 1.5, 0.1, 0.2, 0.3, -0.2, 0.1),
                (1, -5, 1.0, 1, 2, 4, 1.0, *[0.0] * 5),
                (-5, 2, 1.0, 2, 1, 4, 1.0, *[0.0] * 5),
            ],
            parts=[(2, "like", "twitter", 1.0), (-5, "like", "twitter", 1.0)],
        ),
        people=PEOPLE,
        topics=TOPIC_IDS,
    )
    assert rows.left_out == 1
    assert rows.scores["person"].to_pylist() == [1]
    assert rows.topics.to_pylist() == [
        {"person": 1, "topic": 7, "reach": 3.0, "reach_with_below": 3.5, "score": 10.0, "lift": 2.0, "rank": 1}
    ]
    taken = {"unvouched": 0.1, "exchange": 0.2, "indiscriminate": 0.3, "repetition": -0.2, "absence": 0.1}
    assert pa.concat_tables(rows.supports).to_pylist() == [
        {"supporter": 1, "supported": 2, "reach": 1.0, "actions": 4, "expected": 1.5}
        | {f"taken_{reason}": people for reason, people in taken.items()}
    ]
    assert rows.parts.to_pylist() == [{"person": 2, "kind": "like", "network": "twitter", "reach": 1.0}]


def test_rows_are_stored_by_rank() -> None:
    rows = rows_of(result(row(1, score=20.0), row(2, score=30.0)), people=PEOPLE, topics=TOPIC_IDS)
    assert pa.concat_tables(rows.by_model()[Score])["person"].to_pylist() == [2, 1]


@pytest.fixture(params=["in a partition with others", "in a partition of its own"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish the small world both as what it is and as if it were a large one."""
    monkeypatch.setattr(filling, "LARGE", 1 if request.param.endswith("own") else 31)


@pytest.fixture
def scored(known: Path, size: None) -> ScoreRun:
    return score(as_of=APRIL_1, now=NOW)


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (Score, {"score": 0.5}),
        (Score, {"score": 100.5}),
        (Score, {"score": float("nan")}),
        (Score, {"percentile": -1}),
        (Score, {"low": -1}),
        (Score, {"high": -1}),
        (TopicReach, {"reach": -1}),
        (TopicReach, {"score": 0}),
        (TopicReach, {"reach": 5, "reach_with_below": 4}),
        (TopicReach, {"rank": 1, "lift": None}),
        (TopicReach, {"rank": 0, "lift": 2}),
        (ScoreRun, {"state": "failed"}),
        (ScoreRun, {"finished_at": None}),
    ],
)
def test_the_database_refuses_what_must_not_be(scored: ScoreRun, model: Any, change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.all().update(**change)


def test_the_database_keeps_one_of_each(scored: ScoreRun) -> None:
    person, other = Person.objects.order_by("pk")[:2]
    formula = scored.formula
    for again in (
        lambda: Score.objects.create(
            run=scored, person=person, score=20, reach=1, forecast=1, low=1, high=1, percentile=1
        ),
        lambda: ScoreRun.objects.create(as_of=APRIL_1, formula=formula),
        lambda: ScoreRun.objects.create(
            as_of=APRIL_2, formula=formula, is_current=True, state=ScoreRun.State.DONE, finished_at=NOW
        ),
        lambda: Formula.objects.create(version="second", parameters={}, fingerprint="", is_current=True),
        lambda: Formula.objects.create(version=formula.version, parameters={}, fingerprint=""),
        lambda: Support.objects.create(run=scored, supporter=other, supported=other, reach=1),
        lambda: Topic.objects.create(slug="jazz", name="Jazz"),
        lambda: Topic.objects.filter(slug="jazz").update(parent=Topic.objects.get(slug="jazz")),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            again()


@pytest.mark.django_db(transaction=True)
def test_readers_see_the_old_run_or_the_new_one(known: Path, size: None, monkeypatch: pytest.MonkeyPatch) -> None:
    old = score(as_of=APRIL_1, now=NOW)
    before = current_rows()
    copy = filling.copy_rows

    with Reader(old) as reader:

        def slowly(*given: Any) -> None:
            copy(*given)
            reader.look()

        monkeypatch.setattr(filling, "copy_rows", slowly)
        new = score(as_of=APRIL_2, now=NOW)
        after = current_rows()
    assert reader.errors == []
    assert new.pk != old.pk
    assert set(reader.seen) == {before, after}
    assert reader.seen == sorted(reader.seen)
    assert before[:2] == (old.pk, 30)
    assert after[:2] == (new.pk, 30)
    assert before[2] != after[2]


@pytest.mark.django_db(transaction=True)
def test_readers_of_a_line_that_is_run_again_see_its_old_rows_or_its_new_ones(
    known: Path, size: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = score(as_of=APRIL_1, now=NOW)
    Score.objects.filter(run=run).update(score=77)
    before = current_rows()
    copy = filling.copy_rows

    with Reader(run) as reader:

        def slowly(*given: Any) -> None:
            copy(*given)
            reader.look()

        monkeypatch.setattr(filling, "copy_rows", slowly)
        score(as_of=APRIL_1, now=NOW)
        after = current_rows()
    assert reader.errors == []
    assert set(reader.seen) == {before, after}
    assert before[:3] == (run.pk, 30, 77.0)
    assert after[:2] == (run.pk, 30)
    assert after[2] < 77
