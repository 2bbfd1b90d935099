"""Accounts that act on the same posts within seconds, again and again: a report for operators, no part of the score.

Friends at one event do so too, and so does an office whose people share a feed. It says whom to look at, and nothing
about why; reach and trust never look at it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import poisson

from scoring.engine.arrays import Floats, Ints, sum_by
from scoring.engine.errors import InputError


@dataclass(frozen=True)
class Coaction:
    """Pairs of accounts that act together, and the groups that they form.

    Attributes
    ----------
    accounts : ndarray of int64, shape (n,)
        Everybody who acted, ascending.
    first, second : ndarray of int64, shape (k,)
        Positions in `accounts`, first < second, ascending by both.
    posts : ndarray of int64, shape (k,)
        Posts on which the two acted within the window.
    expected : ndarray of float64, shape (k,)
        How many there would be by chance, above 0.
    similarity : ndarray of float64, shape (k,)
        Cosine of the two, 0 to 1.
    group : ndarray of int64, shape (n,)
        Number of the group, from 0, the largest first and of those of one size that with the smallest account; -1 for
        accounts in no pair.
    """

    accounts: Ints
    first: Ints
    second: Ints
    posts: Ints
    expected: Floats
    similarity: Floats
    group: Ints


def coaction(
    actor: Ints,
    post: Ints,
    at: Ints,
    *,
    window: int = 60,
    fewest: int = 2,
    similarity: float = 0.1,
    chance: float = 0.01,
    crowd: int = 200,
) -> Coaction:
    """Find accounts that act on the same posts within seconds of each other, much more often than chance would have it.

    Of an account's acts on one post the first counts. With d_a posts of account a, E = sum d_a acts and M pairs of acts
    on one post within the window, two accounts that act independently would by chance share

        expected_ab = 2 M d_a d_b / E^2

    such pairs: each of the M is filled by two accounts in proportion to how much they act. A pair is kept whose number
    n_ab of posts shared within the window has P(Poisson(expected_ab) >= n_ab) of at most `chance` over the number of
    pairs that share any (Bonferroni), and whose similarity is high enough. That is the cosine of the two accounts'
    TF-IDF vectors over posts, of which the product takes only posts shared within the window:

        similarity_ab = sum over shared posts p of idf_p^2 / (|a| |b|),  idf_p = ln(n / accounts that act on p)

    so that what everybody acts on says little. Groups are the connected components of the pairs kept. Memory is
    proportional to M.

    (Co-retweets, TF-IDF and cosine, components: Pacheco, Hui, Torres-Lugo, Truong, Flammini and Menczer, "Uncovering
    Coordinated Networks on Social Media: Methods and Case Studies", ICWSM 2021. Near-simultaneous, repeated sharing:
    Giglietto, Righetti, Rossi and Marino, "It takes a village to manipulate the media", Information, Communication &
    Society 23, 2020. Links kept against a null model that keeps degrees, with Bonferroni: Tumminello et al.,
    "Statistically validated networks in bipartite complex systems", PLoS ONE 6, 2011.)

    Parameters
    ----------
    actor, post, at : ndarray of int64, shape (m,)
        Acts: who, on what (a post, or whatever is acted on), and when, in epoch seconds.
    window : int
        Seconds within which two acts are together, at least 0.
    fewest : int
        Fewest posts that a pair must share, at least 1.
    similarity : float
        Smallest cosine, 0 to 1.
    chance : float
        Chance to keep any pair at all if everybody acted independently, above 0.
    crowd : int
        An act that so many others on the post follow within the window is in a crowd: its pairs with them aren't
        looked at.

    Returns
    -------
    Coaction
        Pairs and groups; empty for no acts.

    Raises
    ------
    InputError
        The arrays differ in length, or a setting is out of range.

    Examples
    --------
    Two accounts act on three posts within a second, a third on the same posts hours later. (So few can't be told from
    chance, which is allowed for here.)

    >>> found = coaction(
    ...     np.array([1, 2, 3] * 3), np.repeat([7, 8, 9], 3), np.array([0, 1, 9000] * 3), similarity=0, chance=9
    ... )
    >>> found.accounts[found.first].tolist(), found.accounts[found.second].tolist(), found.posts.tolist()
    ([1], [2], [3])
    >>> found.group.tolist()
    [0, 0, -1]
    """
    if not actor.size == post.size == at.size:
        raise InputError(f"coaction: {actor.size} actors, {post.size} posts and {at.size} times; give as many of each")
    if window < 0 or fewest < 1 or not 0 <= similarity <= 1 or chance <= 0:
        raise InputError("coaction: window is at least 0, fewest at least 1, similarity 0 to 1, chance above 0")
    accounts, who = np.unique(actor, return_inverse=True)
    posts, what = np.unique(post, return_inverse=True)
    if not accounts.size:
        none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
        return Coaction(none, none, none, none, nothing, nothing, none)
    who, what, when = _first_acts(who, what, at)
    one, other, shared = _together(who, what, when, window, crowd)

    acts = np.bincount(who, minlength=accounts.size).astype(np.float64)
    rarity = np.log(accounts.size / np.bincount(what, minlength=posts.size))
    length = np.sqrt(sum_by(who, np.square(rarity)[what], accounts.size))
    keys, pair = np.unique(one * accounts.size + other, return_inverse=True)
    first, second = keys // accounts.size, keys % accounts.size
    count = np.bincount(pair, minlength=keys.size)
    product = sum_by(pair, np.square(rarity)[shared], keys.size)
    whole = length[first] * length[second]
    cosine = np.minimum(np.divide(product, whole, out=np.zeros_like(whole), where=whole > 0), 1.0)
    expected = 2.0 * one.size * acts[first] * acts[second] / np.square(acts.sum())

    keep = (count >= fewest) & (cosine >= similarity)
    keep &= poisson.sf(count - 1, expected) <= chance / max(keys.size, 1)
    first, second = first[keep], second[keep]
    group = _groups(first, second, accounts.size)
    return Coaction(accounts, first, second, count[keep].astype(np.int64), expected[keep], cosine[keep], group)


def _first_acts(who: Ints, what: Ints, at: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the first act of each account on each post, by post and time."""
    order = np.lexsort((at, who, what))
    who, what, at = who[order], what[order], at[order]
    once = np.append(True, (np.diff(who) != 0) | (np.diff(what) != 0))
    who, what, at = who[once], what[once], at[once]
    order = np.lexsort((who, at, what))
    return who[order], what[order], at[order]


