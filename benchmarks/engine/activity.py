"""Made-up activity of any size, as it comes from a network of 20 acts an account: into a log, or as a data set in CSV.

What is drawn, and why:

- Who acts: Pareto with a survival exponent of 1.9. On the Higgs log the number of acts of an account falls so from ten
  acts on (Hill's estimate of the density 2.95); the keenest of 2.5 million then acts some 250 times a day.
- On whom: a fifth of the accounts, by rank to the power of -1.05. On the Higgs log a fifth ever receives anything, with
  a survival exponent of .95 (density 1.96), and the first has 6 % of all acts.
- Again and again on the same: each account has twelve of these, and of its acts on them half go to the first. Without
  that there would be nearly as many pairs as acts, which holds for one event, as Higgs is, and not for 90 days.
- A quarter of the acts is among friends, in circles of eight who all act on each other: these pairs are mutual.
- Every account writes, from four posts a day to one in 90 days, and one acts on the last post of a person; so much
  read people's posts have thousands of acts. Half of the posts name a topic of the product's own list.

A day needs nothing but the seed, its number and some arrays over accounts, so memory is that of a day.
"""

import csv
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from accounts.keys import account_keys
from accounts.log import LogFolder, WrittenFile

# The stubs of pyarrow lack functions on whole columns.
pc: Any = pyarrow.compute

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NETWORK: Final = "bench"
DAYS: Final = 90
FIRST: Final = dt.date(2026, 1, 1)
PER_ACCOUNT: Final = 20

_DAY: Final = 86_400
_EPOCH: Final = (FIRST - dt.date(1970, 1, 1)).days * _DAY
_CIRCLE: Final = 8
_CONTACTS: Final = 12
_AMONG_FRIENDS: Final = 0.25
_RECEIVERS: Final = 0.2
_ACTS: Final = 1 / 1.9
_RECEIVES: Final = 1.05
_KINDS: Final = {"like": 55, "repost": 16, "reply": 12, "mention": 9, "quote": 3, "follow": 3, "click": 2}
_MENTION: Final = list(_KINDS).index("mention")
_POST_KINDS: Final = ("original",) * 15 + ("reshare",) * 2 + ("reply",) * 2 + ("quote",)
# Posts a day at most, and the days between two days with posts: of the most read hundredth of the receivers, of the
# next nine, of the rest of them, of everybody else.
_POSTS_A_DAY: Final = 4
_EVERY: Final = (1, 2, 30, 90)
_TOPICS: Final = Path(__file__).resolve().parents[2] / "scoring" / "data" / "topics.csv"
_OPENINGS: Final = (
    *("today again", "one more thought on", "who else follows", "a long talk about", "my notes on", "nothing beats"),
    *("ask me about", "three years of", "slowly learning", "a friend showed me", "the best morning for", "back to"),
)
_CLOSINGS: Final = (
    *("and it rains", "before breakfast", "with the neighbours", "what do you think?", "more tomorrow", "no regrets"),
    *("in the old town", "for beginners", "at last", "with a grain of salt", "and I mean it", "as every week"),
)
_SMALL_TALK: Final = ("good morning all", "quiet here", "on my way", "thank you all", "what a day", "see you there")


@dataclass(frozen=True)
class Day:
    """A day's acts and posts, accounts by their number; texts are there already.

    Columns of `acts`: at, kind, actor, target, post (an int64 that no other post has); of `posts`: post, at, author,
    kind, text.
    """

    date: dt.date
    acts: pa.Table
    posts: pa.Table


