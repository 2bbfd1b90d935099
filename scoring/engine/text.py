"""Texts to fingerprints that near-duplicates share, and how far a person's texts repeat each other."""

from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scoring.engine.arrays import Ints, sum_by

Prints = npt.NDArray[np.uint64]

# Addresses and names say whom and where, not what.
_REFERENCES = r"(?:https?://|www\.)\S+|@[\p{L}\p{N}_.@-]+"
# Scripts that write no spaces, and pictures: each sign is taken as a word, or whole sentences would be one.
_SIGNS = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}\p{So}])"
_NFKC = pc.Utf8NormalizeOptions("NFKC")
_NO_WORD = r"[^\p{L}\p{M}\p{So}]+"


def fingerprints(texts: "pa.Array[Any] | pa.ChunkedArray[Any]") -> Prints:
    """Return one number per text, the same for texts that use the same set of words.

    Texts are brought to NFKC and lower case; addresses, @names, digits and punctuation are dropped; then the
    different words are hashed and the hashes added up, so that neither order nor repetition matters. A text of
    which nothing is left (a bare link, a number) is hashed as it stands, so that only equal ones are equal.

    Parameters
    ----------
    texts : pyarrow.Array or ChunkedArray of string, length n
        Texts in any script, without nulls.

    Returns
    -------
    ndarray of uint64, shape (n,)
        Fingerprints, the same on every machine.

    Examples
    --------
    >>> a, b, c = fingerprints(pa.array(["jump jump jump", "Jump, jump! https://t.co/x", "no"])).tolist()
    >>> a == b, a == c
    (True, False)
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    size = len(texts)
    if not size:
        return np.zeros(0, dtype=np.uint64)
    plain = pc.utf8_lower(pc.call_function("utf8_normalize", [texts.cast(pa.string())], _NFKC))
    words = pc.replace_substring_regex(plain, pattern=_REFERENCES, replacement=" ")
    words = pc.replace_substring_regex(words, pattern=_SIGNS, replacement=r" \1 ")
    words = pc.utf8_trim_whitespace(pc.replace_substring_regex(words, pattern=_NO_WORD, replacement=" "))
    words = pc.if_else(pc.equal(words, pa.scalar("")), pa.scalar(None, pa.string()), words)
    split = pc.split_pattern(words, pattern=" ")
    row = pc.list_parent_indices(split).to_numpy().astype(np.int64)
    coded = pc.list_flatten(split).dictionary_encode()
    hashes = _hash(coded.dictionary)
    different = np.unique(row * (hashes.size + 1) + coded.indices.to_numpy())
    prints = np.zeros(size, dtype=np.uint64)
    np.add.at(prints, different // (hashes.size + 1), hashes[different % (hashes.size + 1)])
    bare = np.flatnonzero(pc.is_null(split).to_numpy(zero_copy_only=False))
    if bare.size:
        prints[bare] = _hash(pc.utf8_trim_whitespace(plain.take(pa.array(bare))))
    return prints


def _hash(words: "pa.Array[Any]") -> Prints:
    # One step per different word: the vocabulary grows far slower than the texts.
    digests = b"".join(blake2b(str(word).encode(), digest_size=8).digest() for word in words.to_pylist())
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def credibility(author: Ints, times: Ints, size: int, *, texts: int, slope: float) -> npt.NDArray[np.float64]:
    """Turn the share of different texts among a person's recent ones into credibility: min(1, slope share).

    Parameters
    ----------
    author : ndarray of int64, shape (k,)
        Position of the author of each different text, below `size`.
    times : ndarray of int64, shape (k,)
        How often the author posted it, at least 1.
    size : int
        Number of people n.
    texts : int
        People with fewer texts keep 1: that is no evidence.
    slope : float
        1 / slope is the share that is enough.

    Returns
    -------
    ndarray of float64, shape (n,)
        Above 0, at most 1.

    Examples
    --------
    >>> credibility(np.array([0, 0]), np.array([11, 1]), 2, texts=5, slope=3.0).tolist()
    [0.5, 1.0]
    """
    counts = sum_by(author, times, size)
    share = np.bincount(author, minlength=size) / np.maximum(counts, 1)
    return np.where(counts >= texts, np.minimum(1.0, slope * share), 1.0)
