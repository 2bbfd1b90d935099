"""The sample world: a few thousand made-up people and some months of their activity, the same for the same seed."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from accounts.intake import INTERACTIONS, POSTS
from accounts.sample import ledger as happened
from accounts.sample.activity import converse, mention, name_others, react, write_posts
from accounts.sample.audience import make_audience
from accounts.sample.cast import Role, make_cast
from accounts.sample.characters import like_for_like, praise_the_absent, push, repost_each_other
from accounts.sample.ledger import DAY, Ledger
from accounts.sample.population import Ints, make_population
from accounts.sample.profiles import make_profiles
from accounts.sample.texts import write_texts

pc: Any = pyarrow.compute

# Where everything happens, and a smaller network for pictures that some use instead or as well.
NETWORKS = ("agora", "lumen")


@dataclass(frozen=True)
class World:
    """Tables in the schemas of `accounts.intake`, sorted by time where they have one.

    `cast` maps a character's role to their account on the first network; `groups` holds the pod's and the bots'
    accounts. Links to websites stand in the posts and become interactions at intake, as they do with real data.
    """

    interactions: pa.Table
    posts: pa.Table
    accounts: pa.Table
    cast: dict[str, str]
    groups: dict[str, tuple[str, ...]]


def make_world(*, people: int = 3000, days: int = 90, until: datetime, seed: int = 2018) -> World:
    """Make a world of ordinary people, and the cast on top of them, for the days before `until`."""
    rngs = iter(np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(12))
    end = int(until.timestamp())
    start = end - days * DAY
    cast = make_cast(people)
    population = make_population(people, days, cast, next(rngs))
    audience = make_audience(population, cast, next(rngs))
    profiles = make_profiles(population, cast, audience, start, next(rngs))
    has_website = np.array([website is not None for website in profiles.websites])

    ledger = Ledger(days * DAY)
    # The first day of 1970 was a Thursday.
    write_posts(ledger, population, (start // DAY + 3) % 7, next(rngs))
    name_others(ledger, population, audience, has_website, next(rngs))
    roles = [role.role for role in cast]
    row = {role: people + roles.index(role) for role in dict.fromkeys(roles)}
    pod, bots = _rows(cast, "pod", people), _rows(cast, "bot", people)
    praise_the_absent(ledger, population, row["absent_author"], people // 12, next(rngs))
    mention(ledger)
    react(ledger, population, audience, cast, next(rngs))
    converse(ledger, population, next(rngs))
    repost_each_other(ledger, pod, next(rngs))
    push(ledger, bots, row["nonsense"], next(rngs))
    like_for_like(ledger, population, row["like_for_like"], a_day=40, circle=people // 10, rng=next(rngs))

    posts, acts = ledger.posts(), ledger.acts()
    accounts = profiles.accounts(NETWORKS)
    texts = write_texts(posts, population, cast, pa.array(profiles.handles), pa.array(profiles.websites), next(rngs))
    order = np.lexsort((posts["author"], posts["at"]))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    post_ids = pa.array(7_000_000_000 + 3 * rank).cast(pa.string())
    network = posts["network"]
    id_of = accounts.ids[0]
    return World(
        interactions=_table(
            INTERACTIONS,
            {
                "at": pa.array(start + acts["at"]),
                "kind": _named(happened.ACTS, acts["kind"]),
                "actor": _account(accounts.ids, acts["actor"], network[acts["post"]]),
                "target": _account(accounts.ids, acts["target"], network[acts["post"]]),
                "post": post_ids.take(acts["post"]),
                "network": _named(NETWORKS, network[acts["post"]]),
            },
            np.lexsort((acts["post"], acts["actor"], acts["at"])),
        ),
        posts=_table(
            POSTS,
            {
                "post": post_ids,
                "at": pa.array(start + posts["at"]),
                "author": _account(accounts.ids, posts["author"], network),
                "kind": _named(happened.POSTS, posts["kind"]),
                "network": _named(NETWORKS, network),
                **texts,
            },
            order,
        ),
        accounts=accounts.table,
        cast={role: id_of[place].as_py() for role, place in row.items() if role != "bot"},
        groups={name: tuple(id_of.take(rows).to_pylist()) for name, rows in (("pod", pod), ("bots", bots))},
    )


def write_dataset(world: World, folder: Path) -> None:
    """Write a world as a data set's folder, each file at once: whoever reads finds the old file or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("accounts", "posts", "interactions"):
        path = folder / f"{name}.parquet"
        unfinished = path.with_suffix(".unfinished")
        pq.write_table(getattr(world, name), unfinished)
        os.replace(unfinished, path)


def _rows(cast: list[Role], role: str, people: int) -> Ints:
    return np.array([people + place for place, member in enumerate(cast) if member.role == role], np.int64)


def _account(ids: tuple[Any, Any], person: Ints, network: Ints) -> Any:
    rows = pa.array(person)
    return pc.if_else(pa.array(network == 0), ids[0].take(rows), ids[1].take(rows))


def _named(names: tuple[str, ...], numbers: Ints) -> Any:
    return pa.array(names).take(numbers)


def _table(schema: pa.Schema, columns: dict[str, Any], order: Ints) -> pa.Table:
    """Return a table of a schema, in an order; a column that isn't given is null."""
    size = len(order)
    arrays = [columns[field.name] if field.name in columns else pa.nulls(size, field.type) for field in schema]
    return pa.table(arrays, schema=schema).take(order)
