"""The sample world: the same for the same seed, whole in itself, and in the shape of a real network."""

import csv
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from accounts.intake import ACCOUNTS, INTERACTIONS, POSTS, Batch, open_source, website_host
from accounts.places import find_city
from accounts.sample import NETWORKS, World, make_world, write_dataset
from accounts.sample.subjects import SUBJECTS

UNTIL = datetime(2026, 11, 20, tzinfo=UTC)
END = int(UNTIL.timestamp())
DAY = 86_400

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(people=1500, until=UNTIL)


@pytest.fixture(scope="module")
def acts(world: World) -> Rows:
    return world.interactions.to_pylist()


@pytest.fixture(scope="module")
def posts(world: World) -> Rows:
    return world.posts.to_pylist()


@pytest.fixture(scope="module")
def accounts(world: World) -> Rows:
    return world.accounts.to_pylist()


@pytest.fixture(scope="module")
def extras(world: World) -> set[str]:
    """Return the accounts that aren't ordinary people's."""
    return {*world.cast.values(), *world.groups["pod"], *world.groups["bots"]}


def test_the_same_seed_gives_the_same_world() -> None:
    first, second, other = (make_world(people=150, days=30, until=UNTIL, seed=seed) for seed in (1, 1, 2))
    for table in ("interactions", "posts", "accounts"):
        assert getattr(first, table).equals(getattr(second, table))
        assert not getattr(first, table).equals(getattr(other, table))
    assert (first.cast, first.groups) == (second.cast, second.groups)


def test_tables_come_back_from_a_folder_as_they_were(world: World, tmp_path: Path) -> None:
    write_dataset(world, tmp_path / "world")
    assert sorted(path.name for path in (tmp_path / "world").iterdir()) == [
        "accounts.parquet",
        "interactions.parquet",
        "posts.parquet",
    ]
    batches: list[Batch] = list(open_source(tmp_path / "world", "dataset").batches())
    assert [reject for batch in batches for reject in batch.rejects] == []
    for table, schema in (("interactions", INTERACTIONS), ("posts", POSTS), ("accounts", ACCOUNTS)):
        read = pa.concat_tables(getattr(batch, table) for batch in batches)
        assert read.schema == schema
        assert read.combine_chunks().equals(getattr(world, table).combine_chunks())


def test_everything_happens_in_the_ninety_days_and_in_order(acts: Rows, posts: Rows) -> None:
    for rows in (acts, posts):
        times = [row["at"] for row in rows]
        assert END - 90 * DAY <= times[0] < END - 89 * DAY
        assert END - DAY <= times[-1] < END
        assert all(one <= next_one for one, next_one in pairwise(times))


def test_acts_are_between_known_people_by_posts_that_exist(acts: Rows, posts: Rows, accounts: Rows) -> None:
    known = {(row["network"], row["account"]) for row in accounts}
    author = {(row["network"], row["post"]): row["author"] for row in posts}
    written = {(row["network"], row["post"]): row["at"] for row in posts}
    assert len(known) == len(accounts)
    assert len(author) == len(posts)
    assert {network for network, _ in known} == set(NETWORKS)
    for row in acts:
        network, post = row["network"], (row["network"], row["post"])
        assert {(network, row["actor"]), (network, row["target"])} <= known
        assert row["actor"] != row["target"]
        if row["kind"] == "mention":
            assert (author[post], written[post]) == (row["actor"], row["at"])
        else:
            assert author[post] == row["target"]
            assert row["at"] > written[post]
    events = Counter((row["network"], row["kind"], row["actor"], row["target"], row["post"], row["at"]) for row in acts)
    assert set(events.values()) == {1}


def test_replies_reposts_and_quotes_are_posts_too(acts: Rows, posts: Rows) -> None:
    made = {"reply": "reply", "repost": "reshare", "quote": "quote"}
    of_posts = Counter((row["kind"], row["author"], row["at"]) for row in posts if row["kind"] != "original")
    of_acts = Counter((made[row["kind"]], row["actor"], row["at"]) for row in acts if row["kind"] in made)
    assert of_posts == of_acts
    assert all((row["text"] is None) == (row["kind"] == "reshare") for row in posts)


def test_the_shape_is_that_of_a_real_network(acts: Rows, accounts: Rows, extras: set[str]) -> None:
    ordinary = [row["account"] for row in accounts if row["account"] not in extras]
    received = Counter(row["target"] for row in acts)
    counts = np.sort([received[account] for account in ordinary])
    unanswered = float((counts == 0).mean())
    rank = np.arange(1, len(counts) + 1)
    gini = float((2 * rank - len(counts) - 1) @ counts / (len(counts) * counts.sum()))
    kinds = Counter(row["kind"] for row in acts if row["actor"] not in extras)
    verified = sum(row["verified"] for row in accounts) / len(accounts)
    print(f"never answered {unanswered:.2f}, Gini {gini:.2f}, verified {verified:.3f}, {dict(kinds)}")
    assert 0.6 < unanswered < 0.9
    assert 0.85 < gini < 0.98
    assert 0.01 < verified < 0.03
    assert kinds["like"] > 3 * kinds["repost"]
    assert kinds["repost"] > kinds["reply"] > 3 * kinds["mention"] > 0


