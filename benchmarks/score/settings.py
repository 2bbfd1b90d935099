"""What a made-up world is like: the knobs, and the worlds that are judged."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final


@dataclass(frozen=True)
class Attacks:
    """How the attackers of a world go about it. All of them are ordinary authors of the world, who cheat on top.

    Attributes
    ----------
    buyers, each : int
        People who buy an audience, and attackers of each other class.
    camouflage : float
        Share of a bot's acts that go to honest people, so that the bot looks like one of them.
    answered : float
        Share of the bots that get a few stray answers from honest people.
    shared_farm : bool
        Whether one farm serves all buyers, and not each his own.
    befriend : bool
        Whether the bots of a farm answer each other.
    clever : bool
        Whether the attacker knows the formula: bots act repeatedly on few, never the same day both ways, befriend each
        other in a ring that leads to the buyer, and the buyer pays real people for answers to the bots.
    pod_size : int
        Members of a pod.
    pod_zeal : float
        Chance that a member reacts to a post of another; 1 is a rigid pod.
    sleepers : bool
        Whether bots act on honest people alone until the last two weeks.
    burst : bool
        Whether all bought acts happen on the last day but one.
    """

    buyers: int = 150
    each: int = 40
    camouflage: float = 0.1
    answered: float = 0.0
    shared_farm: bool = False
    befriend: bool = False
    clever: bool = False
    pod_size: int = 20
    pod_zeal: float = 0.9
    sleepers: bool = False
    burst: bool = False


@dataclass(frozen=True)
class Setting:
    """What a world is like.

    Attributes
    ----------
    name : str
        Name of the world.
    people : int
        Honest people.
    days : int
        Days before the cut.
    lurkers : float
        Share of them who post nothing and whom nobody answers.
    lurking : float
        How readily they react, as a share of how readily authors do.
    communities : int
        Number of communities; each is a topic, and their sizes fall like 1 / rank.
    mixing : float
        Share of follows that leave the follower's community.
    follows : float
        Mean number of authors that somebody follows.
    fame : float
        Pareto exponent of fame: how unevenly follows are spread. Smaller is more uneven.
    appeal, keenness, virality : float
        Spread (sigma of the logarithm) of an author's appeal, of a reader's keenness to react, and of how single posts
        of one author fare.
    pace : float
        Posts that the author in the middle writes in a day.
    reactions : float
        Mean reactions per person before the cut, which sets the level of everything.
    strangers : float
        Strangers whom a repost brings to a post, on average.
    growth, churn : float
        Follows gained and lost in a day, as a share of those there are.
    trend : float
        Spread (sigma) of the logarithm by which an author's appeal changes from the first day to the cut.
    break_every, break_length, quit_half_life : float
        Days between holidays, their length, and after how many days half have left for good.
    friends : float
        Share of authors who have a circle of friends.
    talk : float
        Chance that somebody replies to a reply.
    seeds, false_seeds : float
        Share of authors whose identity is proved, and share of those proved who are attackers or their bots.
    attacks : Attacks
        How the attackers go about it.
    """

    name: str
    people: int = 20_000
    days: int = 120
    lurkers: float = 0.75
    lurking: float = 0.5
    communities: int = 20
    mixing: float = 0.15
    follows: float = 40.0
    fame: float = 1.1
    appeal: float = 0.9
    keenness: float = 1.2
    pace: float = 1.0
    virality: float = 0.8
    reactions: float = 45.0
    strangers: float = 0.15
    growth: float = 0.003
    churn: float = 0.002
    trend: float = 0.6
    break_every: float = 90.0
    break_length: float = 10.0
    quit_half_life: float = 500.0
    friends: float = 0.15
    talk: float = 0.3
    seeds: float = 0.02
    false_seeds: float = 0.0
    attacks: Attacks = field(default_factory=Attacks)


def _worlds() -> Iterator[Setting]:
    usual = Setting("usual")
    attacks = usual.attacks
    yield usual
    yield replace(usual, name="few lurkers", lurkers=0.6)
    yield replace(usual, name="many lurkers", lurkers=0.9)
    yield replace(usual, name="keen lurkers", lurking=1.0)
    yield replace(usual, name="quiet", reactions=15.0, follows=25.0)
    yield replace(usual, name="busy", reactions=100.0)
    yield replace(usual, name="uneven fame", fame=0.8)
    yield replace(usual, name="even fame", fame=1.8, appeal=1.2)
    yield replace(usual, name="islands", communities=60, mixing=0.03)
    yield replace(usual, name="one crowd", communities=3, mixing=0.4)
    yield replace(usual, name="holidays", break_every=40.0, break_length=14.0, quit_half_life=200.0)
    yield replace(usual, name="rise and fall", trend=1.2, growth=0.008, churn=0.008)
    yield replace(usual, name="viral", virality=1.5, strangers=0.6)
    yield replace(usual, name="many friends", friends=0.5, talk=0.6)
    yield replace(usual, name="few seeds", seeds=0.003)
    yield replace(usual, name="false seeds", false_seeds=0.1)
    yield replace(usual, name="camouflage 0", attacks=replace(attacks, camouflage=0.0))
    yield replace(usual, name="camouflage 50", attacks=replace(attacks, camouflage=0.5))
    yield replace(usual, name="shared farm", attacks=replace(attacks, shared_farm=True))
    yield replace(usual, name="bots befriend", attacks=replace(attacks, befriend=True))
    yield replace(usual, name="answered 10", attacks=replace(attacks, answered=0.1))
    yield replace(usual, name="answered 50", attacks=replace(attacks, answered=0.5))
    yield replace(usual, name="sleepers", attacks=replace(attacks, sleepers=True))
    yield replace(usual, name="burst", attacks=replace(attacks, burst=True))
    yield replace(usual, name="clever", attacks=replace(attacks, clever=True))
    yield replace(usual, name="small pods", attacks=replace(attacks, pod_size=5))
    yield replace(usual, name="large pods", attacks=replace(attacks, pod_size=100, pod_zeal=0.4, each=100))
    yield replace(usual, name="sloppy pods", attacks=replace(attacks, pod_zeal=0.3))


WORLDS: Final = tuple(_worlds())
