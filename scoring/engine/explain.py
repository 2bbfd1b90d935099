"""Where a person's reach comes from: supporters, kinds, networks and topics, each adding up to it."""

from collections.abc import Callable
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scoring.engine import scale
from scoring.engine.activity import DAY, KINDS, Activity, ancestors, topic_table
from scoring.engine.arrays import Floats, Ints, sum_by
from scoring.engine.inputs import PARTS, SUPPORTS, TOPICS, Inputs
from scoring.engine.lift import own_topics
from scoring.engine.pairs import Pairs, act_weight
from scoring.engine.parameters import Parameters
from scoring.engine.reach import Reach
from scoring.engine.tables import Table, Workspace


def topics(
    workspace: Workspace, seen: Activity, split: Table | None, reach: Floats, inputs: Inputs, formula: Parameters
) -> pa.Table:
    """Split reach by the topics of the posts that were acted on, and find each person's own topics.

    What a supporter adds is split over that supporter's acts in proportion to their decayed weight. An act's part goes
    evenly to the topics that its post names: acts without a post or topic make up the part whose topic is null, and
    all of it adds up to the reach. With what lies below, a topic takes each act's part whole, and once, if the post
    names the topic or any below it: that is the reach on it. Own topics are chosen by the latter, see `lift`.

    Parameters
    ----------
    workspace : Workspace
        Where to do the table work.
    seen : Activity
        The people.
    split : ibis table or None
        As `over_acts` gives it.
    reach : ndarray of float64, shape (n,)
        Of everybody.
    inputs : Inputs
        Topics of posts, and what lies above them.
    formula : Parameters
        Scale, and what makes a topic a person's own.

    Returns
    -------
    pyarrow.Table
        Rows of `TOPICS` with `reach_with_below` above 0, by person and topic, null last.
    """
    topic = topic_table(workspace, inputs.post_topics, inputs.topic_parents)
    found: dict[str, npt.NDArray[Any]] = {
        "position": np.zeros(0, dtype=np.int64),
        "topic": np.zeros(0, dtype=np.int64),
        "reach": np.zeros(0),
        "whole": np.zeros(0),
    }
    if split is not None and topic is not None:
        # Summed to posts first: an act on a post on five topics is looked at once.
        acts = split.filter(split.post.notnull())
        acts = acts.group_by("position", "post").aggregate(whole=acts.part.sum()).inner_join(topic, "post")
        sums = acts.group_by("position", "topic").aggregate(
            reach=(acts.whole * acts.share).sum(), whole=acts.whole.sum()
        )
        found = workspace.arrays(sums.order_by("position", "topic"))
    some = found["whole"] > 0
    found = {name: values[some] for name, values in found.items()}
    rest = reach - sum_by(found["position"], found["reach"], seen.people.size)
    # Below this, what is left is the rounding of the sums and no topic of its own.
    others = np.flatnonzero(rest > 1e-12 * (1.0 + reach))
    lifted = own_topics(
        found["position"],
        found["topic"],
        found["whole"],
        reach,
        ancestors(inputs.topic_parents),
        prior_people=formula.topic_prior_people,
        lift_from=formula.topic_lift_from,
        reach_from=formula.topic_reach_from,
    )
    nameless = np.zeros(others.size)
    blank = np.concatenate([np.zeros(found["topic"].size, bool), np.ones(others.size, bool)])
    whole = np.concatenate([found["whole"], rest[others]])
    columns = {
        "person": seen.people[np.concatenate([found["position"], others])],
        "topic": pa.array(np.concatenate([found["topic"], nameless.astype(np.int64)]), mask=blank),
        "reach": np.concatenate([found["reach"], rest[others]]),
        "reach_with_below": whole,
        "score": scale.score(whole, formula.scale_top),
        "lift": pa.array(np.concatenate([lifted.lift, nameless]), mask=blank),
        "rank": pa.array(
            np.concatenate([lifted.rank, nameless.astype(np.int64)]),
            mask=np.concatenate([lifted.rank == 0, blank[found["topic"].size :]]),
        ),
    }
    # Within a person topics already ascend and the part without one comes last; a stable sort keeps that.
    order = np.argsort(columns["person"], kind="stable")
    return pa.table(columns, schema=TOPICS).take(order)


