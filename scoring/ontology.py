"""Klout's ontology of topics, from its three tables of June 2018 to topics with one parent each. Pure.

| table | columns |
|---|---|
| ontology | topicId, topicSlug, topicDisplayName |
| edge | parentTopicId, childTopicId |
| display | topicId, language, topicDisplayName |

Ids exceed 64 bits and stay texts. The root has no row and points to itself; what lies right below it are branches.
Topics have up to 18 parents there and one here: the one nearest to the root, of equals the first in the table of edges.
A walk from the root finds it, so that no circle can come of it.
"""

import csv
import gzip
import zlib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_TABLES: Final = {
    "ontology": ("topicId", "topicSlug", "topicDisplayName"),
    "edge": ("parentTopicId", "childTopicId"),
    "display": ("topicId", "language", "topicDisplayName"),
}


class NotAnOntology(ValueError):
    """The files aren't what they should be; the message says where and how."""


@dataclass(frozen=True, slots=True)
class KloutTopic:
    """A topic; `parent` is an id, None for a branch, and `names` are by code of the language, without English."""

    id: str
    slug: str
    name: str
    parent: str | None
    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ontology:
    """Topics, parents before children; `left_out` counts edges and names of ids that have no row."""

    topics: list[KloutTopic]
    left_out: int


def read_ontology(paths: Iterable[Path]) -> Ontology:
    """Read the tables, each .csv or .csv.gz, told apart by their columns. That of names may be missing.

    Raises NotAnOntology for a file that is none of them, a table that is missing or there twice, a row without an id or
    a name, an id that stands twice, and topics that can't be reached from a branch: those lie in a circle.
    """
    tables: dict[str, list[dict[str, str]]] = {}
    for path in paths:
        table, rows = _read(path)
        if table in tables:
            raise NotAnOntology(f"{path.name}: there is a table of this kind ({table}) already")
        tables[table] = rows
    for table in ("ontology", "edge"):
        if table not in tables:
            raise NotAnOntology(f"no table of the kind {table}: give a file with {', '.join(_TABLES[table])}")
    known: dict[str, dict[str, str]] = {}
    for number, row in enumerate(tables["ontology"], 2):
        if row["topicId"] in known:
            raise NotAnOntology(f"ontology, row {number}: id {row['topicId']} stands there twice")
        known[row["topicId"]] = row
    parents, left_out = _parents(tables["edge"], known)
    names: dict[str, dict[str, str]] = defaultdict(dict)
    for row in tables.get("display", ()):
        if row["topicId"] not in known:
            left_out += 1
        elif row["language"] != "en":
            names[row["topicId"]][row["language"].lower()] = row["topicDisplayName"]
    return Ontology(
        [
            KloutTopic(pk, known[pk]["topicSlug"], known[pk]["topicDisplayName"], parent, names.get(pk, {}))
            for pk, parent in parents.items()
        ],
        left_out,
    )


def _read(path: Path) -> tuple[str, list[dict[str, str]]]:
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig", newline="")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8-sig", newline="") as file
        ):
            reader = csv.DictReader(file)
            columns = set(reader.fieldnames or ())
            found = [table for table, wanted in _TABLES.items() if columns.issuperset(wanted)]
            if not found:
                raise NotAnOntology(f"{path.name} has the columns of no table of the ontology")
            return found[0], list(_rows(path.name, reader, _TABLES[found[0]]))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise NotAnOntology(f"{path.name} can't be read: {getattr(error, 'strerror', None) or error}") from error


def _rows(name: str, reader: "csv.DictReader[str]", wanted: tuple[str, ...]) -> Iterator[dict[str, str]]:
    for row in reader:
        values = {column: " ".join((row[column] or "").split()) for column in wanted}
        for column, value in values.items():
            if not value:
                raise NotAnOntology(f"{name}, line {reader.line_num}: {column} is empty")
            if "\0" in value:
                raise NotAnOntology(f"{name}, line {reader.line_num}: {column} holds a null character")
        yield values


def _parents(edges: list[dict[str, str]], known: dict[str, dict[str, str]]) -> tuple[dict[str, str | None], int]:
    """Return each topic's parent, parents first, and how many edges lead to or from what has no row."""
    children: dict[str, list[str]] = defaultdict(list)
    roots = {edge["parentTopicId"] for edge in edges if edge["parentTopicId"] == edge["childTopicId"]}
    has_parent: set[str] = set()
    left_out = 0
    for edge in edges:
        parent, child = edge["parentTopicId"], edge["childTopicId"]
        if parent == child:
            continue
        if child not in known or (parent not in known and parent not in roots):
            left_out += 1
            continue
        children[parent].append(child)
        has_parent.add(child)
    branches = [child for root in roots - set(known) for child in children[root]]
    branches += [pk for pk in known if pk not in has_parent]
    found: dict[str, str | None] = dict.fromkeys(branches)
    waiting = deque(found)
    while waiting:
        parent = waiting.popleft()
        for child in children[parent]:
            if child not in found:
                found[child] = parent
                waiting.append(child)
    lost = [row["topicSlug"] for pk, row in known.items() if pk not in found]
    if lost:
        raise NotAnOntology(f"{len(lost)} topics lie in a circle or below one, as {lost[0]} does")
    return found, left_out
