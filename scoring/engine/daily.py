"""What a day of activity comes to: the only form in which it goes on into sums over days."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import ibis
import numpy as np
import pyarrow as pa

from scoring.engine import text
from scoring.engine.activity import DAY, KINDS, POSTING, Activity, without
from scoring.engine.arrays import Ints, side_by_side
from scoring.engine.parameters import Parameters
from scoring.engine.tables import Table, Workspace
from scoring.engine.weights import halved

# What adds up, as it is and with the weights' age.
COUNTS: Final = ("actions", "reactions", "namings")
WEIGHTS: Final = ("slow", "slow_free", "burst", "burst_free")
PAIR: Final = ("actor", "target")
SORT: Final = ("kind", "network", "topic_set")
TEXTS: Final = pa.schema([("account", pa.int64()), ("day", pa.int64()), ("print", pa.int64()), ("times", pa.int64())])
# Fingerprints are taken of so many on a thread.
_TEXTS_AT_ONCE: Final = 50_000


@dataclass(frozen=True)
class Days:
    """What days come to. Rows of one day depend on that day's activity, on the day before, and on recent posts.

    Attributes
    ----------
    pairs : ibis table
        By two accounts: actor, target, day, the `COUNTS`, and weights as they are at the end of the day, or at the
        moment if that comes before: `slow` with the half-life, `burst` with that of bursts (0 where the formula has
        none), and of both the part that was free. Two accounts that did nothing on a day have no row.
    details : ibis table
        By two accounts and what was done: actor, target, kind, network, topic_set, day, slow and burst.
    accounts : ibis table
        By account that did, received or wrote anything: account, day, `posts`, those of them that are their `own` (no
        reshares), and whether it `posted` in its own words (1 or 0).
    events : ibis table
        day and the number of its events.
    """

    pairs: Table
    details: Table
    accounts: Table
    events: Table

    def without(self, accounts: Ints) -> "Days":
        """Return the days without what some accounts did, received or wrote; events are counted as before.

        Parameters
        ----------
        accounts : ndarray of int64, shape (k,)
            Keys.

        Returns
        -------
        Days
            Expressions.
        """
        return Days(
            without(self.pairs, accounts, *PAIR),
            without(self.details, accounts, *PAIR),
            without(self.accounts, accounts, "account"),
            self.events,
        )


def summaries(
    workspace: Workspace,
    seen: Activity,
    *,
    until: int,
    formula: Parameters,
    days: Sequence[int] | None = None,
) -> Days:
    """Sum activity up by account, by two accounts, and by UTC day.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    seen : Activity
        The activity; with `days`, of these and of the days before each at least.
    until : int
        Only what happened before it, in epoch seconds.
    formula : Parameters
        Half-lives, and how soon an act on the next day still is a return.
    days : sequence of int, optional
        Only these days, since 1970.

    Returns
    -------
    Days
        Expressions; with `days`, pairs are stored in the workspace.
    """
    before = seen.before(until)
    acts, posts, events = before.acts, before.posts, before.events
    if days is not None:
        acts = _of_days(acts, {day - before for day in days for before in (0, 1)})
        posts, events = _of_days(posts, days), _of_days(events, days)
    acts = weighed(acts, ibis.least((acts.day + 1) * DAY, until), formula)
    sums = by_day(acts)
    if days is not None:
        sums = workspace.keep(sums)
    other_way = sums.select(actor=sums.target, target=sums.actor).distinct()
    mutual = sums.semi_join(other_way, list(PAIR)).select(*PAIR, "day", "actions", "first", "last")
    if days is not None:
        mutual = workspace.keep(mutual)
    free = freed(sums, mutual, formula)
    pairs = free.select(*PAIR, "day", *COUNTS, *WEIGHTS)
    if days is not None:
        pairs, acts = workspace.keep(_of_days(pairs, days)), _of_days(acts, days)
    details = acts.group_by(*PAIR, *SORT, "day").aggregate(slow=acts.slow.sum(), burst=acts.burst.sum())
    counted = events.group_by("day").aggregate(events=events.count())
    return Days(pairs, details, accounts_by_day(acts, posts, events), counted)


def texts(
    workspace: Workspace, seen: Activity, *, since: int, until: int, days: Collection[int] | None = None
) -> pa.Table:
    """Take the fingerprints of what was posted, reshares aside.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    seen : Activity
        The posts.
    since, until : int
        From the one to before the other, in epoch seconds.
    days : collection of int, optional
        Only these days, since 1970.

    Returns
    -------
    pyarrow.Table
        Rows of `TEXTS`: how many `times` an account posted a text on a day, by account, day and fingerprint. A post is
        (post, day): of rows that contradict each other the first by fingerprint and author is taken.
    """
    posts = seen.posts
    posts = posts.filter(posts["at"] >= since, posts["at"] < until, posts.kind != "reshare", posts.text.notnull())
    if days is not None:
        posts = _of_days(posts, days)
    batches = workspace.batches(posts.select("author", "day", "post", "text"), rows=_TEXTS_AT_ONCE)
    printed = list(side_by_side(_printed, batches))
    if not printed:
        return TEXTS.empty_table()
    author, day, post, found = (np.concatenate(parts) for parts in zip(*printed, strict=True))
    order = np.lexsort((author, found, day, post))
    author, day, post, found = author[order], day[order], post[order], found[order]
    once = np.append(True, (np.diff(post) != 0) | (np.diff(day) != 0))[: post.size]
    table = pa.table({"account": author[once], "day": day[once], "print": found[once].view(np.int64)})
    counted = table.group_by(["account", "day", "print"]).aggregate([([], "count_all")])
    return counted.rename_columns({"count_all": "times"}).select(TEXTS.names).cast(TEXTS)


def _printed(batch: pa.RecordBatch) -> tuple[Ints, Ints, Ints, text.Prints]:
    """Return author, day, post and fingerprint of each text, and let go of the texts."""
    author, day, post = (batch.column(name).to_numpy().copy() for name in ("author", "day", "post"))
    return author, day, post, text.fingerprints(batch.column("text"))


def _of_days(table: Table, days: Collection[int]) -> Table:
    return table.semi_join(ibis.memtable(pa.table({"day": pa.array(sorted(days), pa.int64())})), "day")


def weighed(acts: Table, moment: Any, formula: Parameters) -> Table:
    """Say what acts weigh at a moment, and whether they are reactions.

    Parameters
    ----------
    acts : ibis table
        Acts (`Activity.acts`).
    moment : ibis expression or int
        In epoch seconds, after each act.
    formula : Parameters
        Half-lives.

    Returns
    -------
    ibis table
        The acts, with `slow`, `burst` (0 where the formula has none), and `reaction`.
    """
    age = (moment - acts["at"]) / DAY
    return acts.mutate(
        slow=halved(age, formula.half_life_days),
        burst=halved(age, formula.burst_half_life_days) if formula.burst_share else ibis.literal(0.0),
        reaction=~acts.naming & ~acts.talk,
    )


def totals(acts: Table) -> dict[str, Any]:
    """Return the sums that acts of two accounts come to, of a day or of all.

    Parameters
    ----------
    acts : ibis table
        Acts with what they weigh (`weighed`).

    Returns
    -------
    dict of ibis expression
        The `COUNTS`, slow and burst.
    """
    return {
        "actions": acts.count(),
        "reactions": acts.count(where=acts.reaction),
        "namings": acts.count(where=acts.naming),
        "slow": acts.slow.sum(),
        "burst": acts.burst.sum(),
    }


def by_day(acts: Table, **more: Any) -> Table:
    """Sum acts up by two accounts and day.

    Parameters
    ----------
    acts : ibis table
        Acts with what they weigh (`weighed`).
    **more : ibis expression
        Other sums of them.

    Returns
    -------
    ibis table
        actor, target, day, the `totals`, the second of the `first` and of the `last`, and what else is asked for.
    """
    ends = {"first": acts["at"].min(), "last": acts["at"].max()}
    return acts.group_by(*PAIR, "day").aggregate(**totals(acts), **ends, **more)


def freed(sums: Table, mutual: Table, formula: Parameters) -> Table:
    """Say how far what two accounts did on a day was free.

    Returns are between accounts: two accounts of one person don't return for each other, so that what a day comes to is
    the same whoever turns out to own them. On a day, with n acts each way and the second of the first of each: which
    acted first, or alone, was free to; which acted second only returned it, and is free for as many acts as were more
    than were received. Where both began in the same second, both count as returns. Midnight frees nobody: what a day
    left unreturned can be returned on the next, by acts that begin at most `return_hours` after the last of what they
    return. The day's weight counts in the proportion free / n. So a day needs its own acts and those of the one before,
    and nothing else; what comes late for a day changes that day and the next.

    Parameters
    ----------
    sums : ibis table
        Sums by day (`by_day`).
    mutual : ibis table
        actor, target, day, actions, first and last of all days of accounts that acted on each other.
    formula : Parameters
        How soon an act on the next day still is a return.

    Returns
    -------
    ibis table
        The sums, with `free`, the share of the day's acts that was, and slow_free and burst_free.
    """
    joined = sums.left_join(_returned(mutual, formula.return_hours), [*PAIR, "day"])
    joined = joined.mutate(free=joined.free_share.fill_null(1.0))
    return joined.mutate(slow_free=joined.slow * joined.free, burst_free=joined.burst * joined.free)


def accounts_by_day(acts: Table, posts: Table, events: Table) -> Table:
    """Count what accounts posted.

    Parameters
    ----------
    acts, posts, events : ibis table
        Of an `Activity`.

    Returns
    -------
    ibis table
        Rows of `Days.accounts`, one for each account that is seen on a day at all.
    """
    each, words = posted_once(posts), posting_acts(acts)
    nothing = dict.fromkeys(("posts", "own", "posted"), ibis.literal(0, "int64"))
    parts = (
        each.select("account", "day", posts=ibis.literal(1, "int64"), own=each.own, posted=each.own),
        words.select("account", "day", **nothing | {"posted": ibis.literal(1, "int64")}),
        events.select(account=events.actor, day=events.day, **nothing),
        events.select(account=events.target, day=events.day, **nothing),
    )
    # Each first by itself, which leaves little to put together.
    return _by_account(ibis.union(*map(_by_account, parts)))


def posted_once(posts: Table) -> Table:
    """Return each post of a day once.

    Parameters
    ----------
    posts : ibis table
        Of an `Activity`.

    Returns
    -------
    ibis table
        account, day, and 1 as `own` unless it is a reshare. A post is (post, day): where rows contradict each other,
        the smallest of each column is taken.
    """
    each = posts.group_by("post", "day").aggregate(account=posts.author.min(), kind=posts.kind.min())
    return each.select("account", "day", own=(each.kind != "reshare").cast("int64"))


def posting_acts(acts: Table) -> Table:
    """Return the acts by which somebody posts something of their own.

    Parameters
    ----------
    acts : ibis table
        Of an `Activity`.

    Returns
    -------
    ibis table
        account and day of each.
    """
    words = acts.filter(acts.kind.isin([KINDS.index(kind) for kind in POSTING]))
    return words.select(account=words.actor, day=words.day)


def _by_account(table: Table) -> Table:
    return table.group_by("account", "day").aggregate(
        posts=table.posts.sum().cast("int64"), own=table.own.sum().cast("int64"), posted=table.posted.max()
    )


def _returned(mutual: Table, return_hours: float) -> Table:
    """Return of which days' acts only a share was free, and which share; only of accounts that acted on each other."""
    keys = [*PAIR, "day"]
    back = mutual.select(
        actor=mutual.target,
        target=mutual.actor,
        day=mutual.day,
        returned=mutual.actions,
        returned_first=mutual["first"],
    )
    mutual = mutual.left_join(back, keys).drop("actor_right", "target_right", "day_right")
    given = mutual.actions - mutual.returned.fill_null(0)
    # Whoever left something unreturned is owed it for the next day.
    before = mutual.filter(given > 0).select(
        actor=mutual.target, target=mutual.actor, day=mutual.day + 1, owed=given, owed_last=mutual["last"]
    )
    mutual = mutual.left_join(before, keys)
    return mutual.select(*keys, free_share=_free_share(mutual, return_hours)).filter(ibis._.free_share < 1)


def _free_share(days: Table, return_hours: float) -> Any:
    first = days.returned.isnull() | (days["first"] < days.returned_first)
    free = first.ifelse(days.actions, ibis.greatest(days.actions - days.returned, 0))
    owing = days.owed.notnull() & (days["first"] - days.owed_last <= round(return_hours * 3600))
    return ibis.greatest(free - owing.ifelse(days.owed, 0), 0) / days.actions
