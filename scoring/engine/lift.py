"""A person's own topics: those on which they reach more than their overall share would give."""

from dataclasses import dataclass

import numpy as np

from scoring.engine.arrays import Bools, Floats, Ints


@dataclass(frozen=True)
class Lifts:
    """How much more than expected people reach on topics, one element per row of a person and a topic.

    Attributes
    ----------
    lift : ndarray of float64, shape (r,)
        Reach on the topic over what is expected, drawn towards 1; above 0.
    rank : ndarray of int64, shape (r,)
        From 1 among the person's own topics, 0 for those that aren't.
    """

    lift: Floats
    rank: Ints


def own_topics(
    person: Ints,
    topic: Ints,
    reach: Floats,
    total: Floats,
    above: tuple[Ints, Ints],
    *,
    prior_people: float,
    lift_from: float,
    reach_from: float,
) -> Lifts:
    """Compare each person's reach on topics with everybody else's, and choose the topics that stand out.

    With the reach r on a topic, R the person's whole reach, K people of prior, S the whole reach of everybody and S_t
    what all of them reach on the topic:

        share = (S_t - r + K S_t / S) / (S - R + K)      of the others' reach, so that nobody is their own measure
        lift  = (r + K share) / ((R + K) share)          1 where the topic takes of this reach what it takes of theirs

    Lift is the mean of a gamma-Poisson posterior whose prior is worth K people with a lift of 1 [1]_. The whole reach
    counts, with what came by no topic: a post without one is no reason to call the others' topics more one's own.
    A topic is a person's own from a lift and a reach on, unless it lies above another of theirs that brings half of
    its reach: then the narrower one says it. Own topics are ranked by the log-likelihood ratio of the reach
    against what is expected, r ln(r / (R share)) - (r - R share), which is small for a generic topic, whose
    lift is, and for a tiny one, whose reach is [2]_; equals by lower number of the topic.

    Parameters
    ----------
    person : ndarray of int64, shape (r,)
        Position of the person in `total`; each person and topic at most once, in any order.
    topic : ndarray of int64, shape (r,)
        Numbers of topics.
    reach : ndarray of float64, shape (r,)
        Reach on the topic and on those below it, above 0.
    total : ndarray of float64, shape (n,)
        Whole reach of everybody.
    above : tuple of ndarray of int64
        Topics, and each that lies above them, as `activity.ancestors` gives them.
    prior_people : float
        K, above 0.
    lift_from : float
        Least lift of an own topic.
    reach_from : float
        Least reach on an own topic, in people.

    Returns
    -------
    Lifts
        Lift and rank per row; empty for no rows.

    References
    ----------
    .. [1] W. DuMouchel, Bayesian data mining in large frequency tables, The American Statistician 53 (1999), 177-190.
    .. [2] T. Dunning, Accurate methods for the statistics of surprise and coincidence, Computational Linguistics 19
       (1993), 61-74.

    Examples
    --------
    Three people reach 10 each on topic 1, which is everybody's, and the first reaches 5 of them on topic 2 as well:

    >>> lifts = own_topics(
    ...     np.array([0, 0, 1, 2]), np.array([1, 2, 1, 1]), np.array([10.0, 5.0, 10.0, 10.0]), np.full(3, 10.0),
    ...     (np.zeros(0, int), np.zeros(0, int)), prior_people=3, lift_from=1.5, reach_from=1
    ... )
    >>> lifts.lift.round(2).tolist()
    [1.0, 17.92, 1.0, 1.0]
    >>> lifts.rank.tolist()
    [0, 1, 0, 0]
    """
    if not topic.size:
        return Lifts(np.zeros(0), np.zeros(0, dtype=np.int64))
    numbers, column = np.unique(topic, return_inverse=True)
    everybody = total.sum()
    on_topic = np.bincount(column, weights=reach, minlength=numbers.size)[column]
    whole = total[person]
    # Sums of floats may leave a hair less than nothing of the others' reach.
    others = np.maximum(on_topic - reach, 0.0) + prior_people * on_topic / everybody
    share = others / (np.maximum(everybody - whole, 0.0) + prior_people)
    lift = (reach + prior_people * share) / ((whole + prior_people) * share)
    own = (lift >= lift_from) & (reach >= reach_from)
    own[own] = ~_said_by_narrower(person[own], topic[own], reach[own], above)
    expected = whole[own] * share[own]
    evidence = reach[own] * np.log(reach[own] / expected) - (reach[own] - expected)
    rank = np.zeros(topic.size, dtype=np.int64)
    rank[own] = _rank(person[own], topic[own], evidence)
    return Lifts(lift, rank)


def _said_by_narrower(person: Ints, topic: Ints, reach: Floats, above: tuple[Ints, Ints]) -> Bools:
    """Say which rows are of a topic above another of the same person's that brings at least half of its reach."""
    said = np.zeros(topic.size, dtype=bool)
    below, upper = above
    if not below.size or not topic.size:
        return said
    first = np.searchsorted(below, topic, side="left")
    counts = np.searchsorted(below, topic, side="right") - first
    narrow = np.repeat(np.arange(topic.size), counts)
    step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    over = upper[np.repeat(first, counts) + step]
    # Rows by person and topic as one number, to find the rows of what lies above.
    numbers, column = np.unique(np.concatenate([topic, over]), return_inverse=True)
    key = person * numbers.size + column[: topic.size]
    wanted = person[narrow] * numbers.size + column[topic.size :]
    order = np.argsort(key)
    place = order[np.minimum(np.searchsorted(key, wanted, sorter=order), key.size - 1)]
    said[place[(key[place] == wanted) & (2.0 * reach[narrow] >= reach[place])]] = True
    return said


def _rank(person: Ints, topic: Ints, evidence: Floats) -> Ints:
    """Return places from 1 within each person, the most evidence first; rounded, for the last bit mustn't decide."""
    order = np.lexsort((topic, -evidence.round(9), person))
    ordered = person[order]
    rank = np.empty(person.size, dtype=np.int64)
    rank[order] = np.arange(person.size) - np.searchsorted(ordered, ordered) + 1
    return rank
