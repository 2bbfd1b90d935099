"""The group for a number of seats out of any data set, without a database."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from accounts.intake import Reject
from campaigns.actions.errors import SelectionRefused
from campaigns.selection import BAND, AtLeast, AtMost, Audience, Chosen, Rules, choose, most_each
from scoring.actions.datasets import Scored, check_out, scored, write_table
from scoring.actions.topics import STARTER, read_topics
from scoring.engine import Parameters
from scoring.engine.progress import Progress

pc: Any = pyarrow.compute

# So many supporters of each person are looked at, and whom each supports: next to all.
_SUPPORTERS: Final = 10_000
_PER: Final = re.compile(r"(\d+) per (\S+)")
_BELOW: Final = re.compile(r"(\d+) below ([\d_,]*\.?\d+)")
_SCORE: Final = "score"
# What is known of everybody.
_NAMES: Final = ("account", "handle", "network")
_YES: Final = frozenset({"1", "yes", "true", "x"})


@dataclass(frozen=True, slots=True)
class ChoiceReport:
    """What came of choosing: out of how many, how many were chosen, whom they reach, and what was proved of it."""

    candidates: int
    chosen: Chosen
    rejected: int


def choose_dataset(
    path: Path,
    *,
    format: str,
    network: str | None = None,
    as_of: datetime,
    parameters: Parameters,
    seats: int,
    candidates: Path | None = None,
    quotas: Sequence[str] = (),
    budget: float | None = None,
    topic: str = "",
    out: Path,
    progress: Progress,
) -> ChoiceReport:
    """Choose the people who together reach the most different people, and write one row per seat to `out`.

    Without `candidates`, a .csv file with a column `account` or `handle`, everybody with any reach can be chosen. It
    may have the columns `network`, `cost`, `must` (who is in whatever they add), and others for quotas to go by: "3 per
    city" is at most three out of each value of `city`, "3 per score" out of each ten points, "5 below 1000" at least
    five with a reach below that. With a topic, a slug of the starter table, reach on it and below it counts.

    Raises SelectionRefused or `selection.RulesError` where no group can be as asked, NotThisFormat and ScoringError as
    `score_dataset` does.
    """
    # All that can be told without the data set is: to score it takes a while.
    check_out(out)
    wanted = _read_candidates(candidates) if candidates else None
    columns = {*_NAMES, *(wanted[0] if wanted else ())}
    asked = [_quota(quota, columns) for quota in quotas]
    if budget is not None and "cost" not in columns:
        raise SelectionRefused("a budget needs a column cost in the file of candidates")
    number = _topic(topic) if topic else None
    rejected = 0

    def reject(rows: list[Reject]) -> None:
        nonlocal rejected
        rejected += len(rows)

    whole = Parameters.from_dict(parameters.to_dict() | {"supports_kept": _SUPPORTERS})
    found = scored(
        path, format=format, network=network, as_of=as_of, parameters=whole, rejected=reject, progress=progress
    )
    progress("choosing")
    people = _People.of(found, wanted)
    audience = _audience(found, people, number, parameters)
    chosen = choose(audience, _rules(people, seats, asked, budget))
    progress("writing")
    write_table(_table(people, audience, chosen), out)
    return ChoiceReport(people.keys.size, chosen, rejected)


@dataclass(frozen=True, slots=True)
class _Quota:
    """A quota as it was written: at most `number` per `column`, or at least so many with a reach below `below`."""

    said: str
    number: int
    column: str = ""
    below: float = 0.0


def _quota(text: str, columns: set[str]) -> _Quota:
    if per := _PER.fullmatch(text.strip()):
        if per[2] != _SCORE and per[2] not in columns:
            raise SelectionRefused(
                f"quota {text!r}: the candidates have no column {per[2]}; there are "
                f"{', '.join(sorted({*columns, _SCORE}))}"
            )
        return _Quota(text, int(per[1]), column=per[2])
    if below := _BELOW.fullmatch(text.strip()):
        return _Quota(text, int(below[1]), below=float(below[2].replace(",", "").replace("_", "")))
    raise SelectionRefused(f"quota {text!r} is neither like '3 per city' nor like '5 below 1000'")


def _topic(slug: str) -> int:
    """Return a topic's number in the starter table."""
    numbers = {row.slug: place for place, row in enumerate(read_topics(STARTER))}
    if slug not in numbers:
        raise SelectionRefused(f"there is no topic {slug!r}; there are {', '.join(sorted(numbers)[:8])}, …")
    return numbers[slug]


