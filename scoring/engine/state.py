"""What all days together come to: sums that age, and take in a day at a time or all at once."""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Final

import ibis

from scoring.engine.activity import DAY, Activity, without
from scoring.engine.arrays import Ints
from scoring.engine.daily import (
    COUNTS,
    PAIR,
    SORT,
    WEIGHTS,
    Days,
    by_day,
    freed,
    posted_once,
    posting_acts,
    totals,
    weighed,
)
from scoring.engine.parameters import Parameters
from scoring.engine.tables import Table, Workspace
from scoring.engine.weights import WEIGHED, aged_by, forgotten

# Of pairs within the last horizon: acts, days with a free act, and what the acts weigh by the half-life.
RECENT: Final = ("recent", "recent_free", "recent_slow")
# Posting days stand as bits, so many to a word: a sum of different powers of two is their union.
WORD: Final = 60
# Of single sums this is rounding.
_NOTHING: Final = 2.0**-40

TABLES: Final = ("pairs", "details", "accounts", "words")

_PAIRS: Final = (*COUNTS, *WEIGHTS, *RECENT)
# Of each table: by what it sums up, and what.
_COLUMNS: Final = {
    "pairs": (PAIR, _PAIRS),
    "details": ((*PAIR, *SORT), ("slow", "burst")),
    "accounts": (("account",), ("posts", "own")),
    "words": (("account", "word"), ("bits",)),
}


@dataclass(frozen=True)
class State:
    """Sums over days, as of a moment.

    Attributes
    ----------
    until : int
        The moment, in epoch seconds.
    pairs : ibis table
        By actor and target: the `COUNTS` and weights (`daily.Days`) at `until`, and the `RECENT`: of acts since a
        horizon before.
    details : ibis table
        By actor, target, kind, network and topic_set: `slow` and `burst`.
    accounts : ibis table
        By account: `posts` and `own`.
    words : ibis table
        By account and word: `bits`, of which the one with value 2^i says that the account posted on day 60 word + i.
    events : int
        Different events, of any kind.
    began : int or None
        The first day with an act, since 1970.
    """

    until: int
    pairs: Table
    details: Table
    accounts: Table
    words: Table
    events: int
    began: int | None

    def tables(self) -> dict[str, Table]:
        """Return the tables by name.

        Returns
        -------
        dict of ibis table
            All four.
        """
        return {name: getattr(self, name) for name in TABLES}

    def kept(self, workspace: Workspace) -> "State":
        """Compute all tables.

        Parameters
        ----------
        workspace : Workspace
            Where to, until it ends.

        Returns
        -------
        State
            The same, stored.
        """
        return replace(self, **{name: workspace.keep(table) for name, table in self.tables().items()})

    def without(self, accounts: Ints) -> "State":
        """Return the state without what some accounts did, received or wrote.

        Parameters
        ----------
        accounts : ndarray of int64, shape (k,)
            Keys.

        Returns
        -------
        State
            Of the same moment; expressions.
        """
        tables = {}
        for name, table in self.tables().items():
            columns = PAIR if name in ("pairs", "details") else ("account",)
            tables[name] = without(table, accounts, *columns)
        return replace(self, **tables)


def summed(workspace: Workspace, seen: Activity, *, until: int, formula: Parameters) -> State:
    """Sum activity up from nothing.

    That gives what days would, taken in one by one (`rolled`), and takes half as long: only of accounts that acted on
    each other is every day looked at, for nobody else returns anything.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    seen : Activity
        The activity, at least up to the moment.
    until : int
        The moment, in epoch seconds.
    formula : Parameters
        Half-lives, the horizon, and how soon an act on the next day still is a return.

    Returns
    -------
    State
        Accounts and words are stored, pairs as far as they aren't narrowed any more; details are an expression.
    """
    seen = seen.before(until)
    acts = weighed(seen.acts, until, formula)
    pairs = paired(workspace, acts, until, formula)
    details = acts.group_by(*PAIR, *SORT).aggregate(slow=acts.slow.sum(), burst=acts.burst.sum())
    pairs, details = _remembered(workspace, pairs, details, formula)
    accounts, words = _all_posted(seen)
    return State(
        until,
        pairs,
        details,
        workspace.keep(accounts),
        workspace.keep(words),
        int(workspace.number(seen.events.count())),
        workspace.number(seen.acts.day.min()),
    )


