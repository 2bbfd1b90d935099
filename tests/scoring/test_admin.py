"""Topics, formulas, runs and scores in the admin site."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Person, User
from scoring.actions import ensure_topics, score
from scoring.engine import Parameters
from scoring.models import Formula, Score, ScoreRun, Topic
from tests.factories.scoring import BacktestFactory
from tests.scoring.conftest import APRIL_1, NOW


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def test_runs_are_shown_and_nothing_can_be_done_to_them(operator: Client, known: Path) -> None:
    run = score(as_of=APRIL_1, now=NOW)
    going = ScoreRun.objects.create(as_of=NOW, formula=run.formula, started_at=NOW, step="scoring")
    page = operator.get(reverse("admin:scoring_scorerun_changelist"))
    assert page.status_code == 200
    text = page.content.decode()
    assert "April 1, 2026" in text
    assert "still going" in text
    assert reverse("admin:scoring_scorerun_add") not in text
    assert operator.get(reverse("admin:scoring_scorerun_add")).status_code == 403
    change = reverse("admin:scoring_scorerun_change", args=[run.pk])
    assert operator.get(change).status_code == 200
    assert operator.post(change, {"people": 5}).status_code == 403
    assert operator.post(reverse("admin:scoring_scorerun_delete", args=[run.pk]), {"post": "yes"}).status_code == 403
    run.refresh_from_db()
    assert run.people == 30
    # Nor is anybody asked how the forecast did where that isn't known.
    known_of, unknown = (
        operator.get(reverse("admin:scoring_scorerun_change", args=[each.pk])).content.decode()
        for each in (BacktestFactory.create(run=run).run, going)
    )
    assert "Forecast of a horizon before" in known_of
    assert "Forecast of a horizon before" not in unknown
    assert 'name="backtest-0-people"' not in known_of + unknown


def test_scores_are_shown_and_found_by_handle(operator: Client, known: Path) -> None:
    run = score(as_of=APRIL_1, now=NOW)
    later = score(as_of=datetime(2026, 4, 2, tzinfo=UTC), now=NOW)
    address = reverse("admin:scoring_score_changelist")
    shown = operator.get(address).context["cl"].result_list
    assert {row.run for row in shown} == {later}
    assert {row.person.handle for row in shown[:2]} == {"handle0", "handle1"}
    assert operator.get(address, {"run": run.pk}).context["cl"].result_list[0].run == run
    assert operator.get(address, {"run": "x"}).context["cl"].result_count == 30
    page = operator.get(address, {"q": "@HANDLE0"})
    assert [row.person.handle for row in page.context["cl"].result_list] == ["handle0"]
    assert operator.get(address, {"q": "handle"}).context["cl"].result_count == 0
    row = Score.objects.get(person__handle="handle0", run=run)
    assert operator.get(reverse("admin:scoring_score_change", args=[row.pk])).status_code == 200
    assert operator.post(reverse("admin:scoring_score_change", args=[row.pk]), {"score": 99}).status_code == 403


def test_scores_of_hidden_people_are_shown_to_operators_only(client: Client, known: Path) -> None:
    score(as_of=APRIL_1, now=NOW)
    Person.objects.filter(handle="handle0").update(is_hidden=True)
    member = User.objects.create_user("member", is_staff=True)
    member.user_permissions.set(Permission.objects.filter(codename__in=["view_score", "view_person"]))
    client.force_login(member)
    assert client.get(reverse("admin:scoring_score_changelist")).context["cl"].result_count == 29


def test_without_the_right_nothing_of_it_is_shown(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("member", is_staff=True))
    for model in ("topic", "formula", "scorerun", "score"):
        assert client.get(reverse(f"admin:scoring_{model}_changelist")).status_code == 403


# What a page of a list asks of this app's tables, whatever is in them:
#   topics: how many, how many are shown, these with their parents, the parents for the filter
#   formulas: how many, how many are shown, these
#   runs: how many are shown, these, the formulas for the filter, the first and last moment, its years
#   scores: how many are shown, these with person and run, the runs for the filter
@pytest.mark.parametrize(("model", "queries"), [("topic", 6), ("formula", 3), ("scorerun", 5), ("score", 3)])
def test_lists_cost_the_same_with_twice_the_rows(operator: Client, known: Path, model: str, queries: int) -> None:
    address = reverse(f"admin:scoring_{model}_changelist")
    score(as_of=APRIL_1, now=NOW)
    first = asked(operator, address)
    assert len([sql for sql in first if '"scoring_' in sql]) == queries, first
    score(as_of=datetime(2026, 4, 2, tzinfo=UTC), now=NOW)
    parameters = Parameters(version="second", kappa=0.0)
    Formula.objects.create(version="second", parameters=parameters.to_dict(), fingerprint=parameters.fingerprint())
    Topic.objects.bulk_create(Topic(slug=f"t{n}", name=f"T {n}") for n in range(300))
    assert len(asked(operator, address)) == len(first)


def asked(client: Client, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in queries.captured_queries]


def test_a_topic_is_edited_with_its_aliases_as_lines(operator: Client) -> None:
    ensure_topics()
    jazz = Topic.objects.get(slug="jazz")
    change = reverse("admin:scoring_topic_change", args=[jazz.pk])
    assert "#jazz\n" in operator.get(change).content.decode()
    sent = {"name": "Jazz", "slug": "jazz", "parent": jazz.parent_id or "", "aliases": " #jazz \r\n\r\nbe  bop\n#jazz"}
    assert operator.post(change, sent).status_code == 302
    jazz.refresh_from_db()
    assert jazz.aliases == ["#jazz", "be bop"]
    assert jazz.parent is not None


def test_a_topic_cannot_be_put_below_one_of_its_own(operator: Client) -> None:
    top = Topic.objects.create(slug="top", name="Top")
    middle = Topic.objects.create(slug="middle", name="Middle", parent=top)
    low = Topic.objects.create(slug="low", name="Low", parent=middle)
    for parent in (top, middle, low):
        page = operator.post(
            reverse("admin:scoring_topic_change", args=[top.pk]),
            {"name": "Top", "slug": "top", "parent": parent.pk, "aliases": ""},
        )
        assert "This topic is above that one already." in page.content.decode()
    top.refresh_from_db()
    assert top.parent is None


def test_parents_are_found_by_name(operator: Client) -> None:
    ensure_topics()
    asked = {"app_label": "scoring", "model_name": "topic", "field_name": "parent", "term": "saxophone"}
    found = operator.get(reverse("admin:autocomplete"), asked).json()["results"]
    assert [entry["text"] for entry in found] == ["Jazz"]
