"""The languages in which people wrote of late: read from the log's posts when a run is published."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from accounts.models import Identity, LogFile
from accounts.queries import erased_accounts, log_files, numbers
from accounts.storage import open_parquet

pc: Any = pyarrow.compute
Ints = npt.NDArray[np.int64]

WINDOW: Final = timedelta(days=28)
# A network's guess at a language is wrong now and then: what somebody writes in less than this part of the time isn't
# theirs.
LEAST_PART: Final = 0.1
_COLUMNS: Final[dict[str, Any]] = {"person": pa.int64(), "language": pa.string()}
SCHEMA: Final = pa.schema(_COLUMNS)
# Posts in memory at once, and counts before they are summed up.
_BATCH: Final = 50_000
_COUNTS: Final = 5_000_000
# More languages than there are codes of two and three letters.
_LANGUAGES: Final = 1 << 15
_CODE: Final = re.compile(r"([a-z]{2,3})(?:[-_].*)?")
# No language, or none in particular: ISO 639-2's own, and those kept for private use, by which networks say "only
# links", "only hashtags" and the like.
_NONE: Final = re.compile(r"und|zxx|mul|mis|q[a-t][a-z]")
# Codes that ISO withdrew and networks still write.
_OF_BEFORE: Final = {"in": "id", "iw": "he", "ji": "yi", "jw": "jv", "mo": "ro"}


def language_of(code: str | None) -> str:
    """Return a language's own code, without script and country, of what a network wrote; nothing where that is none.

    Examples
    --------
    >>> [language_of(code) for code in ("pt-BR", "EN", "iw", "und", "qme", None)]
    ['pt', 'en', 'he', '', '', '']
    """
    found = _CODE.fullmatch((code or "").strip().lower())
    if found is None or _NONE.fullmatch(found[1]):
        return ""
    return _OF_BEFORE.get(found[1], found[1])


def languages_until(until: datetime) -> pa.Table:
    """Return each person's languages: of a tenth at least of the posts by them in 28 days that name one.

    Reposts are others' words, and posts by erased accounts nobody's. Rows of `SCHEMA`, by person and language. Four
    queries, and one pass over the posts of these days, of which some 50,000 are in memory at once.
    """
    keys, person = numbers(Identity.objects.filter(person__isnull=False).order_by(), "key", "person_id")
    there = ~np.isin(keys, erased_accounts())
    order = np.argsort(keys[there])
    keys, person = keys[there][order], person[there][order]
    codes: dict[str, int] = {}
    pairs, counts = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    for more in _pairs(until, keys, person, codes):
        pairs, counts = np.concatenate([pairs, more]), np.concatenate([counts, np.ones(more.size, dtype=np.int64)])
        if pairs.size > _COUNTS:
            pairs, counts = _summed(pairs, counts)
    pairs, counts = _summed(pairs, counts)
    who, place = np.divmod(pairs, _LANGUAGES)
    _, first, posts = np.unique(who, return_index=True, return_counts=True)
    whole = np.add.reduceat(counts, first) if first.size else counts
    kept = counts >= LEAST_PART * np.repeat(whole, posts)
    names = np.array([*codes, ""], dtype=object)
    rows = pa.table({"person": who[kept], "language": pa.array(names[place[kept]], pa.string())}, schema=SCHEMA)
    return rows.sort_by([("person", "ascending"), ("language", "ascending")])


def _pairs(until: datetime, keys: Ints, person: Ints, codes: dict[str, int]) -> Iterator[Ints]:
    """Yield, a number for each post, who wrote it in which language; `codes` gets the number of each language."""
    first, last = int((until - WINDOW).timestamp()), int(until.timestamp())
    for file in log_files(LogFile.Table.POSTS, until, since=until - WINDOW):
        with open_parquet(file) as parquet:
            for batch in parquet.iter_batches(_BATCH, columns=["at", "author", "kind", "lang"]):
                at, author = (np.asarray(batch[name].to_numpy()) for name in ("at", "author"))
                kind: Any = batch["kind"]
                lang: Any = batch["lang"].dictionary_encode()
                own = [language_of(code) for code in lang.dictionary.to_pylist()]
                number = np.array([codes.setdefault(code, len(codes)) if code else -1 for code in [*own, ""]])
                language = number[np.asarray(lang.indices.fill_null(len(own)).to_numpy())]
                place = np.minimum(np.searchsorted(keys, author), max(keys.size - 1, 0))
                mine = (keys[place] == author) if keys.size else np.zeros(author.size, dtype=bool)
                mine &= (at >= first) & (at < last) & (language >= 0)
                mine &= pc.fill_null(pc.not_equal(kind, "reshare"), True).to_numpy(zero_copy_only=False)
                yield person[place[mine]] * _LANGUAGES + language[mine]


def _summed(pairs: Ints, counts: Ints) -> tuple[Ints, Ints]:
    found, place = np.unique(pairs, return_inverse=True)
    return found, np.bincount(place, weights=counts, minlength=found.size).astype(np.int64)
