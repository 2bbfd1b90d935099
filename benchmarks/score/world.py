"""A made-up world, whole: what the engine may see, and what is true."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.score.attacks import Cast, attack, choose_cast
from benchmarks.score.history import (
    KINDS,
    ORIGINAL,
    POST_KINDS,
    RESHARE,
    Acts,
    Numbers,
    Posts,
    grown,
    presence,
    simulate,
)
from benchmarks.score.population import Bools, Floats, Ints, populate
from benchmarks.score.settings import Setting
from scoring.engine import POSTS, Inputs
from scoring.engine.activity import DAY

HORIZON: Final = 28
# One of them is what happened, and the others' mean the best forecast that anybody could make.
FUTURES: Final = 9
# The first day of every world.
ORIGIN: Final = 1_700_006_400
# Share of honest people who repeat themselves, and how often they do.
REPEATERS = 0.015
REPEATED = 0.4
WORDS = 8


@dataclass(frozen=True)
class World:
    """A world at its cut. People are positions, 0 to people - 1; the engine's account is the position plus 1.

    Attributes
    ----------
    setting : Setting
        What it is like.
    inputs : Inputs
        What the engine may see.
    future : pyarrow.Table
        What honest people did in the horizon after the cut on what others posted, or by naming them.
    future_talk, future_posts : pyarrow.Table
        Their answers to answers then, and what they posted.
    outcome : ndarray of float64, shape (people,)
        Different honest people who acted in the horizon on what each posted, or by naming them. To answer somebody's
        answer is conversation, and isn't being reached.
    ceiling : ndarray of float64, shape (people,)
        Mean of the same over other futures from the same state.
    followers : ndarray of int64, shape (people,)
        Followers, bought ones included.
    kind_of : ndarray of str, shape (people,)
        'honest', 'friend', or the class of an attacker.
    candidates : ndarray of bool, shape (people,)
        Who posted something of their own or received anything before the cut.
    """

    setting: Setting
    inputs: Inputs
    future: pa.Table
    future_talk: pa.Table
    future_posts: pa.Table
    outcome: Floats
    ceiling: Floats
    followers: Ints
    kind_of: "np.ndarray[tuple[int], np.dtype[np.str_]]"
    candidates: Bools

    @property
    def interactions(self) -> pa.Table:
        """The acts that the engine may see."""
        assert isinstance(self.inputs.interactions, pa.Table)
        return self.inputs.interactions

    @property
    def posts(self) -> pa.Table:
        """The posts that the engine may see."""
        assert isinstance(self.inputs.posts, pa.Table)
        return self.inputs.posts

    @property
    def cut(self) -> int:
        return ORIGIN + self.setting.days * DAY

    def afterwards(self) -> Inputs:
        """Return what the engine could see a horizon after the cut, if all who are paid to act had stopped."""
        return replace(
            self.inputs,
            interactions=pa.concat_tables([self.interactions, self.future, self.future_talk]),
            posts=pa.concat_tables([self.posts, self.future_posts]),
            until=self.cut + HORIZON * DAY,
        )


def seed_of(base: str, name: str) -> int:
    """Return a world's seed from that of the whole table, which for judged worlds is the commit's hash."""
    return int.from_bytes(hashlib.sha256(f"{base}\0{name}".encode()).digest()[:8])


def make_world(setting: Setting, seed: int) -> World:
    """Make a world. The same setting and seed make the same world."""
    dice = np.random.default_rng(seed)
    size = setting.people
    people = populate(setting, dice, silent_feeds=setting.attacks.each)
    cast = choose_cast(setting, people, dice)
    there, state = presence(setting, setting.days, dice)
    numbers = Numbers()
    acts, talk, posts = simulate(setting, people, people.follows, there, 0, numbers, dice)
    cheated = attack(setting, people, cast, acts, posts, numbers, dice)
    counts = []
    future, future_talk, future_posts = acts, talk, posts
    for number in range(FUTURES):
        then, _after = presence(setting, HORIZON, dice, state)
        # Posts of the one that happened are numbered on: they are seen together with those of the history.
        happened, answers, written = simulate(
            setting,
            people,
            grown(setting, people, HORIZON, dice),
            then,
            setting.days,
            Numbers() if number else numbers,
            dice,
        )
        pairs = np.unique(happened.target * size + happened.actor)
        counts.append(np.bincount(pairs // size, minlength=size).astype(np.float64))
        if number == 0:
            future, future_talk, future_posts = happened, answers, written
    all_acts = Acts.joined([acts, talk, *cheated.acts])
    all_posts = Posts.joined([posts, *cheated.posts])
    candidates = np.zeros(size, dtype=bool)
    candidates[posts.author[posts.kind == ORIGINAL]] = True
    candidates[all_acts.target[all_acts.target < size]] = True
    holds = (people.follows.begins <= setting.days) & (people.follows.ends > setting.days)
    followers = np.bincount(people.follows.author[holds], minlength=size)
    for who, more in cheated.followers.items():
        followers[who] += more
    kind_of = np.where(people.circle >= 0, "friend", "honest").astype("<U20")
    for name, members in cast.by_class.items():
        kind_of[members] = name
    inputs = Inputs(
        interactions=_interactions(all_acts),
        posts=_posts(all_posts, people.community, cast, dice),
        until=ORIGIN + setting.days * DAY,
        seeds=_seeds(setting, people.author & ~people.absent, cast, cheated.bots, dice) + 1,
    )
    return World(
        setting=setting,
        inputs=inputs,
        future=_interactions(future),
        future_talk=_interactions(future_talk),
        future_posts=_posts(future_posts, people.community, cast, dice),
        outcome=counts[0],
        ceiling=np.mean(counts[1:], axis=0),
        followers=followers,
        kind_of=kind_of,
        candidates=candidates,
    )


def _seeds(setting: Setting, authors: Bools, cast: Cast, bots: int, dice: np.random.Generator) -> Ints:
    attackers = cast.everybody()
    honest = np.setdiff1d(np.flatnonzero(authors), attackers)
    count = max(round(setting.seeds * authors.sum()), 10)
    false = round(count * setting.false_seeds)
    crooked = np.concatenate([cast.by_class["bought"], np.arange(setting.people, setting.people + bots)])
    return np.concatenate(
        [dice.choice(honest, count - false, replace=False), dice.choice(crooked, false, replace=False)]
    )


def _interactions(acts: Acts) -> pa.Table:
    columns: Any = {
        "at": acts.at + ORIGIN,
        "kind": pa.array(KINDS).take(acts.kind),
        "actor": acts.actor + 1,
        "target": acts.target + 1,
        "post": acts.post,
        "network": pa.repeat("made-up", acts.at.size),
    }
    return pa.table(columns)


def _posts(posts: Posts, community: Ints, cast: Cast, dice: np.random.Generator) -> pa.Table:
    texts = _texts(posts, community, cast, dice)
    columns: Any = [posts.post, posts.at + ORIGIN, posts.author + 1, pa.array(POST_KINDS).take(posts.kind), texts]
    return pa.table(columns, names=POSTS.names)


def _texts(posts: Posts, community: Ints, cast: Cast, dice: np.random.Generator) -> "pa.Array[pa.StringScalar]":
    """Write what people say: words of their community, the same again for those who repeat themselves."""
    vocabulary = pa.array([_word(number) for number in range(4000)])
    size = posts.post.size
    home = np.where(posts.author < community.size, community[np.minimum(posts.author, community.size - 1)], 0)
    code = np.minimum(dice.pareto(0.7, (WORDS, size)) * 10, 399).astype(np.int64)
    own = dice.random((WORDS, size)) < 0.5
    code = np.where(own, 400 + (home * 60) % 3600 + code % 60, code)
    repeating = np.isin(posts.author, np.flatnonzero(dice.random(community.size) < REPEATERS))
    repeating &= dice.random(size) < REPEATED
    squirrel = np.isin(posts.author, cast.by_class["nonsense"])
    template = posts.author % 97 + dice.integers(0, 3, size)
    again = repeating | squirrel
    for place in range(WORDS):
        code[place] = np.where(again, (template * (place + 1)) % 4000, code[place])
    join: Any = pc.binary_join_element_wise
    text: pa.Array[pa.StringScalar] = join(*(vocabulary.take(row) for row in code), " ")
    plain: Any = pc.if_else(pa.array(posts.kind == RESHARE), pa.scalar(None, pa.string()), text)
    silent: pa.Array[pa.StringScalar] = plain
    return silent


def _word(number: int) -> str:
    # Syllables, so that the fingerprints see letters and no digits.
    syllables = ["ka", "lo", "mi", "ne", "ru", "sa", "ti", "vo", "pe", "du"]
    return "".join(syllables[int(digit)] for digit in f"{number:04d}")
