"""The starter table of topics: whole, and without names that lead to two topics."""

import re
from collections import defaultdict

from scoring.actions.topics import STARTER, read_topics

ROWS = read_topics(STARTER)


def test_every_topic_has_a_slug_of_its_own_and_a_branch() -> None:
    slugs = [row.slug for row in ROWS]
    branches = {row.slug for row in ROWS if not row.parent}
    assert 190 <= len(slugs) <= 250
    assert len(set(slugs)) == len(slugs)
    assert [slug for slug in slugs if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)] == []
    assert 15 <= len(branches) <= 18
    above: set[str] = set()
    for row in ROWS:
        assert not row.parent or row.parent in above, f"{row.slug} stands before what lies above it"
        above.add(row.slug)


def test_no_name_or_hashtag_belongs_to_two_topics() -> None:
    topics = defaultdict(set)
    for row in ROWS:
        for name in (row.slug, row.name, *row.aliases):
            topics[re.sub(r"[^\w+]|_", "", name).casefold()].add(row.slug)
    assert {name: sorted(slugs) for name, slugs in topics.items() if len(slugs) > 1} == {}
