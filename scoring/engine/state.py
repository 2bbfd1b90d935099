"""What all days together come to, by two accounts: sums that age, and take in a day at a time or all at once."""

from dataclasses import dataclass
from typing import Any

import ibis

from scoring.engine.activity import DAY
from scoring.engine.daily import COUNTS, PAIR, WEIGHTS, halved
from scoring.engine.parameters import Parameters
from scoring.engine.tables import Table, Workspace


@dataclass(frozen=True)
class State:
    """Sums over days, as of a moment.

    Attributes
    ----------
    table : ibis table
        A row per two accounts of which one acted on the other: actor, target, the counts, and the weights at `until`.
    until : int
        The moment, in epoch seconds.
    """

    table: Table
    until: int


def summed(days: Table, until: int, formula: Parameters) -> State:
    """Sum daily summaries up from nothing.

    Parameters
    ----------
    days : ibis table
        As `daily.summaries` gives them.
    until : int
        The moment, in epoch seconds; no day begins after it.
    formula : Parameters
        Half-lives.

    Returns
    -------
    State
        An expression; nothing is computed yet.
    """
    return State(_sums(_aged_days(days, until, formula)), until)


def rolled(
    workspace: Workspace,
    state: State,
    *,
    added: Table,
    taken_back: Table | None = None,
    until: int,
    formula: Parameters,
) -> State:
    """Let a state age to a later moment and take in days.

    A day of which something came late is taken back as it had been added, and added as it is now. Both only need the
    rows of days that changed. Sums of what is left of nothing are no rows any more.

    Parameters
    ----------
    workspace : Workspace
        Where to keep the new sums.
    state : State
        The sums so far.
    added : ibis table
        Summaries of days that are new, or anew.
    taken_back : ibis table, optional
        Summaries that the state holds and that don't count any more.
    until : int
        The new moment, in epoch seconds, not before that of the state; both are midnights, since a day that isn't over
        would be taken in by its end.
    formula : Parameters
        The half-lives with which the state was made.

    Returns
    -------
    State
        The new sums, stored in the workspace.

    Raises
    ------
    ValueError
        The moment is before that of the state, or one of them is no midnight.
    """
    if until % DAY or state.until % DAY:
        raise ValueError(f"a state rolls from midnight to midnight, not from {state.until} to {until}")
    if until < state.until:
        raise ValueError(f"a state as of {state.until} can't go back to {until}")
    age = (until - state.until) / DAY
    parts = [_weighed(state.table, age, 1, formula), _aged_days(added, until, formula)]
    if taken_back is not None:
        parts.append(_aged_days(taken_back, until, formula, sign=-1))
    sums = _sums(ibis.union(*parts))
    # What was taken back leaves the rounding of its sum, on either side of 0.
    sums = sums.mutate(**{name: ibis.greatest(sums[name], 0.0) for name in WEIGHTS})
    return State(workspace.keep(sums.filter(sums.actions > 0)), until)


def mixed(slow: Any, burst: Any, formula: Parameters) -> Any:
    """Return what acts weigh.

    An act weighs (1 - burst_share) 2^(-age / half life) + burst_share (half life / burst half life) 2^(-age / burst
    half life): a mixture of two rates, each in proportion to 1 / its half-life.

    Parameters
    ----------
    slow, burst : ibis expression
        Their weights by the half-life, and by that of bursts.
    formula : Parameters
        The mixture.

    Returns
    -------
    ibis expression
        At least 0.
    """
    if not formula.burst_share:
        return slow
    faster = formula.half_life_days / formula.burst_half_life_days
    return slow * (1.0 - formula.burst_share) + burst * (formula.burst_share * faster)


def _aged_days(days: Table, until: int, formula: Parameters, sign: int = 1) -> Table:
    return _weighed(days, ibis.greatest((until / DAY) - (days.day + 1), 0.0), sign, formula)


def _weighed(table: Table, age: Any, sign: int, formula: Parameters) -> Table:
    """Return the columns that add up, with weights that are older by so many days."""
    factors = {"slow": halved(age, formula.half_life_days), "burst": halved(age, formula.burst_half_life_days)}
    return table.select(
        *PAIR,
        **{name: (table[name] * sign).cast("int64") for name in COUNTS},
        **{name: table[name] * factors[name.removesuffix("_free")] * sign for name in WEIGHTS},
    )


def _sums(table: Table) -> Table:
    return table.group_by(*PAIR).aggregate(**{name: table[name].sum() for name in (*COUNTS, *WEIGHTS)})
