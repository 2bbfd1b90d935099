"""Where a person's reach comes from: supporters, kinds, networks and topics, each adding up to it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scoring.engine import scale
from scoring.engine.activity import DAY, KINDS
from scoring.engine.arrays import Counts, Floats, Ints, blocks, in_groups, side_by_side, sum_by
from scoring.engine.inputs import PARTS, SUPPORTS, TOPICS
from scoring.engine.lift import own_topics
from scoring.engine.pairs import Pairs
from scoring.engine.parameters import Parameters
from scoring.engine.people import People
from scoring.engine.reach import Reach
from scoring.engine.state import State
from scoring.engine.tables import Table, Workspace
from scoring.engine.topic_sets import NO_TOPIC, ancestors, with_above
from scoring.engine.weights import act_weight, mixed

# Below this a supporter adds nothing but rounding.
_LITTLE: Final = 1e-12
# Rows of supporters that are made at once.
_AT_ONCE: Final = 250_000


@dataclass(frozen=True)
class Split:
    """Reach by what was done to earn it, as sums over supporters, in no order.

    Attributes
    ----------
    position : ndarray of int64, shape (k,)
        Whose reach.
    kind, network : ndarray of int64, shape (k,)
        Places in `KINDS` and in the networks.
    topic_set : ndarray of int64, shape (k,)
        Which topics the posts name together.
    part : ndarray of float64, shape (k,)
        People; all parts of a person add up to the reach.
    """

    position: Ints
    kind: Ints
    network: Ints
    topic_set: Ints
    part: Floats


def by_weight(pairs: Pairs, reach: Reach) -> pa.Table:
    """Return what each supporter adds for a weight of 1.

    Parameters
    ----------
    pairs : Pairs
        What each pair did.
    reach : Reach
        What each supporter adds.

    Returns
    -------
    pyarrow.Table
        giver and receiver, as positions, and `each`, in people; of those who add anything.
    """
    adds = (reach.contribution > 0) & (pairs.weight_calendar > 0)
    each = reach.contribution[adds]
    each /= pairs.weight_calendar[adds]
    return pa.table({"giver": pairs.giver[adds], "receiver": pairs.receiver[adds], "each": each})


def over_acts(workspace: Workspace, state: State, people: People, each: pa.Table, formula: Parameters) -> Split:
    """Split what each supporter adds over what they did, in proportion to its decayed weight.

    Parameters
    ----------
    workspace : Workspace
        Where to do the table work.
    state : State
        What was done.
    people : People
        Who did it.
    each : pyarrow.Table
        What each supporter adds for a weight of 1 (`by_weight`).
    formula : Parameters
        Half-lives.

    Returns
    -------
    Split
        By receiver, kind, network and topics; each at most once.
    """
    if not each.num_rows:
        none = np.zeros(0, dtype=np.int64)
        return Split(none, none, none, none, np.zeros(0))
    table = people.placed(people.placed(state.details, "actor", "giver"), "target", "receiver")
    acts = table.inner_join(ibis.memtable(each), ["giver", "receiver"])
    acts = acts.mutate(part=acts.each * mixed(acts.slow, acts.burst, formula))
    sums = acts.group_by("receiver", "kind", "network", "topic_set").aggregate(part=acts.part.sum())
    found = workspace.arrays(sums)
    return Split(found["receiver"].astype(np.int64), found["kind"], found["network"], found["topic_set"], found["part"])


def topics(
    split: Split, sets: pa.Table, people: People, reach: Floats, parents: pa.Table, formula: Parameters
) -> pa.Table:
    """Split reach by the topics of the posts that were acted on, and find each person's own topics.

    What a supporter adds is split over that supporter's acts in proportion to their decayed weight. An act's part goes
    evenly to the topics that its post names: acts without a post or topic make up the part whose topic is null, and
    all of it adds up to the reach. With what lies below, a topic takes each act's part whole, and once, if the post
    names the topic or any below it: that is the reach on it. Own topics are chosen by the latter, see `lift`.

    Parameters
    ----------
    split : Split
        Reach by what was done.
    sets : pyarrow.Table
        The topics of each set (`topic_sets.topic_sets`).
    people : People
        Whose reach it is.
    reach : ndarray of float64, shape (n,)
        Of everybody.
    parents : pyarrow.Table
        Rows of `TOPIC_PARENTS`.
    formula : Parameters
        Scale, and what makes a topic a person's own.

    Returns
    -------
    pyarrow.Table
        Rows of `TOPICS` with `reach_with_below` above 0, by person and topic, null last.
    """
    found = _by_topic(split, sets, parents)
    rest = reach - sum_by(found["position"], found["reach"], people.size)
    # Below this, what is left is the rounding of the sums and no topic of its own.
    others = np.flatnonzero(rest > 1e-12 * (1.0 + reach))
    lifted = own_topics(
        found["position"],
        found["topic"],
        found["whole"],
        reach,
        ancestors(parents),
        prior_people=formula.topic_prior_people,
        lift_from=formula.topic_lift_from,
        reach_from=formula.topic_reach_from,
    )
    nameless = np.zeros(others.size)
    blank = np.concatenate([np.zeros(found["topic"].size, bool), np.ones(others.size, bool)])
    whole = np.concatenate([found["whole"], rest[others]])
    columns = {
        "person": people.numbers[np.concatenate([found["position"], others])],
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


def _by_topic(split: Split, sets: pa.Table, parents: pa.Table) -> dict[str, npt.NDArray[Any]]:
    """Sum parts by person and topic: the topic's even share, and whole."""
    number, topic, share = with_above(sets, parents)
    named = split.topic_set != NO_TOPIC
    position, of_set, part = split.position[named], split.topic_set[named], split.part[named]
    first = np.searchsorted(number, of_set, side="left")
    many = np.searchsorted(number, of_set, side="right") - first
    row = np.repeat(np.arange(of_set.size), many)
    at = first[row] + np.arange(row.size) - np.repeat(np.cumsum(many) - many, many)
    topics, place = np.unique(topic, return_inverse=True)
    keys, group = np.unique(position[row] * max(topics.size, 1) + place[at], return_inverse=True)
    found = {
        "position": keys // max(topics.size, 1),
        "topic": topics[keys % max(topics.size, 1)] if keys.size else np.zeros(0, dtype=np.int64),
        "reach": sum_by(group, part[row] * share[at], keys.size),
        "whole": sum_by(group, part[row], keys.size),
    }
    some = found["whole"] > 0
    return {name: values[some] for name, values in found.items()}


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


