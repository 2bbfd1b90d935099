"""The conference of 2018, end to end: import, score, and who comes out first."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from accounts.actions import import_activity
from scoring.actions import score
from scoring.models import Score, TopicReach

NOW = datetime(2018, 2, 20, tzinfo=UTC)


@pytest.mark.slow
@pytest.mark.django_db
def test_those_who_were_passed_on_come_first(shared_data: Path) -> None:
    path = shared_data / "rstudioconf" / "tweets.csv.gz"
    if not path.is_file():
        pytest.skip(f"no conference at {path}")
    import_activity(path, format="rtweet", now=NOW)
    run = score(as_of=datetime(2018, 2, 8, tzinfo=UTC), now=NOW)

    assert run.is_current
    assert run.interactions > 6000
    first = Score.objects.filter(run=run).order_by("-score").select_related("person")[:10]
    handles = [row.person.handle for row in first]
    assert {"drob", "robinson_es", "AmeliaMN"} <= set(handles), handles
    # Mentions alone make nobody who posts nothing of their own one of the first, and neither does reposting.
    assert all(row.original_share for row in first)
    only_reposted = Score.objects.filter(run=run, posts__gt=0, original_share=0)
    assert only_reposted.count() > 100
    best = only_reposted.order_by("-score").values_list("score", flat=True)[0]
    assert best < 18, "what 15 people would be"
    assert min(row.score for row in first) > best

    about_r = TopicReach.objects.filter(run=run, topic__slug="r-programming").order_by("-reach")
    assert {"drob", "robinson_es"} <= set(about_r.values_list("person__handle", flat=True)[:10])
