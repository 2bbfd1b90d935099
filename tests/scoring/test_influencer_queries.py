"""Whom the lists of influencers hold, by every filter."""

from typing import Any

import pytest
from django.db import connection

from accounts.models import Identity, Network, Person, Place, User
from scoring import queries
from scoring.models import Score, ScoreRun, Topic, TopicReach
from scoring.queries import Circle, InfluencerFilters
from scoring.queries.alike import alike
from tests.asked import tables_asked
from tests.factories.accounts import IdentityFactory, PlaceFactory
from tests.factories.scoring import (
    ScoreFactory,
    ScoreRunFactory,
    SupportFactory,
    TopicFactory,
    TopicReachFactory,
    current_run,
    reach_below,
)
from tests.scoring.people import NOBODY, brand_user, claimed, unclaimed

pytestmark = pytest.mark.django_db


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
    others: dict[str, Any] = {
        "score_min": 31.0,
        "score_max": 29.0,
        "network": "net-b",
        "claimed": False,
        "reach_min": 901.0,
        "reach_max": 899.0,
        "width_max": 1.0,
        "taken_min": 0.1,
        "growth_min": 0.0,
    }
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
    # The part of the index topic_reach_rank that belongs to the partition of these rows.
    assert "Index Scan using scoring_topicreach_others_run_id_topic_id_reach_with_below_idx" in plan
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


def test_reach_band_and_share_taken_off_filter_with_both_ends() -> None:
    run = current_run()
    top = run.formula.parameters["scale_top"]
    for handle, reach, forecast, low, high in (
        ("small", 10.0, 10.0, 10.0, 10.0),
        ("cut", 100.0, 200.0, 50.0, 200.0),
        ("large", 1000.0, 1250.0, 100.0, 9000.0),
        ("none", 0.0, 0.0, 0.0, 0.0),
    ):
        score = queries.score_of(reach, top)
        person = claimed(handle)
        ScoreFactory.create(person=person, run=run, reach=reach, forecast=forecast, low=low, high=high, score=score)
    assert _names(NOBODY, reach_min=100.0) == ["cut", "large"]
    assert _names(NOBODY, reach_max=100.0) == ["cut", "none", "small"]
    assert _names(NOBODY, reach_min=100.5, reach_max=1e99) == ["large"]
    wide = queries.score_of(9000, top) - queries.score_of(100, top)
    assert _names(NOBODY, width_min=wide - 1e-6) == ["large"]
    assert _names(NOBODY, width_max=wide - 1e-6) == ["cut", "none", "small"]
    assert _names(NOBODY, width_max=0.0) == ["none", "small"]
    assert _names(NOBODY, width_min=1e300) == []
    assert _names(NOBODY, taken_min=0.5) == ["cut"]
    assert _names(NOBODY, taken_max=0.2) == ["large", "none", "small"]
    assert _names(NOBODY, taken_min=0.2, taken_max=0.49) == ["large"]
    assert _names(NOBODY, taken_min=0.0) == ["cut", "large", "none", "small"]


def test_growth_is_told_from_the_run_of_a_month_before() -> None:
    run = current_run()
    earlier = ScoreRunFactory.create(formula=run.formula)
    for handle, was, score in (("up", 20.0, 22.5), ("same", 30.0, 30.0), ("down", 40.0, 39.0), ("new", None, 50.0)):
        person = claimed(handle)
        ScoreFactory.create(person=person, run=run, score=score)
        if was is not None:
            ScoreFactory.create(person=person, run=earlier, score=was)
    since = earlier.pk
    assert _names(NOBODY, growth_min=2.5, grown_since=since) == ["up"]
    assert _names(NOBODY, growth_min=0.0, grown_since=since) == ["same", "up"]
    assert _names(NOBODY, growth_max=-1.0, grown_since=since) == ["down"]
    assert _names(NOBODY, growth_min=-5.0, growth_max=0.0, grown_since=since) == ["down", "same"]
    # Nothing is known of anybody's growth.
    assert _names(NOBODY, growth_min=-5.0) == []
    assert _names(NOBODY, grown_since=since) == ["down", "new", "same", "up"]


def test_lift_is_asked_of_the_topics_chosen() -> None:
    run, travel, tea = current_run(), TopicFactory.create(), TopicFactory.create()
    flying = TopicFactory.create(parent=travel)
    for handle, of_travel, of_flying, of_tea in (
        ("ann", 1.2, 5.0, None),
        ("ben", 3.0, 1.0, 0.5),
        ("cy", None, 9.0, 4.0),
    ):
        person = claimed(handle)
        ScoreFactory.create(person=person, run=run)
        for topic, lift in ((travel, of_travel), (flying, of_flying), (tea, of_tea)):
            TopicReachFactory.create(person=person, run=run, topic=topic, lift=lift)
    assert _names(NOBODY, topics=(travel.pk,), lift_min=2.0) == ["ben"]
    assert _names(NOBODY, topics=(flying.pk,), lift_min=5.0) == ["ann", "cy"]
    assert _names(NOBODY, topics=(travel.pk, tea.pk), lift_min=3.0) == ["ben", "cy"]
    assert _names(NOBODY, lift_min=3.0) == ["ann", "ben", "cy"]


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


def _supported(run: ScoreRun, supported: Person, **reach: float) -> None:
    for handle, adds in reach.items():
        supporter = Person.objects.get_or_create(handle=handle)[0]
        SupportFactory.create(run=run, supporter=supporter, supported=supported, reach=adds)


def test_likeness_is_the_cosine_of_what_supporters_add() -> None:
    run, earlier = current_run(), ScoreRunFactory.create()
    ann, ben, cy, dee, hid = (claimed(handle) for handle in ("ann", "ben", "cy", "dee", "hid"))
    Person.objects.filter(pk=hid.pk).update(is_hidden=True)
    _supported(run, ann, a=0.6, b=0.8)
    _supported(run, ben, a=0.3, b=0.4)
    _supported(run, cy, b=0.3, c=0.4)
    _supported(run, dee, d=0.9)
    _supported(run, hid, a=0.6, b=0.8)
    _supported(earlier, dee, a=0.6, b=0.8)
    with tables_asked() as asked:
        found = alike(ann.pk, run, NOBODY)
    assert asked == ["scoring_support", "scoring_support", "accounts_person", "scoring_support"]
    assert [(each.person, each.shared) for each in found] == [(ben.pk, 2), (cy.pk, 1)]
    # (0.6, 0.8, 0) and (0, 0.3, 0.4): 0.24 of 1 times 0.5.
    assert [each.likeness for each in found] == pytest.approx([1.0, 0.48])
    assert [each.person for each in alike(dee.pk, run, NOBODY)] == []
    assert alike(claimed("alone").pk, run, NOBODY) == []
    root = User.objects.create_superuser("root")
    assert [each.person for each in alike(ann.pk, run, root)] == [ben.pk, hid.pk, cy.pk]


def test_equals_among_look_alikes_stand_by_id_and_no_more_than_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    run, ann = current_run(), claimed("ann")
    others = [claimed(f"p{n}") for n in range(4)]
    for person in (ann, *reversed(others)):
        _supported(run, person, a=0.5)
    monkeypatch.setattr("scoring.queries.alike.MOST_ALIKE", 3)
    assert [each.person for each in alike(ann.pk, run, NOBODY)] == [person.pk for person in others[:3]]
