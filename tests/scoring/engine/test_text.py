"""Which texts are the same, and what repetition costs."""

import numpy as np
import pyarrow as pa
import pytest

from scoring.engine.text import credibility, fingerprints


def same(*texts: str) -> bool:
    return len(set(fingerprints(pa.array(texts)).tolist())) == 1


@pytest.mark.parametrize(
    "texts",
    [
        ("jump jump jump", "jump jump", "Jump! 12 JUMP?"),
        ("a nut https://t.co/abc", "nut a http://x.y", "a, nut www.nuts.org"),
        ("thanks @anna", "Thanks @bo.b@mastodon.social!!"),
        ("ｊｕｍｐ ﬁne", "jump fine"),
        ("跳跳跳", "跳"),
        ("🎉", "🎉🎉 🎉"),
        ("day 1 of 100", "Day 2 of 100"),
    ],
)
def test_near_duplicates_share_a_fingerprint(texts: tuple[str, ...]) -> None:
    assert same(*texts)


@pytest.mark.parametrize(
    "texts",
    [
        ("the nut", "the tree"),
        ("今日は良い天気", "明日は雨です"),
        ("สวัสดีครับ", "ขอบคุณมาก"),
        ("ጤና ይስጥልኝ", "ደህና ሁን"),
        ("مرحبا بكم", "شكرا جزيلا"),
        ("https://a.b/1", "https://a.b/2"),
        ("1", "2"),
        ("", "."),
        ("🎉", "🔥"),
        ("#rstats", "#python"),
    ],
)
def test_different_texts_stay_different_in_any_script(texts: tuple[str, str]) -> None:
    assert not same(*texts)


def test_fingerprints_do_not_depend_on_their_neighbours() -> None:
    texts = ["one two", "", "three", "https://x.y", "two one", "four"]

    together = fingerprints(pa.chunked_array([texts[:2], texts[2:]]))

    assert together.tolist() == [int(fingerprints(pa.array([text]))[0]) for text in texts]
    assert fingerprints(pa.array([], pa.string())).size == 0


def test_credibility_is_the_share_of_different_texts_three_times_over() -> None:
    # Person 0: 2 different of 12; person 1: 4 of 12; person 2: 1 of 4, too few to tell; person 3: none.
    author = np.array([0, 0, 1, 1, 1, 1, 2], dtype=np.int64)
    times = np.array([6, 6, 3, 3, 3, 3, 4], dtype=np.int64)
    shuffled = np.random.default_rng(0).permutation(author.size)

    found = credibility(author[shuffled], times[shuffled], 4, texts=5, slope=3.0)

    assert found.tolist() == [0.5, 1.0, 1.0, 1.0]
