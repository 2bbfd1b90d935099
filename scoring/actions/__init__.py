"""What changes scores: runs, formulas, topics; and scoring a data set without a database."""

from scoring.actions.activating import (
    FormulaRefused,
    activate_formula,
    earliest_start,
    set_shadow,
    withdraw_activation,
)
from scoring.actions.datasets import BacktestReport, DatasetReport, backtest_dataset, score_dataset
from scoring.actions.errors import RunInProgress, ScoringError
from scoring.actions.formulas import ensure_formula
from scoring.actions.ontologies import OntologyReport, import_topics
from scoring.actions.runs import rebuild_state, score, score_night, score_shadows, score_unfinished
from scoring.actions.topics import ensure_topics

__all__ = [
    "BacktestReport",
    "DatasetReport",
    "FormulaRefused",
    "OntologyReport",
    "RunInProgress",
    "ScoringError",
    "activate_formula",
    "backtest_dataset",
    "earliest_start",
    "ensure_formula",
    "ensure_topics",
    "import_topics",
    "rebuild_state",
    "score",
    "score_dataset",
    "score_night",
    "score_shadows",
    "score_unfinished",
    "set_shadow",
    "withdraw_activation",
]