def parts(split: Split, people: People, networks: Sequence[str]) -> pa.Table:
    """Split reach by what supporters did, and in which network.

    Parameters
    ----------
    split : Split
        Reach by what was done.
    people : People
        Whose reach it is.
    networks : sequence of str
        Their names by number.

    Returns
    -------
    pyarrow.Table
        Rows of `PARTS` with a reach above 0, by person, kind and network.
    """
    if not split.position.size:
        return PARTS.empty_table()
    kinds, kind_at = np.unique(KINDS, return_inverse=True)
    names, name_at = np.unique(networks, return_inverse=True)
    # Numbered by name, what ascends by number does so by name.
    keys, group = np.unique(
        (split.position * kinds.size + kind_at[split.kind]) * names.size + name_at[split.network], return_inverse=True
    )
    reach = sum_by(group, split.part, keys.size)
    keys, reach = keys[reach > 0], reach[reach > 0]
    rest, network = np.divmod(keys, names.size)
    position, kind = np.divmod(rest, kinds.size)
    columns = {
        "person": people.numbers[position],
        "kind": pa.array(kinds).take(kind),
        "network": pa.array(names).take(network),
        "reach": reach,
    }
    return pa.table(columns, schema=PARTS)


def supports(
    pairs: Pairs, reach: Reach, people: Ints, kept: int, taken: Callable[[Counts], dict[str, Floats]]
) -> Iterator[pa.Table]:
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
        From positions of pairs to what was taken off each, by reason: `taken.taken_of`; called by several threads at
        once.

    Yields
    ------
    pyarrow.Table
        Rows of `SUPPORTS`, by supported and supporter, as a database's index has them, some at a time, for there may
        be as many as pairs. At least one table, which may be empty. A supporter who adds nothing, because nobody
        vouches for them, say, has a reach of 0 and ranks after those who do, by expected activity.
    """
    rank_given, rank = side_by_side(lambda owner: _ranked(owner, reach, people.size), (pairs.giver, pairs.receiver))
    keep = np.flatnonzero((rank <= kept) | (rank_given <= kept)).astype(np.int32)
    keep = keep[in_groups(pairs.receiver[keep], people.size)]

    def _table(begin: int) -> pa.Table:
        some = keep[begin : begin + _AT_ONCE]
        columns = {
            "supporter": people[pairs.giver[some]],
            "supported": people[pairs.receiver[some]],
            "reach": reach.contribution[some],
            "rank": rank[some],
            "rank_given": rank_given[some],
            "actions": pairs.actions[some],
            "expected": reach.expected[some],
            **{f"taken_{reason}": share for reason, share in taken(some).items()},
        }
        return pa.table(columns, schema=SUPPORTS)

    yield from side_by_side(_table, range(0, max(keep.size, 1), _AT_ONCE))


def _ranked(owner: Counts, reach: Reach, size: int) -> Counts:
    """Rank pairs within each owner, from 1.

    What adds more comes first, of what adds nothing what is expected to bring more. Values are rounded, so that the
    last bit of a sum doesn't decide; equals keep their order.
    """
    # One whole number per pair sorts several times as fast as three: owner, whether anything is added, and as many
    # leading bits of the value as there is room for, which rise with it since it isn't below 0.
    room = 62 - int(size).bit_length()
    key = np.empty(owner.size, dtype=np.int64)
    for block in blocks(owner.size):
        contribution = reach.contribution[block]
        some = contribution > _LITTLE
        value = np.where(some, contribution, reach.expected[block]).view(np.int64) >> (63 - room)
        value |= some.astype(np.int64) << room
        key[block] = (owner[block].astype(np.int64) << (room + 1)) | ((1 << (room + 1)) - 1 - value)
    order = np.argsort(key).astype(np.int32)
    key = key[order]
    same = key[1:] == key[:-1]
    # Where these bits leave it open, everything is looked at.
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    rows = order[tied]
    falling = (-reach.expected[rows].round(12), -reach.contribution[rows].round(12), key[tied])
    order[tied] = rows[np.lexsort((rows, *falling))]
    key >>= room + 1
    begins = np.flatnonzero(np.append(True, key[1:] != key[:-1])[: key.size])
    del key
    rank = np.empty(order.size, dtype=np.int32)
    rank[order] = np.arange(1, order.size + 1, dtype=np.int32) - np.repeat(
        begins.astype(np.int32), np.diff(begins, append=order.size)
    )
    return rank
