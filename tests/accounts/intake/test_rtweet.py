"""CSV of R's package rtweet: what each kind of tweet becomes, and the real file of a conference."""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts.intake import NotThisFormat, open_source
from accounts.intake.schema import Batch
from tests.accounts.intake.reading import known, lines, read

AT = "2018-02-03T12:00:00Z"
NOON = 1517659200
COLUMNS = (
    "status_id created_at user_id screen_name text reply_to_status_id reply_to_user_id reply_to_screen_name is_quote "
    "is_retweet lang quoted_status_id retweet_status_id retweet_of_screen_name hashtags mentions_screen_name "
    "mentions_user_id"
)


def tweet(status: int, user: int, handle: str, text: str = "x", **columns: str) -> dict[str, str]:
    """Return a row; the screen name and id of its author, and whatever else is stated."""
    row = dict.fromkeys(COLUMNS.split(), "") | {"is_quote": "False", "is_retweet": "False", "created_at": AT}
    return row | {"status_id": str(status), "user_id": str(user), "screen_name": handle, "text": text} | columns


def retweet(status: int, user: int, handle: str, of: str, **columns: str) -> dict[str, str]:
    return tweet(status, user, handle, is_retweet="True", retweet_of_screen_name=of, **columns)


@pytest.fixture
def tweets(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: dict[str, str], after: str = "") -> Path:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        path = tmp_path / "tweets.csv"
        path.write_text(text.getvalue() + after, encoding="utf-8")
        return path

    return write


Tweets = Callable[..., Path]


def actions(found: Batch) -> list[tuple[str, str, str, str | None]]:
    rows = found.interactions.to_pylist()
    assert {row["at"] for row in rows} <= {NOON}
    assert {row["network"] for row in rows} <= {"twitter"}
    return [(row["kind"], row["actor"], row["target"], row["post"]) for row in rows]


def test_a_retweet_is_one_action_on_the_author_and_a_reshare(tweets: Tweets) -> None:
    row = retweet(
        12, 3, "carol", "ALICE", text="RT @Alice: thanks @bob! #rstats", retweet_status_id="10", hashtags="rstats"
    )
    row |= {"mentions_screen_name": "Alice bob", "mentions_user_id": "1 2"}
    found = read(tweets(row), "rtweet")
    assert actions(found) == [("repost", "3", "1", "10")]
    assert known(found.posts) == [
        {
            "post": "12",
            "at": NOON,
            "author": "3",
            "kind": "reshare",
            "text": "RT @Alice: thanks @bob! #rstats",
            "topics": ["rstats"],
            "network": "twitter",
        }
    ]
    assert [(row["account"], row["handle"]) for row in found.accounts.to_pylist()] == [
        ("3", "carol"),
        ("1", "Alice"),
        ("2", "bob"),
    ]


def test_a_handle_is_explained_by_any_row_of_the_file_even_a_later_one(tweets: Tweets) -> None:
    rows = [
        retweet(12, 3, "carol", "alice"),
        retweet(13, 3, "carol", "bob"),
        retweet(14, 3, "carol", "dora"),
        tweet(15, 1, "Alice", reply_to_user_id="2", reply_to_screen_name="Bob"),
        tweet(16, 1, "Alice", mentions_screen_name="Dora", mentions_user_id="4"),
    ]
    assert actions(read(tweets(*rows), "rtweet"))[:3] == [
        ("repost", "3", "1", None),
        ("repost", "3", "2", None),
        ("repost", "3", "4", None),
    ]


def test_a_handle_that_the_file_does_not_explain_is_asked_of_the_platform_then_provisional(tweets: Tweets) -> None:
    path = tweets(retweet(12, 3, "carol", "Alice", retweet_status_id="10"))
    assert actions(read(path, "rtweet", handles={"alice": "1"})) == [("repost", "3", "1", "10")]
    found = read(path, "rtweet")
    assert actions(found) == [("repost", "3", "@alice", "10")]
    assert known(found.accounts)[1] == {"account": "@alice", "handle": "alice", "network": "twitter"}


