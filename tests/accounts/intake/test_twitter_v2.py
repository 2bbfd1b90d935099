"""JSON lines of Twitter's API v2: what each kind of tweet becomes, and real files of twarc."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.intake import NotThisFormat, open_source
from accounts.intake.schema import Batch
from tests.accounts.intake.reading import known, lines, read

AT = "2018-02-03T12:00:00.000Z"
NOON = 1517659200

Json = dict[str, Any]
Write = Callable[..., Path]


def tweet(number: int, author: int, text: str = "x", **fields: Any) -> Json:
    return {"id": str(number), "author_id": str(author), "created_at": AT, "text": text} | fields


def user(number: int, username: str, **fields: Any) -> Json:
    return {"id": str(number), "username": username, "name": username.title()} | fields


def refers(kind: str, number: int) -> Json:
    return {"referenced_tweets": [{"type": kind, "id": str(number)}]}


def mentions(*accounts: tuple[str, int | None]) -> Json:
    found = [
        {"start": 3 + index, "username": name} | ({"id": str(number)} if number else {})
        for index, (name, number) in enumerate(accounts)
    ]
    return {"entities": {"mentions": found}}


@pytest.fixture
def written(tmp_path: Path) -> Write:
    def write(*rows: Json | str) -> Path:
        path = tmp_path / "tweets.jsonl"
        texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_text("".join(f"{text}\n" for text in texts))
        return path

    return write


def page(*data: Json, users: tuple[Json, ...] = (), tweets: tuple[Json, ...] = ()) -> Json:
    return {"data": list(data), "includes": {"users": list(users), "tweets": list(tweets)}, "meta": {}}


def actions(found: Batch) -> list[tuple[str, str, str, str | None]]:
    rows = found.interactions.to_pylist()
    assert {(row["at"], row["network"]) for row in rows} <= {(NOON, "twitter")}
    return [(row["kind"], row["actor"], row["target"], row["post"]) for row in rows]


def test_a_retweet_is_one_action_on_the_author_and_both_tweets_are_posts(written: Write) -> None:
    original = tweet(10, 1, "thanks @bob", **mentions(("bob", 2)))
    retweet = tweet(12, 3, "RT @alice: thanks @bob", **refers("retweeted", 10), **mentions(("alice", 1), ("bob", 2)))
    found = read(written(page(retweet, tweets=(original,))), "twitter-v2")
    # The mention stands in the original and is its author's.
    assert actions(found) == [("repost", "3", "1", "10"), ("mention", "1", "2", "10")]
    assert [(row["post"], row["author"], row["kind"]) for row in found.posts.to_pylist()] == [
        ("12", "3", "reshare"),
        ("10", "1", "original"),
    ]


def test_of_a_retweet_whose_original_is_gone_the_head_names_the_author(written: Write) -> None:
    retweet = tweet(12, 3, "RT @alice: @bob", **refers("retweeted", 10), **mentions(("alice", 1), ("bob", 2)))
    assert actions(read(written(page(retweet)), "twitter-v2")) == [("repost", "3", "1", "10")]


def test_a_reply_and_its_address_are_one_action(written: Write) -> None:
    reply = tweet(12, 3, **refers("replied_to", 10), **mentions(("alice", 1), ("bob", 2)), in_reply_to_user_id="1")
    found = read(written(page(reply)), "twitter-v2")
    assert actions(found) == [("reply", "3", "1", "10"), ("mention", "3", "2", "12")]
    assert found.posts["kind"].to_pylist() == ["reply"]


def test_a_quote_finds_its_author_among_the_included_tweets(written: Write) -> None:
    quotes = (tweet(12, 3, **refers("quoted", 10)), tweet(13, 3, **refers("quoted", 99)))
    found = read(written(page(*quotes, tweets=(tweet(10, 1),))), "twitter-v2")
    assert actions(found) == [("quote", "3", "1", "10")]
    assert found.posts["kind"].to_pylist() == ["quote", "quote", "original"]


def test_a_quote_in_a_reply_is_two_actions_and_one_reply(written: Write) -> None:
    both: Json = {"referenced_tweets": [{"type": "quoted", "id": "10"}, {"type": "replied_to", "id": "11"}]}
    found = read(written(page(tweet(12, 3, **both), tweets=(tweet(10, 1), tweet(11, 2)))), "twitter-v2")
    assert actions(found) == [("quote", "3", "1", "10"), ("reply", "3", "2", "11")]
    assert found.posts["kind"].to_pylist() == ["reply", "original", "original"]


def test_a_mention_without_an_id_goes_through_the_table_of_handles(written: Write) -> None:
    named = tweet(12, 3, **mentions(("Alice", None), ("bob", None), ("gone", None)))
    path = written(page(named, users=(user(1, "alice"),)))
    found = read(path, "twitter-v2", handles={"bob": "2", "alice": "999"})
    assert actions(found) == [("mention", "3", "1", "12"), ("mention", "3", "2", "12"), ("mention", "3", "@gone", "12")]
    assert {"account": "@gone", "handle": "gone", "network": "twitter"} in known(found.accounts)


def test_profiles_are_read_whole(written: Write) -> None:
    profile = user(
        1,
        "alice",
        public_metrics={"followers_count": 6851, "following_count": 1079},
        verified=True,
        created_at="2009-01-04T01:05:02.000Z",
        description="Cofounder &amp; CTO",
        location=" San Francisco, CA ",
        url="https://t.co/s98",
        entities={"url": {"urls": [{"url": "https://t.co/s98", "expanded_url": "https://jon.how/ard"}]}},
    )
    found = read(written(page(tweet(10, 1), users=(profile,))), "twitter-v2")
    assert known(found.accounts) == [
        {
            "account": "1",
            "handle": "alice",
            "name": "Alice",
            "followers": 6851,
            "following": 1079,
            "verified": True,
            "created_at": 1231031102,
            "bio": "Cofounder &amp; CTO",
            "location": "San Francisco, CA",
            "website": "https://jon.how/ard",
            "network": "twitter",
        }
    ]


def test_posts_keep_where_their_links_lead_and_their_hashtags(written: Write) -> None:
    entities = {
        "urls": [
            {"url": "https://t.co/a", "expanded_url": "http://bit.ly/x", "unwound_url": "https://seths.blog/1"},
            {"url": "https://t.co/b", "expanded_url": "https://jon.how"},
            {"url": "https://t.co/b", "expanded_url": "https://jon.how"},
        ],
        "hashtags": [{"tag": "rstats"}, {"tag": "ümlaut"}],
    }
    (row,) = known(
        read(written(page(tweet(10, 1, "R &amp; \ud83d", entities=entities, lang="en"))), "twitter-v2").posts
    )
    assert row["text"] == "R & \ufffd"
    assert row["links"] == ["https://seths.blog/1", "https://jon.how"]
    assert (row["topics"], row["lang"]) == (["rstats", "ümlaut"], "en")


def test_a_tweet_that_comes_again_is_one_post_and_one_action(written: Write) -> None:
    same = tweet(10, 1, **mentions(("bob", 2), ("bob", 2)))
    found = read(written(page(same, tweets=(same,)), page(same)), "twitter-v2")
    assert (found.posts.num_rows, actions(found)) == (1, [("mention", "1", "2", "10")])


def test_one_tweet_instead_of_a_list_and_a_bare_tweet_or_user_are_read(written: Write) -> None:
    path = written({"data": tweet(10, 1)}, tweet(11, 1), user(1, "alice"), {"data": user(2, "bob")})
    found = read(path, "twitter-v2")
    assert found.posts["post"].to_pylist() == ["10", "11"]
    assert found.accounts["handle"].to_pylist() == ["alice", "bob"]


def test_an_answer_without_results_is_no_fault(written: Write) -> None:
    found = read(written({"meta": {"result_count": 0}}, {"errors": [{"title": "Not Found Error"}]}), "twitter-v2")
    assert (found.rejects, found.rows, found.posts.num_rows) == ([], 0, 0)


def test_bad_lines_are_named_and_the_rest_is_kept(written: Write) -> None:
    path = written(
        page(tweet(10, 1)),
        "{broken",
        "",
        {"x": 1},
        "[]",
        page(tweet(11, 1), tweet(12, 1) | {"author_id": None}, tweet(13, 1) | {"created_at": "soon"}),
        {"data": [{"id": "1"}, 5]},
        page(user(4, "dora", created_at="never")),
    )
    found = read(path, "twitter-v2")
    reasons = lines(found.rejects)
    assert [line for line, _ in reasons] == [2, 4, 5, 6, 6, 7, 7, 8]
    assert reasons[0][1].startswith("not JSON: ")
    assert [reason for _, reason in reasons[1:]] == [
        "neither an answer nor a tweet nor a user of the API; its keys: 'x'",
        "a JSON object was expected, not '[]'",
        "tweet 12: author_id is missing",
        "tweet 13: created_at 'soon' is not an ISO 8601 time",
        "neither a tweet nor a user; its keys: 'id'",
        "a tweet or user was expected, not '5'",
        "user 4: created_at 'never' is not an ISO 8601 time",
    ]
    assert found.posts["post"].to_pylist() == ["10", "11"]


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    for content in (
        "MIT License\n",
        '{"x": 1}\n',
        '[{"id": 1, "text": "x"}]\n',
        '{"data": [1]}\n',
        "",
        '{"data"' * 20_000,
    ):
        other.write_text(content)
        with pytest.raises(NotThisFormat) as refused:
            open_source(other, "twitter-v2")
        assert str(refused.value).startswith(
            "other.jsonl should hold answers or tweets of Twitter's API v2 line by line; it begins '"
        ), content[:20]
        assert "\n" not in str(refused.value)
    with pytest.raises(NotThisFormat, match=r"should be a file of JSON lines but is a folder$"):
        open_source(tmp_path, "twitter-v2")


def test_compressed_files_are_read_and_broken_ones_refused_on_the_way(tmp_path: Path) -> None:
    content = gzip.compress("".join(json.dumps(tweet(n * 7919, n)) + "\n" for n in range(20_000)).encode())
    path = tmp_path / "tweets.jsonl.gz"
    path.write_bytes(content)
    assert read(path, "twitter-v2").posts.num_rows == 20_000
    path.write_bytes(content[:-2_000])
    with pytest.raises(NotThisFormat, match=r"^tweets\.jsonl\.gz is damaged after line \d+: "):
        list(open_source(path, "twitter-v2").batches())


@pytest.fixture
def real(shared_data: Path) -> Path:
    folder = shared_data / "formats" / "twitter_v2"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    return folder


def test_real_answers(real: Path) -> None:
    found = read(real / "2sets.jsonl", "twitter-v2")
    assert found.rejects == []
    # 200 tweets in the answers, 76 more among what they include.
    assert found.posts.num_rows == len(set(found.posts["post"].to_pylist())) == 276
    assert Counter(found.interactions["kind"].to_pylist()) == {"repost": 145, "mention": 57, "reply": 17, "quote": 13}
    assert found.accounts.num_rows == 289


def test_flattened_tweets_give_what_the_answers_gave(real: Path) -> None:
    flat, answers = (read(real / name, "twitter-v2") for name in ("flat.jsonl", "noflat.jsonl"))
    for table in ("interactions", "posts", "accounts"):
        rows = [sorted(map(repr, getattr(found, table).to_pylist())) for found in (flat, answers)]
        assert rows[0] == rows[1]
        assert rows[0]
    assert flat.interactions.num_rows == 153


def test_real_profiles(real: Path) -> None:
    found = read(real / "users.jsonl", "twitter-v2")
    assert (found.accounts.num_rows, found.rejects) == (91, [])
    by_handle = {row["handle"]: row for row in found.accounts.to_pylist()}
    assert by_handle["jduc_hoang"]["location"] == "Portland, OR"
    assert by_handle["jduc_hoang"]["website"] == "http://Facebook.com/johnny.d.hoang"
    # The tweets that they pinned are posts like any other.
    assert found.posts.num_rows == 52


def test_no_real_file_has_a_bad_row(real: Path) -> None:
    for path in sorted(real.glob("*.jsonl")):
        assert read(path, "twitter-v2").rejects == [], path.name


def test_a_handle_that_can_be_in_no_address_is_left_out(written: Write) -> None:
    found = read(written(page(tweet(1, 7), users=(user(7, "new\nline"),))), "twitter-v2")

    assert {row["account"]: row["handle"] for row in found.accounts.to_pylist()} == {"7": None}
