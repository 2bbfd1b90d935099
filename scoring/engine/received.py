"""What those who rest received, by day: what a rest needs beside sums, of few people, kept from night to night."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet

from scoring.engine.activity import DAY, without
from scoring.engine.arrays import Ints
from scoring.engine.daily import PAIR, WEIGHTS
from scoring.engine.inputs import INTERACTIONS, RESTS, Source
from scoring.engine.parameters import Parameters
from scoring.engine.tables import Table, Workspace, conform, to_disk
from scoring.engine.weights import forgotten

_COLUMNS: Final = (*PAIR, "day", *WEIGHTS)
_TYPES: Final[dict[str, pa.DataType]] = dict.fromkeys((*PAIR, "day"), pa.int64()) | dict.fromkeys(WEIGHTS, pa.float64())
_RECEIVED: Final = pa.schema(_TYPES)
_ACCOUNTS: Final = pa.schema({"account": pa.int64()})
_FILES: Final = ("received.parquet", "received_by.parquet")


@dataclass(frozen=True)
class Received:
    """What some accounts received.

    Attributes
    ----------
    rows : ibis table
        actor, target, day and the `daily.WEIGHTS` as they are at the end of the day: of everything that the accounts
        received from the first day that matters (`first_day`) on. No rest is in it, so whatever is declared or
        taken back later changes nothing.
    accounts : ndarray of int64, shape (k,)
        The accounts, ascending: those that received nothing too.
    """

    rows: Table
    accounts: Ints


def resting_accounts(rests: pa.Table, owners: pa.Table, *, until: int, formula: Parameters) -> Ints:
    """Return the accounts of those whose rests still matter: that began before a moment, and didn't end too long ago.

    Parameters
    ----------
    rests : pyarrow.Table
        Rows of `RESTS`.
    owners : pyarrow.Table
        Rows of `OWNERS`.
    until : int
        The moment, in epoch seconds.
    formula : Parameters
        Half-lives.

    Returns
    -------
    ndarray of int64, shape (k,)
        Ascending.
    """
    rows = conform(rests, RESTS, "rests").drop_null()
    person, start, end = (rows.column(name).to_numpy() for name in RESTS.names)
    matters = (start < until) & (end > first_day(until, formula) * DAY) & (start < end)
    resting = np.unique(person[matters])
    if not resting.size:
        # On most nights, and owners are as many as accounts.
        return resting.astype(np.int64)
    account, owner = (owners.column(name).to_numpy() for name in ("account", "person"))
    # An account that nobody owns is its own person.
    return np.union1d(account[np.isin(owner, resting)], np.setdiff1d(resting, account)).astype(np.int64)


def first_day(until: int, formula: Parameters) -> int:
    """Return the first day that matters: twice as long ago as pairs are forgotten after.

    What came before weighs 2^-40 of an act at most, and no 10^-10 where every year had 42 days of rest.

    Parameters
    ----------
    until : int
        The moment, in epoch seconds.
    formula : Parameters
        Half-lives.

    Returns
    -------
    int
        In days since 1970.
    """
    return math.floor(until / DAY + 2 * formula.half_life_days * math.log2(forgotten(formula)))


def involving(workspace: Workspace, interactions: Source, accounts: Ints) -> Table:
    """Return the interactions that some accounts did or received: all that says what they received freely.

    Parameters
    ----------
    workspace : Workspace
        Where to read.
    interactions : Source
        Columns of `INTERACTIONS`.
    accounts : ndarray of int64, shape (k,)
        Keys.

    Returns
    -------
    ibis table
        An expression over the source, of which two columns are read of every row.
    """
    events = workspace.read(interactions, INTERACTIONS, "interactions")
    theirs = ibis.memtable(pa.table({"_key": accounts}))
    return events.filter(events.actor.isin(theirs["_key"]) | events.target.isin(theirs["_key"]))


def received_by(workspace: Workspace, pairs: Table, accounts: Ints, *, until: int, formula: Parameters) -> Received:
    """Pick what some accounts received out of what days come to.

    Parameters
    ----------
    workspace : Workspace
        Where to keep it.
    pairs : ibis table
        Rows of `Days.pairs`, of all days from the first that matters.
    accounts : ndarray of int64, shape (k,)
        Keys, ascending.
    until : int
        The moment, in epoch seconds.
    formula : Parameters
        Half-lives.

    Returns
    -------
    Received
        Stored in the workspace.
    """
    rows = _of(pairs, accounts)
    return Received(workspace.keep(rows.filter(rows.day >= first_day(until, formula))), accounts)


def carried_on(
    workspace: Workspace,
    before: Received,
    accounts: Ints,
    *,
    changed: Collection[int] = (),
    added: Table | None = None,
    until: int,
    formula: Parameters,
) -> Received:
    """Take days in, of those accounts of which all earlier days are there.

    Parameters
    ----------
    workspace : Workspace
        Where to keep it.
    before : Received
        What is there.
    accounts : ndarray of int64, shape (k,)
        Whose is wanted, ascending; others are left out.
    changed : collection of int
        Days that are new or anew, since 1970; what is there of them is left out.
    added : ibis table, optional
        Rows of `Days.pairs` of these days.
    until : int
        The new moment, in epoch seconds.
    formula : Parameters
        Half-lives.

    Returns
    -------
    Received
        Of the accounts that are in both, stored in the workspace.
    """
    both = np.intersect1d(accounts, before.accounts)
    rows = _of(before.rows, both)
    if changed:
        rows = rows.filter(rows.day.notin(sorted(changed)))
    if added is not None:
        rows = rows.union(_of(added, both))
    return Received(workspace.keep(rows.filter(rows.day >= first_day(until, formula))), both)


def _of(pairs: Table, accounts: Ints) -> Table:
    theirs = ibis.memtable(pa.table({"_key": accounts}))
    return pairs.select(*_COLUMNS).semi_join(theirs, [("target", "_key")])


def together(one: Received, other: Received) -> Received:
    """Return what either of two sets of accounts received.

    Parameters
    ----------
    one, other : Received
        Of different accounts.

    Returns
    -------
    Received
        An expression.
    """
    return Received(one.rows.union(other.rows), np.union1d(one.accounts, other.accounts))


def write_received(workspace: Workspace, received: Received, folder: Path) -> None:
    """Write what was received, beside a state.

    Parameters
    ----------
    workspace : Workspace
        Where it is.
    received : Received
        The rows.
    folder : Path
        Where to; it is there.
    """
    rows, accounts = (folder / name for name in _FILES)
    workspace.write(received.rows, rows)
    pyarrow.parquet.write_table(pa.table([received.accounts], schema=_ACCOUNTS), accounts)
    to_disk(folder)


def read_received(workspace: Workspace, folder: Path, erased: Ints) -> Received:
    """Return what was written, unread; of nobody where nothing was.

    Parameters
    ----------
    workspace : Workspace
        Where to read it.
    folder : Path
        Where the state is.
    erased : ndarray of int64
        Accounts of which nothing is read.

    Returns
    -------
    Received
        An expression over the file.
    """
    rows, accounts = (folder / name for name in _FILES)
    if not accounts.exists():
        return Received(ibis.memtable(_RECEIVED.empty_table()), np.zeros(0, dtype=np.int64))
    known = pyarrow.parquet.read_table(accounts, schema=_ACCOUNTS).column("account").to_numpy()
    table = workspace.read([rows], _RECEIVED, "what was received")
    return Received(without(table, erased, *PAIR), known)
