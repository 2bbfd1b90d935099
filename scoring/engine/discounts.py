"""What makes attention count less: exchange, indiscriminate giving, and being devoted to one person alone."""

from dataclasses import dataclass

import numpy as np

from scoring.engine.arrays import Floats, Ints, Positions, sum_by
from scoring.engine.pairs import Answers, Pairs


def exchange(
    pairs: Pairs, answers: Answers, posts: Ints, *, begin: float, end: float, actions: int, partners: float
) -> Floats:
    """Discount pairs who respond to each other so completely that it looks agreed.

    What is compared is response rates, not counts, so that two busy friends lose little:

        f_ab = reactions_ab / (posts_b + 1) + namings_ab / (posts_a + 1),  m = sqrt(f_ab f_ba)

    A reaction is to one of the receiver's posts, so its rate is per post of the receiver; a mention or link
    stands in one of the giver's, so its rate is per post of the giver. Replies to replies are talk and not part of it.
    The factor is 1 up to m = begin and falls linearly to 0 at m = end. A few friends are one thing, and twenty who
    all answer each other another: where somebody's m add up to more than `partners`, each of their factors falls by
    the square of as much, so that the larger a pod is, the less it earns.

    Parameters
    ----------
    pairs : Pairs
        What each pair did.
    answers : Answers
        How the two respond to each other.
    posts : ndarray of int64, shape (n,)
        Posts of each person in the log that aren't reshares.
    begin, end : float
        Rates between which the factor falls.
    actions : int
        Pairs with fewer acts, both ways together, keep the factor 1.
    partners : float
        Sum of a person's m beyond which all their exchanges count less.

    Returns
    -------
    ndarray of float64, shape (m,)
        Factor per pair, 0 to 1, the same both ways.
    """
    rates = mutual_rate(pairs, answers, posts, actions=actions)
    mutual = np.flatnonzero(rates)
    giver, receiver, rate = pairs.giver[mutual], pairs.receiver[mutual], rates[mutual]
    # As many exchanges one way as the other: the rate is the same both ways.
    whole = sum_by(giver, rate, posts.size)
    most = np.maximum(whole[giver], whole[receiver])
    crowded = np.square(np.divide(partners, most, out=np.ones_like(most), where=most > partners))
    factor = np.clip((end - rate) / (end - begin), 0.0, 1.0)
    # Whom nobody answers exchanges nothing.
    factors = np.ones(rates.size)
    factors[mutual] = np.where(rate > begin / 2.0, factor * crowded, factor)
    return factors


def mutual_rate(pairs: Pairs, answers: Answers, posts: Ints, *, actions: int) -> Floats:
    """Return the m of `exchange`: how completely two people respond to each other.

    Parameters
    ----------
    pairs : Pairs
        What each pair did.
    answers : Answers
        How the two respond to each other.
    posts : ndarray of int64, shape (n,)
        Posts of each person in the log that aren't reshares.
    actions : int
        Pairs with fewer acts, both ways together, have a rate of 0.

    Returns
    -------
    ndarray of float64, shape (m,)
        Rate per pair, at least 0, the same both ways.
    """
    posts = np.maximum(posts, _posts_told_of(pairs, answers, posts.size))
    both = np.flatnonzero(answers.back >= 0)
    giver, receiver, back = pairs.giver[both], pairs.receiver[both], answers.back[both]
    rates = np.zeros(pairs.giver.size)
    rates[both] = answers.reactions[both] / (posts[receiver] + 1) + answers.namings[both] / (posts[giver] + 1)
    mutual = np.sqrt(rates[both] * rates[back])
    rates[both] = np.where(pairs.actions[both] + pairs.actions[back] >= actions, mutual, 0.0)
    return rates


def _posts_told_of(pairs: Pairs, answers: Answers, size: int) -> Ints:
    # The log may lack posts. Few react twice to one post, so a person has about as many as the reactions of the keenest
    # of those whom they act on themselves, or as their own mentions of one person. What others do tells nothing here:
    # accounts that nobody answers would else loosen exchanges in which they have no part.
    posts = np.zeros(size, dtype=np.int64)
    answered, naming = np.flatnonzero(answers.back >= 0), np.flatnonzero(answers.namings)
    np.maximum.at(posts, pairs.receiver[answered], answers.reactions[answered])
    np.maximum.at(posts, pairs.giver[naming], answers.namings[naming])
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


