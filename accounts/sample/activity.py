"""What ordinary people in the sample world do: they write, read, react, and talk with each other."""

import numpy as np

from accounts.sample.audience import Audience
from accounts.sample.cast import Role
from accounts.sample.ledger import ANSWER, DAY, LIKE, MENTION, NOBODY, ORIGINAL, QUOTE, REPLY, REPOST, Ledger
from accounts.sample.places import CITIES
from accounts.sample.population import Bools, Floats, Ints, Population

# Posts by hour of the local day, from midnight, and by weekday, from Monday.
_HOURS = np.array([3, 2, 1, 1, 1, 2, 5, 9, 11, 10, 9, 10, 13, 11, 9, 8, 9, 11, 12, 13, 14, 13, 10, 6], np.float64)
_WEEKDAYS = np.array([1.05, 1.1, 1.1, 1.1, 1.0, 0.8, 0.85])
# What a reader's act is: like, repost, reply, quote. Those who write talk more; of the others most never say a word.
_BY_WRITERS = (0.64, 0.2, 0.13, 0.03)
_BY_TALKERS = (0.72, 0.16, 0.1, 0.02)
_BY_SILENT = (0.91, 0.09, 0.0, 0.0)
_TALKERS = 0.15
_OFFSETS = np.array([city.hours for city in CITIES], np.int64)


def write_posts(ledger: Ledger, population: Population, first_weekday: int, rng: np.random.Generator) -> None:
    """Write everybody's posts of their own, with names of others and links to their websites still left out."""
    days = population.there.shape[1]
    rhythm = _WEEKDAYS[(first_weekday + np.arange(days)) % 7]
    counts = rng.poisson(population.post_rate[:, None] * rhythm * population.there)
    author, day = (np.repeat(index, counts.ravel()) for index in np.indices(counts.shape).reshape(2, -1))
    hour = (rng.choice(24, len(author), p=_HOURS / _HOURS.sum()) - _OFFSETS[population.city[author]]) % 24
    at = day * DAY + hour * 3600 + rng.integers(0, 3600, len(author))
    about = rng.choice(3, len(author), p=[0.6, 0.28, 0.12])
    on = population.on[author]
    # Who is on both networks posts a third of the time on the second.
    second = on[:, 1] & (~on[:, 0] | (rng.random(len(author)) < 0.33))
    ledger.post(ORIGINAL, at=at, author=author, network=second, subject=population.subjects[author, about])


def name_others(
    ledger: Ledger, population: Population, audience: Audience, websites: Bools, rng: np.random.Generator
) -> None:
    """Let a twentieth of the posts name somebody whom their author reads, and a few link to such a person's website."""
    posts = ledger.posts()
    order = np.argsort(audience.reader, kind="stable")
    bounds = np.searchsorted(audience.reader[order], np.arange(len(population) + 1))
    low, high = bounds[posts["author"]], bounds[posts["author"] + 1]
    read = audience.author[order][np.minimum(rng.integers(low, np.maximum(high, low + 1)), len(order) - 1)]
    draw = rng.random(len(read))
    known = (high > low) & population.on[read, posts["network"]]
    posts["named"][known & (draw < 0.05)] = read[known & (draw < 0.05)]
    linked = known & (draw > 0.9) & websites[read]
    posts["site"][linked] = read[linked]


def mention(ledger: Ledger) -> None:
    """Make an act of every name in a post."""
    posts = ledger.posts()
    naming = np.flatnonzero(posts["named"] != NOBODY)
    ledger.act(MENTION, posts["at"][naming], posts["author"][naming], posts["named"][naming], naming)


