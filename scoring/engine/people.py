"""People made of accounts: what stands by account in a state, by person."""

from dataclasses import dataclass
from typing import Self

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scoring.engine.arrays import Ints
from scoring.engine.errors import InputError
from scoring.engine.inputs import OWNERS
from scoring.engine.state import WORD, State
from scoring.engine.tables import Table, Workspace, conform


@dataclass(frozen=True)
class People:
    """Everybody, and whose each account is.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
        Every person, ascending. Where someone stands among them is their position.
    owners : pyarrow.Table
        Rows of `OWNERS`, each once; an account without a row is its own person.
    accounts : ndarray of int64, shape (a,)
        Every account that was seen or is owned, ascending.
    places : ndarray of int32, shape (a,)
        The position of each account's person.
    """

    numbers: Ints
    owners: pa.Table
    accounts: Ints
    places: npt.NDArray[np.int32]

    @classmethod
    def of(cls, workspace: Workspace, state: State, owners: pa.Table) -> Self:
        """Return everybody who was seen, and everybody who owns an account.

        Parameters
        ----------
        workspace : Workspace
            Where to compute.
        state : State
            Whose accounts were seen.
        owners : pyarrow.Table
            Rows of `OWNERS`.

        Returns
        -------
        People
            All of them.

        Raises
        ------
        InputError
            An account belongs to two persons.
        """
        owners = _checked(owners)
        owned, persons = (owners.column(name).to_numpy() for name in OWNERS.names)
        accounts = np.union1d(workspace.arrays(state.accounts.select("account"))["account"], owned).astype(np.int64)
        person = accounts.copy()
        person[np.searchsorted(accounts, owned)] = persons
        numbers, places = np.unique(person, return_inverse=True)
        return cls(numbers, owners, accounts, places.astype(np.int32))

    @property
    def size(self) -> int:
        """Return how many they are.

        Returns
        -------
        int
            n.
        """
        return int(self.numbers.size)

    def positions(self, persons: Ints) -> Ints:
        """Return where persons stand.

        Parameters
        ----------
        persons : ndarray of int64, shape (k,)
            All among `numbers`.

        Returns
        -------
        ndarray of int64, shape (k,)
            From 0 to below n.
        """
        return np.searchsorted(self.numbers, persons)

    def placed(self, table: Table, account: str, place: str) -> Table:
        """Put in place of an account the position of the person whose it is.

        Parameters
        ----------
        table : ibis table
            Anything that names accounts; rows with one that is neither seen nor owned are left out.
        account, place : str
            The column there is, and the one to be, of int32.

        Returns
        -------
        ibis table
            The rows, with the position.
        """
        known = ibis.memtable(pa.table({"_account": self.accounts, place: self.places}))
        return table.inner_join(known, table[account] == known["_account"]).drop(account, "_account")

    def persons(self, table: Table, account: str, person: str) -> Table:
        """Put beside an account whose it is.

        Parameters
        ----------
        table : ibis table
            Anything that names accounts.
        account, person : str
            The column there is, and the one to be. Where there are no owners, the one becomes the other.

        Returns
        -------
        ibis table
            The rows, with the person.
        """
        return to_persons(table, self.owners, account, person)


def to_persons(table: Table, owners: pa.Table, account: str, person: str) -> Table:
    """Put beside an account whose it is, as `People.persons` does.

    Parameters
    ----------
    table : ibis table
        Anything that names accounts.
    owners : pyarrow.Table
        Rows of `OWNERS`, each once.
    account, person : str
        The column there is, and the one to be.

    Returns
    -------
    ibis table
        The rows, with the person.
    """
    if not owners.num_rows:
        return table.rename(**{person: account})
    known = ibis.memtable(owners).rename(_account="account", _person="person")
    joined = table.left_join(known, table[account] == known["_account"])
    return joined.mutate(**{person: ibis.coalesce(joined["_person"], joined[account])}).drop("_account", "_person")


def _checked(owners: pa.Table) -> pa.Table:
    owners = conform(owners, OWNERS, "owners").group_by(["account", "person"]).aggregate([])
    accounts, counts = np.unique(owners.column("account").to_numpy(), return_counts=True)
    if (counts > 1).any():
        raise InputError(f"owners: account {accounts[counts > 1][0]} belongs to more than one person; keep one row")
    return owners


@dataclass(frozen=True)
class Posting:
    """What persons posted, by position.

    Attributes
    ----------
    posts : ndarray of int64, shape (n,)
        Posts in the table of posts.
    own : ndarray of int64, shape (n,)
        Those that aren't reshares.
    days : ndarray of int64, shape (n,)
        Different UTC days with a post that isn't a reshare.
    first, last : ndarray of int64, shape (n,)
        The first and the last such day, in days since 1970; 0 where there is none.
    """

    posts: Ints
    own: Ints
    days: Ints
    first: Ints
    last: Ints


def posting(workspace: Workspace, state: State, people: People) -> Posting:
    """Count posts and posting days.

    The table of posts may hold only some of them, so a day is also known by an act that is itself a post. A reshare is
    somebody else's post: it is no sign of its author's being there.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    state : State
        The sums.
    people : People
        Everybody.

    Returns
    -------
    Posting
        Counts and days; zeros for those who posted nothing.
    """
    accounts = state.accounts.filter(state.accounts.posts > 0)
    counted = workspace.arrays(people.placed(accounts, "account", "place").select("place", "posts", "own"))
    at = counted["place"]
    posts, own = (np.zeros(people.size, dtype=np.int64) for _ in range(2))
    np.add.at(posts, at, counted["posts"])
    np.add.at(own, at, counted["own"])

    words = people.placed(state.words, "account", "place").select("place", "word", "bits")
    found = workspace.arrays(words)
    # Sorted here, for a table would have to be in memory whole for that.
    order = np.lexsort((found["word"], found["place"]))
    days, first, last = (np.zeros(people.size, dtype=np.int64) for _ in range(3))
    if found["place"].size:
        at, word, bits = (found[name][order] for name in ("place", "word", "bits"))
        # Two accounts of one person may have posted on one day.
        begins = np.flatnonzero(np.append(True, (np.diff(at) != 0) | (np.diff(word) != 0)))
        at, word, bits = at[begins], word[begins], np.bitwise_or.reduceat(bits, begins)
        np.add.at(days, at, np.bitwise_count(bits).astype(np.int64))
        heads = np.flatnonzero(np.append(True, np.diff(at) != 0))
        tails = np.append(heads[1:], at.size) - 1
        lowest = bits[heads] & -bits[heads]
        first[at[heads]] = word[heads] * WORD + _place(lowest)
        last[at[tails]] = word[tails] * WORD + _place(bits[tails])
    return Posting(posts, own, days, first, last)


def _place(bits: Ints) -> Ints:
    # Of the highest bit; below 2^60 the integer part of the logarithm of a double may be one too many.
    place = np.frexp(bits.astype(np.float64))[1].astype(np.int64) - 1
    return np.asarray(place - ((np.int64(1) << place) > bits))
