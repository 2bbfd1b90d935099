"""Raw columns to typed ones: each converter takes a column as a file gave it and says which rows are bad, and why.

A file's own types are kept as long as they can mean the same (a Parquet timestamp is a time), so CSV, NDJSON and
Parquet of one table come out identical. Empty text is a missing value everywhere, since CSV can't tell them apart.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute

# What the platform can store. A longer id is a text in the wrong column: its row is refused. A longer name or place is
# cut off, since it is only shown; a longer website would be another one, so it is left out.
MAX_ID = 255
PROFILE_LIMITS = {"name": 255, "location": 255}
MAX_WEBSITE = 500

EARLIEST = 0
LATEST = int(datetime(2101, 1, 1, tzinfo=UTC).timestamp()) - 1

_EPOCH = re.compile(r"[+-]?\d+(\.\d+)?")
_ZONE = r"([Zz]|[+-]\d{2}(:?\d{2})?)$"
CONTROL = r"[\x00-\x1f\x7f-\x9f]"
_UTC_LENGTH = len("2012-07-01T00:02:52Z")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_WHOLE = re.compile(r"\d{1,18}(\.0*)?")
_SEPARATORS = re.compile(r"[\s|]+")
_TRUE = {"true", "t", "yes", "1"}
_FALSE = {"false", "f", "no", "0"}


# A pa.Array whose type is known only when it is read: the overloads of pyarrow's stubs can't be chosen for it.
Column: TypeAlias = Any
pc: Any = pyarrow.compute


class Converted(NamedTuple):
    """A typed column with null in its bad rows, and the reason of each bad row by its index."""

    values: Column
    bad: dict[int, str]


Converter = Callable[[Column, str], Converted]


def shown(value: object) -> str:
    """Return a value as it may stand in a message: quoted, on one line and short."""
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")


def plain(column: Column) -> Column:
    """Return a column without the encodings that files choose for size: dictionaries, large offsets, all null."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return plain(column.dictionary_decode())
    if pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_large_binary(kind):
        return column.cast(pa.binary())
    return column


def texts(column: Column, name: str) -> Converted:
    """Convert to text: whole numbers as written, null for empty, U+0000 taken out (PostgreSQL can't store it)."""
    bad: dict[int, str] = {}
    if pa.types.is_binary(column.type):
        try:
            column = column.cast(pa.string())
        except pa.ArrowInvalid:
            column, bad = _decoded(column, name)
    elif not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    if not bytes_of(column).all():
        column = pc.replace_substring(column, "\0", "")
    return Converted(_without_empty(column), bad)


def _without_empty(column: Column) -> Column:
    # Lengths are looked at without Arrow, which would copy the column to change nothing.
    return column if lengths(column).all() else pc.if_else(pc.equal(pc.binary_length(column), 0), None, column)


def _decoded(column: Column, name: str) -> Converted:
    values: list[str | None] = []
    bad: dict[int, str] = {}
    for index, raw in enumerate(column.to_pylist()):
        try:
            values.append(None if raw is None else raw.decode())
        except UnicodeDecodeError as error:
            values.append(None)
            bad[index] = f"{name} is not UTF-8 text (byte {error.start + 1} of the cell)"
    return Converted(pa.array(values, pa.string()), bad)


def trimmed(column: Column, name: str) -> Converted:
    """Convert to text without space around it."""
    values, bad = texts(column, name)
    if _is_plain(values, least=0x21):
        return Converted(values, bad)
    return Converted(_without_empty(pc.utf8_trim_whitespace(values)), bad)


def profile(column: Column, name: str) -> Converted:
    """Convert to text of a profile, cut off at the column's limit."""
    values, bad = trimmed(column, name)
    limit = PROFILE_LIMITS.get(name)
    return Converted(values if limit is None else pc.utf8_slice_codeunits(values, 0, limit), bad)


