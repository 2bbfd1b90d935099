"""Importing a foreign ontology of topics beside those that are there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import connection, transaction
from django.utils.text import slugify

from scoring.models import Topic
from scoring.ontology import KloutTopic, read_ontology
from scoring.queries import KLOUT
from scoring.topics import compact

# What a slug gets that belongs to a topic of another meaning.
SUFFIX: Final = f"-{KLOUT}"


@dataclass(frozen=True, slots=True)
class OntologyReport:
    """What came of an import: topics created, those there before, and edges and names of ids without a row."""

    created: int
    kept: int
    left_out: int


def import_topics(paths: Iterable[Path], *, progress: Callable[[str], None]) -> OntologyReport:
    """Create the topics of Klout's ontology that aren't there yet, in one transaction.

    Topics that are there stay as they are, whatever the files say of them: those imported before, and those that have
    the slug and the name of one (these also stand for it above others). A slug that belongs to a topic of another name
    gets `SUFFIX`. Names of one word are found as hashtags only, for nobody looked them through. An imported topic that
    was deleted comes back. Raises NotAnOntology, and then nothing has changed.
    """
    progress("reading")
    ontology = read_ontology(paths)
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Readers go on; two imports at once, and edits meanwhile, wait.
            cursor.execute("LOCK TABLE scoring_topic IN SHARE ROW EXCLUSIVE MODE")
        progress(f"writing: {len(ontology.topics):,} topics")
        stored = list(Topic.objects.all())
        by_id = {topic.external_id: topic for topic in stored if topic.source == KLOUT}
        by_slug = {topic.slug: topic for topic in stored}
        created: dict[str, Topic] = {}
        for klout in ontology.topics:
            if klout.id not in by_id:
                topic, is_new = _topic(klout, by_slug)
                by_id[klout.id] = topic
                if is_new:
                    by_slug[topic.slug] = created[klout.id] = topic
        Topic.objects.bulk_create(created.values(), batch_size=1000)
        for klout in ontology.topics:
            if klout.id in created and klout.parent is not None:
                created[klout.id].parent = by_id[klout.parent]
        # An operator may have put what stands for a topic below another imported one: no circle comes of it, since
        # only new topics get parents here, and nothing that was there lies below a new one.
        Topic.objects.bulk_update(created.values(), ["parent"], batch_size=1000)
    return OntologyReport(len(created), len(ontology.topics) - len(created), ontology.left_out)


def _topic(klout: KloutTopic, by_slug: dict[str, Topic]) -> tuple[Topic, bool]:
    """Return the topic that stands for one of the ontology, and whether it is new."""
    longest = Topic._meta.get_field("slug").max_length or 0
    slug = slugify(klout.slug)[: longest - len(SUFFIX)] or f"{KLOUT}-{klout.id}"
    same = by_slug.get(slug)
    if same is not None and not same.source and compact(same.name) == compact(klout.name):
        return same, False
    if same is not None:
        slug = f"{slug}{SUFFIX}"
    if slug in by_slug:
        slug = f"{KLOUT}-{klout.id}"
    name = klout.name[: Topic._meta.get_field("name").max_length]
    return (
        Topic(slug=slug, name=name, names=klout.names, words_in_text=False, source=KLOUT, external_id=klout.id),
        True,
    )
