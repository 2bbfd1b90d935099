"""A score opened down to single reactions: by query, by API, for those who may see it; every sum adds up."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.test import Client

from accounts.models import Person
from scoring.actions import ensure_topics, score
from scoring.engine import reactions as acts_of
from scoring.models import ReachPart, Score, ScoreRun, Support, Topic, TopicReach
from scoring.queries import changes, explanations, reactions
from scoring.queries.explanations import REASONS, CannotSay
from scoring.queries.reactions import Reaction
from tests.factories.accounts import PersonFactory, UserFactory
from tests.factories.scoring import ReachPartFactory, ScoreFactory, ScoreRunFactory, SupportFactory, current_run
from tests.scoring.conftest import APRIL_1, APRIL_2, NOW

Get = Callable[..., Any]


@pytest.fixture
def scored(known: Path) -> ScoreRun:
    score(as_of=APRIL_1, now=NOW)
    return score(as_of=APRIL_2, now=NOW)


@pytest.fixture
def person(scored: ScoreRun) -> Person:
    return Person.objects.get(handle="handle0")


def _operator() -> Any:
    return UserFactory.create(is_superuser=True, is_staff=True)


def _assert_same(found: Sequence[Reaction], expected: Sequence[Reaction]) -> None:
    """Assert that acts are the same in the same order; the last bit of a sum differs from one pass to the next."""
    assert [replace(act, reach=0) for act in found] == [replace(act, reach=0) for act in expected]
    assert [act.reach for act in found] == pytest.approx([act.reach for act in expected], abs=1e-12)


def test_a_real_run_adds_up_every_way_and_down_to_reactions(scored: ScoreRun, person: Person) -> None:
    operator = _operator()
    row = Score.objects.get(run=scored, person=person)

    found = explanations.explanation(person, scored, viewer=operator)

    assert found is not None
    assert len(found.supporters) == 20
    lines = [*found.supporters, found.others]
    assert sum(line.people for line in lines) == row.supporters
    assert sum(line.actions for line in lines) == row.actions
    assert sum(line.expected for line in lines) == pytest.approx(row.forecast, abs=1e-9)
    for reason in REASONS:
        assert sum(line.taken[reason] for line in lines) == pytest.approx(getattr(row, f"taken_{reason}"), abs=1e-9)
    for parts in (lines, found.kinds, found.networks, found.topics):
        assert sum(part.reach for part in parts) == pytest.approx(row.reach, abs=1e-9)
    assert {part.slug for part in found.kinds} == {"like", "reply", "repost", "quote"}
    assert [(part.slug, part.name) for part in found.networks] == [("dataset", "dataset")]
    for line in found.supporters[:3]:
        assert line.person is not None
        acts = reactions.reactions(person, scored, viewer=operator, supporter=line.person.handle, limit=200)
        assert acts.count == len(acts.lines) == line.actions
        assert sum(act.reach for act in acts.lines) == pytest.approx(line.reach, abs=1e-9)
        assert acts.whole == line.reach
        assert {act.supporter for act in acts.lines} == {line.person}
        assert max(act.at for act in acts.lines) < APRIL_2.timestamp()


def test_reactions_are_read_within_limits(scored: ScoreRun, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = []

    def watched(*given: Any, connection: Any, **named: Any) -> Any:
        asked = "SELECT current_setting('memory_limit'), current_setting('threads'), current_setting('temp_directory')"
        limits.append(connection.raw_sql(asked).fetchone())
        return acts_of(*given, connection=connection, **named)

    monkeypatch.setattr("scoring.engine.reactions", watched)
    assert reactions.reactions(person, scored, viewer=_operator()).count > 0

    [(memory, threads, folder)] = limits
    assert (memory, threads) == ("488.2 MiB", 2)
    assert not Path(folder).exists()


def test_reactions_by_kind_come_page_by_page(scored: ScoreRun, person: Person) -> None:
    operator = _operator()
    whole = reactions.reactions(person, scored, viewer=operator, kind="reply", limit=1000)
    first = reactions.reactions(person, scored, viewer=operator, kind="reply", limit=3)
    second = reactions.reactions(person, scored, viewer=operator, kind="reply", offset=3, limit=3)

    _assert_same([*first.lines, *second.lines], whole.lines[:6])
    assert first.count == whole.count == len(whole.lines) > 6
    assert first.reach == pytest.approx(whole.reach, abs=1e-12)
    assert whole.reach == pytest.approx(sum(act.reach for act in whole.lines), abs=1e-9)
    assert {act.kind for act in whole.lines} == {"reply"}
    # Of the supporters beyond those kept one by one the acts aren't listed; their part stays in the whole.
    assert whole.whole is not None
    assert whole.reach <= whole.whole + 1e-9
    assert reactions.reactions(person, scored, viewer=operator, network="elsewhere").count == 0


def test_a_topic_opens_down_to_its_part_of_each_reaction(known: Path) -> None:
    ensure_topics()
    Topic.objects.create(slug="evenings", name="Evening")  # beside jazz, in the same posts
    Topic.objects.create(slug="mills", name="Mill")  # in some of them
    run = score(as_of=APRIL_2, now=NOW)
    operator, person = _operator(), Person.objects.get(handle="handle27")
    found = explanations.explanation(person, run, viewer=operator)
    assert found is not None
    assert found.others.people == 0, "so that all acts are listed"
    whole = reactions.reactions(person, run, viewer=operator, limit=1000)

    parts = {part.slug: part.reach for part in found.topics}
    assert parts.keys() == {"jazz", "evenings", "mills"}
    counts = {}
    for slug, reach in parts.items():
        acts = reactions.reactions(person, run, viewer=operator, topic=Topic.objects.get(slug=slug), limit=1000)
        assert acts.whole == reach
        assert acts.reach == pytest.approx(reach, abs=1e-9)
        assert [act.reach for act in acts.lines] == sorted((act.reach for act in acts.lines), reverse=True)
        counts[slug] = acts.count
    assert counts["jazz"] == counts["evenings"] == whole.count > counts["mills"] > 1

    mills = Topic.objects.get(slug="mills")
    thirds = {(act.supporter, act.at, act.kind): act.reach / 3 for act in whole.lines}
    for act in reactions.reactions(person, run, viewer=operator, topic=mills, limit=1000).lines:
        assert act.reach == pytest.approx(thirds[act.supporter, act.at, act.kind], abs=1e-12)
    elsewhere = reactions.reactions(person, run, viewer=operator, topic=Topic.objects.get(slug="data-science"))
    assert (elsewhere.lines, elsewhere.whole) == ((), 0)


def test_of_what_the_run_kept_no_sum_of_no_whole_is_said(scored: ScoreRun, person: Person) -> None:
    operator, jazz = _operator(), Topic.objects.get(slug="jazz")
    line = Support.objects.filter(run=scored, supported=person).order_by("-reach")[0]

    by_act = reactions.reactions(person, scored, viewer=operator, kind="like", network="dataset")
    assert by_act.whole is not None
    assert by_act.whole >= by_act.reach - 1e-9
    for narrowed in (
        {"topic": jazz, "kind": "like"},
        {"topic": jazz, "network": "dataset"},
        {"topic": jazz, "supporter": line.supporter.handle},
        {"supporter": line.supporter.handle, "kind": "like"},
    ):
        assert reactions.reactions(person, scored, viewer=operator, **narrowed).whole is None


def test_whom_the_viewer_may_not_see_is_one_of_the_others(scored: ScoreRun, person: Person) -> None:
    found = explanations.explanation(person, scored, viewer=AnonymousUser())
    acts = reactions.reactions(person, scored, viewer=AnonymousUser())

    assert found is not None
    assert found.supporters == ()
    assert found.others.reach == pytest.approx(found.reach, abs=1e-12)
    assert found.others.people == Score.objects.get(run=scored, person=person).supporters
    assert (acts.lines, acts.count, acts.reach, acts.whole) == ((), 0, 0.0, found.reach)


def test_an_erased_supporter_is_named_nowhere(scored: ScoreRun, person: Person) -> None:
    operator = _operator()
    before = explanations.explanation(person, scored, viewer=operator)
    assert before is not None
    gone = before.supporters[0].person
    assert gone is not None
    handle = gone.handle
    gone.delete()

    after = explanations.explanation(person, scored, viewer=operator)
    acts = reactions.reactions(person, scored, viewer=operator, supporter=handle)

    assert after is not None
    assert handle not in [line.person.handle for line in after.supporters if line.person]
    assert sum(line.reach for line in [*after.supporters, after.others]) == pytest.approx(after.reach, abs=1e-9)
    assert acts.lines == ()


def test_a_change_is_split_to_the_last_digit(scored: ScoreRun, person: Person) -> None:
    found = changes.change(person, scored)

    assert found is not None
    assert (found.before.as_of, found.after) == (APRIL_1, scored)
    for shares in (found.by_cause, found.by_reason, found.by_kind):
        assert len(shares) > 1
        assert sum(share.points for share in shares) == pytest.approx(found.points, abs=1e-9)
        assert sum(share.people for share in shares) == pytest.approx(found.reach_after - found.reach_before, abs=1e-9)


def test_new_and_lost_supporters_are_told_apart(db: None) -> None:
    run = current_run()
    before = ScoreRunFactory.create(formula=run.formula, as_of=run.as_of.replace(year=2025))
    person, stays, leaves, comes = (PersonFactory.create() for _ in range(4))
    ScoreFactory.create(person=person, run=before, reach=1.1, forecast=1.3, supporters=2, taken_exchange=0.2, score=5)
    ScoreFactory.create(person=person, run=run, reach=1.5, forecast=1.6, supporters=2, taken_exchange=0.1, score=6)
    SupportFactory.create(run=before, supported=person, supporter=stays, reach=0.6, expected=0.8, taken_exchange=0.2)
    SupportFactory.create(run=before, supported=person, supporter=leaves, reach=0.5)
    SupportFactory.create(run=run, supported=person, supporter=stays, reach=0.6, expected=0.7, taken_exchange=0.1)
    SupportFactory.create(run=run, supported=person, supporter=comes, reach=0.9)
    ReachPartFactory.create(run=before, person=person, reach=1.1, kind="like")
    ReachPartFactory.create(run=run, person=person, reach=1.5, kind="reply")

    found = changes.change(person, run)

    assert found is not None
    people = {share.what: (round(share.people, 9), share.count) for share in found.by_cause}
    assert people == {"new": (0.9, 1), "lost": (-0.5, 1), "fading": (-0.1, 1), "exchange": (0.1, 0)}
    assert {share.what: round(share.people, 9) for share in found.by_kind} == {"like": -1.1, "reply": 1.5}
    assert {share.what: round(share.people, 9) for share in found.by_reason} == {"forecast": 0.3, "exchange": 0.1}


def test_between_two_formulas_the_formula_is_all_that_is_said(db: None) -> None:
    before = ScoreRunFactory.create()
    run = current_run(as_of=before.as_of.replace(year=2027))
    person = PersonFactory.create()
    ScoreFactory.create(person=person, run=before, score=40, reach=700)
    ScoreFactory.create(person=person, run=run, score=43, reach=900)

    found = changes.change(person, run)

    assert found is not None
    assert [(share.what, share.points, share.people) for share in found.by_cause] == [("formula", 3, 200)]


def test_nothing_was_before_the_first_run(db: None) -> None:
    run, person = current_run(), PersonFactory.create()
    ScoreFactory.create(person=person, run=run)

    assert changes.change(person, run) is None


def test_what_if_begins_at_what_is_and_grows(scored: ScoreRun, person: Person) -> None:
    same = explanations.what_if(person, scored)
    more = explanations.what_if(person, scored, supporters=10)
    rested = explanations.what_if(person, scored, rested=True)

    assert same.reach == pytest.approx(same.reach_now, abs=1e-9)
    assert same.score == pytest.approx(same.score_now, abs=1e-9)
    assert more.score > same.score
    assert rested.score >= same.score
    assert same.each is not None
    assert 0 < same.each < 1.5


def test_what_if_says_what_it_cannot_say(db: None) -> None:
    run, person, other = current_run(), PersonFactory.create(), PersonFactory.create()
    ScoreFactory.create(person=person, run=run)
    sums = {"vouched": 0, "broad": 1, "narrow": 0}
    ScoreFactory.create(person=other, run=run, vouchers=0, **sums, **{f"{n}_exchanged": 0 for n in sums})

    with pytest.raises(CannotSay, match="kept too little"):
        explanations.what_if(person, run)
    with pytest.raises(CannotSay, match="Nobody who is vouched for"):
        explanations.what_if(other, run, supporters=1)
    assert explanations.what_if(other, run).each is None


def test_the_api_gives_it_all(get: Get, scored: ScoreRun, person: Person) -> None:
    address = f"/api/v1/influencers/{person.pk}/"
    status, body = get(f"{address}explanation/")
    assert status == 200
    assert body["forecast"] - sum(part["people"] for part in body["taken_off"]) == pytest.approx(body["reach"])
    lines = [*body["supporters"], body["other_supporters"]]
    for parts in (lines, body["kinds"], body["networks"], body["topics"]):
        assert sum(part["reach"] for part in parts) == pytest.approx(body["reach"], abs=1e-9)
    assert body["other_supporters"]["handle"] is None
    assert body["enough_seen"] is True

    handle = body["supporters"][0]["handle"]
    results: list[Any] = []
    offset: int | None = 0
    while offset is not None:
        status, page = get(f"{address}reactions/", supporter=handle, page_size=2, offset=offset)
        assert status == 200
        results += page["results"]
        offset = page["next_offset"]
    assert len(results) == page["count"] == body["supporters"][0]["actions"]
    assert sum(row["reach"] for row in results) == pytest.approx(body["supporters"][0]["reach"], abs=1e-9)
    assert results[0]["at"].endswith("Z")

    topic = next(part for part in body["topics"] if part["slug"])
    status, page = get(f"{address}reactions/", topic=topic["slug"])
    assert (status, page["whole"]) == (200, topic["reach"])
    assert page["results"]

    status, change = get(f"{address}change/")
    assert status == 200
    for shares in (change["by_cause"], change["by_reason"], change["by_kind"]):
        gap = change["score_after"] - change["score_before"]
        assert sum(share["points"] for share in shares) == pytest.approx(gap, abs=1e-9)

    status, asked = get(f"{address}what-if/", supporters=5)
    assert status == 200
    assert asked["score"] > asked["score_now"] == pytest.approx(body["score"])


def test_a_key_gets_ten_pages_of_reactions_a_minute_beside_all_else(client: Client, partner: dict[str, str]) -> None:
    cache.clear()  # it outlives a test, and with it what counts against the limit
    person = PersonFactory.create()
    ScoreFactory.create(person=person, run=current_run())
    address = f"/api/v1/influencers/{person.pk}/"

    answers = [client.get(f"{address}reactions/", headers=partner) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[10]["Content-Type"] == "application/problem+json"
    assert 0 < int(answers[10]["Retry-After"]) <= 60
    for other in (f"{address}explanation/", "/api/v1/topics/"):
        assert client.get(other, headers=partner).status_code == 200


@pytest.mark.parametrize("what", ["explanation", "reactions", "change", "what-if"])
def test_the_api_knows_nobody_who_hides_and_nobody_unscored(get: Get, what: str) -> None:
    run = current_run()
    hidden, unscored = PersonFactory.create(is_hidden=True), PersonFactory.create()
    ScoreFactory.create(person=hidden, run=run)

    for person in (hidden, unscored):
        status, body = get(f"/api/v1/influencers/{person.pk}/{what}/")
        assert (status, body["status"]) == (404, 404)


@pytest.mark.parametrize(
    ("what", "query"),
    [
        ("reactions", {"kind": "nod"}),
        ("reactions", {"page_size": 1000}),
        ("reactions", {"offset": -1}),
        ("reactions", {"topic": "nowhere"}),
        ("reactions", {"topic": "\0"}),
        ("what-if", {"supporters": -1}),
    ],
)
def test_the_api_refuses_what_makes_no_sense(get: Get, what: str, query: dict[str, Any]) -> None:
    run, person = current_run(), PersonFactory.create()
    ScoreFactory.create(person=person, run=run)

    status, body = get(f"/api/v1/influencers/{person.pk}/{what}/", **query)

    assert (status, body["status"]) == (400, 400)


def test_the_api_says_why_it_can_not_say(get: Get) -> None:
    run, person = current_run(), PersonFactory.create()
    ScoreFactory.create(person=person, run=run)

    assert get(f"/api/v1/influencers/{person.pk}/what-if/", supporters=5) == (
        409,
        {
            "type": "about:blank",
            "title": "Conflict",
            "status": 409,
            "detail": "The run before this question existed kept too little; ask again after the next run.",
        },
    )


def test_old_runs_keep_scores_alone(scored: ScoreRun) -> None:
    old = ScoreRun.objects.get(as_of=APRIL_1)
    assert ReachPart.objects.filter(run=old).exists()  # the run before the current one is what it is compared with
    score(as_of=APRIL_2.replace(day=3), now=NOW)

    for model in (ReachPart, Support, TopicReach):
        assert not model.objects.filter(run=old).exists()
        assert model.objects.filter(run=scored).exists()
    assert Score.objects.filter(run=old).exists()
