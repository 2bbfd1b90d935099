"""Events to acts between persons, and what they posted: the first half of the table work.

Each step only groups and joins, and every summary is a sum, a minimum or a set, so that a day's part can be
computed alone and added, in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import ibis
import numpy as np
import pyarrow as pa

from scoring.engine.arrays import Ints
from scoring.engine.errors import InputError
from scoring.engine.inputs import INTERACTIONS, OWNERS, POST_TOPICS, POSTS, TOPIC_PARENTS, Inputs
from scoring.engine.tables import Table, Workspace, conform

DAY: Final = 86_400

# What is done to a post of the target, and what stands in a post of the actor.
REACTIONS: Final = ("like", "reply", "repost", "quote", "click")
NAMINGS: Final = ("mention", "link")
# Acts that are posts in the actor's own words, and so a sign that the actor was there. A repost takes no more than a
# machine: pods that repost each other all day would seem to be there for ever.
POSTING: Final = ("reply", "quote", "mention", "link")
# All that count; acts name theirs by its place here, since a number takes less room than a word.
KINDS: Final = (*REACTIONS, *NAMINGS)


@dataclass(frozen=True)
class Activity:
    """The activity of persons, ready to be summed up to any moment.

    Attributes
    ----------
    acts : ibis table
        One row per act between two persons: giver, receiver, at, post (may be null), naming, talk, kind, network, and
        the accounts, if they aren't the persons. `naming` says that it stands in a post of the giver's own, `talk` that
        it replies to a reply; kind is a place in `KINDS`, network one in `networks`.
    accounts : tuple of str
        The columns of the acts that name the acting and the other account.
    owners : pyarrow.Table
        Rows of `OWNERS`, each once.
    written : ibis table
        person and at of acts on other accounts that are themselves posts in the actor's own words.
    posts : ibis table
        post, at, person, kind, text (may be null); one row per row of the input.
    people : ndarray of int64, shape (n,)
        Every person seen before `until`, ascending.
    events : int
        Different events before `until`, of any kind, between whomever.
    networks : tuple of str
        Where events happened, by the alphabet; what names no network happened in ''.
    """

    acts: Table
    accounts: tuple[str, str]
    owners: pa.Table
    written: Table
    posts: Table
    people: Ints
    events: int
    networks: tuple[str, ...]


def activity(workspace: Workspace, inputs: Inputs) -> Activity:
    """Map accounts to persons and drop what doesn't count.

    The same event twice is one. What persons do to themselves is dropped. A mention or link in the same
    second as a reaction of the same account to the same account is the same act seen twice (a reply names
    whom it answers) and is dropped as well.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    inputs : Inputs
        What to read.

    Returns
    -------
    Activity
        Acts are stored in the workspace; posts are an expression over the input, so that texts are never
        all in memory.

    Raises
    ------
    InputError
        A table lacks a column, or an account belongs to two persons.
    """
    owners = _owners(inputs.owners)
    events = workspace.read(inputs.interactions, INTERACTIONS, "interactions")
    events = events.filter(events.at < inputs.until, events.actor.notnull(), events.target.notnull())
    events = _without(events, inputs.erased, "actor", "target")
    events = events.select(*INTERACTIONS.names).mutate(network=events.network.fill_null("")).distinct()
    events = workspace.keep(to_persons(to_persons(events, owners, "actor", "giver"), owners, "target", "receiver"))

    posts = workspace.read(inputs.posts, POSTS, "posts")
    posts = posts.filter(posts.at < inputs.until, posts.author.notnull(), posts.post.notnull())
    posts = _without(posts, inputs.erased, "author")
    # A post of no kind is taken to be somebody's own.
    posts = to_persons(posts.mutate(kind=posts.kind.fill_null("original")), owners, "author", "person")

    accounts = ("actor", "target") if owners.num_rows else ("giver", "receiver")
    scored = events.filter(events.kind.isin(KINDS), events[accounts[0]] != events[accounts[1]])
    scored = scored.mutate(naming=scored.kind.isin(NAMINGS))
    replies = posts.filter(posts.kind == "reply").select("post").distinct()
    reactions = scored.filter(~scored.naming)
    answers = reactions.filter(reactions.kind == "reply")
    talk = answers.semi_join(replies, "post").mutate(talk=True)
    other = answers.anti_join(replies, "post").union(reactions.filter(reactions.kind != "reply")).mutate(talk=False)
    named = scored.filter(scored.naming).anti_join(reactions, [*accounts, "at"]).mutate(talk=False)
    persons = dict.fromkeys(("giver", "receiver", *accounts))
    columns = (*persons, "at", "post", "naming", "talk", "kind", "network")
    told = ibis.union(*(part.select(*columns) for part in (talk, other, named)))
    networks = sorted(workspace.arrays(events.select("network").distinct())["network"].tolist())
    told = workspace.keep(_numbered(_numbered(told, "kind", KINDS, "int8"), "network", networks, "int16"))
    own_words = told.filter(told.kind.isin([KINDS.index(kind) for kind in POSTING]))
    written = own_words.select(person=own_words.giver, at=own_words["at"])
    acts = told.filter(told.giver != told.receiver)

    seen = ibis.union(
        events.select(person=events.giver),
        events.select(person=events.receiver),
        posts.select("person"),
        distinct=True,
    )
    people = np.union1d(workspace.arrays(seen)["person"], owners.column("person").to_numpy())
    counted = int(workspace.number(events.count()))
    return Activity(acts, accounts, owners, written, posts, people.astype(np.int64), counted, tuple(networks))


def _numbered(table: Table, column: str, names: Sequence[str], type_: str) -> Table:
    """Put the place of a name in place of the name."""
    places = {"_name": pa.array(names, pa.string()), "_place": np.arange(len(names))}
    joined = table.inner_join(ibis.memtable(pa.table(places)), [(column, "_name")])
    return joined.mutate(**{column: joined["_place"].cast(type_)}).drop("_name", "_place")


def _without(table: Table, accounts: Ints, *columns: str) -> Table:
    if not accounts.size:
        return table
    left_out = ibis.memtable(pa.table({"_erased": accounts}))
    for column in columns:
        table = table.anti_join(left_out, [(column, "_erased")])
    return table


def _owners(owners: pa.Table) -> pa.Table:
    owners = conform(owners, OWNERS, "owners").group_by(["account", "person"]).aggregate([])
    accounts, counts = np.unique(owners.column("account").to_numpy(), return_counts=True)
    if (counts > 1).any():
        raise InputError(f"owners: account {accounts[counts > 1][0]} belongs to more than one person; keep one row")
    return owners


def to_persons(table: Table, owners: pa.Table, account: str, person: str) -> Table:
    """Put beside an account whose it is.

    Parameters
    ----------
    table : ibis table
        Anything that names accounts.
    owners : pyarrow.Table
        Rows of `OWNERS`; an account without a row is its own person.
    account, person : str
        The column there is, and the one to be. Where there are no owners, the one becomes the other.

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