@dataclass(frozen=True, slots=True)
class _People:
    """Who can be chosen: keys, ascending, and what else is known of each, by column, in the same order."""

    keys: npt.NDArray[np.int64]
    reach: npt.NDArray[np.float64]
    score: npt.NDArray[np.float64]
    columns: dict[str, list[str]]

    @classmethod
    def of(cls, found: Scored, wanted: list[dict[str, str]] | None) -> "_People":
        scores, names = found.result.scores, found.names
        known = {name: names[name].to_pylist() for name in ("key", "network", "account", "handle")}
        at = {key: place for place, key in enumerate(known["key"])}
        person: npt.NDArray[np.int64] = scores["person"].to_numpy()
        order = np.argsort(person)
        ordered = person[order]
        reach, score = (scores[name].to_numpy()[order] for name in ("reach", "score"))
        if wanted is None:
            keys = ordered[reach > 0]
            rows: dict[int, dict[str, str]] = {int(key): {} for key in keys}
        else:
            rows = _named(found, known, wanted)
            keys = np.array(sorted(rows), dtype=np.int64)
        place = np.searchsorted(ordered, keys)
        extra = list(dict.fromkeys(name for row in rows.values() for name in row))
        columns = {name: [rows[int(key)].get(name, "") for key in keys] for name in extra}
        for name in _NAMES:
            columns[name] = [known[name][at[int(key)]] or "" for key in keys]
        return cls(keys, reach[place], score[place], columns)


def _read_candidates(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            rows = [{name: (value or "").strip() for name, value in row.items() if name} for row in lines]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SelectionRefused(f"{path.name} is no CSV in UTF-8: {error}") from error
    if not rows:
        raise SelectionRefused(f"{path.name} names nobody: it should have a line of column names and a line per person")
    if not {"account", "handle"} & rows[0].keys():
        raise SelectionRefused(f"{path.name} has neither a column account nor a column handle")
    return rows


def _named(found: Scored, known: dict[str, list[Any]], wanted: list[dict[str, str]]) -> dict[int, dict[str, str]]:
    """Return the persons whom rows name, each with its row."""
    by_name: dict[str, dict[tuple[str, str], set[int]]] = {"account": {}, "handle": {}}
    persons = set(found.result.scores["person"].to_pylist())
    for key, network, account, handle in zip(*known.values(), strict=True):
        if key in persons:
            for column, name in (("account", account), ("handle", (handle or "").lower())):
                for where in (network, ""):
                    by_name[column].setdefault((where, name), set()).add(key)
    rows: dict[int, dict[str, str]] = {}
    for line, row in enumerate(wanted, start=2):
        column = "account" if row.get("account") else "handle"
        name = row.get(column, "")
        name = name if column == "account" else name.removeprefix("@").lower()
        keys = by_name[column].get((row.get("network", ""), name), set()) if name else set()
        if len(keys) != 1:
            many = "nobody" if not keys else "several people, in different networks: add a column network"
            raise SelectionRefused(f"line {line} of the candidates: {column} {name!r} is {many} in the data set")
        (key,) = keys
        if rows.setdefault(key, row) != row:
            raise SelectionRefused(f"line {line} of the candidates: {column} {name!r} stands there twice, differently")
    return rows


def _audience(found: Scored, people: _People, topic: int | None, parameters: Parameters) -> Audience:
    supports = found.result.supports
    assert isinstance(supports, pa.Table), "nobody asked for files of them"
    return Audience.on(
        people.keys,
        people.reach,
        people.reach if topic is None else _on_topic(found, people, topic),
        *(supports[name].to_numpy() for name in ("supported", "supporter", "reach")),
        most=most_each(parameters.newcomers, parameters.horizon_days),
    )


def _on_topic(found: Scored, people: _People, topic: int) -> npt.NDArray[np.float64]:
    """Return each one's reach on a topic and what lies below it."""
    rows: Any = found.result.topics
    rows = rows.filter(pc.equal(rows["topic"], topic))
    reach = dict(zip(rows["person"].to_pylist(), rows["reach_with_below"].to_pylist(), strict=True))
    return np.array([reach.get(key, 0.0) for key in people.keys.tolist()])


def _rules(people: _People, seats: int, quotas: Sequence[_Quota], budget: float | None) -> Rules:
    bands = np.floor(people.score / BAND)
    at_most = [
        # Of whom the column says nothing, nothing is known that they would have too much of.
        AtMost.each(quota.said, bands, quota.number)
        if quota.column == _SCORE
        else AtMost.each(quota.said, np.array(people.columns[quota.column]), quota.number, unknown="")
        for quota in quotas
        if quota.column
    ]
    at_least = [AtLeast(quota.said, people.reach < quota.below, quota.number) for quota in quotas if not quota.column]
    must = [place for place, value in enumerate(people.columns.get("must", [])) if value.lower() in _YES]
    costs = None if budget is None else np.array([_cost(value) for value in people.columns["cost"]])
    return Rules(seats, costs, budget, at_most, at_least, np.array(must, dtype=np.int64))


def _cost(text: str) -> float:
    try:
        cost = float(text.replace(",", ""))
    except ValueError:
        cost = -1.0
    if not 0 <= cost < np.inf:
        raise SelectionRefused(f"cost {text!r} is no number from 0 up")
    return cost


def _table(people: _People, audience: Audience, chosen: Chosen) -> pa.Table:
    group = chosen.group
    alone = audience.adds(audience.nobody_reached())
    return pa.table(
        {
            "rank": np.arange(1, group.size + 1),
            **{name: [people.columns[name][place] for place in group] for name in _NAMES},
            "reach": alone[group],
            "marginal_reach": chosen.adds,
            "cumulative_reach": np.cumsum(chosen.adds),
            "best_possible": np.full(group.size, chosen.most),
        }
    )
