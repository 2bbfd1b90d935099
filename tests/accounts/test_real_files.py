"""Real files, read in place: the conference's tweets and documents of the Twitter API."""

from collections import Counter
from pathlib import Path

import pytest

from accounts.models import Identity, LogFile, Person
from tests.accounts.activity_data import identity, imported, log_events, log_rows

pytestmark = pytest.mark.django_db


def test_the_conference(shared_data: Path) -> None:
    path = shared_data / "rstudioconf" / "tweets.csv.gz"
    report = imported(path, "rtweet", network=None)
    assert (report.rows_read, report.posts, report.rejected) == (7422, 7422, 0)
    assert report.interactions == len(log_rows("interactions"))
    assert report.people == report.identities == Person.objects.count()

    reposted = Counter(target for _, kind, _, target in log_events() if kind == "repost")
    most = [Identity.objects.get(external_id=id.removesuffix("@twitter")).handle for id, _ in reposted.most_common(3)]
    assert sorted(most) == ["AmeliaMN", "drob", "robinson_es"]

    again = imported(path, "rtweet", network=None)
    assert (again.posts, again.interactions, again.people, again.days) == (0, 0, 0, 0)


@pytest.mark.parametrize("name", ["2sets.jsonl", "kpop.jsonl", "flat.jsonl", "brexit.jsonl", "mentions_tweet.jsonl"])
def test_documents_of_the_twitter_api(shared_data: Path, name: str) -> None:
    path = shared_data / "formats" / "twitter_v2" / name
    report = imported(path, "twitter-v2", network=None)
    assert report.posts == len(log_rows("posts")) > 0
    assert report.interactions == len(log_rows("interactions")) > 0
    named = {row[side] for row in log_rows("interactions") for side in ("actor", "target")}
    named |= {row["author"] for row in log_rows("posts")}
    assert named <= set(Identity.objects.values_list("pk", flat=True))
    files = LogFile.objects.count()
    again = imported(path, "twitter-v2", network=None)
    assert (again.posts, again.interactions, again.people, again.identities) == (0, 0, 0, 0)
    assert LogFile.objects.count() == files


def test_profiles_of_the_twitter_api_become_people_with_places_and_websites(shared_data: Path) -> None:
    imported(shared_data / "formats" / "twitter_v2" / "2sets.jsonl", "twitter-v2", network=None)
    assert Person.objects.filter(place__isnull=False).count() > 10
    websites = Identity.objects.filter(network="web")
    assert websites.count() > 10
    owned = websites.filter(person__identities__network="twitter")
    assert owned.exists()
    for website in owned:
        own = Identity.objects.filter(person=website.person, network="twitter", website_host=website.external_id)
        assert own.exists()
    links = [row for row in log_events() if row[1] == "link"]
    assert all(identity(target.removesuffix("@web"), "web") for *_, target in links)
