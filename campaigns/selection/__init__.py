"""Choosing a group: the people who together reach the most different people. Arrays in, arrays out; knows no Django.

What is maximised is the expected number of different people reached,

    f(S) = w sum_a (1 - prod_(b in S) (1 - q_ab / w)) + sum_(b in S) alone_b

where q_ab is what a adds to b's reach, w the most that anybody can add to anyone's (1 and the newcomers who come with
them), and alone_b the reach of b whose people aren't known by name and so count as nobody else's. Of one person alone f
is the reach. f grows with each person, and by less the more are there: so greedy choice is never far from the best.
"""

from campaigns.selection.audience import Audience, most_each
from campaigns.selection.greedy import Chosen, choose
from campaigns.selection.rules import BAND, AtLeast, AtMost, Rules, RulesError
from campaigns.selection.why import Reason, WhyNot, why_not

__all__ = [
    "BAND",
    "AtLeast",
    "AtMost",
    "Audience",
    "Chosen",
    "Reason",
    "Rules",
    "RulesError",
    "WhyNot",
    "choose",
    "most_each",
    "why_not",
]
