"""Rows copied in PostgreSQL's binary form come back as they were."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.db import connection

from scoring.actions import copying
from scoring.models import ReachPart, TopicReach
from tests.factories.accounts import PersonFactory
from tests.factories.scoring import ScoreRunFactory, TopicFactory

pytestmark = pytest.mark.django_db


def copy(model: Any, table: pa.Table) -> list[int]:
    """Copy rows, and return how many each chunk was said to hold."""
    names = ", ".join(copying.copied_columns(model, table.column_names))
    sent = []
    statement = f"COPY {model._meta.db_table} ({names}) FROM STDIN (FORMAT binary)"
    with connection.cursor() as cursor, cursor.copy(statement) as stream:
        for chunk, rows in copying.copied_bytes(model, table.column_names, [table]):
            stream.write(chunk)
            sent.append(rows)
    return sent


def test_numbers_and_gaps_come_back_to_the_bit() -> None:
    run, person = ScoreRunFactory.create().pk, PersonFactory.create().pk
    topics = [topic.pk for topic in TopicFactory.create_batch(2)]
    reach = [np.nextafter(1 / 3, 1), 5e-324]
    table = pa.table(
        {
            "run": [run, run],
            "person": [person, person],
            "topic": topics,
            "reach": reach,
            "reach_with_below": [1e300, 1.0],
            "score": [1.0, 100.0],
            "lift": [2.5, None],
            "rank": [32_767, None],
        }
    )
    assert sum(copy(TopicReach, table)) == 2
    stored = TopicReach.objects.order_by("topic").values_list("reach", "reach_with_below", "lift", "rank")
    assert list(stored) == [(reach[0], 1e300, 2.5, 32_767), (reach[1], 1.0, None, None)]


def test_text_comes_back_in_any_script() -> None:
    run, person = ScoreRunFactory.create().pk, PersonFactory.create().pk
    networks = ["", "mastodon", "微博 🐦", "tab\tnew\nline\\N"]
    table = pa.table(
        {
            "run": [run] * 4,
            "person": [person] * 4,
            "kind": ["like"] * 4,
            "network": networks,
            "reach": [1.0, 2.0, 3.0, 4.0],
        }
    )
    copy(ReachPart, table)
    assert list(ReachPart.objects.order_by("reach").values_list("network", flat=True)) == networks


def test_rows_go_in_chunks_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "CHUNK", 2)
    run = ScoreRunFactory.create().pk
    people = [person.pk for person in PersonFactory.create_batch(5)]
    table = pa.table(
        {"run": [run] * 5, "person": people, "kind": ["like"] * 5, "network": ["x"] * 5, "reach": [1.0] * 5}
    )
    assert copy(ReachPart, table) == [0, 2, 2, 1, 0]
    assert sorted(ReachPart.objects.values_list("person", flat=True)) == people
    assert copy(ReachPart, table.slice(0, 0)) == [0, 0]


def test_a_number_that_a_column_can_not_hold_is_refused() -> None:
    columns: dict[str, Any] = {"run": [1], "person": [1], "topic": [1], "reach": [1.0], "reach_with_below": [1.0]}
    table = pa.table({**columns, "score": [1.0], "lift": [1.0], "rank": [40_000]})
    with pytest.raises(pa.ArrowInvalid, match="40000"):
        next(iter(list(copying.copied_bytes(TopicReach, table.column_names, [table]))))
