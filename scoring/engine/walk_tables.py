"""The walk of `trust.py` where its edges outgrow one machine: the same step as a join and a sum by receiver.

A run walks with SciPy over arrays, which is faster as long as a node holds the edges (16 bytes each). This takes the
edges and the shares as tables, and holds nothing but numbers itself.
"""

from contextlib import ExitStack
from dataclasses import dataclass

import ibis
import numpy as np

from scoring.engine.errors import ConvergenceError, InputError
from scoring.engine.tables import Table, Workspace


@dataclass(frozen=True)
class TableWalk:
    """Where a walk over tables spends its time.

    Attributes
    ----------
    share : ibis table
        person and share, of those whom seeds lead to; stored in the workspace. The shares sum to 1.
    iterations : int
        Steps that were made.
    residual : float
        L1 distance of the last two steps.
    """

    share: Table
    iterations: int
    residual: float


def walk_tables(
    workspace: Workspace, edges: Table, seeds: Table, *, damping: float, tolerance: float, iterations: int
) -> TableWalk:
    """Walk along attention until the shares stand still.

    Each step's shares are stored, and those before them dropped, so that no plan spans more than a step.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    edges : ibis table
        giver, receiver and rate, at least 0; two people once.
    seeds : ibis table
        person and weight, above 0: where the walk starts again. A person once.
    damping : float
        Chance to go on, 0 to below 1.
    tolerance : float
        Absolute L1 residual to stop at.
    iterations : int
        Most steps.

    Returns
    -------
    TableWalk
        What `trust.walk` gives, but for the order of its sums.

    Raises
    ------
    InputError
        There are no seeds.
    ConvergenceError
        The residual is still larger after the last step.
    """
    whole = workspace.number(seeds.weight.sum())
    if not whole:
        raise InputError("walk: there are no seeds; give at least one person a weight above 0")
    start = workspace.keep(seeds.select("person", share=seeds.weight / whole))
    live = edges.filter(edges.rate > 0)
    given = live.group_by("giver").aggregate(given=live.rate.sum())
    joined = live.inner_join(given, "giver")
    step = workspace.keep(joined.select("giver", "receiver", part=damping * joined.rate / joined.given))
    givers = workspace.keep(step.select(person=step.giver).distinct())
    share, residual = start, np.inf
    with ExitStack() as stored:
        for done in range(1, iterations + 1):
            with ExitStack() as following:
                inner = following.enter_context(Workspace(workspace.connection))
                after = inner.keep(_step(workspace, step, givers, start, share, damping))
                residual = _distance(workspace, share, after)
                stored.close()
                stored.push(following.pop_all())
            share = after
            if residual <= tolerance:
                return TableWalk(workspace.keep(share), done, residual)
    raise ConvergenceError(
        f"the walk moves by {residual:.3g} after {iterations} steps, more than {tolerance:.3g};"
        " raise walk_iterations, or lower damping"
    )


def _step(workspace: Workspace, step: Table, givers: Table, start: Table, share: Table, damping: float) -> Table:
    # Who leads nowhere starts again.
    stuck = workspace.number(share.anti_join(givers, "person").share.sum()) or 0.0
    moved = step.inner_join(share, [("giver", "person")])
    moved = moved.group_by("receiver").aggregate(share=(moved.part * moved.share).sum()).rename(person="receiver")
    again = start.select("person", share=start.share * (damping * stuck + 1.0 - damping))
    parts = ibis.union(moved.select("person", "share"), again)
    return parts.group_by("person").aggregate(share=parts.share.sum())


def _distance(workspace: Workspace, before: Table, after: Table) -> float:
    parts = ibis.union(after.select("person", "share"), before.select("person", share=-before.share))
    moved = parts.group_by("person").aggregate(by=parts.share.sum())
    return float(workspace.number(moved.by.abs().sum()) or 0.0)
