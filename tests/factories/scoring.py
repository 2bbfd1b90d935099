"""Rows of the scoring app."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import factory.declarations
from factory.django import DjangoModelFactory

from scoring.engine import Parameters
from scoring.models import (
    Activation,
    Appeal,
    Backtest,
    Formula,
    ReachPart,
    RunFigures,
    Score,
    ScoreRun,
    ScoreState,
    StateDay,
    Support,
    Topic,
    TopicReach,
    WrittenLanguage,
)
from tests.factories.accounts import NOW, PersonFactory

# factory_boy's declarations carry no types.
make: Any = factory.declarations


class TopicFactory(DjangoModelFactory[Topic]):
    class Meta:
        model = Topic

    slug = make.Sequence(lambda n: f"topic-{n}")
    name = make.Sequence(lambda n: f"Topic number {n}")


class FormulaFactory(DjangoModelFactory[Formula]):
    """A formula of its own; `kappa` differs by number, so that no two are the same."""

    class Meta:
        model = Formula

    version = make.Sequence(lambda n: f"test-{n}")
    parameters = make.LazyAttributeSequence(
        lambda formula, n: Parameters(version=formula.version, kappa=0.1 + n * 1e-6).to_dict()
    )
    fingerprint = make.LazyAttribute(lambda formula: Parameters.from_dict(formula.parameters).fingerprint())


class ActivationFactory(DjangoModelFactory[Activation]):
    """A plan that nobody in particular made; it has begun where `begun_at` is given."""

    class Meta:
        model = Activation

    formula = make.SubFactory(FormulaFactory)
    current_from = make.Sequence(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n))
    made_at = make.LazyAttribute(lambda row: row.current_from)
    note = "Less noise."


class ScoreRunFactory(DjangoModelFactory[ScoreRun]):
    """A finished run, each a day after the one before; not current."""

    class Meta:
        model = ScoreRun

    as_of = make.Sequence(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n))
    formula = make.SubFactory(FormulaFactory)
    state = ScoreRun.State.DONE
    started_at = make.LazyAttribute(lambda run: run.as_of + timedelta(hours=3))
    finished_at = make.LazyAttribute(
        lambda run: None if run.state == ScoreRun.State.RUNNING else run.started_at + timedelta(minutes=1)
    )


class BacktestFactory(DjangoModelFactory[Backtest]):
    """A backtest in which the score does better than two baselines, with three bins of people."""

    class Meta:
        model = Backtest

    run = make.SubFactory(ScoreRunFactory)
    horizon_days = 28.0
    cut = make.LazyAttribute(lambda row: row.run.as_of - timedelta(days=row.horizon_days))
    people = 1200
    spearman = 0.61
    ndcg = 0.88
    overlap = 0.7
    best_baseline = 0.52
    coverage = 0.81
    coverage_large = 0.78
    large = 40
    baselines = make.LazyFunction(
        lambda: [
            {"name": "reactions counted", "spearman": 0.5, "ndcg": 0.8, "overlap": 0.6},
            {"name": "distinct reactors", "spearman": 0.52, "ndcg": 0.86, "overlap": 0.66},
        ]
    )
    bins = make.LazyFunction(
        lambda: [
            {"people": 900, "forecast": 0.4, "outcome": 0.5, "low": 0.0, "high": 1.4},
            {"people": 260, "forecast": 7.0, "outcome": 6.1, "low": 2.5, "high": 12.0},
            {"people": 40, "forecast": 60.0, "outcome": 71.0, "low": 35.0, "high": 110.0},
        ]
    )


class RunFiguresFactory(DjangoModelFactory[RunFigures]):
    """Ten people, most of them with a low score."""

    class Meta:
        model = RunFigures

    run = make.SubFactory(ScoreRunFactory)
    people = 10
    histograms = make.LazyFunction(lambda: {"score": {"from": [1.0, 34.0, 67.0], "people": [7, 2, 1]}})


class ScoreFactory(DjangoModelFactory[Score]):
    """A score of 43 with a band, of which nothing was taken off."""

    class Meta:
        model = Score

    run = make.SubFactory(ScoreRunFactory)
    person = make.SubFactory(PersonFactory)
    score = 43.0
    reach = 900.0
    forecast = make.LazyAttribute(lambda row: row.reach)
    low = make.LazyAttribute(lambda row: row.reach / 2)
    high = make.LazyAttribute(lambda row: row.reach * 2)
    percentile = 90.0
    trust = 0.5
    supporters = 120
    actions = 400
    posts = 60
    original_share = 0.5


class TopicReachFactory(DjangoModelFactory[TopicReach]):
    class Meta:
        model = TopicReach

    run = make.SubFactory(ScoreRunFactory)
    person = make.SubFactory(PersonFactory)
    topic = make.SubFactory(TopicFactory)
    reach = 300.0
    reach_with_below = make.LazyAttribute(lambda row: row.reach)
    score = 36.0


class SupportFactory(DjangoModelFactory[Support]):
    class Meta:
        model = Support

    run = make.SubFactory(ScoreRunFactory)
    supporter = make.SubFactory(PersonFactory)
    supported = make.SubFactory(PersonFactory)
    reach = 0.8
    actions = 3
    expected = make.LazyAttribute(lambda row: row.reach)


class WrittenLanguageFactory(DjangoModelFactory[WrittenLanguage]):
    class Meta:
        model = WrittenLanguage

    run = make.SubFactory(ScoreRunFactory)
    person = make.SubFactory(PersonFactory)
    language = "en"


class ReachPartFactory(DjangoModelFactory[ReachPart]):
    class Meta:
        model = ReachPart

    run = make.SubFactory(ScoreRunFactory)
    person = make.SubFactory(PersonFactory)
    kind = "reply"
    network = "twitter"
    reach = 900.0


class AppealFactory(DjangoModelFactory[Appeal]):
    """An open appeal."""

    class Meta:
        model = Appeal

    run = make.SubFactory(ScoreRunFactory)
    person = make.SubFactory(PersonFactory)
    reason = Appeal.Reason.EXCHANGE
    people = 2.0
    text = "We work together."
    made_at = make.LazyAttribute(lambda row: row.run.as_of)


def reach_below(topic: Topic, **given: Any) -> TopicReach:
    """Create a row of reach on a topic, and for each topic above it the row that a run stores for what lies below."""
    seen, above = {topic.pk}, topic.parent
    while above is not None and above.pk not in seen:
        TopicReachFactory.create(topic=above, **given | {"reach": 0, "reach_with_below": given.get("reach", 300.0)})
        seen.add(above.pk)
        above = above.parent
    row: TopicReach = TopicReachFactory.create(topic=topic, **given)
    return row


def current_run(**given: Any) -> ScoreRun:
    """Return a finished run that readers see, under a current formula of its own unless one is given."""
    given.setdefault("formula", None)
    formula = given.pop("formula") or FormulaFactory.create(is_current=True)
    return ScoreRunFactory.create(formula=formula, is_current=True, **given)


class ScoreStateFactory(DjangoModelFactory[ScoreState]):
    """A row without its folder."""

    class Meta:
        model = ScoreState

    key = make.Sequence(lambda n: f"{n:032x}")
    until = NOW
    folder = make.Sequence(lambda n: f"{n:032x}/0")
    added = 1
    networks = make.List(["demo"])
    events = 0
    files = make.Dict({})
    made_at = NOW
    rebuilt_at = NOW


class StateDayFactory(DjangoModelFactory[StateDay]):
    class Meta:
        model = StateDay

    state = make.SubFactory(ScoreStateFactory)
    day = make.Sequence(lambda n: date(2026, 1, 1) + timedelta(days=n))
    folder = make.Sequence(lambda n: f"state/{n}/days")
