"""How a run's scores are spread: worked out by hand, stored when a run is published, dropped when it isn't shown."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from scoring.actions import score
from scoring.actions.figures import BINS, figures_of
from scoring.models import RunFigures, Score, ScoreRun
from scoring.queries import score_of
from tests.asked import tables_asked
from tests.factories.accounts import IdentityFactory, PersonFactory
from tests.factories.scoring import ScoreFactory, ScoreRunFactory
from tests.scoring.conftest import APRIL_1, APRIL_2, APRIL_3, NOW

pytestmark = pytest.mark.django_db


def _scores(*rows: tuple[Any, ...]) -> pa.Table:
    names = ("score", "reach", "forecast", "low", "high")
    columns: dict[str, Any] = {"person": pa.array([row[0].pk for row in rows], pa.int64())}
    columns |= {name: pa.array([row[n] for row in rows], pa.float64()) for n, name in enumerate(names, 1)}
    return pa.table(columns)


def _topics(*rows: tuple[Any, ...]) -> pa.Table:
    person, topic, reach = ([row[n] for row in rows] for n in range(3))
    return pa.table(
        {
            "person": pa.array([each.pk for each in person], pa.int64()),
            "topic": pa.array(topic, pa.int64()),
            "reach_with_below": pa.array(reach, pa.float64()),
        }
    )


def _filled(figures: RunFigures, measure: str) -> dict[float, int]:
    found = figures.histograms[measure]
    return {low: people for low, people in zip(found["from"], found["people"], strict=True) if people}


def test_people_are_counted_by_hand() -> None:
    run = ScoreRunFactory.create()
    earlier = ScoreRunFactory.create(formula=run.formula, as_of=run.as_of - timedelta(days=28))
    top = run.formula.parameters["scale_top"]
    ann, ben, cy = PersonFactory.create_batch(3)
    hidden = PersonFactory.create(is_hidden=True)
    merged = PersonFactory.create(merged_into=ann)
    for person, was in ((ann, 40.0), (hidden, 1.0), (ben, 60.0)):
        ScoreFactory.create(run=earlier, person=person, score=was)
    IdentityFactory.create_batch(2, person=ann, network__slug="one")
    IdentityFactory.create(person=ben, network__slug="two")
    IdentityFactory.create(person=hidden, network__slug="one")
    IdentityFactory.create(network__slug="three")
    with tables_asked() as asked:
        figures = figures_of(
            run,
            _scores(
                (ann, 41.5, 850.0, 1000.0, 500.0, 1700.0),
                (ben, 4.0, 1.0, 1.0, 1.0, 1.0),
                (cy, 100.0, 2e7, 2e7, 2e7, 2e7),
                (hidden, 50.0, 10.0, 10.0, 5.0, 20.0),
                (merged, 50.0, 10.0, 10.0, 5.0, 20.0),
            ),
            _topics((ann, 7, 3.0), (ben, 7, 0.0), (cy, 8, 1.0), (cy, 7, 2.0), (hidden, 8, 4.0)),
        )
    assert asked == [
        "accounts_person",
        "scoring_scorerun",
        "scoring_score",
        "accounts_network",
        *["accounts_identity"] * 3,
    ]
    assert figures.people == 3
    assert _filled(figures, "score") == {40.0: 1, 4.0: 1, 97.0: 1}
    assert _filled(figures, "reach") == {500.0: 1, 1.0: 1, 5e6: 1}
    # A band from 500 to 1,700 is seven and a half points wide.
    width = score_of(1700, top) - score_of(500, top)
    assert _filled(figures, "width") == {0.0: 2, float(int(width)): 1}
    assert _filled(figures, "taken") == {0.0: 2, 0.15: 1}
    # From 60 to 4 is less than the lowest bin begins with; cy had no score then.
    assert _filled(figures, "growth") == {1.0: 1, -10.0: 1}
    assert figures.topics == {"7": 2, "8": 1}
    assert figures.networks == {"one": 1, "three": 0, "two": 1}


def test_the_first_run_knows_no_growth_and_an_empty_one_nothing() -> None:
    run = ScoreRunFactory.create()
    figures = figures_of(run, _scores(), _topics())
    assert (figures.people, figures.topics, figures.networks) == (0, {}, {})
    assert sorted(figures.histograms) == ["reach", "score", "taken", "width"]
    assert sum(figures.histograms["score"]["people"]) == 0


def test_bins_rise() -> None:
    for bins in BINS.values():
        assert (np.diff(bins) > 0).all()


def test_a_run_stores_how_its_scores_are_spread(known: Path) -> None:
    for _again in range(2):
        run = score(as_of=APRIL_1, now=NOW)
        figures = RunFigures.objects.get()
        assert figures.run == run
        assert figures.people == Score.objects.filter(run=run).count() > 0
        assert sum(figures.histograms["score"]["people"]) == figures.people
        rows = Score.objects.filter(run=run)
        assert _filled(figures, "score") == {
            low: people for low in BINS["score"] if (people := rows.filter(score__gte=low, score__lt=low + 3).count())
        }


def test_figures_go_with_the_rows_that_no_page_shows(known: Path) -> None:
    runs = [score(as_of=day, now=NOW) for day in (APRIL_1, APRIL_2, APRIL_3)]
    assert set(RunFigures.objects.values_list("run", flat=True)) == {runs[1].pk, runs[2].pk}
    assert ScoreRun.objects.count() == 3
