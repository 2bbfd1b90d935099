"""What makes attention count less: exchange and indiscriminate giving."""

import numpy as np

from scoring.engine.arrays import Floats, Ints, sum_by
from scoring.engine.pairs import Pairs


def exchange(pairs: Pairs, posts_known: Ints, *, begin: float, end: float, actions: int) -> Floats:
    """Discount pairs who respond to each other so completely that it looks agreed.

    What is compared is response rates, not counts, so that two busy friends lose little:

        f_ab = reactions_ab / (posts_b + 1) + namings_ab / (posts_a + 1),  m = sqrt(f_ab f_ba)

    A reaction is to one of the receiver's posts, so its rate is per post of the receiver; a mention or link
    stands in one of the giver's, so its rate is per post of the giver. Replies to replies are talk and not part of it.
    The factor is 1 up to m = begin and falls linearly to 0 at m = end.

    Parameters
    ----------
    pairs : Pairs
        What each pair did.
    posts_known : ndarray of int64, shape (n,)
        Posts known of each person.
    begin, end : float
        Rates between which the factor falls.
    actions : int
        Pairs with fewer acts, both ways together, keep the factor 1.

    Returns
    -------
    ndarray of float64, shape (m,)
        Factor per pair, 0 to 1, the same both ways.
    """
    rate = mutual_rate(pairs, posts_known, actions=actions)
    return np.clip((end - rate) / (end - begin), 0.0, 1.0)


def mutual_rate(pairs: Pairs, posts_known: Ints, *, actions: int) -> Floats:
    """Return the m of `exchange`: how completely two people respond to each other.

    Parameters
    ----------
    pairs : Pairs
        What each pair did.
    posts_known : ndarray of int64, shape (n,)
        Posts known of each person.
    actions : int
        Pairs with fewer acts, both ways together, have a rate of 0.

    Returns
    -------
    ndarray of float64, shape (m,)
        Rate per pair, at least 0, the same both ways.
    """
    posts = posts_known + _blank_posts(pairs, posts_known.size)
    rates = pairs.reactions / (posts[pairs.receiver] + 1) + pairs.namings / (posts[pairs.giver] + 1)
    both = pairs.back >= 0
    mutual = np.sqrt(rates * np.where(both, rates[pairs.back], 0.0))
    together = pairs.actions + np.where(both, pairs.actions[pairs.back], 0)
    return np.where(together >= actions, mutual, 0.0)


def _blank_posts(pairs: Pairs, size: int) -> Ints:
    # Acts that don't name their post: nobody reacts twice to one post in one way, so a person has at least as many
    # unnamed posts as the keenest giver's unnamed reactions, or as their own unnamed mentions of one person.
    posts = np.zeros(size, dtype=np.int64)
    np.maximum.at(posts, pairs.receiver, pairs.blank_reactions)
    np.maximum.at(posts, pairs.giver, pairs.blank_namings)
    return posts


def selectivity(pairs: Pairs, size: int, *, slope: float, slack: float) -> Floats:
    """Weigh givers by how selective they are: who gives to everyone says little by it.

        s_a = min(1, slope (C - D + slack) / (C + slack))

    Parameters
    ----------
    pairs : Pairs
        What each pair did: a giver's C acts on D different people.
    size : int
        Number of people n.
    slope : float
        1 / slope is the share of repeated attention that is enough.
    slack : float
        Acts on different people that say nothing yet.

    Returns
    -------
    ndarray of float64, shape (n,)
        Weights above 0, at most 1; 1 for those who gave nothing.
    """
    actions = sum_by(pairs.giver, pairs.actions, size)
    people = sum_by(pairs.giver, np.ones(pairs.giver.size), size)
    return np.minimum(1.0, slope * (actions - people + slack) / (actions + slack))
