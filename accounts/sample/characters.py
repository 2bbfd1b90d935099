"""What only the characters of the sample world do, and what is done to them by arrangement."""

import numpy as np

from accounts.sample.ledger import DAY, LIKE, ORIGINAL, Ledger
from accounts.sample.population import Ints, Population


def praise_the_absent(ledger: Ledger, population: Population, author: int, fans: int, rng: np.random.Generator) -> None:
    """Let many people name somebody who never posts, or link to their website, in a post on that person's subjects."""
    posts = ledger.posts()
    own = np.flatnonzero((posts["kind"] == ORIGINAL) & (posts["network"] == 0))
    writer, first, count = np.unique(posts["author"][own], return_index=True, return_counts=True)
    plain = population.appeal[writer] > 0
    writer, first, count = writer[plain], first[plain], count[plain]
    chosen = rng.choice(len(writer), min(fans, len(writer)), replace=False)
    # One post in ten of theirs, one to four of them.
    often = np.clip(rng.poisson(count[chosen] / 10), 1, np.minimum(count[chosen], 4))
    row = np.repeat(chosen, often)
    post = own[first[row] + (rng.random(len(row)) * count[row]).astype(np.int64)]
    posts["subject"][post] = population.subjects[author, rng.integers(0, 3, len(post))]
    by_link = rng.random(len(post)) < 0.65
    posts["site"][post[by_link]] = author
    posts["named"][post[~by_link]] = author


def repost_each_other(ledger: Ledger, members: Ints, rng: np.random.Generator) -> None:
    """Let a pod's members repost nearly everything of each other within hours, and like most of it."""
    posts = ledger.posts()
    theirs = np.flatnonzero((posts["kind"] == ORIGINAL) & np.isin(posts["author"], members))
    post, actor = np.repeat(theirs, len(members)), np.tile(members, len(theirs))
    for chance, add in ((0.8, ledger.repost), (0.6, lambda *act: ledger.act(LIKE, *act))):
        at = posts["at"][post] + rng.integers(120, 4 * 3600, len(post))
        does = (rng.random(len(post)) < chance) & (actor != posts["author"][post]) & ledger.before_end(at)
        add(at[does], actor[does], posts["author"][post[does]], post[does])


def push(ledger: Ledger, bots: Ints, idol: int, rng: np.random.Generator) -> None:
    """Let bots repost one account a lot, and each other, so that they look less alone."""
    posts = ledger.posts()
    for authors, chance in ((np.array([idol]), 0.07), (bots, 0.03)):
        theirs = np.flatnonzero((posts["kind"] == ORIGINAL) & np.isin(posts["author"], authors))
        post, actor = np.repeat(theirs, len(bots)), np.tile(bots, len(theirs))
        at = posts["at"][post] + rng.integers(30, 8 * 3600, len(post))
        does = (rng.random(len(post)) < chance) & (actor != posts["author"][post]) & ledger.before_end(at)
        ledger.repost(at[does], actor[does], posts["author"][post[does]], post[does])


def like_for_like(
    ledger: Ledger, population: Population, who: int, *, a_day: int, circle: int, rng: np.random.Generator
) -> None:
    """Let one account like many people's posts every day; the courteous among them like one back on the same day."""
    posts = ledger.posts()
    plain = (posts["kind"] == ORIGINAL) & (posts["network"] == 0) & (population.appeal[posts["author"]] > 0)
    pool = np.unique(posts["author"][plain])
    pool = rng.choice(pool, min(circle, len(pool)), replace=False)
    courtesy = np.zeros(len(population))
    courtesy[pool] = np.where(rng.random(len(pool)) < 0.4, 0.55, 0.0)
    liked = np.flatnonzero(plain & np.isin(posts["author"], pool))
    liked = liked[rng.random(len(liked)) < a_day * (ledger.end // DAY) / max(1, len(liked))]
    author = posts["author"][liked]
    at = posts["at"][liked] + rng.integers(60, 5400, len(liked))
    happens = ledger.before_end(at) & population.there[who, np.minimum(at, ledger.end - 1) // DAY]
    liked, author, at = liked[happens], author[happens], at[happens]
    ledger.act(LIKE, at, np.full(len(at), who), author, liked)

    # Back to the latest of the account's own posts, before midnight.
    own = np.flatnonzero((posts["author"] == who) & (posts["kind"] == ORIGINAL) & (posts["network"] == 0))
    own = own[np.argsort(posts["at"][own])]
    latest = np.searchsorted(posts["at"][own], at) - 1
    later = np.minimum(at + rng.integers(60, 3600, len(at)), (at // DAY + 1) * DAY - 1)
    back = (latest >= 0) & (rng.random(len(at)) < courtesy[author])
    back[back] &= population.there[author[back], later[back] // DAY]
    post = own[latest[back]]
    pairs = np.unique(np.stack([post, author[back]], axis=1), axis=0, return_index=True)[1]
    ledger.act(LIKE, later[back][pairs], author[back][pairs], np.full(len(pairs), who), post[pairs])
