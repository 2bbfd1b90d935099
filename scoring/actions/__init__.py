"""What changes scores: runs, formulas, topics; and scoring a data set without a database."""

from scoring.actions.datasets import DatasetReport, score_dataset
from scoring.actions.errors import RunInProgress, ScoringError
from scoring.actions.formulas import ensure_formula
from scoring.actions.runs import score, score_night, score_unfinished
from scoring.actions.topics import ensure_topics

__all__ = [
    "DatasetReport",
    "RunInProgress",
    "ScoringError",
    "ensure_formula",
    "ensure_topics",
    "score",
    "score_dataset",
    "score_night",
    "score_unfinished",
]