def paired(workspace: Workspace, acts: Table, until: int, formula: Parameters) -> Table:
    """Sum the acts of all days up by two accounts.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    acts : ibis table
        Acts before the moment, with what they weigh at it (`daily.weighed`).
    until : int
        The moment, in epoch seconds.
    formula : Parameters
        The horizon, and how soon an act on the next day still is a return.

    Returns
    -------
    ibis table
        The columns of `State.pairs`, of all pairs; stored.
    """
    horizon = until - round(formula.horizon_days * DAY)
    within = acts["at"] >= horizon
    recent = {"recent": acts.count(where=within), "recent_slow": (acts.slow * within.cast("int64")).sum()}
    bits = _bits(acts, within, horizon // DAY, until // DAY)
    sums = workspace.keep(acts.group_by(*PAIR).aggregate(**totals(acts), **recent, **bits))
    other_way = sums.select(actor=sums.target, target=sums.actor)
    acted = workspace.keep(sums.semi_join(other_way, list(PAIR)).select(*PAIR))
    returning = acts.semi_join(acted, list(PAIR))
    days = workspace.keep(by_day(returning, recent=returning.count(where=returning["at"] >= horizon)))
    days = freed(days, days, formula)
    free_days = ((days.recent > 0) & (days.free > 0)).cast("int64")
    exchanged = days.group_by(*PAIR).aggregate(
        _slow_free=days.slow_free.sum(), _burst_free=days.burst_free.sum(), _recent_free=free_days.sum()
    )
    joined = sums.left_join(exchanged, list(PAIR))
    # Whoever got nothing back was free all the time.
    free = {"slow_free": joined.slow, "burst_free": joined.burst, "recent_free": _ones(joined, bits)}
    free = {name: ibis.coalesce(joined[f"_{name}"], value) for name, value in free.items()}
    return workspace.keep(joined.mutate(**free).select(*PAIR, *_PAIRS))


def _bits(acts: Table, within: Any, first: int, last: int) -> dict[str, Any]:
    """Return the days with such an act as bits, some to a column: a sum of different days in one pass."""
    place = ibis.greatest(acts.day - first, 0)
    columns = {}
    for word in range((last - first) // WORD + 1):
        here = within & (place // WORD == word)
        bit = ibis.ifelse(here, ibis.literal(1, "int64") << (place % WORD), ibis.literal(0, "int64"))
        columns[f"_days_{word}"] = _union(bit)
    return columns


def _ones(table: Table, columns: Iterable[str]) -> Any:
    return reduce(operator.add, (_count_ones(table[name]).cast("int64") for name in columns))


# What DuckDB and Spark have under these names, and ibis not for both: declared, and run by them, never here.
@ibis.udf.agg.builtin(name="bit_or")  # type: ignore[untyped-decorator]  # ibis publishes no types
def _union(bits: int) -> int:
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="bit_count")  # type: ignore[untyped-decorator]  # the same
def _count_ones(bits: int) -> int:
    raise NotImplementedError


def rolled(
    workspace: Workspace,
    state: State,
    *,
    added: Days,
    taken_back: Days | None = None,
    no_longer_recent: Table | None = None,
    until: int,
    formula: Parameters,
) -> State:
    """Let a state age to a later moment and take in days.

    A day of which something came late is taken back as it had been added, and added as it is now. Both only need the
    rows of days that changed. Sums of what is left of nothing are no rows any more, and pairs that weigh less than
    `forgotten` are dropped, and with them their counts.

    Parameters
    ----------
    workspace : Workspace
        Where to keep the new sums.
    state : State
        The sums so far.
    added : Days
        What is new, or anew.
    taken_back : Days, optional
        What the state holds and doesn't count any more.
    no_longer_recent : ibis table, optional
        Rows of `Days.pairs` that the state holds as recent and that are older than a horizon at the new moment.
    until : int
        The new moment, in epoch seconds, not before that of the state; both are midnights, since a day that isn't over
        would be taken in by its end.
    formula : Parameters
        Half-lives and horizon with which the state was made.

    Returns
    -------
    State
        The new sums: expressions, to be written or kept before they are asked for more than once.

    Raises
    ------
    ValueError
        The moment is before that of the state, or one of them is no midnight.
    """
    if until % DAY or state.until % DAY:
        raise ValueError(f"a state rolls from midnight to midnight, not from {state.until} to {until}")
    if until < state.until:
        raise ValueError(f"a state as of {state.until} can't go back to {until}")
    rows: list[list[Table]] = [[], [], [], []]
    events, began = state.events, state.began
    # What is taken back was recent or not when it was added.
    for days, sign, recent_at in ((added, 1, until), (taken_back, -1, state.until)):
        if days is not None:
            for of_table, part in zip(rows, _parts(days, until, formula, sign, recent_at), strict=True):
                of_table.append(part)
            events += sign * int(workspace.number(days.events.events.sum()) or 0)
    if no_longer_recent is not None:
        rows[0].append(_only_recent(no_longer_recent, until, formula))
    first = workspace.number(added.pairs.day.min())
    began = first if began is None else began if first is None else min(began, first)
    age = (until - state.until) / DAY
    pairs, details, accounts, words = (
        _merged(workspace, aged_by(table, names, age, formula), ibis.union(*parts), keys, names)
        for table, (keys, names), parts in zip(state.tables().values(), _COLUMNS.values(), rows, strict=True)
    )
    # What was taken back leaves the rounding of its sum, on either side of 0.
    pairs = pairs.mutate(**{name: ibis.greatest(pairs[name], 0.0) for name in WEIGHED})
    details = details.filter(details.slow > _NOTHING)
    pairs, details = _remembered(workspace, pairs, details, formula)
    return State(until, pairs, details, accounts, words.filter(words.bits > 0), events, began)


def _parts(days: Days, until: int, formula: Parameters, sign: int, recent_at: int) -> tuple[Table, Table, Table, Table]:
    """Return what days add to each table of a state, or take off it."""
    pairs = _with_recent(days.pairs, recent_at, formula)
    pairs = _weighed(pairs, PAIR, _PAIRS, _age(pairs, until), sign, formula)
    details = _weighed(days.details, (*PAIR, *SORT), ("slow", "burst"), _age(days.details, until), sign, formula)
    return pairs, details, *_posted(days.accounts, sign)


def _posted(accounts: Table, sign: int) -> tuple[Table, Table]:
    """Return what rows of `Days.accounts` add to accounts and words, or take off them."""
    counts = accounts.select("account", **{name: accounts[name] * sign for name in ("posts", "own")})
    posted = accounts.filter(accounts.posted > 0)
    bit = ibis.literal(1, "int64") << (posted.day % WORD)
    return counts, posted.select("account", word=posted.day // WORD, bits=bit * sign)


def _all_posted(seen: Activity) -> tuple[Table, Table]:
    """Return accounts and words of all days, as `_posted` of each would give, with no row for each of their days."""
    each, words = posted_once(seen.posts), posting_acts(seen.acts)
    accounts = ibis.union(
        each.group_by("account").aggregate(posts=each.count(), own=each.own.sum().cast("int64")),
        *(_nothing_of(seen.events[end]) for end in PAIR),
    )
    days = ibis.union(each.filter(each.own > 0).select("account", "day"), words).distinct()
    bits = days.select("account", word=days.day // WORD, bits=ibis.literal(1, "int64") << (days.day % WORD))
    return _sums(accounts, ("account",), ("posts", "own")), _sums(bits, ("account", "word"), ("bits",))


def _nothing_of(accounts: Any) -> Table:
    """Return each account once, with no post."""
    nothing = {name: ibis.literal(0, "int64") for name in ("posts", "own")}
    return accounts.name("account").as_table().distinct().mutate(**nothing)


def _age(days: Table, until: int) -> Any:
    return ibis.greatest((until / DAY) - (days.day + 1), 0.0)


def _with_recent(pairs: Table, until: int, formula: Parameters) -> Table:
    recent = (pairs.day * DAY >= until - formula.horizon_days * DAY).cast("int64")
    return pairs.mutate(
        recent=pairs.actions * recent,
        recent_free=(pairs.slow_free > 0).cast("int64") * recent,
        recent_slow=pairs.slow * recent,
    )


def _only_recent(pairs: Table, until: int, formula: Parameters) -> Table:
    """Return what pairs lose that are recent no longer."""
    nothing = {name: pairs[name] * 0 for name in (*COUNTS, *WEIGHTS)}
    recent = {"recent": pairs.actions, "recent_free": (pairs.slow_free > 0).cast("int64"), "recent_slow": pairs.slow}
    left = pairs.mutate(**nothing, **recent)
    return _weighed(left, PAIR, _PAIRS, _age(left, until), -1, formula)


def _weighed(
    table: Table, keys: Sequence[str], names: Sequence[str], age: Any, sign: int, formula: Parameters
) -> Table:
    """Return the columns that add up, with weights that are older by so many days."""
    aged = aged_by(table, names, age, formula)
    values = {name: aged[name] * sign if name in WEIGHED else (aged[name] * sign).cast("int64") for name in names}
    return aged.select(*keys, **values)


def _sums(table: Table, keys: Sequence[str], names: Sequence[str]) -> Table:
    sums = {name: table[name].sum() for name in names}
    whole = {name: value if name in WEIGHED else value.cast("int64") for name, value in sums.items()}
    return table.group_by(*keys).aggregate(**whole)


def _merged(workspace: Workspace, sums: Table, change: Table, keys: Sequence[str], names: Sequence[str]) -> Table:
    """Add a few days' sums to those of all days in one pass over the latter, most of which have nothing to add."""
    change = workspace.keep(_sums(change, keys, names))
    change = change.rename(**{f"_{name}": name for name in change.columns})
    joined = sums.outer_join(change, [(key, f"_{key}") for key in keys])
    whole = {key: ibis.coalesce(joined[key], joined[f"_{key}"]) for key in keys}
    parts = {name: joined[name].fill_null(0) + joined[f"_{name}"].fill_null(0) for name in names}
    return joined.select(**whole, **parts)


def _remembered(workspace: Workspace, pairs: Table, details: Table, formula: Parameters) -> tuple[Table, Table]:
    """Drop pairs that weigh next to nothing, or are rounding and no acts, and the details of those dropped."""
    keep = (pairs.actions > 0) & (pairs.slow > forgotten(formula))
    gone = workspace.keep(pairs.filter(~keep).select(*PAIR))
    return pairs.filter(keep), details.anti_join(gone, list(PAIR))
