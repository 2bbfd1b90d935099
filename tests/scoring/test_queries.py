"""What pages and the API read: one run, whole; nobody named whom the viewer may not see; a fixed number of queries."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.db import connection

from accounts.models import Identity, Network, Person, Place, User
from scoring import queries
from scoring.engine import score as engine_score
from scoring.models import Score, ScoreRun, Topic, TopicReach
from scoring.queries import Circle, HistoryPoint, InfluencerFilters, SupportLine, TopicLine
from tests.asked import tables_asked
from tests.factories.accounts import IdentityFactory, PersonFactory, PlaceFactory, UserFactory
from tests.factories.scoring import (
    FormulaFactory,
    ScoreFactory,
    ScoreRunFactory,
    SupportFactory,
    TopicFactory,
    TopicReachFactory,
    current_run,
    reach_below,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NOBODY = AnonymousUser()

pytestmark = pytest.mark.django_db


def claimed(handle: str, **given: object) -> Person:
    person: Person = PersonFactory.create(
        handle=handle, user=UserFactory.create(), claimed_at=NOW, claimed_via="invitation", **given
    )
    return person


def unclaimed(handle: str, **given: object) -> Person:
    person: Person = PersonFactory.create(handle=handle, **given)
    return person


def brand_user() -> User:
    user: User = UserFactory.create()
    user.user_permissions.add(Permission.objects.get(codename="view_person"))
    return User.objects.get(pk=user.pk)


def test_a_score_of_one_number_is_the_engines() -> None:
    for reach in (0.0, 0.3, 1.0, 420.5, 9_999_999.0, 10_000_000.0, 3e9):
        assert queries.score_of(reach, 1e7) == pytest.approx(float(engine_score(reach, 1e7)), rel=1e-12)


@pytest.mark.parametrize(
    ("percentile", "shown"), [(99.36, 99.3), (99.99, 99.9), (100.0, 99.9), (99.0, 99.0), (50.55, 50.5), (0.04, 0.0)]
)
def test_a_percentile_is_rounded_down_and_never_to_all(percentile: float, shown: float) -> None:
    assert queries.shown_percentile(percentile) == shown


def test_before_the_first_run_there_is_no_card_and_no_history() -> None:
    person = claimed("ann")
    ScoreFactory.create(person=person, run=ScoreRunFactory.create())
    assert queries.current_run() is None
    assert queries.profile(person) is None
    assert queries.history(person) == []


def test_somebody_without_a_row_in_the_run_has_no_card() -> None:
    person, run = claimed("ann"), current_run()
    assert queries.profile(person, run) is None


def test_the_card_is_of_the_current_run_with_its_band_as_scores_too() -> None:
    person, run = claimed("ann"), current_run()
    ScoreFactory.create(person=person, run=ScoreRunFactory.create(), score=90.0)
    ScoreFactory.create(
        person=person,
        run=run,
        score=43.4,
        reach=1000.0,
        forecast=1300.0,
        low=100.0,
        high=10_000.0,
        percentile=91.5,
        taken_unvouched=200.0,
        taken_exchange=60.0,
        taken_absence=40.0,
        alive=0.9,
        credibility=0.8,
        supporters=7,
        original_share=None,
    )
    card = queries.profile(person)
    assert card is not None
    assert (card.person, card.run, card.as_of, card.formula) == (person, run, run.as_of, run.formula.version)
    assert (card.score, card.reach, card.forecast, card.low, card.high) == (43.4, 1000.0, 1300.0, 100.0, 10_000.0)
    assert (round(card.low_score, 1), round(card.high_score, 1), card.percentile) == (29.3, 57.6, 91.5)
    assert [(part.reason, part.people) for part in card.taken_off] == [
        ("unvouched", 200.0),
        ("exchange", 60.0),
        ("indiscriminate", 0.0),
        ("repetition", 0.0),
        ("absence", 40.0),
    ]
    assert (card.alive, card.credibility, card.original_share) == (0.9, 0.8, None)


@pytest.mark.parametrize(("supporters", "enough"), [(0, False), (2, False), (3, True)])
def test_two_supporters_are_not_enough_seen(supporters: int, enough: bool) -> None:
    person, run = claimed("ann"), current_run()
    ScoreFactory.create(person=person, run=run, supporters=supporters)
    card = queries.profile(person)
    assert card is not None
    assert card.enough_seen is enough


def test_own_topics_come_first_then_others_by_reach_of_the_same_run() -> None:
    person, run = claimed("ann"), current_run()
    ScoreFactory.create(person=person, run=run)
    for slug, reach, below, lift, rank in (
        ("rail", 20.0, 20.0, 3.0, 2),
        ("food", 0.0, 70.0, 1.1, None),
        ("tea", 4.0, 5.0, 9.0, 1),
        ("news", 3.0, 90.0, None, None),
    ):
        topic = TopicFactory.create(slug=slug, name=slug)
        TopicReachFactory.create(
            person=person, run=run, topic=topic, reach=reach, reach_with_below=below, lift=lift, rank=rank
        )
    TopicReachFactory.create(person=person, run=ScoreRunFactory.create(), reach=900.0)
    card = queries.profile(person)
    assert card is not None
    assert card.topics == (
        TopicLine("tea", "tea", 5.0, 36.0, 9.0, 1),
        TopicLine("rail", "rail", 20.0, 36.0, 3.0, 2),
        TopicLine("news", "news", 90.0, 36.0, None, None),
        TopicLine("food", "food", 70.0, 36.0, 1.1, None),
    )


def _supported_world() -> tuple[Person, Person, Person, Person]:
    person, run = claimed("ann"), current_run()
    ScoreFactory.create(person=person, run=run, supporters=50)
    seen, closed, hidden = claimed("seen"), unclaimed("closed"), claimed("hidden", is_hidden=True)
    for reach, other in ((0.3, seen), (0.9, closed), (0.6, hidden)):
        SupportFactory.create(run=run, supporter=other, supported=person, reach=reach, actions=4)
        SupportFactory.create(run=run, supporter=person, supported=other, reach=reach / 2, actions=2)
    return person, seen, closed, hidden


def test_supporters_whom_nobody_may_see_are_counted_and_not_named() -> None:
    person, seen, _closed, _hidden = _supported_world()
    card = queries.profile(person)
    assert card is not None
    assert card.supporters == (SupportLine(seen, 0.3, 4),)
    assert (card.supporters_count, card.supporters_others) == (50, 49)
    assert card.supported == (SupportLine(seen, 0.15, 2),)
    assert (card.supported_others, card.supported_complete) == (2, True)


def test_a_brand_sees_unclaimed_supporters_and_an_operator_all_of_them() -> None:
    person, seen, closed, hidden = _supported_world()
    by_brand = queries.profile(person, viewer=brand_user())
    by_operator = queries.profile(person, viewer=User.objects.create_superuser("root"))
    assert by_brand is not None
    assert by_operator is not None
    assert [line.person for line in by_brand.supporters] == [closed, seen]
    assert [line.person for line in by_operator.supporters] == [closed, hidden, seen]


def test_the_supported_are_a_lower_bound_once_as_many_lines_as_are_kept_exist() -> None:
    person = claimed("ann")
    run = current_run()
    run.formula.parameters["supports_kept"] = 3
    ScoreFactory.create(person=person, run=run)
    for n in range(3):
        SupportFactory.create(run=run, supporter=person, supported=unclaimed(f"far{n}"))
    card = queries.profile(person, run)
    assert card is not None
    assert (card.supported, card.supported_others, card.supported_complete) == ((), 3, False)


def test_a_card_takes_four_queries_whatever_it_holds() -> None:
    person, run = claimed("ann"), current_run()
    ScoreFactory.create(person=person, run=run)
    four = [
        "scoring_score",  # the row
        "scoring_support",  # supporters, with who they are
        "scoring_support",  # supported, likewise
        "scoring_topicreach",  # with the topics
    ]
    for _twice in range(2):
        for n in range(6):
            TopicReachFactory.create(person=person, run=run)
            SupportFactory.create(run=run, supporter=claimed(f"in{_twice}{n}"), supported=person)
            SupportFactory.create(run=run, supporter=person, supported=claimed(f"out{_twice}{n}"))
        with tables_asked() as asked:
            queries.profile(person, run)
        assert asked == four
    with tables_asked() as asked:
        queries.profile(person)
    assert asked == ["scoring_scorerun", *four]


def _point(person: Person, run: ScoreRun, score: float) -> HistoryPoint:
    ScoreFactory.create(person=person, run=run, score=score)
    return HistoryPoint(run.as_of, score, 900.0, run.formula.version)


def test_history_ascends_ends_with_the_current_run_and_keeps_the_newest_at_a_limit() -> None:
    person, formula = claimed("ann"), FormulaFactory.create(is_current=True, created_at=NOW)
    runs = [ScoreRunFactory.create(formula=formula, as_of=NOW + timedelta(days=d)) for d in (3, 1, 2)]
    points = {run.as_of: _point(person, run, 10.0 + n) for n, run in enumerate(runs)}
    now = _point(person, current_run(formula=formula, as_of=NOW + timedelta(days=4)), 20.0)
    # Computed ahead of what readers see.
    _point(person, ScoreRunFactory.create(formula=formula, as_of=NOW + timedelta(days=5)), 30.0)
    expected = [points[NOW + timedelta(days=d)] for d in (1, 2, 3)] + [now]
    assert queries.history(person) == expected
    assert queries.history(person, limit=2) == expected[-2:]
    assert queries.history(claimed("bob")) == []


def test_history_shows_what_readers_saw_then_and_no_shadows() -> None:
    person = claimed("ann")
    old, new, shadow = (FormulaFactory.create(created_at=NOW + timedelta(days=d)) for d in (0, 5, 9))
    day = {d: NOW + timedelta(days=d) for d in range(20, 24)}
    first = _point(person, ScoreRunFactory.create(formula=old, as_of=day[20]), 10.0)
    _point(person, ScoreRunFactory.create(formula=new, as_of=day[20], is_shadow=True), 15.0)
    _point(person, ScoreRunFactory.create(formula=shadow, as_of=day[21], is_shadow=True), 16.0)
    _point(person, ScoreRunFactory.create(formula=old, as_of=day[22]), 11.0)  # before the formula changed that day
    last = _point(person, current_run(formula=new, as_of=day[22]), 17.0)
    assert queries.history(person) == [first, last]


def test_history_leaves_out_runs_that_did_not_finish() -> None:
    person, formula = claimed("ann"), FormulaFactory.create(is_current=True, created_at=NOW)
    for state, days in (("running", 1), ("failed", 2)):
        _point(person, ScoreRunFactory.create(formula=formula, as_of=NOW + timedelta(days=days), state=state), 5.0)
    now = _point(person, current_run(formula=formula, as_of=NOW + timedelta(days=3)), 20.0)
    assert queries.history(person) == [now]


def test_history_takes_one_query_whatever_its_length() -> None:
    person, formula = claimed("ann"), FormulaFactory.create(created_at=NOW)
    run = current_run(formula=formula, as_of=NOW + timedelta(days=50))
    for n in range(6):
        _point(person, ScoreRunFactory.create(formula=formula, as_of=NOW + timedelta(days=n)), 5.0)
        with tables_asked() as asked:
            queries.history(person, run=run)
        assert asked == ["scoring_score"]


def test_topics_bring_all_below_them_in_one_query() -> None:
    top = TopicFactory.create()
    child, other = TopicFactory.create(parent=top), TopicFactory.create()
    grandchild = TopicFactory.create(parent=child)
    TopicFactory.create(parent=other)
    with tables_asked() as asked:
        assert queries.topic_tree().below([top.pk]) == [top.pk, child.pk, grandchild.pk]
    assert asked == ["scoring_topic"]
    assert queries.topic_tree().below([grandchild.pk]) == [grandchild.pk]
    assert queries.topic_tree().below([]) == []


def test_a_topics_path_names_those_above_it() -> None:
    travel = TopicFactory.create(name="Travel")
    flying = TopicFactory.create(name="Flying", parent=travel)
    assert queries.topic_tree().path(flying) == "Travel › Flying"


def test_reach_on_one_topic_holds_those_below_and_on_several_counts_none_twice() -> None:
    run, travel = current_run(), TopicFactory.create()
    flying = TopicFactory.create(parent=travel)
    tea = TopicFactory.create()
    ann, ben = claimed("ann"), claimed("ben")
    for person in (ann, ben):
        ScoreFactory.create(person=person, run=run, reach=500.0, score=30.0)
    earlier = ScoreRunFactory.create()
    for person, topic, in_run, reach, below in (
        (ann, travel, run, 5.0, 26.0),
        (ann, flying, run, 20.5, 21.0),
        (ann, tea, run, 7.0, 9.0),
        (ann, flying, earlier, 900.0, 900.0),
        (ben, flying, run, 3.0, 6.0),
        (ben, travel, run, 0.0, 6.0),
        (ben, tea, run, 2.0, 2.0),
    ):
        score = queries.score_of(below, run.formula.parameters["scale_top"])
        TopicReachFactory.create(
            person=person, run=in_run, topic=topic, reach=reach, reach_with_below=below, score=score
        )

    def found(*topics: Topic) -> dict[str, float]:
        asked = InfluencerFilters(topics=tuple(topic.pk for topic in topics))
        rows: list[Any] = list(queries.influencers(NOBODY, asked, run))
        for row in rows:
            expected = queries.score_of(row.reach_on_topics, run.formula.parameters["scale_top"])
            assert row.score_on_topics == pytest.approx(expected, rel=1e-12)
        return {row.handle: row.reach_on_topics for row in rows}

    assert found(flying) == {"ann": 21.0, "ben": 6.0}
    assert found(travel) == {"ann": 26.0, "ben": 6.0}
    # At least the most on one of them, and at least the even parts together: 5 + 20.5 + 7.
    assert found(travel, flying) == {"ann": 26.0, "ben": 6.0}
    assert found(travel, tea) == {"ann": 32.5, "ben": 6.0}


def test_every_filter_goes_with_several_topics() -> None:
    run, places = current_run(), {"t": PlaceFactory.create(latitude=43.7, longitude=-79.4)}
    places["b"] = PlaceFactory.create(latitude=52.5, longitude=13.4)
    topics = TopicFactory.create_batch(2)
    for handle, place in places.items():
        person = claimed(handle, place=place)
        ScoreFactory.create(person=person, run=run, score=30.0)
        IdentityFactory.create_batch(2, person=person, network__slug=f"net-{handle}")
        for topic in topics:
            TopicReachFactory.create(person=person, run=run, topic=topic, reach=2.0)
    given: dict[str, Any] = {
        "topics": tuple(topic.pk for topic in topics),
        "score_min": 20.0,
        "score_max": 40.0,
        "circles": (Circle(43.65, -79.38, 50), Circle(0, 0, 50)),
        "network": "net-t",
        "claimed": True,
        "search": "T",
    }
    row: Any = queries.influencers(NOBODY, InfluencerFilters(**given), run).get()
    assert (row.handle, row.reach_on_topics, row.score) == ("t", 4.0, 30.0)
    # The admin's filters come one after the other, the sum first.
    rows = queries.influencers(NOBODY, InfluencerFilters(), run)
    for name, value in given.items():
        rows = queries.narrowed(rows, InfluencerFilters(**{name: value}), run)
    assert list(rows.values_list("handle", "reach_on_topics")) == [("t", 4.0)]
    others: dict[str, Any] = {"score_min": 31.0, "score_max": 29.0, "network": "net-b", "claimed": False}
    for name, value in others.items():
        assert not queries.narrowed(rows, InfluencerFilters(**{name: value}), run).exists()


def test_the_most_reach_on_a_topic_comes_from_an_index() -> None:
    run, (topic, other) = current_run(), TopicFactory.create_batch(2)
    people = Person.objects.bulk_create(Person(handle=f"p{n:04}") for n in range(3_000))
    Score.objects.bulk_create(ScoreFactory.build(run=run, person=person) for person in people)
    TopicReach.objects.bulk_create(
        TopicReachFactory.build(run=run, person=person, topic=on, reach=n % 300)
        for on in (topic, other)
        for n, person in enumerate(people, 1)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_person, scoring_score, scoring_topicreach")
    rows = queries.influencers(brand_user(), InfluencerFilters(topics=(topic.pk,)), run)
    plan = rows.order_by("-reach_on_topics", "pk")[:50].explain()
    assert "topic_reach_rank" in plan
    assert "Seq Scan" not in plan


def test_each_word_of_a_search_is_found_in_the_handle_or_the_name() -> None:
    run = current_run()
    for handle, name in (("ash99", "Ann Marie"), ("bea", "Ann Brook")):
        ScoreFactory.create(person=claimed(handle, name=name), run=run)
    assert _names(NOBODY, search="ann") == ["ash99", "bea"]
    assert _names(NOBODY, search=" ANN ash ") == ["ash99"]
    assert _names(NOBODY, search="marie brook") == []


def _names(user: object, run: ScoreRun | None = None, **given: object) -> list[str]:
    found = queries.influencers(user, InfluencerFilters(**given), run)  # type: ignore[arg-type]  # any filters
    return list(found.order_by("handle").values_list("handle", flat=True))


def test_influencers_are_those_with_a_score_in_the_run_whom_the_user_may_see() -> None:
    run = current_run()
    for person in (claimed("ann"), unclaimed("bob"), claimed("hid", is_hidden=True)):
        ScoreFactory.create(person=person, run=run)
    ScoreFactory.create(person=claimed("old"), run=ScoreRunFactory.create())
    claimed("none")
    assert _names(NOBODY) == ["ann"]
    assert _names(brand_user()) == ["ann", "bob"]
    assert _names(User.objects.create_superuser("root")) == ["ann", "bob", "hid"]


def test_without_a_run_nobody_is_listed() -> None:
    ScoreFactory.create(person=claimed("ann"), run=ScoreRunFactory.create())
    assert _names(NOBODY) == []


def test_influencers_carry_the_figures_of_the_run() -> None:
    run = current_run()
    person = claimed("ann")
    ScoreFactory.create(person=person, run=run, score=30.0, reach=110.0, low=50.0, high=200.0, supporters=9)
    ScoreFactory.create(person=person, run=ScoreRunFactory.create(), score=99.0)
    found = queries.influencers(NOBODY, InfluencerFilters(), run).get()
    figures = ("score", "reach", "low", "high", "percentile", "supporters")
    assert [getattr(found, name) for name in figures] == [30.0, 110.0, 50.0, 200.0, 90.0, 9]


def test_the_ends_of_the_score_belong_to_the_filter() -> None:
    run = current_run()
    for handle, score in (("a", 20.0), ("b", 30.0), ("c", 40.0)):
        ScoreFactory.create(person=claimed(handle), run=run, score=score)
    assert _names(NOBODY, score_min=30.0) == ["b", "c"]
    assert _names(NOBODY, score_max=30.0) == ["a", "b"]
    assert _names(NOBODY, score_min=25.0, score_max=35.0) == ["b"]


def test_a_topic_finds_reach_on_those_below_it_in_the_same_run() -> None:
    run, top = current_run(), TopicFactory.create()
    below, other = TopicFactory.create(parent=top), TopicFactory.create()
    for handle, topic, of in (("on", top, run), ("below", below, run), ("off", other, run), ("was", top, None)):
        person = claimed(handle)
        ScoreFactory.create(person=person, run=run)
        reach_below(topic, person=person, run=of or ScoreRunFactory.create())
    assert _names(NOBODY, topics=(top.pk,)) == ["below", "on"]
    assert _names(NOBODY, topics=(below.pk, other.pk)) == ["below", "off"]


def test_a_circle_finds_who_lives_in_it() -> None:
    run = current_run()
    toronto = Place.objects.create(geoname_id=1, name="Toronto", country="CA", latitude=43.70, longitude=-79.42)
    ottawa = Place.objects.create(geoname_id=2, name="Ottawa", country="CA", latitude=45.42, longitude=-75.70)
    for handle, place in (("t", toronto), ("o", ottawa), ("x", None)):
        ScoreFactory.create(person=claimed(handle, place=place), run=run)
    assert _names(NOBODY, circles=(Circle(43.65, -79.38, 50),)) == ["t"]
    assert _names(NOBODY, circles=(Circle(43.65, -79.38, 500),)) == ["o", "t"]


def test_network_and_search_find_accounts_and_names_once() -> None:
    run = current_run()
    for slug in ("one", "two"):
        Network.objects.create(slug=slug, name=slug)
    for n, (handle, name) in enumerate((("ann", "Ann Vega"), ("bob", "Robert"))):
        person = claimed(handle, name=name)
        ScoreFactory.create(person=person, run=run)
        for extra in range(2):
            key = 10 * n + extra
            network = "one" if n == 0 else "two"
            Identity.objects.create(key=key, network_id=network, external_id=str(key), person=person)
    assert _names(NOBODY, network="one") == ["ann"]
    assert _names(NOBODY, network="none") == []
    assert _names(NOBODY, search="ANN") == ["ann"]
    assert _names(NOBODY, search="ober") == ["bob"]
    assert _names(NOBODY, search="%") == []
