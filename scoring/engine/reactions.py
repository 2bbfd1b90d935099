"""The single acts behind what supporters add to a reach."""

from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scoring.engine.activity import DAY, KINDS, activity
from scoring.engine.explain import in_proportion
from scoring.engine.inputs import INTERACTIONS, OWNERS, POSTS, REACTIONS, Inputs, Source
from scoring.engine.parameters import Parameters
from scoring.engine.people import to_persons
from scoring.engine.tables import Workspace, conform
from scoring.engine.weights import act_weight


def reactions(
    interactions: Source,
    *,
    owners: pa.Table,
    supports: pa.Table,
    until: int,
    formula: Parameters,
    connection: Any = None,
) -> pa.Table:
    """Split supporters' parts of a reach over their single acts, each by its decayed weight, as a run does.

    The acts are found by the rules of a run: what counts, and what is one act seen twice. Of the interactions those
    alone are read that are between the accounts of the people in `supports`.

    Parameters
    ----------
    interactions : pyarrow.Table or sequence of paths
        Columns of `INTERACTIONS`.
    owners : pyarrow.Table
        Rows of `OWNERS`: all accounts of the people in `supports`. An account without a row is its own person.
    supports : pyarrow.Table
        supporter, supported and reach, each two once.
    until : int
        Only what happened before counts, in epoch seconds.
    formula : Parameters
        Half-lives.
    connection : ibis backend, optional
        Where to do the table work; without one, a DuckDB in memory.

    Returns
    -------
    pyarrow.Table
        Rows of `REACTIONS`, the heaviest first, equals by time (the later first), kind, network and post. The
        `reach` of a supporter's acts adds up to theirs.

    Raises
    ------
    InputError
        A table lacks a column.
    """
    owners = conform(owners, OWNERS, "owners")
    people = np.union1d(supports["supporter"].to_numpy(), supports["supported"].to_numpy())
    person, account = owners["person"].to_numpy(), owners["account"].to_numpy()
    nobodys = np.setdiff1d(people, account)
    keys = np.union1d(account[np.isin(person, people)], nobodys)
    with Workspace(connection) as workspace:
        events = workspace.read(interactions, INTERACTIONS, "interactions")
        between = ibis.memtable(pa.table({"key": keys}))
        events = events.filter(events.at < until).semi_join(between, [("actor", "key")])
        events = workspace.connection.to_pyarrow(events.semi_join(between, [("target", "key")]))
        seen = activity(workspace, Inputs(events, POSTS.empty_table(), until))
        acts = to_persons(to_persons(seen.acts, owners, "actor", "giver"), owners, "target", "receiver")
        wanted = ibis.memtable(
            pa.table({"giver": supports["supporter"], "receiver": supports["supported"], "whole": supports["reach"]})
        )
        weights = acts.mutate(weight=act_weight((until - acts["at"]) / DAY, formula))
        weights = weights.group_by("giver", "receiver").aggregate(weight=weights.weight.sum())
        each = wanted.inner_join(weights, ["giver", "receiver"])
        each = each.filter(each.weight > 0).select("giver", "receiver", each=each.whole / each.weight)
        table = workspace.connection.to_pyarrow(in_proportion(acts, each, until, formula))
    found = pa.table(
        {
            "supporter": table["giver"],
            "supported": table["receiver"],
            "at": table["at"],
            "kind": np.array(KINDS)[table["kind"].to_numpy()] if table.num_rows else pa.array([], pa.string()),
            "network": np.array(seen.networks)[table["network"].to_numpy()]
            if table.num_rows
            else pa.array([], pa.string()),
            "post": table["post"],
            "reach": table["part"],
        },
        schema=REACTIONS,
    )
    return heaviest_first(found)


def heaviest_first(acts: pa.Table) -> pa.Table:
    """Put single acts in the order in which they are shown.

    Parameters
    ----------
    acts : pyarrow.Table
        Rows of `REACTIONS`.

    Returns
    -------
    pyarrow.Table
        The same rows, the heaviest first, equals by time (the later first), supporter, kind, network and post.
    """
    # Rounded, so that the last bit of a sum doesn't decide: the next page would else begin in another order.
    order: list[tuple[str, Any]] = [
        ("weighed", "descending"),
        ("at", "descending"),
        *((name, "ascending") for name in ("supporter", "kind", "network", "post")),
    ]
    rounded: Any = pc.round(acts["reach"], 12)
    return acts.append_column("weighed", rounded).sort_by(order).select(REACTIONS.names)
