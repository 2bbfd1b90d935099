"""Keys of accounts and posts: int64 numbers that intake can compute without a look-up."""

import hashlib
import unicodedata
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

# The stubs of pyarrow lack utf8_normalize.
pc: Any = pyarrow.compute

Ints = npt.NDArray[np.int64]

# From so many texts on DuckDB hashes them: in half the time, and with Python's lock free meanwhile. It takes as long to
# start as to hash so many.
_MANY = 25_000

SEPARATOR = "\x1f"  # U+001F, unit separator: no network slug and no id that intake lets in holds it


def account_key(network: str, external_id: str) -> int:
    """Return the key of an account: 8 bytes of SHA-256, big-endian and signed.

    The id is taken in NFC, so that two spellings of one text give one key. Two accounts can share a key; at 750
    million accounts 0.015 such pairs are expected, and intake rejects the later one.

    >>> account_key("twitter", "46245868") == account_key("mastodon", "46245868")
    False
    """
    text = network + SEPARATOR + unicodedata.normalize("NFC", external_id)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def post_key(network: str, post_id: str) -> int:
    """Return the key of a post: the same function as for accounts, over the post's id."""
    return account_key(network, post_id)


def account_keys(network: pa.StringArray, ids: pa.StringArray) -> pa.Int64Array:
    """Return the key of each row, null where the id or the network is null.

    Each distinct value is hashed once, so the cost is that of the distinct values (about 0.5 µs each) plus one
    dictionary encoding. Serves posts as well: see `post_key`.
    """
    if len(ids) and network.null_count == 0 and pc.all(pc.equal(network, network[0])).as_py():
        # One network, as nearly always: it needn't be written before each id to tell them apart.
        once: Any = ids.dictionary_encode()
        texts = pc.binary_join_element_wise(network[0], _in_nfc(once.dictionary), SEPARATOR)
    else:
        once = pc.binary_join_element_wise(network, _in_nfc(ids), SEPARATOR).dictionary_encode()
        texts = once.dictionary
    return pa.array(_hashed(texts), pa.int64()).take(once.indices)


def _in_nfc(ids: pa.StringArray) -> Any:
    # ASCII is NFC as it is, and nearly all ids are ASCII.
    return ids if pc.all(pc.string_is_ascii(ids)).as_py() is not False else pc.utf8_normalize(ids, form="NFC")


def _hashed(texts: pa.StringArray) -> Ints:
    """Return the first eight bytes of each text's SHA-256."""
    if len(texts) < _MANY:
        sha256 = hashlib.sha256
        values: list[Any] = texts.cast(pa.binary()).to_pylist()
        digests = b"".join([sha256(value).digest() for value in values])
        # A digest is four words of eight bytes, of which the first is the key.
        return np.frombuffer(digests, dtype=">i8")[::4].astype(np.int64)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("texts", pa.table({"text": texts}))
        found = connection.sql("SELECT unhex(left(sha256(text), 16)) FROM texts").to_arrow_table().column(0)
    # Texts of eight bytes each, one after the other.
    data: list[Any] = [part.buffers()[2] for part in found.chunks]
    words = [
        np.frombuffer(buffer, dtype=">i8", count=len(part), offset=8 * part.offset)
        for buffer, part in zip(data, found.chunks, strict=True)
    ]
    return np.concatenate(words).astype(np.int64)
