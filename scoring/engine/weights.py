"""What acts weigh: how weights age, how two half-lives are mixed, and below which weight acts are forgotten."""

from collections.abc import Sequence
from typing import Any, Final

import ibis

from scoring.engine.parameters import Parameters
from scoring.engine.tables import Table

# Columns that are weights, and by which half-life each ages.
WEIGHED: Final = {
    "slow": "slow",
    "slow_free": "slow",
    "burst": "burst",
    "burst_free": "burst",
    "recent_slow": "slow",
}
# An act of so long ago is forgotten, where nothing came since.
_FORGOTTEN_DAYS: Final = 600
_FORGOTTEN_HALF_LIVES: Final = 20


def halved(age: Any, half_life: float) -> Any:
    """Return 2 to the power of -age / half-life.

    Parameters
    ----------
    age : ibis expression
        In days; below 0 for what is to grow back.
    half_life : float
        In days.

    Returns
    -------
    ibis expression
        1 at age 0.
    """
    return ibis.literal(2.0) ** (-age / half_life)


def forgotten(formula: Parameters) -> float:
    """Return the weight below which two accounts' acts are forgotten, with their counts.

    Parameters
    ----------
    formula : Parameters
        The half-life.

    Returns
    -------
    float
        What one act weighs after 20 half-lives, or after 600 days if they are longer: at most 2^-20.
    """
    return float(2.0 ** -max(_FORGOTTEN_HALF_LIVES, _FORGOTTEN_DAYS / formula.half_life_days))


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


def act_weight(age: Any, formula: Parameters) -> Any:
    """Return what an act of an age weighs by the calendar.

    Parameters
    ----------
    age : ibis expression
        In days, at least 0.
    formula : Parameters
        Half-lives.

    Returns
    -------
    ibis expression
        1 at age 0, if there is no burst.
    """
    return mixed(halved(age, formula.half_life_days), halved(age, formula.burst_half_life_days), formula)


def aged_by(table: Table, names: Sequence[str], age: Any, formula: Parameters) -> Table:
    """Let weights age.

    Parameters
    ----------
    table : ibis table
        Rows with weights.
    names : sequence of str
        Columns; those that aren't weights stay as they are.
    age : ibis expression or float
        By how many days.
    formula : Parameters
        Half-lives.

    Returns
    -------
    ibis table
        The rows, all columns.
    """
    factors = {"slow": halved(age, formula.half_life_days), "burst": halved(age, formula.burst_half_life_days)}
    return table.mutate(**{name: table[name] * factors[WEIGHED[name]] for name in names if name in WEIGHED})
