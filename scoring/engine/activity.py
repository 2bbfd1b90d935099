"""Events to acts between accounts: the first half of the table work.

What becomes of an event depends on the events of its day and on the posts of its day and of the `POST_DAYS` before, and
on nothing else, so that a day can be looked at alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import ibis
import numpy as np
import pyarrow as pa

from scoring.engine.arrays import Ints
from scoring.engine.inputs import INTERACTIONS, POSTS, Inputs
from scoring.engine.tables import Table, Workspace
from scoring.engine.topic_sets import NO_TOPIC, topic_sets

DAY: Final = 86_400
# How many days before an act its post is looked for, to know what it was: few act on older ones.
POST_DAYS: Final = 28

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
    """What accounts did, ready to be summed up to any moment.

    Attributes
    ----------
    acts : ibis table
        One row per act between two accounts: actor, target, at, day, post (may be null), naming, talk, kind,
        network, topic_set. `naming` says that it stands in a post of the actor's own, `talk` that it replies to a
        reply; kind is a place in `KINDS`, network one in `networks`, and `topic_set` says which topics the post
        acted on names.
    events : ibis table
        Every event, of whatever kind and between whomever: actor, target, at, day.
    posts : ibis table
        post, at, day, author, kind, text (may be null); one row per row of the input.
    topic_sets : pyarrow.Table
        topic_set and topic, for all sets that acts may name but `NO_TOPIC`, which is empty.
    networks : tuple of str
        Where events happened; what names no network happened in ''.
    """

    acts: Table
    events: Table
    posts: Table
    topic_sets: pa.Table
    networks: tuple[str, ...]

    def before(self, until: int) -> "Activity":
        """Return what happened before a moment.

        Parameters
        ----------
        until : int
            In epoch seconds.

        Returns
        -------
        Activity
            Expressions.
        """
        tables = {name: getattr(self, name) for name in ("acts", "events", "posts")}
        return replace(self, **{name: table.filter(table["at"] < until) for name, table in tables.items()})


def activity(workspace: Workspace, inputs: Inputs, networks: Sequence[str] = ()) -> Activity:
    """Drop what doesn't count, and say of what counts what it is.

    The same event twice is one, unless none is there twice (`Inputs.unique`). What accounts do to themselves is
    dropped. A mention or link in the same second as a reaction of the same account to the same account is the same act
    seen twice (a reply names whom it answers) and is dropped as well. An act's post is looked for among those of its
    day and of the `POST_DAYS` before by the account that is acted on (of a mention, by the one that mentions), and
    among those of which no row tells day and author.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    inputs : Inputs
        What to read.
    networks : sequence of str
        Networks that have their numbers already; others get the next ones, by the alphabet.

    Returns
    -------
    Activity
        Events and acts are stored in the workspace; posts are an expression over the input, so that texts are never
        all in memory.

    Raises
    ------
    InputError
        A table lacks a column.
    """
    events = workspace.read(inputs.interactions, INTERACTIONS, "interactions")
    events = events.filter(events.at < inputs.until, events.actor.notnull(), events.target.notnull())
    events = without(events, inputs.erased, "actor", "target")
    events = events.select(*INTERACTIONS.names).mutate(network=events.network.fill_null(""))
    events = events if inputs.unique else events.distinct()
    events = workspace.keep(events.mutate(day=events["at"] // DAY))

    posts = workspace.read(inputs.posts, POSTS, "posts")
    posts = posts.filter(posts.at < inputs.until, posts.author.notnull(), posts.post.notnull())
    posts = without(posts, inputs.erased, "author")
    # A post of no kind is taken to be somebody's own.
    posts = posts.mutate(kind=posts.kind.fill_null("original"), day=posts["at"] // DAY)

    scored = events.filter(events.kind.isin(KINDS), events.actor != events.target)
    scored = scored.mutate(naming=scored.kind.isin(NAMINGS))
    reactions = scored.filter(~scored.naming)
    named = scored.filter(scored.naming).anti_join(reactions, ["actor", "target", "at"])
    of_post, sets = topic_sets(inputs.post_topics)
    told = _with_posts(ibis.union(reactions, named), posts, of_post)

    found = set(workspace.arrays(events.select("network").distinct())["network"].tolist())
    networks = (*networks, *sorted(found - set(networks)))
    told = _numbered(_numbered(told, "kind", KINDS, "int8"), "network", networks, "int16")
    columns = ("actor", "target", "at", "day", "post", "naming", "talk", "kind", "network", "topic_set")
    events = events.select("actor", "target", "at", "day")
    return Activity(workspace.keep(told.select(*columns)), events, posts, sets, networks)


def _with_posts(acts: Table, posts: Table, of_post: pa.Table) -> Table:
    """Say of acts whether they answer an answer, and which topics their post names.

    As far as the post is recent, and is by the account that is acted on or, of a mention, by the one that mentions: so
    that nothing is known of an act that goes when a third account is erased.
    """
    told = ("post", "first", "last", "author", "reply")
    days = posts.group_by("post").aggregate(
        first=posts.day.min(), last=posts.day.max(), author=posts.author.min(), reply=(posts.kind == "reply").max()
    )
    nothing = ibis.literal(NO_TOPIC, "int64")
    telling = days.filter(days.reply).select(*told, topic_set=nothing)
    if of_post.num_rows:
        named = ibis.memtable(of_post)
        on_topic = named.left_join(days, "post").select(*told, "topic_set")
        telling = on_topic.union(telling.anti_join(named, "post"))
    telling = telling.rename(_post="post")
    joined = acts.left_join(telling, acts.post == telling["_post"])
    counts = (
        (joined["first"] <= joined.day)
        & (joined.day - joined["last"] <= POST_DAYS)
        & (joined.author == ibis.ifelse(joined.naming, joined.actor, joined.target))
    )
    counts = joined["first"].isnull() | counts
    return joined.mutate(
        talk=((joined.kind == "reply") & joined.reply & counts).fill_null(False),
        topic_set=ibis.cases((counts, joined.topic_set), else_=NO_TOPIC).fill_null(NO_TOPIC),
    )


def _numbered(table: Table, column: str, names: Sequence[str], type_: str) -> Table:
    """Put the place of a name in place of the name."""
    places = {"_name": pa.array(names, pa.string()), "_place": np.arange(len(names))}
    joined = table.inner_join(ibis.memtable(pa.table(places)), [(column, "_name")])
    return joined.mutate(**{column: joined["_place"].cast(type_)}).drop("_name", "_place")


def without(table: Table, accounts: Ints, *columns: str) -> Table:
    """Leave out rows that name some accounts.

    Parameters
    ----------
    table : ibis table
        The rows.
    accounts : ndarray of int64, shape (k,)
        Keys.
    *columns : str
        Where accounts stand.

    Returns
    -------
    ibis table
        The other rows; the table itself where no account is to be left out.
    """
    if not accounts.size:
        return table
    left_out = ibis.memtable(pa.table({"_erased": accounts}))
    for column in columns:
        table = table.anti_join(left_out, [(column, "_erased")])
    return table