class Activity:
    """The activity of a size: what holds for all of its days. The same size and seed give the same rows."""

    def __init__(self, size: int, seed: int = 4) -> None:
        self.size = size
        self.seed = seed
        # Whole circles.
        self.accounts = max(size // PER_ACCOUNT // _CIRCLE, 2) * _CIRCLE
        rng = np.random.default_rng(seed)
        self._acting = _cumulated(rng.random(self.accounts) ** -_ACTS)
        order = rng.permutation(self.accounts)
        self._receivers = order[: max(int(self.accounts * _RECEIVERS), 1)]
        self._receiving = _cumulated(np.arange(1, self._receivers.size + 1) ** -_RECEIVES)
        place = np.arange(self.accounts) / self._receivers.size
        group = np.searchsorted([0.01, 0.1, 1.0], place, side="right")
        every = np.empty(self.accounts, dtype=np.int64)
        every[order] = np.array(_EVERY)[group]
        self._every = every
        self._a_day = np.where(every == 1, _POSTS_A_DAY, 1)
        self._phrases = _phrases()

    def days(self) -> Iterator[Day]:
        """Yield the days, ascending."""
        for number in range(DAYS):
            yield self.day(number)

    def day(self, number: int) -> Day:
        """Make one day, 0 to 89. An account does one thing a second, so a few rows in a hundred thousand fall away."""
        weights = np.cumsum(1 + 0.1 * np.sin(2 * np.pi * np.arange(DAYS + 1) / 7))
        bounds = np.round(self.size * (weights - weights[0]) / (weights[-1] - weights[0])).astype(np.int64)
        rows = int(bounds[number + 1] - bounds[number])
        rng = np.random.default_rng([self.seed, number])
        actor = np.searchsorted(self._acting, np.sort(rng.random(rows)))
        second = _second(rng.random(rows))
        once = np.unique(actor * _DAY + second)
        actor, second = np.divmod(once, _DAY)
        target = self._targets(rng, actor)
        kind = np.searchsorted(_cumulated(np.array([*_KINDS.values()], dtype=float)), rng.random(actor.size))
        # A mention stands in a post of who mentions.
        author = np.where(kind == _MENTION, actor, target)
        acts = pa.table(
            {
                "at": _EPOCH + number * _DAY + second,
                "kind": _named(kind, tuple(_KINDS)),
                "actor": actor,
                "target": target,
                "post": self._last_posts(rng, author, number, second),
            }
        )
        return Day(FIRST + dt.timedelta(days=number), acts, self._posts(number))

    def ids(self) -> pa.StringArray:
        """Return the network's ids of all accounts, by their number: numbers of up to ten digits, in no order."""
        numbers: Any = pa.array(_scrambled(np.arange(self.accounts)))
        return pc.cast(numbers, pa.string())  # type: ignore[no-any-return]

    def _targets(self, rng: np.random.Generator, actor: Ints) -> Ints:
        slot = (_CONTACTS * rng.random(actor.size) ** 4).astype(np.int64)
        drawn = _hashed(actor * _CONTACTS + slot + self.seed) / 2.0**63
        contact = self._receivers[np.searchsorted(self._receiving, drawn)]
        friend = actor ^ (1 + ((_CIRCLE - 1) * rng.random(actor.size) ** 3).astype(np.int64))
        return np.where((rng.random(actor.size) < _AMONG_FRIENDS) | (contact == actor), friend, contact)

    def _last_posts(self, rng: np.random.Generator, author: Ints, number: int, second: Ints) -> Ints:
        """Return a post that each author had written by that second; it may be from before the first day."""
        a_day, every = self._a_day[author], self._every[author]
        place = (a_day * rng.random(author.size) ** 2).astype(np.int64)
        day = number - (number - _phase(author, every)) % every
        day = np.where((day == number) & (_post_second(author, place) > second), day - every, day)
        return _post(author, place, day)

    def _posts(self, number: int) -> pa.Table:
        everybody = np.arange(self.accounts)
        author = everybody[(number - _phase(everybody, self._every)) % self._every == 0]
        author = np.repeat(author, self._a_day[author])
        place = np.arange(author.size) - np.searchsorted(author, author)
        post = _post(author, place, np.full(author.size, number))
        return pa.table(
            {
                "post": post,
                "at": _EPOCH + number * _DAY + _post_second(author, place),
                "author": author,
                "kind": _named(_hashed(post) % len(_POST_KINDS), _POST_KINDS),
                "text": self._texts(author, post),
            }
        )

    def _texts(self, author: Ints, post: Ints) -> Any:
        """Return texts: an author has two subjects, and half of what they write is on one of them."""
        draws = _hashed(post + 1)
        subject = _hashed(author * 2 + draws % 2) % len(self._phrases)
        talk = _named(draws // 2 % len(_SMALL_TALK), _SMALL_TALK)
        middle = pc.if_else(pa.array(draws // 16 % 2 == 0), _named(subject, self._phrases), talk)
        opening, closing = (
            _named(draws // by % len(words), words) for by, words in ((64, _OPENINGS), (1024, _CLOSINGS))
        )
        return pc.binary_join_element_wise(opening, middle, closing, " ")


def write_log(activity: Activity, folder: Path) -> Iterator[tuple[str, dt.date, WrittenFile]]:
    """Write a log day by day, with the keys that intake would give; yield table, day and what the manifest needs."""
    log = LogFolder(folder)
    ids = activity.ids()
    keys = account_keys(pa.array([NETWORK] * len(ids)), ids).to_numpy()
    for day in activity.days():
        posts, acts = day.posts, day.acts
        # Each post is hashed once.
        once, places = np.unique(
            np.concatenate([posts["post"].to_numpy(), acts["post"].to_numpy()]), return_inverse=True
        )
        post = _keys_of_posts(once)[places]
        tables = {
            "posts": _logged(posts, post=post[: posts.num_rows], author=keys[posts["author"].to_numpy()]),
            "interactions": _logged(
                acts,
                actor=keys[acts["actor"].to_numpy()],
                target=keys[acts["target"].to_numpy()],
                post=post[posts.num_rows :],
            ),
        }
        for table, rows in tables.items():
            if rows.num_rows:
                yield table, day.date, log.write_day(table, day.date, rows)


def write_csv(activity: Activity, folder: Path) -> int:
    """Write the tables interactions and posts of a data set, in the order of time; return how many rows."""
    ids = activity.ids()
    folder.mkdir(parents=True, exist_ok=True)
    rows = 0
    with (folder / "interactions.csv").open("wb") as acts_file, (folder / "posts.csv").open("wb") as posts_file:
        for number, day in enumerate(activity.days()):
            for file, table, accounts in (
                (acts_file, day.acts, ("actor", "target")),
                (posts_file, day.posts, ("author",)),
            ):
                spelt = table.sort_by("at")
                for name in (*accounts, "post"):
                    column = spelt[name]
                    texts = ids.take(column.combine_chunks()) if name in accounts else pc.cast(column, pa.string())
                    spelt = spelt.set_column(spelt.column_names.index(name), name, texts)
                moments = pc.strftime(pc.cast(spelt["at"], pa.timestamp("s")), "%Y-%m-%dT%H:%M:%SZ")
                spelt = spelt.set_column(spelt.column_names.index("at"), "at", moments)
                options = pyarrow.csv.WriteOptions(include_header=number == 0, quoting_style="needed")
                pyarrow.csv.write_csv(spelt, file, options)
                rows += spelt.num_rows
    return rows


def _logged(rows: pa.Table, **columns: Ints) -> pa.Table:
    """Return rows with keys, the network, and whatever else the log has and these rows lack."""
    for name, values in columns.items():
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(values))
    rows = rows.append_column("network", pa.array([NETWORK] * rows.num_rows, pa.string()))
    if "author" in columns:
        for name in ("links", "topics"):
            rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.list_(pa.string())))
        rows = rows.append_column("lang", pa.nulls(rows.num_rows, pa.string()))
    return rows


def _keys_of_posts(posts: Ints) -> Ints:
    ids = pc.cast(pa.array(posts), pa.string())
    return np.asarray(account_keys(pa.array([NETWORK] * len(ids)), ids).to_numpy())


def _phrases() -> tuple[str, ...]:
    with _TOPICS.open(newline="") as file:
        return tuple(
            phrase
            for row in csv.DictReader(file)
            for phrase in (row["name"], *row["aliases"].split("|"))
            if phrase and "," not in phrase
        )


def _named(numbers: Any, words: tuple[str, ...]) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(numbers, pa.int32()), pa.array(words)).dictionary_decode()


def _cumulated(weights: Any) -> Floats:
    """Return the upper ends of the weights' shares of 0 to 1; the last lies above every draw."""
    ends: Floats = np.cumsum(weights, dtype=np.float64) / weights.sum()
    ends[-1] = 2.0
    return ends


def _second(draws: Floats) -> Ints:
    """Return seconds of a day for even draws: three times as many in the evening as at night."""
    return np.asarray(_DAY * (draws + 0.5 * np.sin(2 * np.pi * draws) / (2 * np.pi)), dtype=np.int64) % _DAY


def _phase(author: Ints, every: Ints) -> Ints:
    return np.asarray(_hashed(author) % every)


def _post_second(author: Ints, place: Ints) -> Ints:
    return np.asarray(_hashed(author * _POSTS_A_DAY + place) % _DAY)


def _post(author: Ints, place: Ints, day: Ints) -> Ints:
    """Return a post's number. Days begin a quarter before the log's, where the oldest posts lie that one acts on."""
    return ((day + DAYS) * _POSTS_A_DAY + place << 32) + _scrambled(author)


def _scrambled(numbers: Ints) -> Ints:
    """Return other numbers below 2^32, no two the same: an odd factor only swaps them."""
    return numbers * 2_654_435_761 % 2**32


def _hashed(numbers: Ints) -> Ints:
    """Return numbers from 0 to 2^63 - 1 that look like chance (splitmix64; Steele, Lea and Flood, OOPSLA 2014)."""
    mixed = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)
