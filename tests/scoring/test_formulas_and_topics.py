"""Stored formulas and the starter topics."""

import hashlib
import json
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction

from scoring.actions import ScoringError, ensure_formula, ensure_topics, score
from scoring.engine import Parameters
from scoring.models import Activation, Formula, ScoreRun, Topic
from tests.scoring.conftest import APRIL_1, APRIL_2, NOW


def test_formulas_are_made_once(db: None) -> None:
    formula = ensure_formula(NOW)
    assert (formula.version, formula.is_current, formula.created_at) == (Parameters().version, True, NOW)
    assert Parameters.from_dict(formula.parameters) == Parameters()
    assert formula.fingerprint == Parameters().fingerprint()
    assert ensure_formula(NOW + timedelta(days=1)) == formula
    assert Formula.objects.count() == 1


def test_the_stored_current_formula_counts_whatever_the_code_says(db: None) -> None:
    parameters = Parameters(version="ours", kappa=0.1)
    ours = Formula.objects.create(
        version="ours", parameters=parameters.to_dict(), fingerprint=parameters.fingerprint(), is_current=True
    )
    assert ensure_formula(NOW) == ours


def test_defaults_under_the_name_of_another_formula_are_refused(db: None) -> None:
    parameters = Parameters(kappa=0.1)
    Formula.objects.create(
        version=parameters.version, parameters=parameters.to_dict(), fingerprint=parameters.fingerprint()
    )
    with pytest.raises(ScoringError, match="differ from the formula stored"):
        ensure_formula(NOW)
    assert not Formula.objects.filter(is_current=True).exists()


def test_a_used_formula_cannot_be_changed(known: Path) -> None:
    run = score(as_of=APRIL_2, now=NOW)
    formula = run.formula
    for change in (
        {"parameters": {**formula.parameters, "kappa": 0.0}},
        {"version": "other"},
        {"fingerprint": "0" * 64},
    ):
        with pytest.raises(IntegrityError, match="was used by a run"), transaction.atomic():
            Formula.objects.filter(pk=formula.pk).update(**change)
    Formula.objects.filter(pk=formula.pk).update(is_current=False)
    unused = Formula.objects.create(version="unused", parameters={}, fingerprint="")
    Formula.objects.filter(pk=unused.pk).update(version="renamed")
    with pytest.raises(IntegrityError), transaction.atomic():
        Formula.objects.filter(pk=formula.pk).delete()


def test_a_tampered_formula_is_not_run(known: Path) -> None:
    formula = ensure_formula(NOW)
    Formula.objects.filter(pk=formula.pk).update(parameters={**formula.parameters, "kappa": 5})
    with pytest.raises(ScoringError, match="its fingerprint differs"):
        score(as_of=APRIL_2, now=NOW)
    assert "fingerprint differs" in ScoreRun.objects.get().error


def stored_without(name: str) -> Formula:
    """Store a current formula as an engine would have that didn't know a parameter."""
    older = Parameters(version="older").to_dict()
    del older[name]
    text = json.dumps(older, sort_keys=True, separators=(",", ":"))
    return Formula.objects.create(
        version="older", parameters=older, fingerprint=hashlib.sha256(text.encode()).hexdigest(), is_current=True
    )


def test_a_formula_stored_before_something_was_shown_beside_the_score_still_runs(known: Path) -> None:
    formula = stored_without("supports_kept")
    run = score(as_of=APRIL_2, now=NOW)
    assert (run.formula, run.state) == (formula, ScoreRun.State.DONE)


def test_a_formula_of_another_definition_is_not_run_as_if_it_were_this_one(known: Path) -> None:
    stored_without("kappa_broad")
    with pytest.raises(ScoringError, match=r"engine with other parameters \(kappa_broad\)"):
        score(as_of=APRIL_2, now=NOW)


def test_a_formula_of_another_definition_is_retired_when_the_engine_changes(known: Path) -> None:
    former = stored_without("kappa_broad")
    Activation.objects.create(formula=former, current_from=APRIL_1, begun_at=NOW, made_at=NOW)

    import_module("scoring.migrations.0007_formula_of_this_engine").retire(apps, None)

    former.refresh_from_db()
    assert not former.is_current
    run = score(as_of=APRIL_2, now=NOW)
    assert (run.formula.version, run.formula.is_current) == (Parameters().version, True)
    assert [each.formula for each in Activation.objects.order_by("current_from")] == [former, run.formula]


def test_starter_topics_are_created_where_missing_and_edits_kept(db: None) -> None:
    made = ensure_topics()
    assert made == Topic.objects.count() > 180
    jazz = Topic.objects.get(slug="jazz")
    assert jazz.parent is not None
    assert jazz.parent.slug == "music"
    assert "#jazz" in jazz.aliases
    Topic.objects.filter(slug="jazz").update(name="Jazz and blues", aliases=["a"], parent=None)
    Topic.objects.filter(slug="rail-travel").delete()
    assert ensure_topics() == 1
    edited = Topic.objects.get(slug="jazz")
    assert (edited.name, edited.aliases, edited.parent_id) == ("Jazz and blues", ["a"], None)
    assert Topic.objects.get(slug="rail-travel").parent == Topic.objects.get(slug="travel")
    assert ensure_topics() == 0


def test_the_first_run_brings_topics_and_later_ones_bring_none_back(known: Path) -> None:
    score(as_of=APRIL_1, now=NOW)
    assert Topic.objects.count() > 180
    Topic.objects.exclude(slug__in=["jazz", "music", "data-science"]).filter(children=None).delete()
    left = Topic.objects.count()
    score(as_of=APRIL_2, now=NOW)
    assert Topic.objects.count() == left
