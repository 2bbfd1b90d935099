"""Which topics posts name together, as one number each, and what lies above a topic."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scoring.engine.arrays import Floats, Ints
from scoring.engine.inputs import POST_TOPICS
from scoring.engine.tables import conform

# The set of a post that names no topic.
NO_TOPIC: Final = 0


def topic_sets(post_topics: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Give each set of topics that posts name one number.

    The number is a sum of hashes of the topics: the same every night, whatever other sets there are.

    Parameters
    ----------
    post_topics : pyarrow.Table
        Rows of `POST_TOPICS`; the same row twice is one.

    Returns
    -------
    tuple of pyarrow.Table
        post and topic_set, each post once; topic_set and topic, by both.
    """
    rows = conform(post_topics, POST_TOPICS, "post_topics").drop_null().group_by(["post", "topic"]).aggregate([])
    post, topic = (rows.column(name).to_numpy() for name in ("post", "topic"))
    order = np.lexsort((topic, post))
    post, topic = post[order], topic[order]
    begins = np.flatnonzero(np.append(True, np.diff(post) != 0)[: post.size])
    if not begins.size:
        return pa.table({"post": post, "topic_set": post}), pa.table({"topic_set": post, "topic": topic})
    # A sum of 64 bits that wraps around.
    of_post = np.add.reduceat(_scrambled(topic), begins).astype(np.int64)
    of_row = np.repeat(of_post, np.diff(np.append(begins, post.size)))
    sets = pa.table({"topic_set": of_row, "topic": topic}).group_by(["topic_set", "topic"]).aggregate([])
    by_both = sets.sort_by([("topic_set", "ascending"), ("topic", "ascending")])
    return pa.table({"post": post[begins], "topic_set": of_post}), by_both


def _scrambled(numbers: Ints) -> npt.NDArray[np.uint64]:
    """Return numbers whose sums tell sets apart.

    The finaliser of splitmix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
    """
    values = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)))


def with_above(sets: pa.Table, topic_parents: pa.Table) -> tuple[Ints, Ints, Floats]:
    """Return the topics of sets, named and above those, and the share of a post that each takes.

    Parameters
    ----------
    sets : pyarrow.Table
        As `topic_sets` gives them.
    topic_parents : pyarrow.Table
        Rows of `TOPIC_PARENTS`.

    Returns
    -------
    tuple of ndarray, each of shape (k,)
        Set, topic and share, each set and topic once, by both. The share is 1 / topics of the set for those that it
        names, 0 for those that only lie above one of them.
    """
    number, topic = (sets.column(name).to_numpy() for name in ("topic_set", "topic"))
    _names, of_set, counts = np.unique(number, return_inverse=True, return_counts=True)
    share = 1.0 / counts[of_set] if number.size else np.zeros(0)
    below, above = ancestors(topic_parents)
    first = np.searchsorted(below, topic, side="left")
    many = np.searchsorted(below, topic, side="right") - first
    row = np.repeat(np.arange(topic.size), many)
    step = np.arange(row.size) - np.repeat(np.cumsum(many) - many, many)
    all_numbers = np.concatenate([number, number[row]])
    all_topics = np.concatenate([topic, above[first[row] + step]])
    shares = np.concatenate([share, np.zeros(row.size)])
    # Named rows first, so that of a topic that is both the share counts.
    order = np.lexsort((-shares, all_topics, all_numbers))
    all_numbers, all_topics, shares = all_numbers[order], all_topics[order], shares[order]
    new = np.append(True, (np.diff(all_numbers) != 0) | (np.diff(all_topics) != 0))[: all_numbers.size]
    return all_numbers[new], all_topics[new], shares[new]


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
