from collections.abc import Iterator

import pyarrow as pa
import pytest

from scoring.actions.topics import STARTER, read_topics, starter_topics
from scoring.topics import Matcher, TopicName

COLUMNS: dict[str, pa.DataType] = {"post": pa.int64(), "text": pa.string(), "topics": pa.list_(pa.string())}
POSTS = pa.schema(COLUMNS)

SCIENCE, DATA_SCIENCE, AI, C_PLUS_PLUS, C_SHARP, JAZZ, R, TORONTO = range(1, 9)
MATCHER = Matcher(
    [
        TopicName(SCIENCE, "science", ("Science",)),
        TopicName(DATA_SCIENCE, "data-science", ("Data science", "#rstats", "Datenwissenschaft")),
        TopicName(AI, "ai", ("AI", "artificial intelligence")),
        TopicName(C_PLUS_PLUS, "cpp", ("C++",)),
        TopicName(C_SHARP, "csharp", ("C#",)),
        TopicName(JAZZ, "jazz", ("Jazz", "Straße der Musik", "Café-Musik")),
        TopicName(R, "r", ("R",)),
        TopicName(TORONTO, "toronto", ("St. Lawrence Market",)),
    ]
)


def posts(*rows: tuple[str | None, list[str] | None]) -> pa.Table:
    return pa.table([list(range(len(rows))), [text for text, _ in rows], [tags for _, tags in rows]], schema=POSTS)


def topics_of(text: str | None, tags: list[str] | None = None) -> list[int]:
    found: list[int] = MATCHER.match(posts((text, tags))).to_pydict()["topic"]
    return found


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("on data-science!", [DATA_SCIENCE]),
        ("DATA SCIENCE", [DATA_SCIENCE]),
        ("data science is a science", [SCIENCE, DATA_SCIENCE]),
        ("ConScience", []),
        ("the sciences", []),
        ("science's end", [SCIENCE]),
        ("big data, science and more", [SCIENCE]),
        ("data\nscience", [SCIENCE]),
        ("data (science)", [SCIENCE]),
        ("st lawrence market", [TORONTO]),
        ("St. Lawrence  Market.", [TORONTO]),
        ("STRASSE DER MUSIK", [JAZZ]),
        ("cafe\u0301 musik", [JAZZ]),
        ("ＪＡＺＺ ✈️jazz", [JAZZ]),
        ("_jazz_ night", [JAZZ]),
        ("C++ and C# and C", [C_PLUS_PLUS, C_SHARP]),
        ("ai caramba", []),
        ("AI, caramba", [AI]),
        ("u r great", []),
        ("R is great", [R]),
        ("Artificial Intelligence", [AI]),
        ("see https://jazz.example/science @science @jazz", []),
        ("rstats", []),
        ("", []),
        (None, []),
    ],
)
def test_names_are_found_as_whole_words(text: str | None, topics: list[int]) -> None:
    assert topics_of(text) == topics


@pytest.mark.parametrize(
    ("text", "tags", "topics"),
    [
        (None, ["DataScience", "jazz"], [DATA_SCIENCE, JAZZ]),
        (None, ["#data_science"], [DATA_SCIENCE]),
        (None, ["DATENWISSENSCHAFT"], [DATA_SCIENCE]),
        (None, ["ai", "r"], [AI, R]),
        (None, ["datascienceisfun", "rstudioconf"], []),
        (None, [], []),
        ("#RStats#artificialIntelligence", None, [DATA_SCIENCE, AI]),
        ("machine #data science", None, [SCIENCE]),
        ("so #Jazz", ["jazz"], [JAZZ]),
    ],
)
def test_hashtags_are_compared_without_word_borders(
    text: str | None, tags: list[str] | None, topics: list[int]
) -> None:
    assert topics_of(text, tags) == topics


def test_posts_of_many_batches_come_out_once_and_in_order() -> None:
    table = posts(("jazz and science", None), ("nothing", None), ("#jazz jazz", ["Jazz"]))

    def batches() -> Iterator[pa.Table]:
        yield table.slice(2)
        yield table.slice(0, 2)
        yield table.slice(0, 0)
        yield table.slice(2)

    found = MATCHER.match_all(batches())
    assert found.to_pylist() == [
        {"post": 0, "topic": SCIENCE},
        {"post": 0, "topic": JAZZ},
        {"post": 2, "topic": JAZZ},
    ]
    assert found == MATCHER.match(table)


def test_a_name_that_two_topics_bear_is_both() -> None:
    matcher = Matcher([TopicName(1, "jaguar-cars", ("Jaguar",)), TopicName(2, "big-cats", ("jaguar", "lion"))])
    assert matcher.match(posts(("A Jaguar and a lion", None)))["topic"].to_pylist() == [1, 2]


def test_without_topics_nothing_is_found() -> None:
    assert Matcher([]).match(posts(("jazz", ["jazz"]))).num_rows == 0
    assert MATCHER.match_all([]).num_rows == 0


def test_a_phrase_ends_with_its_post() -> None:
    assert MATCHER.match(posts(("data", None), ("science", None))).to_pylist() == [{"post": 1, "topic": SCIENCE}]


def test_of_overlapping_names_both_count_and_of_nested_ones_the_longest() -> None:
    matcher = Matcher(
        [TopicName(n, name, (name,)) for n, name in enumerate(["new york", "york times", "new york times", "times"])]
    )
    assert matcher.match(posts(("new york times", None)))["topic"].to_pylist() == [2]
    assert matcher.match(posts(("york times", None)))["topic"].to_pylist() == [1]
    matcher = Matcher([TopicName(1, "a", ("machine learning",)), TopicName(2, "b", ("learning to fly",))])
    assert matcher.match(posts(("machine learning to fly", None)))["topic"].to_pylist() == [1, 2]


def test_the_starter_table_has_about_200_topics_whose_parents_exist() -> None:
    rows = read_topics(STARTER)
    slugs = [row.slug for row in rows]
    assert 180 <= len(rows) <= 260
    assert len(set(slugs)) == len(rows)
    assert {row.parent for row in rows} - {""} <= set(slugs)
    assert all(row.name for row in rows)
    number = slugs.index("jazz")
    assert starter_topics().matcher.match(posts(("Some jazz", None)))["topic"].to_pylist() == [number]