def websites(column: Column, name: str) -> Converted:
    """Convert to the address of a website; null if it is too long to be one."""
    values, bad = trimmed(column, name)
    return Converted(pc.if_else(pc.greater(pc.utf8_length(values), MAX_WEBSITE), None, values), bad)


def ids(column: Column, name: str) -> Converted:
    """Convert to ids: NFC, no control characters, at most `MAX_ID` characters."""
    values, bad = trimmed(column, name)
    is_text = pa.types.is_string(column.type) or pa.types.is_binary(column.type)
    # Nearly all ids are plain: one look at the bytes spares them the rest, which took a third of the reading.
    if not is_text or not _is_plain(column):
        values = pc.utf8_normalize(values, form="NFC")
        suspects = pc.match_substring_regex(values, CONTROL)
        if is_text:
            # An id is never mended, so U+0000 is looked for where it hasn't been taken out yet.
            suspects = pc.or_(suspects.fill_null(False), pc.match_substring(column, "\0").fill_null(False))
        for index in where(suspects):
            bad[index] = f"{name} holds a control character"
    if lengths(values).max(initial=0) > MAX_ID:
        for index in where(pc.greater(pc.utf8_length(values), MAX_ID)):
            bad.setdefault(index, f"{name} is longer than {MAX_ID} characters")
    return Converted(values, bad)


def _is_plain(column: Column, least: int = 0x20) -> bool:
    """Return whether texts hold nothing but printable ASCII, which has no control characters and is NFC as it is.

    From 0x21 on there is no space either.
    """
    held = bytes_of(column)
    return not held.size or bool(held.min() >= least and held.max() <= 0x7E)


def bytes_of(column: Column) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the bytes of all texts of a column, one after the other, without copying them."""
    _, offsets, data = column.buffers()
    if data is None or not len(column):
        return np.empty(0, dtype=np.uint8)
    ends = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]]


def lengths(column: Column) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Return the bytes of each text of a column; 0 for null, as intake's columns have it."""
    if not len(column):
        return np.empty(0, dtype=np.int32)
    ends = np.frombuffer(column.buffers()[1], dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    return np.diff(ends)


def handles(column: Column, name: str) -> Converted:
    """Convert to handles: as ids, without the @ in front."""
    values, bad = ids(column, name)
    values = pc.utf8_trim_whitespace(pc.utf8_ltrim(values, "@"))
    return Converted(pc.if_else(pc.equal(pc.binary_length(values), 0), None, values), bad)


def one_of(kinds: tuple[str, ...], default: str | None = None) -> Converter:
    """Return a converter to one of some words, in any case; an empty cell is `default`."""
    known = pa.array(kinds, pa.string())

    def convert(column: Column, name: str) -> Converted:
        values, bad = trimmed(column, name)
        if pc.all(pc.is_in(values, value_set=known)).as_py():
            return Converted(values, bad)
        values = pc.utf8_lower(values)
        unknown = pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, value_set=known)))
        for index in where(unknown):
            bad[index] = f"unknown {name} {shown(values[index].as_py())}, expected one of {', '.join(kinds)}"
        return Converted(values if default is None else pc.fill_null(values, default), bad)

    return convert


def networks(default: str | None) -> Converter:
    """Return a converter to network slugs; an empty cell is `default`."""

    def convert(column: Column, name: str) -> Converted:
        if column.null_count == len(column):
            return Converted(pa.repeat(pa.scalar(default, pa.string()), len(column)), {})
        values, bad = trimmed(column, name)
        values = values if default is None else pc.fill_null(values, default)
        wrong = {slug for slug in pc.unique(values).to_pylist() if slug is not None and not _SLUG.fullmatch(slug)}
        if wrong:
            for index in where(pc.is_in(values, value_set=pa.array(sorted(wrong), pa.string()))):
                slug = shown(values[index].as_py())
                bad[index] = f"{name} {slug} is not a slug (a-z, 0-9, - and _, at most 40)"
        return Converted(values, bad)

    return convert