def test_people_rest_at_night_and_at_weekends_and_go_away(posts: Rows, accounts: Rows, extras: set[str]) -> None:
    own = [row for row in posts if row["kind"] == "original" and row["author"] not in extras]
    torontonians = {row["account"] for row in accounts if (row["location"] or "").startswith("Toronto")}
    local = Counter((row["at"] // 3600 - 5) % 24 for row in own if row["author"] in torontonians)
    assert sum(local[hour] for hour in range(2, 6)) * 4 < sum(local[hour] for hour in range(18, 22))
    weekdays = Counter(datetime.fromtimestamp(row["at"], UTC).weekday() for row in own)
    assert (weekdays[5] + weekdays[6]) / 2 < 0.9 * sum(weekdays[day] for day in range(5)) / 5
    days = defaultdict(set)
    for row in own:
        days[row["author"]].add((row["at"] - END) // DAY)
    regulars = [seen for seen in days.values() if len(seen) >= 45]
    silent = [max((late - early for early, late in pairwise(sorted(seen))), default=0) for seen in regulars]
    assert sum(gap >= 5 for gap in silent) > len(regulars) / 4
    assert any(max(seen) < -20 for seen in days.values() if len(seen) >= 10)


def test_people_answer_each_other(acts: Rows, posts: Rows, extras: set[str]) -> None:
    kind = {row["post"]: row["kind"] for row in posts}
    replies = [row for row in acts if row["kind"] == "reply"]
    assert sum(kind[row["post"]] == "reply" for row in replies) > len(replies) / 5
    given = Counter((row["actor"], row["target"]) for row in acts if not {row["actor"], row["target"]} & extras)
    friends = [pair for pair, count in given.items() if count >= 3 and given[pair[::-1]] >= 3]
    assert len(friends) > 100


def test_cities_and_names_are_of_many_cultures(accounts: Rows) -> None:
    cities = Counter(
        found.name for row in accounts if row["location"] and (found := find_city(row["location"])) is not None
    )
    placed = sum(cities.values())
    assert len(cities) >= 25
    assert 0.75 < placed / len(accounts) < 0.95
    assert all(cities[city] > 0.04 * placed for city in ("Toronto", "Los Angeles", "San Francisco"))
    scripts = "".join(row["name"] for row in accounts)
    assert all(letter in scripts for letter in "éłşñ田Іनم김")
    for network in NETWORKS:
        handles = [row["handle"].casefold() for row in accounts if row["network"] == network]
        assert len(set(handles)) == len(handles)


def test_some_write_in_the_language_of_their_city_and_english_now_and_then(posts: Rows, accounts: Rows) -> None:
    cities = {row["account"]: found.name for row in accounts if (found := find_city(row["location"] or ""))}
    own = [row for row in posts if row["kind"] == "original"]
    languages = Counter(row["lang"] for row in own)
    assert set(languages) == {"en", "fr", "es", "pt", "de"}
    assert languages["en"] > 0.75 * len(own)
    assert {cities[row["author"]] for row in own if row["lang"] == "fr" and row["author"] in cities} <= {
        "Montréal",
        "Paris",
    }
    writers = {row["author"] for row in own if row["lang"] != "en"}
    assert len(writers) > 15
    assert writers & {row["author"] for row in own if row["lang"] == "en"}
    words = {"fr": " la ", "es": " que ", "pt": " que ", "de": " ich "}
    for language, word in words.items():
        said = [row["text"] for row in own if row["lang"] == language]
        assert any(word in text.lower() for text in said)
        assert not any(" about " in text or "  " in text for text in said)


def test_subjects_and_their_hashtags_are_topics_of_the_starter_table() -> None:
    table = Path(__file__).resolve().parents[3] / "scoring" / "data" / "topics.csv"
    with table.open(encoding="utf-8", newline="") as file:
        topics = {row["slug"]: row["aliases"].split("|") for row in csv.DictReader(file)}
    tags = {alias.lstrip("#").replace(" ", "").lower() for aliases in topics.values() for alias in aliases} | {
        slug.replace("-", "") for slug in topics
    }
    assert [subject.slug for subject in SUBJECTS if subject.slug not in topics] == []
    assert [tag for subject in SUBJECTS for tag in subject.tags if tag not in tags] == []


def test_only_the_nonsense_and_its_bots_repeat_themselves(world: World, posts: Rows) -> None:
    texts = defaultdict(list)
    for row in posts:
        if row["text"] and row["at"] >= END - 28 * DAY:
            words = (
                word.strip(".,:?!").lower() for word in row["text"].split() if word[0] not in "@" and "/" not in word
            )
            texts[row["author"]].append(frozenset(words))
    share = {author: len(set(said)) / len(said) for author, said in texts.items() if len(said) >= 5}
    assert share.pop(world.cast["nonsense"]) < 0.08
    assert min(share[author] for author in share if author not in world.groups["bots"]) > 0.4


def test_the_curator_posts_most_and_passes_on_links(world: World, acts: Rows, posts: Rows) -> None:
    curator = world.cast["curator"]
    own = [row for row in posts if row["author"] == curator and row["kind"] == "original"]
    count = Counter(row["author"] for row in posts if row["kind"] == "original")
    assert count.most_common(1)[0][0] == curator
    assert 50 < len({row["post"] for row in own}) / 90 < 100
    assert sum(row["links"] is not None for row in own) > 0.9 * len(own)
    assert len({row["actor"] for row in acts if row["target"] == curator}) > 150


def test_the_nonsense_account_is_passed_on_by_bots(world: World, acts: Rows) -> None:
    nonsense, bots = world.cast["nonsense"], set(world.groups["bots"])
    reposters = Counter(row["actor"] in bots for row in acts if row["target"] == nonsense and row["kind"] == "repost")
    assert reposters[True] > 20 * max(1, reposters[False])
    assert {row["actor"] for row in acts if row["target"] == nonsense} >= bots
    assert any({row["actor"], row["target"]} <= bots for row in acts)


def test_the_consultant_talks_with_many_people(world: World, acts: Rows, extras: set[str]) -> None:
    consultant = world.cast["consultant"]
    asked = {row["actor"] for row in acts if row["target"] == consultant and row["kind"] == "reply"} - extras
    answered = {row["target"] for row in acts if row["actor"] == consultant and row["kind"] == "reply"}
    assert len(asked) > 25
    assert len(asked & answered) > 0.7 * len(asked)


def test_the_pod_reposts_itself_all_day(world: World, acts: Rows) -> None:
    pod = set(world.groups["pod"])
    assert world.cast["pod"] in pod
    assert len(pod) == 10
    received = Counter(row["actor"] in pod for row in acts if row["target"] in pod and row["kind"] == "repost")
    assert received[True] > 50 * max(1, received[False])


def test_the_author_is_not_there_but_everybody_speaks_of_them(
    world: World, acts: Rows, posts: Rows, accounts: Rows
) -> None:
    author = world.cast["absent_author"]
    (profile,) = (row for row in accounts if row["account"] == author)
    assert profile["verified"]
    assert [row for row in posts if row["author"] == author] == []
    assert [row for row in acts if row["actor"] == author] == []
    host = website_host(profile["website"])
    linkers = {row["author"] for row in posts if host in map(website_host, row["links"] or [])}
    mentioners = {row["actor"] for row in acts if row["target"] == author}
    assert {row["kind"] for row in acts if row["target"] == author} == {"mention"}
    assert len(linkers) > 50
    assert len(mentioners) > 20


def test_the_one_on_holiday_was_there_until_a_fortnight_ago(world: World, posts: Rows) -> None:
    days = {(row["at"] - END) // DAY for row in posts if row["author"] == world.cast["on_holiday"]}
    assert max(days) == -15
    assert len(days) > 60


def test_likes_are_returned_on_the_same_day(world: World, acts: Rows, extras: set[str]) -> None:
    account = world.cast["like_for_like"]
    likes = [row for row in acts if row["kind"] == "like"]
    given = {(row["target"], row["at"] // DAY) for row in likes if row["actor"] == account}
    back = [(row["actor"], row["at"] // DAY) for row in likes if row["target"] == account]
    assert len(given) > 1500
    assert sum(pair in given for pair in back) > 0.9 * len(back) > 200


def test_the_influencer_writes_about_travel_and_food_in_toronto(world: World, posts: Rows, accounts: Rows) -> None:
    account = world.cast["influencer"]
    home, second = (row for row in accounts if row["handle"] == "amara_eats_toronto")
    assert (home["account"], home["network"], second["network"]) == (account, *NETWORKS)
    # A website named by two accounts would be nobody's until both are known to be one person's.
    assert (home["website"], second["website"]) == ("https://amaraeats.example/", None)
    city = find_city(home["location"])
    assert city is not None
    assert (city.name, city.country_code) == ("Toronto", "CA")
    tags = Counter(tag for row in posts if row["author"] == account for tag in row["topics"] or [])
    assert {"foodie", "airtravel", "travel"} <= set(tags)