def test_a_reply_and_its_address_are_one_action(tweets: Tweets) -> None:
    row = tweet(12, 3, "carol", "@alice @bob sure", reply_to_status_id="10", reply_to_user_id="1")
    row |= {"reply_to_screen_name": "alice", "mentions_screen_name": "alice bob", "mentions_user_id": "1 2"}
    found = read(tweets(row), "rtweet")
    assert actions(found) == [("reply", "3", "1", "10"), ("mention", "3", "2", "12")]
    assert found.posts["kind"].to_pylist() == ["reply"]


def test_a_quote_finds_its_author_in_the_file(tweets: Tweets) -> None:
    rows = [
        tweet(12, 3, "carol", is_quote="True", quoted_status_id="10"),
        tweet(13, 3, "carol", is_quote="True", quoted_status_id="99"),
        tweet(10, 1, "alice"),
    ]
    found = read(tweets(*rows), "rtweet")
    assert actions(found) == [("quote", "3", "1", "10")]
    assert found.posts["kind"].to_pylist() == ["quote", "quote", "original"]


def test_a_quote_in_a_reply_is_two_actions_and_one_reply(tweets: Tweets) -> None:
    rows = [
        tweet(12, 3, "carol", quoted_status_id="10", reply_to_user_id="2", reply_to_status_id="11"),
        tweet(10, 1, "alice"),
    ]
    found = read(tweets(*rows), "rtweet")
    assert actions(found) == [("quote", "3", "1", "10"), ("reply", "3", "2", "11")]
    assert found.posts["kind"].to_pylist() == ["reply", "original"]


def test_actions_on_oneself_are_kept(tweets: Tweets) -> None:
    rows = [retweet(12, 3, "carol", "carol"), tweet(13, 3, "carol", reply_to_user_id="3")]
    assert actions(read(tweets(*rows), "rtweet")) == [("repost", "3", "3", None), ("reply", "3", "3", None)]


def test_texts_are_plain_and_their_links_whole(tweets: Tweets) -> None:
    text = "R &amp; @RStudio &lt;3: https://t.co/abc, http://x.y/z). https://t.co/ti3v…"
    (row,) = known(read(tweets(tweet(12, 3, "carol", text)), "rtweet").posts)
    assert row["text"] == "R & @RStudio <3: https://t.co/abc, http://x.y/z). https://t.co/ti3v…"
    assert row["links"] == ["https://t.co/abc", "http://x.y/z"]


def test_more_columns_of_rtweet_are_used_where_they_are(tweets: Tweets) -> None:
    row = tweet(12, 3, "carol", quoted_status_id="10", quoted_user_id="x1", urls_expanded_url="https://seths.blog/ NA")
    row |= {"status_id": "x12", "user_id": "x3", "name": "Carol", "location": "Toronto", "description": "NA"}
    row |= {"followers_count": "120", "friends_count": "80", "verified": "FALSE", "account_created_at": AT}
    found = read(tweets(row), "rtweet")
    assert actions(found) == [("quote", "3", "1", "10")]
    assert found.posts["links"].to_pylist() == [["https://seths.blog/"]]
    assert known(found.accounts) == [
        {
            "account": "3",
            "handle": "carol",
            "name": "Carol",
            "followers": 120,
            "following": 80,
            "verified": False,
            "created_at": NOON,
            "location": "Toronto",
            "network": "twitter",
        }
    ]


