"""The influencer list as a workbench: filters by figures and by what brands did, counts, histograms, look-alikes."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Person
from campaigns.admin.base import CappedPaginator
from campaigns.models import Invitation
from scoring import queries
from scoring.models import RunFigures, Score, ScoreRun, TopicReach
from scoring.queries import by_indexes
from tests.campaigns.conftest import Airlines
from tests.campaigns.listing import LIST, listed, scored
from tests.factories.accounts import NetworkFactory, PersonFactory, PlaceFactory
from tests.factories.campaigns import (
    NOW,
    CampaignFactory,
    ExclusionFactory,
    ExclusionListFactory,
    InvitationFactory,
)
from tests.factories.scoring import (
    RunFiguresFactory,
    ScoreFactory,
    ScoreRunFactory,
    SupportFactory,
    TopicFactory,
    TopicReachFactory,
    WrittenLanguageFactory,
)

COUNT = reverse("admin:scoring_influencer_count")


def _with(run: ScoreRun, handle: str, **figures: float) -> Person:
    person: Person = PersonFactory.create(handle=handle)
    ScoreFactory.create(run=run, person=person, **figures)
    return person


def test_figures_filter_with_both_ends(manager: Client, run: ScoreRun) -> None:
    top = run.formula.parameters["scale_top"]
    earlier = ScoreRunFactory.create(as_of=NOW - timedelta(days=28), formula=run.formula)
    for handle, reach, forecast, low, high, was in (
        ("small", 10.0, 10.0, 10.0, 10.0, 10.0),
        ("large", 1000.0, 1250.0, 100.0, 9000.0, 43.5),
    ):
        score = queries.score_of(reach, top)
        person = _with(run, handle, reach=reach, forecast=forecast, low=low, high=high, score=score)
        ScoreFactory.create(run=earlier, person=person, score=was)
    for query, kept in (
        ({"reach_from": "10"}, ["large", "small"]),
        ({"reach_from": "10.5"}, ["large"]),
        ({"reach_to": "999"}, ["small"]),
        ({"width_to": "5"}, ["small"]),
        ({"taken_from": "20"}, ["large"]),
        ({"taken_to": "19.9"}, ["small"]),
        ({"growth_from": "5"}, ["small"]),
        ({"growth_to": "1"}, ["large"]),
        ({"growth_from": "much", "width_to": "nan", "taken_from": "", "reach_to": "inf"}, ["large", "small"]),
    ):
        assert listed(manager, **query) == kept, query


def test_growth_of_which_nothing_is_known_is_nobodys(manager: Client, run: ScoreRun) -> None:
    scored(run, "ann")
    assert listed(manager, growth_from="-100") == []


def test_lift_is_about_the_topics_chosen(manager: Client, run: ScoreRun) -> None:
    flying = TopicFactory.create(slug="flying", name="Flying")
    for handle, lift in (("usual", 1.0), ("own", 3.0)):
        TopicReachFactory.create(run=run, person=scored(run, handle), topic=flying, lift=lift)
    assert listed(manager, topic="flying", lift="3") == ["own"]
    assert sorted(listed(manager, topic="flying", lift="1.4")) == ["own", "usual"]
    page = manager.get(LIST, {"lift": "3"})
    assert page.context["passed_over"] == ["lift on the topics chosen “3”"]
    assert len(page.context["cl"].result_list) == 2
    assert [text for text, _ in manager.get(LIST, {"topic": "flying", "lift": "3"}).context["chips"]] == [
        "on Flying",
        "3 times the usual share of it",
    ]


def test_people_are_found_by_the_languages_they_write_in(manager: Client, run: ScoreRun) -> None:
    for handle, codes in (("ann", ("en", "de")), ("ben", ("fr",)), ("cy", ())):
        person = scored(run, handle)
        for code in codes:
            WrittenLanguageFactory.create(run=run, person=person, language=code)
    # Of a run of before nothing is known, and so there is nothing to choose from.
    page = manager.get(LIST, {"language": "en"})
    assert page.context["passed_over"] == ["language “en”"]
    RunFiguresFactory.create(run=run, languages={"de": 1, "en": 1, "fr": 1200, "xyz": 3})
    page = manager.get(LIST, {"language": ["en", "fr", "nonsense"]})
    assert "French (1,200)" in page.content.decode()
    assert page.content.decode().index("French (1,200)") < page.content.decode().index("xyz (3)")
    assert "writes in English or French" in [text for text, _ in page.context["chips"]]
    assert page.context["passed_over"] == ["language “nonsense”"]
    assert sorted(listed(manager, language=["en", "fr"])) == ["ann", "ben"]
    assert listed(manager, language="de") == ["ann"]
    assert "1" in manager.get(COUNT, {"language": "de"}).content.decode()


def test_who_took_part_in_ones_own_campaigns(manager: Client, airlines: Airlines, run: ScoreRun) -> None:
    campaigns = CampaignFactory.create_batch(2, brand=airlines.brand)
    theirs = CampaignFactory.create(brand=airlines.other_brand)
    took, asked, new = (scored(run, handle) for handle in ("took", "asked", "new"))
    accepted: dict[str, Any] = {"state": Invitation.State.ACCEPTED, "answered_at": NOW}
    InvitationFactory.create(campaign=campaigns[0], person=took)
    InvitationFactory.create(campaign=campaigns[1], person=took, **accepted)
    InvitationFactory.create(campaign=campaigns[0], person=asked)
    InvitationFactory.create(campaign=theirs, person=new, **accepted)
    for past, kept in (
        ("took", ["took"]),
        ("invited", ["asked", "took"]),
        ("new", ["new"]),
        ("not", ["asked", "new"]),
        ("nonsense", ["asked", "new", "took"]),
    ):
        assert sorted(listed(manager, past=past)) == kept, past


def test_lists_leave_their_people_out(manager: Client, airlines: Airlines, run: ScoreRun) -> None:
    ann, ben, cy = (scored(run, handle) for handle in ("ann", "ben", "cy"))
    customers, staff = (ExclusionListFactory.create(brand=airlines.brand, name=name) for name in ("Customers", "Staff"))
    theirs = ExclusionListFactory.create(brand=airlines.other_brand, name="Secret list")
    for of, person in ((customers, ann), (staff, ben), (theirs, cy)):
        ExclusionFactory.create(exclusion_list=of, person=person)
    assert sorted(listed(manager, without=customers.pk)) == ["ben", "cy"]
    assert listed(manager, without=[customers.pk, staff.pk]) == ["cy"]
    page = manager.get(LIST, {"without": [str(customers.pk), str(theirs.pk), "x"]})
    assert len(page.context["cl"].result_list) == 2
    assert page.context["passed_over"] == [f"leave out the people on “{theirs.pk}”", "leave out the people on “x”"]
    assert "Secret list" not in page.content.decode()


def test_what_names_nothing_filters_nothing_and_is_told(manager: Client, run: ScoreRun) -> None:
    scored(run, "ann")
    TopicFactory.create(slug="flying", name="Flying")
    query = {"topic": ["flyin", "flying"], "score_from": "ten", "score_to": "90", "past": "x", "like": "@nobody\0"}
    page = manager.get(LIST, query | {"near": "Atlantis", "radius": "7", "network": "gone", "for": "0", "claimed": "?"})
    assert page.context["passed_over"] == [
        "topic “flyin”",
        "city “Atlantis”",
        "score “ten”",
        "network “gone”",
        "profile “?”",
        "campaign (leaves out whom it has already) “0”",
        "past campaigns of ours “x”",
        "look-alikes of (a handle) “@nobody\0”",
    ]
    assert "Not all filters count" in page.content.decode()
    assert "Not all filters count" not in manager.get(LIST, {"score_from": "1"}).content.decode()


def test_histograms_show_the_runs_figures(manager: Client, run: ScoreRun) -> None:
    scored(run, "ann")
    topic = TopicFactory.create(name="Flying")
    NetworkFactory.create(slug="one", name="One")
    RunFiguresFactory.create(
        run=run,
        histograms={"score": {"from": [1.0, 34.0, 67.0, 90.0], "people": [999, 0, 9, 0]}},
        topics={str(topic.pk): 1234},
        networks={"one": 5},
    )
    page = manager.get(LIST, {"score_from": "40"})
    of_scores = next(spec for spec in page.context["cl"].filter_specs if spec.title == "score")
    bars = next(of_scores.choices(page.context["cl"]))["bars"]
    assert [(bar.low, bar.high, bar.people, round(bar.height), bar.is_out) for bar in bars] == [
        (1.0, 34.0, 999, 100, True),
        (34.0, 67.0, 0, 0, False),
        (67.0, 90.0, 9, 33, False),
    ]
    text = page.content.decode()
    for shown in ("1 to 34: 999 people", "Flying (1,234)", "One (5)"):
        assert shown in text, shown
    # Of the other measures this run stored nothing.
    assert text.count('class="sway-bars"') == 1


def test_a_run_without_figures_has_bare_filters(manager: Client, run: ScoreRun) -> None:
    scored(run, "ann")
    TopicFactory.create(name="Flying")
    text = manager.get(LIST).content.decode()
    assert "sway-bars" not in text
    assert ">Flying</option>" in text
    RunFigures.objects.create(run=run, people=0, histograms={"score": {"from": [1.0], "people": [0]}})
    assert "sway-bars" not in manager.get(LIST).content.decode()


def test_counting_reads_no_rows(manager: Client, run: ScoreRun) -> None:
    for n in range(3):
        scored(run, f"p{n}", 20 + n)
    with CaptureQueriesContext(connection) as asked:
        response = manager.get(COUNT, {"score_from": "21", "q": "p"})
    assert (response.status_code, response.content.decode()) == (200, "2")
    of_people = [query["sql"] for query in asked if 'FROM "accounts_person"' in query["sql"]]
    assert len(of_people) == 1
    assert of_people[0].startswith("SELECT COUNT(*)")
    assert manager.get(COUNT, {"q": "nobody"}).content.decode() == "0"
    assert manager.get(COUNT, {"email__startswith": "a"}).status_code == 400


def test_many_are_counted_about(manager: Client, run: ScoreRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CappedPaginator, "most", 40)
    ScoreRun.objects.filter(pk=run.pk).update(people=1000)
    people = Person.objects.bulk_create(PersonFactory.build(handle=f"p{n:04}") for n in range(1000))
    Score.objects.bulk_create(
        ScoreFactory.build(run=run, person=person, score=n % 100 + 1) for n, person in enumerate(people)
    )
    assert manager.get(COUNT, {"score_from": "97"}).content.decode() == "40"
    # All are drawn, so few are they: what is estimated is what is there, to two digits.
    assert manager.get(COUNT, {"score_from": "76"}).content.decode() == "about 250"
    assert manager.get(COUNT, {"score_from": "51.5"}).content.decode() == "about 490"
    assert "the first 40 of about 490" in " ".join(manager.get(LIST, {"score_from": "51.5"}).content.decode().split())
    monkeypatch.setattr("scoring.queries.narrowing.SAMPLED", 300)
    many = manager.get(COUNT).content.decode()
    assert many.startswith("about ")
    assert 700 <= int(many.removeprefix("about ").replace(",", "")) <= 1300


def test_look_alikes_stand_by_what_they_share(manager: Client, run: ScoreRun) -> None:
    ann, twin, half, far = (scored(run, handle) for handle in ("Ann", "twin", "half", "far"))
    hidden = scored(run, "hidden", is_hidden=True)
    a, b, c = PersonFactory.create_batch(3)
    for supported, given in ((ann, (a, b)), (twin, (a, b)), (half, (b, c)), (far, (c,)), (hidden, (a, b))):
        for supporter in given:
            SupportFactory.create(run=run, supporter=supporter, supported=supported, reach=0.5)
    page = manager.get(LIST, {"like": "@aNN"})
    assert [person.handle for person in page.context["cl"].result_list] == ["twin", "half"]
    assert [text for text, _ in page.context["chips"]] == ["like @Ann"]
    text = " ".join(page.content.decode().split())
    assert "100 %<small>2 supporters shared<" in text
    assert "50 %<small>1 supporter shared<" in text
    assert listed(manager, like="ann", q="half") == ["half"]
    assert listed(manager, like="a") == listed(manager, like="hidden") != []
    assert f"{LIST}?like=twin" in text


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"score_from": "20", "score_to": "60", "taken_to": "50", "width_to": "20"},
        {"reach_from": "10", "growth_from": "1"},
        {"topic": "flying", "lift": "2", "score_from": "10"},
        {"near": "1", "past": "not", "network": "one", "q": "p1"},
        {"past": "took", "without": "LIST"},
    ],
)
def test_no_plan_reads_people_from_end_to_end(
    manager: Client, airlines: Airlines, run: ScoreRun, query: dict[str, str]
) -> None:
    earlier = ScoreRunFactory.create(as_of=NOW - timedelta(days=28), formula=run.formula)
    topic, place = TopicFactory.create(slug="flying"), PlaceFactory.create(geoname_id=1)
    NetworkFactory.create(slug="one")
    left_out = ExclusionListFactory.create(brand=airlines.brand)
    people = Person.objects.bulk_create(
        PersonFactory.build(handle=f"p{n:04}", place=place if n % 3 else None) for n in range(3000)
    )
    for of in (run, earlier):
        Score.objects.bulk_create(ScoreFactory.build(run=of, person=person) for person in people)
    TopicReach.objects.bulk_create(
        TopicReachFactory.build(run=run, person=person, topic=topic, lift=2.0) for person in people[::2]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_person, scoring_score, scoring_topicreach")
    with CaptureQueriesContext(connection) as asked:
        manager.get(LIST, {name: value.replace("LIST", str(left_out.pk)) for name, value in query.items()})
    listing, settings = [], []
    for sent in asked:
        sql = sent["sql"]
        settings += [sql] if sql.startswith("SET LOCAL") else []
        if 'FROM "accounts_person" ' in sql and '"scoring_score"' in sql:
            assert settings[-1:] == ["SET LOCAL enable_seqscan = off"]
            listing.append(sql)
    assert len(listing) == 2, "the count, and the page"
    assert settings[-1] == "SET LOCAL enable_seqscan = on"
    # Once for the run, and once for that of 28 days before where growth is asked for.
    assert {sql.count('JOIN "scoring_score"') for sql in listing} == {2 if "growth_from" in query else 1}
    with by_indexes(), connection.cursor() as cursor:
        for sql in listing:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan on accounts_person" not in plan, plan


def test_a_few_people_stand_side_by_side(manager: Client, run: ScoreRun) -> None:
    earlier = ScoreRunFactory.create(as_of=NOW - timedelta(days=28), formula=run.formula)
    ann = _with(run, "ann", score=43.0, reach=750.0, forecast=1000.0, taken_exchange=250.0, low=700.0, high=900.0)
    ben = _with(run, "ben", score=20.0, reach=0.0, forecast=0.0, low=0.0, high=0.0)
    ScoreFactory.create(run=earlier, person=ann, score=40.5)
    TopicReachFactory.create(run=run, person=ann, topic__name="Flying", lift=2, rank=1)
    hidden = _with(run, "secret", score=50.0)
    Person.objects.filter(pk=hidden.pk).update(is_hidden=True)
    data = {"action": "compare", "_selected_action": [ann.pk, ben.pk, hidden.pk]}
    page = manager.post(LIST, data)
    assert page.status_code == 200
    lines = {line.label: line.cells for line in page.context["lines"]}
    assert lines["Growth in 28 days"] == ["+2.5", "–"]
    assert lines["Taken off"] == ["25 %", "–"]
    assert lines["Band width"] == ["1.5 points", "0.0 points"]
    assert lines["Top topics"] == ["Flying", "–"]
    assert "secret" not in page.content.decode()
    refused = manager.post(LIST, {"action": "compare", "_selected_action": [ann.pk]}, follow=True)
    assert "Tick two to 6 people" in refused.content.decode()