@dataclass(frozen=True)
class Breadth:
    """To whom givers give, so that readers can be told from accounts made for one person.

    A reader reads many, and among them people with ordinary audiences. An account that acts on one person alone, or on
    people with audiences like itself, might as well have been made for it.

    Attributes
    ----------
    given : ndarray of float64, shape (n,)
        What each person gave, an act weighing half after each half-life.
    well_given : ndarray of float64, shape (n,)
        The same, each act by how ordinary its receiver's audience is.
    ordinary : ndarray of float64, shape (n,)
        How far each person's own audience is an ordinary one, 0 to 1.
    prior : ndarray of float64, shape (n,)
        What each person is taken to have given to others besides: so many acts of their own mean weight.
    begin, end : float
        Breadth at which somebody begins to count as a reader of many, and at which they do so whole.
    """

    given: Floats
    well_given: Floats
    ordinary: Floats
    prior: Floats
    begin: float
    end: float

    def of(self, giver: Positions, receiver: Positions, weight: Floats) -> Floats:
        """Return how far givers are readers of many, whatever they give to a receiver.

            breadth_ab = (sum of c_ac ordinary_c over c other than b, + prior_a) / (sum of c_ac over all c, + prior_a)

        with c_ab what a gave to b, taken from `begin` to `end` onto 0 to 1. It falls with what is given to b itself:
        acting more on one person doesn't make a broader reader. Of whom nothing is known, that is 0.

        Parameters
        ----------
        giver, receiver : ndarray of int, shape (k,)
            Positions.
        weight : ndarray of float64, shape (k,)
            c_ab: the part of `given` that went to the receiver.

        Returns
        -------
        ndarray of float64, shape (k,)
            From 0 to 1.
        """
        others = self.well_given[giver] - weight * self.ordinary[receiver]
        whole = self.given[giver] + self.prior[giver]
        share = np.divide(np.maximum(others, 0.0) + self.prior[giver], whole, out=np.zeros_like(whole), where=whole > 0)
        return np.clip((share - self.begin) / (self.end - self.begin), 0.0, 1.0)


def breadth(
    pairs: Pairs, free: Floats, trust: Floats, *, ratio: float, begin: float, end: float, prior: float
) -> Breadth:
    """Measure to whom givers give.

    An audience is ordinary as long as the unvouched in it are at most `ratio` times the vouched:

        ordinary_b = min(1, ratio sum_a trust_a free_ab / sum_a (1 - trust_a) free_ab)

    Givers who act on nobody else are left out of both sums: what they say of b's audience says nothing about
    anybody else's, and a newcomer would lower the scores of people whom they never met.

    Everything is taken by the calendar, as trust is: a rest of a receiver changes nothing for others.

    Parameters
    ----------
    pairs : Pairs
        What each pair did.
    free : ndarray of float64, shape (m,)
        What each pair brings the receiver by the calendar, before trust.
    trust : ndarray of float64, shape (n,)
        Of givers, 0 to 1.
    ratio : float
        Unvouched attention for one of vouched that is nothing out of the ordinary.
    begin, end : float
        As in `Breadth`.
    prior : float
        Acts on others that everybody is taken to have done besides.

    Returns
    -------
    Breadth
        What `Breadth.of` needs.
    """
    size = trust.size
    people = sum_by(pairs.giver, np.ones(pairs.giver.size), size)
    telling = np.where(people[pairs.giver] > 1, free, 0.0)
    vouched = sum_by(pairs.receiver, telling * trust[pairs.giver], size)
    unvouched = sum_by(pairs.receiver, telling * (1.0 - trust[pairs.giver]), size)
    ordinary = np.minimum(1.0, np.divide(ratio * vouched, unvouched, out=np.ones(size), where=unvouched > 0))
    given = sum_by(pairs.giver, pairs.slow, size)
    acts = sum_by(pairs.giver, pairs.actions, size)
    return Breadth(
        given=given,
        well_given=sum_by(pairs.giver, pairs.slow * ordinary[pairs.receiver], size),
        ordinary=ordinary,
        prior=prior * np.divide(given, acts, out=np.zeros(size), where=acts > 0),
        begin=begin,
        end=end,
    )