def times(column: Column, name: str) -> Converted:
    """Convert to whole seconds since 1970 in UTC, from 1970 to the end of 2100.

    Text is ISO 8601, in UTC where it names no zone, or epoch seconds; fractions are cut off downwards.
    """
    bad: dict[int, str] = {}
    kind = column.type
    if pa.types.is_timestamp(kind):
        values = _floor_seconds(column)
    elif pa.types.is_date(kind):
        values = pc.multiply(column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64()), 86_400)
    elif pa.types.is_integer(kind):
        values = column.cast(pa.int64())
    elif pa.types.is_floating(kind):
        numbers = column.to_numpy(zero_copy_only=False)
        wild = ~np.isfinite(numbers) | (np.abs(numbers) > 1e15)
        values = pa.array(np.floor(np.where(wild, 0, numbers)).astype(np.int64), mask=wild)
        bad = {
            int(index): f"{name} {numbers[index]} is out of range" for index in np.flatnonzero(np.abs(numbers) > 1e15)
        }
    else:
        values, bad = _times_from_text(column, name)
    ends = pc.min_max(values).as_py()
    if ends["min"] is None or (ends["min"] >= EARLIEST and ends["max"] <= LATEST):
        return Converted(values, bad)
    outside = pc.or_(pc.less(values, EARLIEST), pc.greater(values, LATEST))
    for index in where(outside):
        bad[index] = _outside(name, column[index].as_py(), values[index].as_py())
    return Converted(values, bad)


def _outside(name: str, raw: object, seconds: int) -> str:
    raw = raw.decode() if isinstance(raw, bytes) else raw
    hint = ""
    if 10**11 < seconds <= 1000 * LATEST:
        hint = "; milliseconds? seconds are expected"
    return f"{name} {shown(raw)} is outside the years 1970 to 2100{hint}"


def _floor_seconds(column: Column) -> Column:
    per_second = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[column.type.unit]
    ticks = column.cast(pa.int64())
    whole = np.floor_divide(ticks.fill_null(0).to_numpy(), per_second)
    return pa.array(whole, pa.int64(), mask=ticks.is_null().to_numpy(zero_copy_only=False))


def _times_from_text(column: Column, name: str) -> Converted:
    values, bad = trimmed(column, name)
    seconds = _times_at_once(values)
    if seconds is not None:
        return Converted(seconds, bad)
    found: list[int | None] = []
    for index, text in enumerate(values.to_pylist()):
        second = None
        if text is not None:
            try:
                second = second_of(text)
            except ValueError:
                bad[index] = f"{name} {shown(text)} is neither ISO 8601 nor epoch seconds"
        found.append(second)
    return Converted(pa.array(found, pa.int64()), bad)


def _times_at_once(values: Column) -> Column | None:
    """Return a column's seconds where every value has the same plain form, else None."""
    if values.null_count:
        return None
    if pc.all(pc.and_(pc.equal(pc.binary_length(values), _UTC_LENGTH), pc.ends_with(values, "Z"))).as_py():
        try:
            return values.cast(pa.timestamp("s", tz="UTC")).cast(pa.int64())
        except pa.ArrowInvalid:
            return None
    zoned = pc.match_substring_regex(values, r"T\d{2}:\d{2}.*" + _ZONE)
    try:
        if pc.all(pc.match_substring_regex(values, r"^\d{1,15}$")).as_py():
            return values.cast(pa.int64())
        if pc.all(pc.match_substring_regex(values, r"^\d{4}-\d{2}-\d{2}")).as_py():
            if pc.all(zoned).as_py():
                return _floor_seconds(values.cast(pa.timestamp("us", tz="UTC")))
            if not pc.any(zoned).as_py():
                return _floor_seconds(values.cast(pa.timestamp("us")))
    except pa.ArrowInvalid:
        # At least one value is bad or in another form: the slow way finds which.
        return None
    return None


def second_of(text: str) -> int:
    """Return the second that ISO 8601 or epoch-seconds text names; raise ValueError for anything else."""
    if _EPOCH.fullmatch(text):
        number = float(text)
        if abs(number) > 1e15:
            raise ValueError("out of range")
        return math.floor(number)
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return math.floor(moment.timestamp())