def _together(who: Ints, what: Ints, when: Ints, window: int, crowd: int) -> tuple[Ints, Ints, Ints]:
    """Return every two accounts that act on a post within the window, the smaller first, and the post."""
    # One number for post and time, so far apart that windows never reach into the next post.
    since = when - when.min()
    step = int(since.max()) + window + 1
    moment = what * step + since
    index = np.arange(who.size)
    following = np.searchsorted(moment, moment + window, side="right") - index - 1
    following[following > crowd] = 0
    earlier = np.repeat(index, following)
    later = earlier + 1 + np.arange(earlier.size) - np.repeat(np.cumsum(following) - following, following)
    return np.minimum(who[earlier], who[later]), np.maximum(who[earlier], who[later]), what[earlier]


def _groups(first: Ints, second: Ints, size: int) -> Ints:
    group = np.full(size, -1, dtype=np.int64)
    members = np.union1d(first, second)
    if not members.size:
        return group
    graph = coo_array((np.ones(first.size), (first, second)), shape=(size, size))
    label = connected_components(graph, directed=False)[1][members]
    _names, begins, number, sizes = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    place = np.empty(sizes.size, dtype=np.int64)
    place[np.lexsort((begins, -sizes))] = np.arange(sizes.size)
    group[members] = place[number]
    return group
