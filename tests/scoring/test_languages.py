"""The languages in which people wrote: worked out by hand, stored with a run, counted, and what narrows a list."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest
from pytest_django.fixtures import Settings

from accounts.actions.daily import enter
from accounts.keys import account_key
from accounts.log import LogFolder
from accounts.models import ErasedAccount, LogFile, Person
from scoring.actions import score
from scoring.actions.languages import language_of, languages_until
from scoring.models import RunFigures, WrittenLanguage
from scoring.queries import InfluencerFilters, influencers
from tests.accounts.activity_data import split_days
from tests.factories.accounts import IdentityFactory, PersonFactory, UserFactory
from tests.factories.scoring import ScoreFactory, ScoreRunFactory, WrittenLanguageFactory, current_run
from tests.scoring.conftest import APRIL_1, APRIL_2, APRIL_3, LOADED, NOW

pytestmark = pytest.mark.django_db

UNTIL = datetime(2026, 4, 1, tzinfo=UTC)


class Post(NamedTuple):
    author: str
    lang: str | None
    days_before: float = 1.0
    kind: str = "original"


def written(settings: Settings, *posts: Post, network: str = "test") -> None:
    """Put posts into the log, under numbers as they come."""
    table = pa.table(
        {
            "post": pa.array(range(len(posts)), pa.int64()),
            "at": pa.array([int((UNTIL - timedelta(days=post.days_before)).timestamp()) for post in posts], pa.int64()),
            "author": pa.array([account_key(network, post.author) for post in posts], pa.int64()),
            "kind": [post.kind for post in posts],
            "text": pa.array(["hello"] * len(posts), pa.string()),
            "links": pa.array([None] * len(posts), pa.list_(pa.string())),
            "topics": pa.array([None] * len(posts), pa.list_(pa.string())),
            "lang": pa.array([post.lang for post in posts], pa.string()),
            "network": [network] * len(posts),
        }
    )
    log = LogFolder(settings.ACTIVITY_LOG)
    for day, part in split_days(table).items():
        enter(LogFile.Table.POSTS, day, log.write_day(LogFile.Table.POSTS, day, part), now=LOADED)


def person(account: str) -> Person:
    made: Person = IdentityFactory.create(external_id=account, person__handle=account).person
    return made


def found(until: datetime = UNTIL) -> set[tuple[str, str]]:
    handles = dict(Person.objects.values_list("pk", "handle"))
    return {(handles[row["person"]], row["language"]) for row in languages_until(until).to_pylist()}


@pytest.mark.parametrize(
    ("code", "language"),
    [
        *[("en", "en"), ("EN-gb", "en"), ("pt_BR", "pt"), ("zh-Hant-TW", "zh"), ("fil", "fil"), (" de ", "de")],
        *[("in", "id"), ("iw", "he")],
        *[(none, "") for none in ("und", "zxx", "qme", "qst", "", None, "english", "x", "d€", "12")],
    ],
)
def test_what_networks_write_is_read_as_a_language(code: str | None, language: str) -> None:
    assert language_of(code) == language


def test_a_person_wrote_in_what_a_tenth_of_their_posts_are_in(settings: Settings) -> None:
    person("ann")
    person("ben")
    written(
        settings,
        *[Post("ann", "en")] * 17,
        *[Post("ann", "de-AT")] * 2,
        Post("ann", "tl"),  # a wrong guess, one of twenty
        *[Post("ann", None)] * 30,
        *[Post("ann", "und")] * 30,
        Post("ben", "fr"),
        Post("nobody-we-know", "it"),
    )
    assert found() == {("ann", "en"), ("ann", "de"), ("ben", "fr")}


def test_only_the_last_four_weeks_and_ones_own_words_count(settings: Settings) -> None:
    person("ann")
    written(
        settings,
        Post("ann", "en", 28.0),
        Post("ann", "de", 28.01),
        Post("ann", "fr", 0.0),
        Post("ann", "it", 5.0, "reshare"),
        Post("ann", "es", 5.0, "reply"),
        Post("ann", "pt", 5.0, "quote"),
    )
    assert found() == {("ann", "en"), ("ann", "es"), ("ann", "pt")}
    assert found(UNTIL + timedelta(days=1)) == {("ann", "fr"), ("ann", "es"), ("ann", "pt")}


def test_all_accounts_of_a_person_count_and_those_that_were_erased_dont(settings: Settings) -> None:
    ann = person("ann")
    IdentityFactory.create(external_id="ann2", person=ann)
    gone = IdentityFactory.create(external_id="gone", person=ann)
    ErasedAccount.objects.create(key=gone.key, erased_at=NOW)
    written(settings, Post("ann", "en"), Post("ann2", "de"), Post("gone", "fr"))
    assert found() == {("ann", "en"), ("ann", "de")}


def test_an_empty_log_knows_none() -> None:
    person("ann")
    assert languages_until(UNTIL).num_rows == 0


def test_counts_are_summed_up_on_the_way(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoring.actions.languages._BATCH", 3)
    monkeypatch.setattr("scoring.actions.languages._COUNTS", 2)
    person("ann")
    written(settings, *[Post("ann", "en")] * 18, *[Post("ann", "de")] * 2, Post("ann", "tl"))
    # Two of twenty-one are less than a tenth.
    assert found() == {("ann", "en")}


@pytest.mark.parametrize("large", [50_000, 1], ids=["beside others", "in a table of its own"])
def test_a_run_stores_and_counts_them_and_drops_those_that_no_page_shows(
    known: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr("scoring.actions.filling.LARGE", large)
    posts = [Post("a0", "en"), Post("a1", "de"), Post("a1", "en"), Post("a2", "de"), Post("nobody-scored", "fr")]
    IdentityFactory.create(network_id="dataset", external_id="nobody-scored")
    written(settings, *posts, network="dataset")
    Person.objects.filter(handle="handle2").update(is_hidden=True)
    run = score(as_of=APRIL_1, now=NOW)
    assert set(WrittenLanguage.objects.values_list("person__handle", "language")) == {
        ("handle0", "en"),
        ("handle1", "de"),
        ("handle1", "en"),
        ("handle2", "de"),
    }
    # Whoever is hidden isn't counted.
    assert RunFigures.objects.get(run=run).languages == {"de": 1, "en": 2}
    later = [score(as_of=day, now=NOW) for day in (APRIL_2, APRIL_3)]
    assert set(WrittenLanguage.objects.values_list("run", flat=True)) == {each.pk for each in later}


def test_a_list_is_narrowed_to_who_writes_in_any_of_some_languages() -> None:
    run = current_run(as_of=NOW, people=3)
    other = ScoreRunFactory.create(formula=run.formula, as_of=NOW - timedelta(days=1))
    people = PersonFactory.create_batch(3)
    for each in people:
        ScoreFactory.create(run=run, person=each)
    for each, code in ((people[0], "en"), (people[0], "de"), (people[1], "fr")):
        WrittenLanguageFactory.create(run=run, person=each, language=code)
    WrittenLanguageFactory.create(run=other, person=people[2], language="en")
    viewer = UserFactory.create(is_superuser=True, is_staff=True)

    def left(*codes: str) -> list[int]:
        rows = influencers(viewer, InfluencerFilters(languages=codes), run)
        return sorted(rows.values_list("pk", flat=True))

    assert left("en") == left("de") == left("en", "de") == [people[0].pk]
    assert left("en", "fr") == [people[0].pk, people[1].pk]
    assert left("it") == []
    assert len(left()) == 3