def whole_numbers(column: Column, name: str) -> Converted:
    """Convert to whole numbers from 0; 12.0 is 12, as tables with gaps are often written, and NaN is a gap."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int64())
    bad: dict[int, str] = {}
    if pa.types.is_integer(column.type):
        values = column.cast(pa.int64())
    elif pa.types.is_floating(column.type):
        numbers = column.to_numpy(zero_copy_only=False)
        gap = np.isnan(numbers)
        wrong = ~gap & ((numbers != np.floor(numbers)) | (np.abs(numbers) > 1e15))
        bad = {int(index): f"{name} {numbers[index]} is not a whole number" for index in np.flatnonzero(wrong)}
        values = pa.array(np.where(gap | wrong, 0, numbers).astype(np.int64), mask=gap | wrong)
    else:
        values, bad = _each(column, name, _whole, "is not a whole number from 0", pa.int64())
    for index in where(pc.less(values, 0)):
        bad[index] = f"{name} {values[index].as_py()} is below 0"
    return Converted(values, bad)


def _whole(text: str) -> int | None:
    return int(text.partition(".")[0]) if _WHOLE.fullmatch(text) else None


def booleans(column: Column, name: str) -> Converted:
    """Convert to yes and no: true, t, yes, 1 and their opposites in any case."""
    if pa.types.is_boolean(column.type):
        return Converted(column, {})
    return _each(column, name, _boolean, "is neither true nor false", pa.bool_())


def _boolean(text: str) -> bool | None:
    word = text.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _each(column: Column, name: str, parse: Callable[[str], Any], complaint: str, kind: pa.DataType) -> Converted:
    """Parse each distinct text once; a text that gives None is bad."""
    values, bad = trimmed(column, name)
    encoded = values.dictionary_encode()
    parsed = [parse(str(text)) for text in encoded.dictionary.to_pylist()]
    result = pa.array(parsed, kind).take(encoded.indices)
    for index in where(pc.and_(pc.is_null(result), pc.is_valid(values))):
        bad[index] = f"{name} {shown(values[index].as_py())} {complaint}"
    return Converted(result, bad)


def lists(column: Column, name: str) -> Converted:
    """Convert to lists of texts; text is parted at spaces and |. Empty elements go, an empty list is null."""
    if column.null_count == len(column):
        return Converted(pa.nulls(len(column), pa.list_(pa.string())), {})
    if not is_list(column.type):
        values, bad = texts(column, name)
        return Converted(pa.array([words(text) for text in values.to_pylist()], pa.list_(pa.string())), bad)
    column = column.cast(pa.list_(pa.string()))
    cleaned = [
        [text.replace("\0", "").strip() for text in row if text and text.strip("\0 \t\r\n")] if row else None
        for row in column.to_pylist()
    ]
    return Converted(pa.array([row or None for row in cleaned], pa.list_(pa.string())), {})


def words(text: str | None) -> list[str] | None:
    """Return a cell's elements, None if there are none.

    >>> words(" rstats | rstudioconf")
    ['rstats', 'rstudioconf']
    """
    return [word for word in _SEPARATORS.split(text) if word] or None if text else None


def topics(column: Column, name: str) -> Converted:
    """Convert to lists of topics: as lists, without the # in front."""
    values, bad = lists(column, name)
    if values.null_count == len(values):
        return Converted(values, bad)
    bare = [
        [word for word in (topic.lstrip("#") for topic in row) if word] or None if row else None
        for row in values.to_pylist()
    ]
    return Converted(pa.array(bare, pa.list_(pa.string())), bad)


def is_list(kind: pa.DataType) -> bool:
    """Return whether a column type is a list of something."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def where(mask: Column) -> list[int]:
    """Return the indices where a mask is true (null is not)."""
    return [int(index) for index in np.flatnonzero(mask.fill_null(False).to_numpy(zero_copy_only=False))]