def test_bad_rows_are_named_by_the_line_at_which_they_start(tweets: Tweets) -> None:
    path = tweets(
        tweet(12, 3, "carol", "two\nlines"),
        tweet(13, 3, "carol") | {"status_id": ""},
        tweet(14, 3, "carol") | {"user_id": "9.6e17"},
        tweet(15, 3, "carol") | {"created_at": "Sat Feb 03"},
        retweet(16, 3, "carol", ""),
        tweet(17, 3, "carol"),
        after="18,too short\n",
    )
    found = read(path, "rtweet")
    assert lines(found.rejects) == [
        (4, "status_id is missing"),
        (5, "user_id '9.6e17' is not a number"),
        (6, "created_at 'Sat Feb 03' is not an ISO 8601 time"),
        (7, "a retweet that doesn't say of whom: retweet_of_screen_name is missing"),
        (9, "2 cells where the header has 17"),
    ]
    assert found.posts["post"].to_pylist() == ["12", "17"]
    assert found.rows == 7


def test_a_rejected_row_adds_nothing(tweets: Tweets) -> None:
    row = tweet(12, 3, "carol", mentions_user_id="2", mentions_screen_name="bob", quoted_status_id="no number")
    found = read(tweets(row), "rtweet")
    assert lines(found.rejects) == [(2, "quoted_status_id 'no number' is not a number")]
    assert (found.interactions.num_rows, found.posts.num_rows, found.accounts.num_rows) == (0, 0, 0)


def test_cells_that_are_not_utf8_reject_their_row(tweets: Tweets) -> None:
    path = tweets(tweet(12, 3, "carol", "café"), tweet(13, 3, "carol"))
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xe9"))
    found = read(path, "rtweet")
    assert lines(found.rejects) == [(2, "text is not UTF-8 text")]
    assert found.posts["post"].to_pylist() == ["13"]


def test_other_files_are_refused_in_one_line(tweets: Tweets, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("id,text\n1,hello\n")
    with pytest.raises(NotThisFormat) as refused:
        open_source(other, "rtweet")
    assert str(refused.value) == (
        "other.csv lacks rtweet's columns status_id, created_at, user_id, screen_name, is_retweet; it has: 'id, text'"
    )
    with pytest.raises(NotThisFormat, match=r"^.* should be a \.csv or \.csv\.gz file as rtweet writes it$"):
        open_source(tmp_path, "rtweet")


def test_a_gzip_file_that_breaks_off_is_refused_on_the_way(tweets: Tweets, tmp_path: Path) -> None:
    content = tweets(*(tweet(number * 7919, number, f"u{number}") for number in range(1, 9_000))).read_bytes()
    path = tmp_path / "tweets.csv.gz"
    path.write_bytes(gzip.compress(content)[:-2_000])
    with pytest.raises(NotThisFormat, match=r"^tweets\.csv\.gz is damaged after line \d+: "):
        list(open_source(path, "rtweet").batches())


def test_the_conference(shared_data: Path) -> None:
    path = shared_data / "rstudioconf" / "tweets.csv.gz"
    if not path.exists():
        pytest.skip(f"no real data at {path}")
    found = read(path, "rtweet")
    assert found.rows == found.posts.num_rows == 7_422
    assert found.rejects == []
    assert Counter(found.posts["kind"].to_pylist()) == {"reshare": 5_496, "original": 1_523, "reply": 271, "quote": 132}
    # 5,496 retweets, of which two are one event: the same person, tweet and second.
    assert Counter(found.interactions["kind"].to_pylist()) == {
        "repost": 5_495,
        "mention": 1_236,
        "reply": 271,
        "quote": 90,
    }
    assert found.accounts.num_rows == len(set(found.accounts["account"].to_pylist())) == 2_474
    assert not any(str(target).startswith("@") for target in found.interactions["target"].to_pylist())
    handles = {row["account"]: row["handle"] for row in found.accounts.to_pylist()}
    reposts = [row for row in found.interactions.to_pylist() if row["kind"] == "repost"]
    assert [
        (handles[target], number) for target, number in Counter(row["target"] for row in reposts).most_common(3)
    ] == [("drob", 574), ("robinson_es", 489), ("AmeliaMN", 372)]
    assert {row["at"] // 86_400 for row in found.posts.to_pylist()} == set(range(17554, 17570))
