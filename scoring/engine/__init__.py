"""The score, as pure computation: tables in, tables out, and no database, clock or settings.

`compute(Inputs(...), Parameters())` does a whole run. What the score means is in docs/scoring.md.
"""

from scoring.engine.attention import Attention, Caps
from scoring.engine.backtests import Backtest
from scoring.engine.change import shares_of_change
from scoring.engine.errors import ConvergenceError, EngineError, InputError
from scoring.engine.inputs import INTERACTIONS, OWNERS, POST_TOPICS, POSTS, RESTS, TOPIC_PARENTS, Inputs
from scoring.engine.parameters import Parameters
from scoring.engine.past import backtest
from scoring.engine.reactions import heaviest_first, reactions
from scoring.engine.results import Result
from scoring.engine.run import compute
from scoring.engine.scale import reach_at, score
from scoring.engine.shapley import REASONS
from scoring.engine.whatif import what_if

__all__ = [
    "INTERACTIONS",
    "OWNERS",
    "POSTS",
    "POST_TOPICS",
    "REASONS",
    "RESTS",
    "TOPIC_PARENTS",
    "Attention",
    "Backtest",
    "Caps",
    "ConvergenceError",
    "EngineError",
    "InputError",
    "Inputs",
    "Parameters",
    "Result",
    "backtest",
    "compute",
    "heaviest_first",
    "reach_at",
    "reactions",
    "score",
    "shares_of_change",
    "what_if",
]