def over_acts(
    workspace: Workspace, seen: Activity, pairs: Pairs, reach: Reach, inputs: Inputs, formula: Parameters
) -> Table | None:
    """Split what each supporter adds over their single acts, and sum it by what the acts were.

    An act's part is in proportion to its decayed weight.

    Parameters
    ----------
    workspace : Workspace
        Where to do the table work.
    seen : Activity
        The acts.
    pairs : Pairs
        What each pair did.
    reach : Reach
        What each supporter adds.
    inputs : Inputs
        The moment.
    formula : Parameters
        The half-life.

    Returns
    -------
    ibis table or None
        By the receiver's `position`, kind, network and post the `part` of the reach, kept; None without any.
    """
    counted = (reach.contribution > 0) & (pairs.weight_calendar > 0)
    if not counted.any():
        return None
    each = {
        "giver": seen.people[pairs.giver[counted]],
        "receiver": seen.people[pairs.receiver[counted]],
        "position": pairs.receiver[counted],
        "each": reach.contribution[counted] / pairs.weight_calendar[counted],
    }
    acts = in_proportion(seen.acts, ibis.memtable(pa.table(each)), inputs.until, formula)
    return workspace.keep(acts.group_by("position", "kind", "network", "post").aggregate(part=acts.part.sum()))


def in_proportion(acts: Table, each: Table, until: int, formula: Parameters) -> Table:
    """Give each act its part of what its giver adds: what a weight of 1 stands for, times its own weight.

    Parameters
    ----------
    acts : ibis table
        Columns giver, receiver and at.
    each : ibis table
        Columns giver, receiver and `each`, what a weight of 1 stands for. Acts of others are left out.
    until : int
        The moment, in epoch seconds.
    formula : Parameters
        Half-lives.

    Returns
    -------
    ibis table
        The acts with the other columns of `each`, and `part`, in people.
    """
    joined = acts.inner_join(each, ["giver", "receiver"])
    return joined.mutate(part=joined.each * act_weight((until - joined["at"]) / DAY, formula)).drop("each")


def parts(workspace: Workspace, seen: Activity, split: Table | None) -> pa.Table:
    """Split reach by what supporters did, and in which network.

    Parameters
    ----------
    workspace : Workspace
        Where to do the table work.
    seen : Activity
        The people and the networks.
    split : ibis table or None
        As `over_acts` gives it.

    Returns
    -------
    pyarrow.Table
        Rows of `PARTS` with a reach above 0, by person, kind and network.
    """
    if split is None:
        return PARTS.empty_table()
    found = workspace.arrays(split.group_by("position", "kind", "network").aggregate(reach=split.part.sum()))
    table = pa.table(
        {
            "person": seen.people[found["position"]],
            "kind": np.array(KINDS)[found["kind"]],
            "network": np.array(seen.networks)[found["network"]],
            "reach": found["reach"],
        },
        schema=PARTS,
    )
    return table.filter(found["reach"] > 0).sort_by([(name, "ascending") for name in PARTS.names[:3]])


def supports(
    pairs: Pairs, reach: Reach, people: Ints, kept: int, taken: Callable[[Ints], dict[str, Floats]]
) -> pa.Table:
    """List each person's largest supporters, and whom each person supports most.

    Parameters
    ----------
    pairs : Pairs
        What each pair did.
    reach : Reach
        What each giver adds to the receiver's reach.
    people : ndarray of int64, shape (n,)
        Persons by position.
    kept : int
        How many each way.
    taken : callable
        From positions of pairs to what was taken off each, by reason: `taken.taken_of`.

    Returns
    -------
    pyarrow.Table
        Rows of `SUPPORTS`, by supported and rank. A supporter who adds nothing, because nobody vouches for
        them, say, has a reach of 0 and ranks after those who do, by expected activity.
    """
    # Rounded, so that the last bit of a sum doesn't decide; equals keep the order of the persons' numbers.
    falling = np.lexsort((-reach.expected.round(12), -reach.contribution.round(12)))
    rank, by_supported = _rank(pairs.receiver, falling)
    rank_given, _by_supporter = _rank(pairs.giver, falling)
    keep = by_supported[((rank <= kept) | (rank_given <= kept))[by_supported]]
    columns = {
        "supporter": people[pairs.giver[keep]],
        "supported": people[pairs.receiver[keep]],
        "reach": reach.contribution[keep],
        "rank": rank[keep],
        "rank_given": rank_given[keep],
        "actions": pairs.actions[keep],
        "expected": reach.expected[keep],
        **{f"taken_{reason}": share for reason, share in taken(keep).items()},
    }
    return pa.table(columns, schema=SUPPORTS)


def _rank(owner: Ints, falling: Ints) -> tuple[Ints, Ints]:
    # From 1 within each owner, in the order given; and the order by owner and rank.
    order = falling[np.argsort(owner[falling], kind="stable")]
    place = np.arange(owner.size)
    first = np.append(True, np.diff(owner[order]) != 0)[: owner.size]
    rank = np.empty(owner.size, dtype=np.int64)
    rank[order] = place - np.maximum.accumulate(np.where(first, place, 0)) + 1
    return rank, order
