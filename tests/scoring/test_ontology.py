"""Reading and importing Klout's ontology."""

import csv
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from scoring.actions import ensure_topics
from scoring.models import Topic, readers_language
from scoring.ontology import NotAnOntology, read_ontology
from scoring.queries import topic_tree
from scoring.queries.topics import stored_topics
from tests.factories.scoring import TopicFactory
from tests.scoring.test_topics import posts

BIG = "10000000000000000001"  # beyond 64 bits
TABLES: dict[str, list[tuple[str, ...]]] = {
    "ontology": [
        ("topicId", "topicSlug", "topicDisplayName", "wikiItemId"),
        (BIG, "fun-super", "Fun", "Q1"),
        ("2", "rush", "Rush", ""),
        ("3", "hard-rock!", "Hard Rock", ""),
        ("4", "jazz", "Jazz", ""),
        ("5", "hot-jazz", "Hot Jazz", ""),
    ],
    "edge": [
        ("parentTopicId", "parrentTopicSlug", "childTopicId", "childTopicSlug"),
        ("0", "_ROOT_", "0", "_ROOT_"),
        ("3", "", "2", ""),
        ("2", "", "3", ""),  # a circle, which the nearest to the root cuts
        ("0", "_ROOT_", BIG, "fun-super"),
        (BIG, "", "3", ""),
        (BIG, "", "4", ""),
        ("4", "", "5", ""),
        ("99", "nobody", "5", ""),
    ],
    "display": [
        ("topicId", "language", "topicDisplayName"),
        ("2", "en", "Rush"),
        ("2", "de", "Eile"),
        ("3", "de", "Harter Felsen"),
        ("3", "fr", "Hot Jazz"),
        ("98", "fr", "rien"),
    ],
}


@contextmanager
def read_in(language: str) -> Iterator[None]:
    """Name topics for somebody who reads a language."""
    token = readers_language.set(language)
    yield
    readers_language.reset(token)


def write(folder: Path, **changes: list[tuple[str, ...]]) -> list[Path]:
    paths = []
    for table, rows in {**TABLES, **changes}.items():
        path = folder / f"{table}.csv.gz"
        with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        paths.append(path)
    return paths


def run(paths: list[Path]) -> str:
    out = StringIO()
    call_command("import_topics", *map(str, paths), stdout=out)
    return out.getvalue()


def test_each_topic_gets_the_parent_nearest_to_the_root(tmp_path: Path) -> None:
    found = read_ontology(write(tmp_path))
    assert {topic.id: topic.parent for topic in found.topics} == {BIG: None, "3": BIG, "4": BIG, "2": "3", "5": "4"}
    assert found.left_out == 2
    assert {topic.id: topic.names for topic in found.topics}["2"] == {"de": "Eile"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"edge": TABLES["edge"][:4]}, "2 topics lie in a circle or below one, as rush does"),
        ({"ontology": [*TABLES["ontology"], ("2", "x", "X", "")]}, "row 7: id 2 stands there twice"),
        ({"ontology": [*TABLES["ontology"], ("6", "x", " ", "")]}, "line 7: topicDisplayName is empty"),
        ({"edge": [("a", "b")]}, "edge.csv.gz has the columns of no table"),
        ({"more": TABLES["edge"]}, "a table of this kind"),
    ],
)
@pytest.mark.django_db
def test_bad_files_are_refused_and_nothing_changes(
    tmp_path: Path, changes: dict[str, list[tuple[str, ...]]], message: str
) -> None:
    with pytest.raises(CommandError, match="refused, nothing changed") as refusal:
        run(write(tmp_path, **changes))
    assert message in str(refusal.value)
    assert refusal.value.returncode == 2
    assert not Topic.objects.exists()


def test_missing_tables_and_broken_files_are_refused(tmp_path: Path) -> None:
    paths = write(tmp_path)
    with pytest.raises(NotAnOntology, match="no table of the kind edge"):
        read_ontology(paths[:1])
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"no gzip")
    for path in (broken, tmp_path / "nowhere.csv"):
        with pytest.raises(NotAnOntology, match=f"{path.name} can't be read"):
            read_ontology([path])