def react(
    ledger: Ledger, population: Population, audience: Audience, cast: list[Role], rng: np.random.Generator
) -> None:
    """Let readers act on what is there: soon as a rule, days later now and then, and more on what is good."""
    posts = ledger.posts()
    row = np.repeat(
        np.arange(len(audience.rate)), rng.poisson(np.nan_to_num(audience.rate) * population.there.shape[1])
    )
    reader, author = audience.reader[row], audience.author[row]
    post = _chosen_posts(author, posts["author"], len(population), rng)
    reader, author, post = reader[post >= 0], author[post >= 0], post[post >= 0]
    at = posts["at"][post] + 15 + rng.lognormal(np.log(2400), 1.7, len(post)).astype(np.int64)
    kind = _kinds(reader, author, population, cast, rng)

    happens = ledger.before_end(at) & population.on[reader, posts["network"][post]]
    happens[happens] &= population.there[reader[happens], at[happens] // DAY]
    _, first = np.unique((post * len(population) + reader) * 4 + kind, return_index=True)
    once = np.zeros(len(at), np.bool_)
    once[first] = True
    reader, author, post, at, kind = (values[happens & once] for values in (reader, author, post, at, kind))
    for number, add in ((REPOST, ledger.repost), (REPLY, ledger.reply), (QUOTE, ledger.quote)):
        of = kind == number
        add(at[of], reader[of], author[of], post[of])
    of = kind == LIKE
    ledger.act(LIKE, at[of], reader[of], author[of], post[of])


def _chosen_posts(author: Ints, wrote: Ints, size: int, rng: np.random.Generator) -> Ints:
    """Draw one of each author's posts, good ones more often; -1 where they have none."""
    order = np.argsort(wrote, kind="stable")
    ends = np.concatenate([np.zeros(1), np.cumsum(rng.lognormal(0, 0.9, len(wrote)))])
    bounds = np.searchsorted(wrote[order], np.arange(size + 1))
    first, last = bounds[author], bounds[author + 1]
    drawn = ends[first] + rng.random(len(author)) * (ends[last] - ends[first])
    place = np.clip(np.searchsorted(ends, drawn, side="right") - 1, first, np.maximum(last - 1, first))
    return np.where(last > first, order[np.minimum(place, len(order) - 1)], NOBODY)


def _kinds(reader: Ints, author: Ints, population: Population, cast: list[Role], rng: np.random.Generator) -> Ints:
    silent = np.where(rng.random(len(population)) < _TALKERS, 1, 2)
    chances = np.array([_BY_WRITERS, _BY_TALKERS, _BY_SILENT])[np.where(population.post_rate > 0, 0, silent)[reader]]
    # Characters whom people answer rather than like.
    answers = np.concatenate([np.zeros(len(population) - len(cast)), [role.answers for role in cast]])[author]
    for_cast = author >= len(population) - len(cast)
    others = chances * (np.arange(4) != REPLY)
    others *= ((1 - answers) / others.sum(axis=1))[:, None]
    others[:, REPLY] = answers
    chances = np.where(for_cast[:, None] & (chances[:, [REPLY]] > 0), others, chances)
    drawn: Ints = (rng.random(len(reader))[:, None] >= np.cumsum(chances, axis=1)).sum(axis=1)
    return np.minimum(drawn, 3)


def converse(ledger: Ledger, population: Population, rng: np.random.Generator) -> None:
    """Let people answer the replies that they got, and be answered again, a few times at most."""
    posts = ledger.posts()
    post = np.flatnonzero(posts["kind"] == ANSWER)
    actor = posts["author"][post]
    target = posts["author"][posts["parent"][post]]
    for turn in range(4):
        willing = population.talks[target] * (1.0 if turn % 2 == 0 else 1.3)
        liked, at = _answered(ledger, population, post, target, np.full(len(post), 0.3), rng)
        ledger.act(LIKE, at[liked], target[liked], actor[liked], post[liked])
        answered, at = _answered(ledger, population, post, target, willing.clip(0, 0.92), rng)
        actor, target = target[answered], actor[answered]
        post = ledger.reply(at[answered], actor, target, post[answered])


def _answered(
    ledger: Ledger, population: Population, post: Ints, who: Ints, chance: Floats, rng: np.random.Generator
) -> tuple[Bools, Ints]:
    """Draw which posts `who` acts on within some minutes or hours, and when."""
    posts = ledger.posts()
    at = posts["at"][post] + 20 + rng.lognormal(np.log(1200), 1.3, len(post)).astype(np.int64)
    acts = (rng.random(len(post)) < chance) & ledger.before_end(at) & population.on[who, posts["network"][post]]
    acts[acts] &= population.there[who[acts], at[acts] // DAY]
    return acts, at
