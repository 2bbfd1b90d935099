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

from accounts.intake import Reject
from campaigns.actions.errors import CampaignError
from campaigns.selection import AtLeast, AtMost, Audience, Chosen, Rules, choose
from scoring.actions.datasets import Scored, check_out, scored, write_table
from scoring.actions.topics import STARTER, read_topics
from scoring.engine import Parameters
from scoring.engine.progress import Progress

# So many supporters of each person are looked at, and whom each supports: next to all.
_SUPPORTERS: Final = 10_000
# A band of scores, for a quota.
_BAND: Final = 10.0
_PER: Final = re.compile(r"(\d+) per (\S+)")
_BELOW: Final = re.compile(r"(\d+) below ([\d_,]*\.?\d+)")
_YES: Final = frozenset({"1", "yes", "true", "x"})


class ChoiceRefused(CampaignError):
    """What was asked for can't be; the message says what to change, and nothing was written."""


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

    Raises ChoiceRefused or `selection.RulesError` where no group can be as asked, NotThisFormat and ScoringError as
    `score_dataset` does.
    """
    check_out(out)
    wanted = _read_candidates(candidates) if candidates else None
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
    audience = _audience(found, people, topic, parameters)
    rules = _rules(people, seats, quotas, budget)
    chosen = choose(audience, rules)
    progress("writing")
    write_table(_table(people, audience, chosen), out)
    return ChoiceReport(people.keys.size, chosen, rejected)


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
        for name in ("network", "account", "handle"):
            columns[name] = [known[name][at[int(key)]] or "" for key in keys]
        return cls(keys, reach[place], score[place], columns)


def _read_candidates(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [{name: (value or "").strip() for name, value in row.items() if name} for row in csv.DictReader(file)]
    if not rows:
        raise ChoiceRefused(f"{path.name} names nobody: it should have a line of column names and a line per person")
    if not {"account", "handle"} & rows[0].keys():
        raise ChoiceRefused(f"{path.name} has neither a column account nor a column handle")
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
            raise ChoiceRefused(f"line {line} of the candidates: {column} {name!r} is {many} in the data set")
        rows[keys.pop()] = row
    return rows


def _audience(found: Scored, people: _People, topic: str, parameters: Parameters) -> Audience:
    supports = found.result.supports
    assert isinstance(supports, pa.Table), "nobody asked for files of them"
    supported: npt.NDArray[np.int64] = supports["supported"].to_numpy()
    place = np.minimum(np.searchsorted(people.keys, supported), max(people.keys.size - 1, 0))
    mine = people.keys[place] == supported if people.keys.size else np.zeros(supported.size, dtype=bool)
    return Audience.on(
        people.reach,
        _on_topic(found, people, topic) if topic else people.reach,
        place[mine],
        supports["supporter"].to_numpy()[mine],
        supports["reach"].to_numpy()[mine],
        most=1.0 + parameters.newcomers * parameters.horizon_days / 28.0,
    )


def _on_topic(found: Scored, people: _People, topic: str) -> npt.NDArray[np.float64]:
    """Return each one's reach on a topic and what lies below it."""
    numbers = {row.slug: place for place, row in enumerate(read_topics(STARTER))}
    if topic not in numbers:
        raise ChoiceRefused(f"there is no topic {topic!r}; there are {', '.join(sorted(numbers)[:8])}, …")
    rows = found.result.topics
    of: Any = rows["topic"]
    here = of.fill_null(-1).to_numpy() == numbers[topic]
    person, on_topic = rows["person"].to_numpy()[here], rows["reach_with_below"].to_numpy()[here]
    place = np.minimum(np.searchsorted(people.keys, person), max(people.keys.size - 1, 0))
    reach = np.zeros(people.keys.size)
    mine = people.keys[place] == person if people.keys.size else np.zeros(person.size, dtype=bool)
    reach[place[mine]] = on_topic[mine]
    return reach


def _rules(people: _People, seats: int, quotas: Sequence[str], budget: float | None) -> Rules:
    at_most, at_least = [], []
    for quota in quotas:
        if per := _PER.fullmatch(quota.strip()):
            at_most.append(_per(people, quota, int(per[1]), per[2]))
        elif below := _BELOW.fullmatch(quota.strip()):
            small = people.reach < float(below[2].replace(",", "").replace("_", ""))
            at_least.append(AtLeast(quota, small, int(below[1])))
        else:
            raise ChoiceRefused(f"quota {quota!r} is neither like '3 per city' nor like '5 below 1000'")
    must = [place for place, value in enumerate(people.columns.get("must", [])) if value.lower() in _YES]
    costs = None
    if budget is not None:
        if "cost" not in people.columns:
            raise ChoiceRefused("a budget needs a column cost in the file of candidates")
        costs = np.array([_cost(value) for value in people.columns["cost"]])
    return Rules(seats, costs, budget, at_most, at_least, np.array(must, dtype=np.int64))


def _per(people: _People, quota: str, most: int, column: str) -> AtMost:
    if column == "score":
        values: list[str] | npt.NDArray[np.float64] = np.floor(people.score / _BAND)
    elif column in people.columns:
        values = people.columns[column]
    else:
        raise ChoiceRefused(
            f"quota {quota!r}: the candidates have no column {column}; there are "
            f"{', '.join(sorted({*people.columns, 'score'}))}"
        )
    sets, of = np.unique(np.array(values), return_inverse=True)
    # Of whom the column says nothing, nothing is known that they would have too much of.
    unknown = sets[of] == "" if column != "score" else np.zeros(of.size, dtype=bool)
    return AtMost(quota, np.where(unknown, -1, of), np.full(sets.size, most))


def _cost(text: str) -> float:
    try:
        cost = float(text.replace(",", ""))
    except ValueError:
        cost = -1.0
    if not 0 <= cost < np.inf:
        raise ChoiceRefused(f"cost {text!r} is no number from 0 up")
    return cost


def _table(people: _People, audience: Audience, chosen: Chosen) -> pa.Table:
    group = chosen.group
    alone = audience.adds(audience.nobody_reached())
    return pa.table(
        {
            "rank": np.arange(1, group.size + 1),
            **{name: [people.columns[name][place] for place in group] for name in ("account", "handle", "network")},
            "reach": alone[group],
            "marginal_reach": chosen.adds,
            "cumulative_reach": np.cumsum(chosen.adds),
            "best_possible": np.full(group.size, chosen.most),
        }
    )
