"""What a score is made of, as rows: topics, formulas, runs, scores, appeals."""

from scoring.models.appeals import Appeal
from scoring.models.formulas import Activation, Formula
from scoring.models.runs import Backtest, RunFigures, ScoreRun, ScoreRunQuerySet
from scoring.models.scores import Influencer, InfluencerQuerySet, ReachPart, Score, Support, TopicReach, WrittenLanguage
from scoring.models.states import ScoreState, StateDay
from scoring.models.topics import Topic, readers_language

__all__ = [
    "Activation",
    "Appeal",
    "Backtest",
    "Formula",
    "Influencer",
    "InfluencerQuerySet",
    "ReachPart",
    "RunFigures",
    "Score",
    "ScoreRun",
    "ScoreRunQuerySet",
    "ScoreState",
    "StateDay",
    "Support",
    "Topic",
    "TopicReach",
    "WrittenLanguage",
    "readers_language",
]