@dataclass(frozen=True)
class Posting:
    """What persons posted, by position in `people`.

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


def posting(workspace: Workspace, seen: Activity, *, until: int) -> Posting:
    """Count posts and posting days up to a moment.

    The table of posts may hold only some of them, so a day is also known by an act that is itself a post. A reshare is
    somebody else's post: it is no sign of its author's being there.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    seen : Activity
        Acts and posts.
    until : int
        Only what happened before it, in epoch seconds.

    Returns
    -------
    Posting
        Counts and days; zeros for those who posted nothing.
    """
    # A post is (post): where rows contradict each other, the smallest of each column is taken.
    raw = seen.posts.filter(seen.posts.at < until)
    posts = workspace.keep(
        raw.group_by("post").aggregate(person=raw.person.min(), at=raw["at"].min(), kind=raw.kind.min())
    )
    counted = posts.group_by("person").aggregate(posts=posts.count(), own=(posts.kind != "reshare").sum())
    own = posts.filter(posts.kind != "reshare")
    written = seen.written.filter(seen.written["at"] < until)
    days = ibis.union(
        own.select(person=own.person, day=own["at"] // DAY),
        written.select(person=written.person, day=written["at"] // DAY),
        distinct=True,
    )
    days = days.group_by("person").aggregate(days=days.count(), first=days.day.min(), last=days.day.max())
    columns: dict[str, Ints] = {}
    for table in (counted, days):
        found = workspace.arrays(table)
        at = np.searchsorted(seen.people, found.pop("person"))
        for name, values in found.items():
            columns[name] = np.zeros(seen.people.size, dtype=np.int64)
            columns[name][at] = values
    return Posting(**columns)


def topic_table(workspace: Workspace, post_topics: pa.Table, topic_parents: pa.Table) -> Table | None:
    """Return the topics of posts, named and above those, and the share of a post that each takes; None without any.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    post_topics : pyarrow.Table
        Rows of `POST_TOPICS`; the same row twice is one.
    topic_parents : pyarrow.Table
        Rows of `TOPIC_PARENTS`.

    Returns
    -------
    ibis table or None
        Columns post, topic and share, each post and topic once. Share is 1 / topics of the post for those that it
        names, 0 for those that only lie above one of them.
    """
    rows = conform(post_topics, POST_TOPICS, "post_topics").drop_null().group_by(["post", "topic"]).aggregate([])
    if not rows.num_rows:
        return None
    table = workspace.keep(ibis.memtable(rows))
    counts = table.group_by("post").aggregate(topics=table.count())
    joined = table.inner_join(counts, "post")
    named = joined.select("post", "topic", share=1.0 / joined.topics)
    topics, above = ancestors(conform(topic_parents, TOPIC_PARENTS, "topic_parents"))
    if not topics.size:
        return workspace.keep(named)
    line = ibis.memtable(pa.table({"topic": topics, "above": above}))
    inherited = table.inner_join(line, "topic").select("post", topic="above").mutate(share=ibis.literal(0.0))
    both = named.union(inherited)
    return workspace.keep(both.group_by("post", "topic").aggregate(share=both.share.max()))


def ancestors(topic_parents: pa.Table) -> tuple[Ints, Ints]:
    """Return every topic with each topic that lies above it, however far.

    Parameters
    ----------
    topic_parents : pyarrow.Table
        Rows of `TOPIC_PARENTS`. In a circle every topic lies above the others, and none above itself.

    Returns
    -------
    tuple of ndarray of int64
        Topics, and what lies above them, by both.

    Examples
    --------
    >>> below, above = ancestors(pa.table({"topic": [3, 2], "parent": [2, 1]}))
    >>> list(zip(below.tolist(), above.tolist()))
    [(2, 1), (3, 1), (3, 2)]
    """
    parents: dict[int, set[int]] = {}
    for topic, parent in zip(
        *(topic_parents.drop_null()[name].to_pylist() for name in ("topic", "parent")), strict=True
    ):
        parents.setdefault(topic, set()).add(parent)
    found = []
    for topic in sorted(parents):
        seen, waiting = {topic}, [topic]
        while waiting:
            new = parents.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        found += [(topic, above) for above in sorted(seen - {topic})]
    pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
