"""Keys of accounts and posts."""

import hashlib
import unicodedata

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.keys import account_key, account_keys, post_key


def test_a_key_is_the_first_eight_bytes_of_sha256_big_endian_and_signed() -> None:
    digest = hashlib.sha256(b"twitter\x1f46245868").digest()
    assert account_key("twitter", "46245868") == int.from_bytes(digest[:8], "big", signed=True)
    # Worked out once with sha256sum, so that the definition can't drift together with its test.
    assert account_key("twitter", "46245868") == 1845152105435300014


def test_two_spellings_of_one_text_have_one_key() -> None:
    composed, decomposed = "J\u00fcrgen", unicodedata.normalize("NFD", "J\u00fcrgen")
    assert composed != decomposed
    assert account_key("demo", composed) == account_key("demo", decomposed)


def test_the_network_belongs_to_the_key() -> None:
    assert account_key("twitter", "1") != account_key("mastodon", "1")
    assert account_key("ab", "c") != account_key("a", "bc")


def test_posts_have_keys_of_the_same_kind() -> None:
    assert post_key("twitter", "958871217087201281") == account_key("twitter", "958871217087201281")


@given(st.lists(st.tuples(st.sampled_from(["twitter", "web"]), st.none() | st.text(max_size=8))))
@settings(deadline=None)
def test_a_column_gives_what_each_row_gives(rows: list[tuple[str, str | None]]) -> None:
    networks = pa.array([network for network, _ in rows], pa.string())
    ids = pa.array([value for _, value in rows], pa.string())
    expected = [None if value is None else account_key(network, value) for network, value in rows]
    keys = account_keys(networks, ids)
    assert keys.type == pa.int64()
    assert keys.to_pylist() == expected


def test_a_column_of_very_many_gives_the_same() -> None:
    ids = [*(f"{number}é" for number in range(30_000)), None, "7é"]
    for network in (["web"] * len(ids), ["web", "twitter"] * (len(ids) // 2)):
        expected = [None if id is None else account_key(name, id) for name, id in zip(network, ids, strict=True)]
        assert account_keys(pa.array(network), pa.array(ids)).to_pylist() == expected


def test_an_empty_column_gives_an_empty_column() -> None:
    empty = pa.array([], pa.string())
    assert account_keys(empty, empty).to_pylist() == []
