"""What the sample world says about a campaign: its participants post, their readers react and some post too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from accounts.intake import INTERACTIONS, POSTS
from accounts.sample.ledger import DAY

_HOUR: Final = 3_600
_ABOUT: Final = """
Two days of markets, noodles and a lake that thinks it is a sea.|The best dumplings are in a basement on Spadina.
Window seat, clear sky, the whole city below.|Breakfast in Kensington, dinner on Ossington.|Landed. Coffee first.
I came for the food and stayed for the islands.|My list of ten places to eat near the harbour:|Loved the streetcars.
A city of villages, and each has a bakery.|They asked what I liked best. The ferry.|Rain all day, museums all day.
"""
_LABELS: Final = ("Ad:", "#ad", "Advertisement:")
_READERS: Final = """
Now I want to go as well.|Looking at flights already.|Who has been there?|Adding this to the list.|Saving for spring.
My sister lives there, no excuse left.|Dumplings in a basement, you say.|Is the new route worth it?|Counting days off.
"""
_KINDS: Final = ("like", "repost", "reply", "quote")
_KIND_RATES: Final = (0.74, 0.13, 0.1, 0.03)
# Of posts by participants so many have a label; of readers so many react to a post, and of these so many post.
_LABELLED: Final = 0.8
_REACT: Final = 0.35
_POST_TOO: Final = 0.12
# Posts with the tag by anybody's reader, whatever the campaign does: so many for each person and week.
_ANYWAY: Final = 0.12


@dataclass
class _Written:
    """Rows of both tables, as they are made."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    acts: list[dict[str, Any]] = field(default_factory=list)


def talk(
    since: Mapping[str, int],
    readers: Mapping[str, Sequence[str]],
    *,
    tag: str,
    network: str,
    begin: int,
    end: int,
    seed: int = 2018,
) -> tuple[pa.Table, pa.Table]:
    """Return posts and interactions about a campaign, in the schemas of `accounts.intake`.

    `since` says from which second on participants post about it, by account; `readers` are those of everybody who is
    compared, who post about it now and then anyway, from four weeks before the begin on. What somebody's readers do
    doesn't depend on who else takes part.
    """
    written = _Written()
    for account in sorted(readers):
        # By the account alone, so that the same comes out whoever else is drawn.
        rng = np.random.default_rng([seed, *account.encode()])
        _anyway(written, rng, account, readers[account], tag, begin - 28 * DAY, end)
        if account in since:
            _takes_part(written, rng, account, readers[account], tag, since[account], end)
    for row in (*written.posts, *written.acts):
        row["network"] = network
    return (
        pa.Table.from_pylist(sorted(written.posts, key=lambda row: row["at"]), schema=POSTS),
        pa.Table.from_pylist(sorted(written.acts, key=lambda row: row["at"]), schema=INTERACTIONS),
    )


def _anyway(
    written: _Written, rng: np.random.Generator, account: str, readers: Sequence[str], tag: str, begin: int, end: int
) -> None:
    for number in range(int(rng.poisson(_ANYWAY * (end - begin) / DAY / 7)) if readers else 0):
        reader, at = readers[int(rng.integers(len(readers)))], int(rng.integers(begin, end))
        _post(written, rng, reader, f"{account}-a{number}", at, tag, end)


def _takes_part(
    written: _Written, rng: np.random.Generator, account: str, readers: Sequence[str], tag: str, begin: int, end: int
) -> None:
    for number in range(1 + int(rng.poisson(1.2))):
        at = int(begin + (end - begin) * rng.beta(1.2, 2.0))
        label = _LABELS[int(rng.integers(len(_LABELS)))] if rng.random() < _LABELLED else ""
        said = _one(rng, _ABOUT)
        name = f"talk-{account}-p{number}"
        text = f"{label} {said} {tag}".strip()
        written.posts.append(_row(name, at, account, text, tag))
        for place, reader in enumerate(readers):
            if rng.random() >= _REACT:
                continue
            then = at + 30 + int(rng.lognormal(np.log(5 * _HOUR), 1.4))
            kind = _KINDS[rng.choice(len(_KINDS), p=_KIND_RATES)]
            if then < end:
                written.acts.append({"at": then, "kind": kind, "actor": reader, "target": account, "post": name})
            if rng.random() < _POST_TOO:
                later = then + int(rng.integers(_HOUR, 2 * DAY))
                _post(written, rng, reader, f"{account}-r{number}-{place}", later, tag, end)


def _post(written: _Written, rng: np.random.Generator, author: str, name: str, at: int, tag: str, end: int) -> None:
    if at < end:
        written.posts.append(_row(f"talk-{name}", at, author, f"{_one(rng, _READERS)} {tag}", tag))


def _one(rng: np.random.Generator, lines: str) -> str:
    said = [text for line in lines.strip().splitlines() for text in line.split("|") if text]
    return said[int(rng.integers(len(said)))]


def _row(name: str, at: int, author: str, text: str, tag: str) -> dict[str, Any]:
    return {
        "post": name,
        "at": at,
        "author": author,
        "kind": "original",
        "text": text,
        "topics": [tag.removeprefix("#")],
        "lang": "en",
    }