@pytest.mark.django_db
def test_an_import_adds_what_is_missing_and_changes_nothing_that_is_there(tmp_path: Path) -> None:
    jazz = TopicFactory.create(slug="jazz", name="Jazz", aliases=["#bebop"])
    other = TopicFactory.create(slug="rush", name="Hurry")
    paths = write(tmp_path)
    assert run(paths).startswith("4 topics created, 1 were there; 2 edges and names of ids without a row left out\n")
    before = list(Topic.objects.order_by("pk").values())
    assert run(paths).startswith("0 topics created, 5 were there")
    assert list(Topic.objects.order_by("pk").values()) == before

    jazz.refresh_from_db()
    other.refresh_from_db()
    assert (jazz.parent, jazz.names, jazz.source, jazz.words_in_text) == (None, {}, "", True)
    assert (other.name, other.external_id) == ("Hurry", "")
    rows = Topic.objects.filter(source="klout")
    assert dict(rows.values_list("external_id", "slug")) == {
        BIG: "fun-super",
        "2": "rush-klout",
        "3": "hard-rock",
        "5": "hot-jazz",
    }
    assert rows.get(external_id="5").parent == jazz
    with read_in("de"):
        assert str(rows.get(slug="rush-klout")) == "Eile"
        assert topic_tree().path(rows.get(slug="rush-klout")) == "Fun › Harter Felsen › Eile"
    with read_in("pt"):
        assert str(rows.get(slug="rush-klout")) == "Rush"

    rows.filter(slug="hard-rock").update(name="Heavy", parent=None)
    rows.filter(slug="hot-jazz").delete()
    assert run(paths).startswith("1 topics created, 4 were there")
    assert rows.get(external_id="3").name == "Heavy"


@pytest.mark.django_db
def test_imported_names_of_one_word_are_hashtags_only(tmp_path: Path) -> None:
    run(write(tmp_path))
    slugs = dict(Topic.objects.values_list("pk", "slug"))

    def found(text: str) -> list[str]:
        topics: list[Any] = stored_topics().matcher.match(posts((text, None)))["topic"].to_pylist()
        return [slugs[topic] for topic in topics]

    assert found("in a rush to have fun") == []
    assert found("#rush and #Eile") == ["rush"]
    assert found("hard rock") == found("ein harter felsen") == ["hard-rock"]
    # Another topic's name already.
    assert found("Hot jazz") == ["hot-jazz"]
    Topic.objects.filter(slug="rush").update(words_in_text=True)
    assert found("in a rush to have fun") == ["rush"]


@pytest.mark.django_db
def test_the_lists_of_topics_name_the_source_and_its_licence(tmp_path: Path, client: Client) -> None:
    client.force_login(get_user_model().objects.create_superuser("root"))
    address = reverse("admin:scoring_topic_changelist")
    TopicFactory.create()
    assert "CC BY 3.0" not in client.get(address).content.decode()
    run(write(tmp_path))
    page = client.get(address).content.decode()
    assert "Klout&#x27;s topic ontology" in page
    assert "CC BY 3.0" in page


@pytest.mark.django_db
def test_the_whole_ontology_beside_the_starter_table(shared_data: Path) -> None:
    paths = sorted((shared_data / "topics").glob("*.csv.gz"))
    if not paths:
        pytest.skip(f"no ontology at {shared_data / 'topics'}")
    starters = ensure_topics()
    assert run(paths).startswith("7,915 topics created, 118 were there; 26 edges")
    assert Topic.objects.count() == starters + 7915
    # Klout's football isn't what the starter table calls so.
    assert Topic.objects.get(slug="football").name == "Football (soccer)"
    assert set(Topic.objects.get(slug="san-diego").names) == {"ar", "de", "es", "fr", "it"}
    tree = topic_tree()
    assert {len(tree.path(topic).split(" › ")) for topic in tree.topics.values()} <= set(range(1, 12))
