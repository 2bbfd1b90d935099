"""Having the group chosen for a campaign: out of whom, by which rules, and what is stored."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from time import sleep
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.actions import erase_person
from accounts.models import Person, User
from campaigns.actions import (
    NotYours,
    SelectionRefused,
    ask_for_group,
    choose_group,
    choose_waiting,
    shortlist_group,
    why_not_chosen,
)
from campaigns.models import Campaign, Invitation, Selection, Shortlisting
from campaigns.selection import Reason
from scoring.models import ScoreRun
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import PersonFactory, PlaceFactory
from tests.factories.campaigns import NOW, CampaignFactory, InvitationFactory, SelectionFactory, ShortlistingFactory
from tests.factories.scoring import (
    FormulaFactory,
    ScoreFactory,
    SupportFactory,
    TopicFactory,
    TopicReachFactory,
    current_run,
)

# Of the people a, b, c and d the audiences, by number; each of them acts for sure, and nobody new comes.
AUDIENCES = {"a": (1, 2, 3, 4), "b": (1, 2, 3), "c": (5, 6), "d": (7,)}
SCORES = {"a": 30.0, "b": 29.0, "c": 20.0, "d": 10.0}


@pytest.fixture
def scored(db: None) -> ScoreRun:
    formula = FormulaFactory.create(is_current=True)
    formula.parameters["newcomers"] = 0.0
    formula.save(update_fields=["parameters"])
    run = current_run(formula=formula, as_of=NOW, people=11)
    fans = {number: PersonFactory.create(handle=f"fan{number}") for number in range(1, 8)}
    for handle, audience in AUDIENCES.items():
        person = PersonFactory.create(handle=handle)
        ScoreFactory.create(run=run, person=person, score=SCORES[handle], reach=len(audience), low=0, high=9)
        for number in audience:
            SupportFactory.create(run=run, supporter=fans[number], supported=person, reach=1.0)
    return run


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    found: Campaign = CampaignFactory.create(brand=airlines.brand)
    return found


def choose(campaign: Campaign, by: User, **asked: Any) -> Selection:
    selection = ask_for_group(selection=Selection(campaign=campaign, **asked), by=by, now=NOW)
    assert choose_group(pk=selection.pk, now=NOW)
    selection.refresh_from_db()
    return selection


def chosen(selection: Selection) -> list[tuple[str, float, bool]]:
    assert selection.state == Selection.State.DONE, selection.error
    rows = selection.people.order_by("rank").select_related("person")
    return [(row.person.handle, row.adds, row.is_kept) for row in rows]


def test_who_reaches_the_most_different_people(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    found = choose(campaign, airlines.manager, seats=2)

    assert chosen(found) == [("a", 4, False), ("c", 2, False)]
    assert (found.candidates, found.reached, found.one_more) == (4, 6, 1)
    assert 6 <= found.most_possible <= 7
    # The two highest scores have the same audience.
    assert found.by_score == 4
    assert (found.run, found.asked_by) == (scored, airlines.manager)
    assert found.finished_at is not None
    assert NOW <= found.finished_at < NOW + timedelta(minutes=5)


@pytest.mark.parametrize("state", [Invitation.State.DECLINED, Invitation.State.WITHDRAWN])
def test_who_is_invited_is_kept_and_who_declined_or_lost_the_seat_is_left_out(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines, state: Invitation.State
) -> None:
    InvitationFactory.create(campaign=campaign, person=Person.objects.get(handle="d"))
    InvitationFactory.create(campaign=campaign, person=Person.objects.get(handle="a"), state=state, answered_at=NOW)

    # The next best is the one who adds most now.
    assert chosen(choose(campaign, airlines.manager, seats=2)) == [("d", 1, True), ("b", 3, False)]


def test_the_shortlist_is_kept_where_that_is_asked_for(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines
) -> None:
    ShortlistingFactory.create(campaign=campaign, person=Person.objects.get(handle="b"))

    assert chosen(choose(campaign, airlines.manager, seats=2, keeps_shortlist=True)) == [
        ("b", 3, True),
        ("c", 2, False),
    ]
    assert chosen(choose(campaign, airlines.manager, seats=1)) == [("a", 4, False)]


def test_quotas_budget_and_people_left_out(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    one_per_band = choose(campaign, airlines.manager, seats=4, most_per_band=1)
    assert [handle for handle, _, _ in chosen(one_per_band)] == ["a", "c", "d"]

    small = choose(campaign, airlines.manager, seats=2, least_small=1, small_reach=1.5)
    assert [handle for handle, _, _ in chosen(small)] == ["a", "d"]

    cheap = choose(campaign, airlines.manager, seats=4, budget=199, cost_each=100)
    assert [handle for handle, _, _ in chosen(cheap)] == ["a"]

    without = choose(campaign, airlines.manager, seats=1, left_out="@A,\n fan1")
    assert [handle for handle, _, _ in chosen(without)] == ["b"]

    named = choose(campaign, airlines.manager, seats=2, kept="D")
    assert chosen(named) == [("d", 1, True), ("a", 4, False)]
    with pytest.raises(SelectionRefused, match="a can't be both kept and left out"):
        choose(campaign, airlines.manager, seats=2, kept="a", left_out="@A")


def test_each_costs_what_is_said_of_them(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    by = airlines.manager
    found = choose(campaign, by, seats=4, budget=200, cost_each=100, costs="@A, 150\nd;0")
    # For the dear one's money two others reach more, and one costs nothing.
    assert sorted(handle for handle, _, _ in chosen(found)) == ["b", "c", "d"]
    assert dict(found.people.values_list("person__handle", "cost")) == {"b": 100, "c": 100, "d": 0}
    assert found.reached == 6

    # Without a budget all that is told is what it comes to.
    without = choose(campaign, by, seats=2, cost_each=100, costs="a 150.50")
    assert dict(without.people.values_list("person__handle", "cost")) == {"a": Decimal("150.50"), "c": 100}
    plain = choose(campaign, by, seats=1)
    assert [row.cost for row in plain.people.all()] == [None]


def test_sums_that_a_budget_pays_to_the_penny_are_paid(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines
) -> None:
    costs = {"costs": "a,0.10\nc,0.20\nb,99", "cost_each": 50}
    found = choose(campaign, airlines.manager, seats=3, budget=Decimal("0.30"), **costs)
    assert [handle for handle, _, _ in chosen(found)] == ["a", "c"]
    kept = choose(campaign, airlines.manager, seats=3, budget=Decimal("0.30"), kept="a c", **costs)
    assert [handle for handle, _, _ in chosen(kept)] == ["a", "c"]


def test_why_not_knows_what_somebody_costs(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    found = choose(campaign, airlines.manager, seats=3, budget=20, cost_each=10, costs="a 1000")
    assert sorted(handle for handle, _, _ in chosen(found)) == ["b", "c"]
    why = why_not_chosen(selection=found, person=Person.objects.get(handle="a"), by=airlines.manager)
    assert why is not None
    assert why.reason == Reason.BUDGET


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ("a, dear", "Line 1 of the costs, “a, dear”, has no cost. Write a handle and what it costs, a line each"),
        ("a 5\n\nb", "Line 3 of the costs, “b”, has no cost."),
        ("a,1,200", "Line 1 of the costs, “a,1,200”, has no cost."),
        ("a;-5", "Line 1 of the costs"),
        ("a 1e3", "Line 1 of the costs"),
        ("a 99999999999", "Line 1 of the costs"),
        ("a ٣", "Line 1 of the costs"),
        ("a 5\n@A;6,50", "Line 2 of the costs: a costs 6.50 here and 5 above."),
        ("nobody, 5", "Nobody is known as nobody."),
    ],
)
def test_costs_that_cant_be_read_are_refused_in_one_sentence(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines, costs: str, said: str
) -> None:
    with pytest.raises(SelectionRefused) as refused:
        choose(campaign, airlines.manager, seats=1, cost_each=10, costs=costs)
    assert said in str(refused.value)
    assert not Selection.objects.exists()


def test_costs_of_some_need_one_for_all(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    with pytest.raises(SelectionRefused, match="what everybody else costs too"):
        choose(campaign, airlines.manager, seats=1, costs="a 5")
    assert not Selection.objects.exists()


def test_on_the_campaigns_topics(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    topic = TopicFactory.create()
    campaign.topics.add(topic)
    for handle, reach in (("a", 1.0), ("c", 2.0)):
        person = Person.objects.get(handle=handle)
        TopicReachFactory.create(run=scored, person=person, topic=topic, reach=reach, reach_with_below=reach)

    found = choose(campaign, airlines.manager, seats=3)

    # Of a's four people each counts by a quarter.
    assert chosen(found) == [("c", 2, False), ("a", pytest.approx(1.0), False)]
    assert found.candidates == 2


def test_why_somebody_isnt_chosen(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    found = choose(campaign, airlines.manager, seats=2)

    def why(handle: str) -> Any:
        return why_not_chosen(selection=found, person=Person.objects.get(handle=handle), by=airlines.manager)

    assert why("a") is None
    assert (why("b").reason, why("b").reached_already) == (Reason.OVERLAP, 1)
    assert (why("d").reason, why("d").adds, why("d").least) == (Reason.SEATS, 1, 2)
    with pytest.raises(SelectionRefused, match="fan1 has no score"):
        why("fan1")


def test_why_not_holds_after_the_group_was_invited(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    found = choose(campaign, airlines.manager, seats=2)
    for handle in ("a", "c"):
        InvitationFactory.create(campaign=campaign, person=Person.objects.get(handle=handle))

    why = why_not_chosen(selection=found, person=Person.objects.get(handle="d"), by=airlines.manager)

    assert why is not None
    assert (why.reason, why.adds, why.least) == (Reason.SEATS, 1, 2)


def test_why_not_leaves_out_who_cant_be_seen_any_more(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    found = choose(campaign, airlines.manager, seats=2)
    Person.objects.filter(handle="a").update(is_hidden=True)

    why = why_not_chosen(selection=found, person=Person.objects.get(handle="b"), by=airlines.manager)

    # Nothing is told of whom somebody hidden reaches.
    assert why is not None
    assert (why.adds, why.reached_already) == (3, 0)


def test_why_not_tells_of_full_quotas_and_of_who_declined(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines
) -> None:
    Person.objects.filter(handle__in=["a", "c"]).update(place=PlaceFactory.create())
    found = choose(campaign, airlines.manager, seats=2, most_per_city=1)
    assert [handle for handle, _, _ in chosen(found)] == ["a", "d"]
    why = why_not_chosen(selection=found, person=Person.objects.get(handle="c"), by=airlines.manager)
    assert why is not None
    assert (why.reason, why.quota) == (Reason.QUOTA, "at most 1 per city")

    declined = Invitation.State.DECLINED
    InvitationFactory.create(campaign=campaign, person=Person.objects.get(handle="c"), state=declined, answered_at=NOW)
    why = why_not_chosen(selection=found, person=Person.objects.get(handle="c"), by=airlines.manager)
    assert why is not None
    assert why.reason == Reason.EXCLUDED


def test_what_goes_wrong_is_raised_and_said(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr("campaigns.actions.choosing.choose", broken)
    selection = ask_for_group(selection=Selection(campaign=campaign, seats=1), by=airlines.manager, now=NOW)

    with pytest.raises(MemoryError):
        choose_group(pk=selection.pk, now=NOW)

    selection.refresh_from_db()
    assert selection.state == Selection.State.FAILED
    assert "Something went wrong" in selection.error


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"seats": 1, "budget": 5, "cost_each": 10}, "A budget of 5.00 pays for nobody at 10.00 each."),
        (
            {"seats": 1, "budget": 5, "cost_each": 10, "costs": "a 7\nb 8"},
            "A budget of 5.00 pays for nobody: all cost 7.00 or more.",
        ),
        (
            {"seats": 2, "budget": 5, "cost_each": 10, "costs": "a 7", "kept": "a"},
            "Those who must be in cost 7.00, more than the budget of 5.00.",
        ),
        ({"seats": 4, "least_small": 3, "small_reach": 1.5}, "at least 3 with a reach below 2: only 1"),
    ],
)
def test_what_cant_be_is_said(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines, asked: dict[str, Any], said: str
) -> None:
    found = choose(campaign, airlines.manager, **asked)

    assert (found.state, found.people.count()) == (Selection.State.FAILED, 0)
    assert said in found.error


def test_without_scores_nobody_is_chosen(campaign: Campaign, airlines: Airlines) -> None:
    assert "There are no scores yet" in choose(campaign, airlines.manager, seats=1).error


def test_a_handle_that_nobody_has_is_refused_at_once(campaign: Campaign, airlines: Airlines) -> None:
    with pytest.raises(SelectionRefused, match="Nobody is known as nobody, nothing"):
        ask_for_group(
            selection=Selection(campaign=campaign, seats=1, left_out="@nobody nothing"), by=airlines.manager, now=NOW
        )
    assert not Selection.objects.exists()


def test_another_brands_campaign_isnt_chosen_for(campaign: Campaign, airlines: Airlines) -> None:
    with pytest.raises(NotYours):
        ask_for_group(selection=Selection(campaign=campaign, seats=1), by=airlines.other_manager, now=NOW)
    assert not Selection.objects.exists()
    SelectionFactory.create(campaign=campaign)
    assert not Selection.objects.visible_to(airlines.other_manager).exists()


def test_a_group_is_chosen_once_and_again_only_where_its_worker_died(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines
) -> None:
    selection = ask_for_group(selection=Selection(campaign=campaign, seats=1), by=airlines.manager, now=NOW)
    Selection.objects.update(state=Selection.State.CHOOSING, claimed_at=NOW)

    assert choose_waiting(now=NOW + timedelta(minutes=14)) == 0
    assert choose_waiting(now=NOW + timedelta(minutes=16)) == 1
    assert choose_waiting(now=NOW + timedelta(minutes=40)) == 0
    selection.refresh_from_db()
    assert len(chosen(selection)) == 1


def test_the_group_goes_to_the_shortlist(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    found = choose(campaign, airlines.manager, seats=2)
    Person.objects.filter(handle="c").update(is_hidden=True)

    assert shortlist_group(selection=found, by=airlines.manager, now=NOW) == 1
    assert shortlist_group(selection=found, by=airlines.manager, now=NOW) == 0
    assert [row.person.handle for row in Shortlisting.objects.all()] == ["a"]
    with pytest.raises(NotYours):
        shortlist_group(selection=found, by=airlines.other_manager, now=NOW)


def test_who_is_erased_goes_from_the_group(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    found = choose(campaign, airlines.manager, seats=2)

    erase_person(Person.objects.get(handle="a"), by=airlines.operator, now=NOW)

    assert [handle for handle, _, _ in chosen(found)] == ["c"]


@pytest.mark.parametrize(
    "broken",
    [
        {"seats": 0},
        {"budget": 5},
        {"costs": "a 5"},
        {"cost_each": 0},
        {"small_reach": 5.0},
        {"state": Selection.State.DONE},
        {"reached": 2.0, "most_possible": 1.0},
    ],
)
def test_the_database_refuses_what_cant_be(campaign: Campaign, broken: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        SelectionFactory.create(campaign=campaign, **broken)


@pytest.mark.parametrize(
    "asked",
    [{"left_out": "b fan1"}, {"kept": "b"}, {"cost_each": 10, "costs": "b, 5\nd, 7"}],
    ids=["left out", "kept", "costs"],
)
@pytest.mark.parametrize("gone", ["hidden", "erased"])
def test_who_is_named_and_gone_keeps_nobody_from_asking_why_or_choosing(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines, asked: dict[str, Any], gone: str
) -> None:
    found = choose(campaign, airlines.manager, seats=2, **asked)
    waiting = ask_for_group(selection=Selection(campaign=campaign, seats=2, **asked), by=airlines.manager, now=NOW)
    named = Person.objects.filter(handle="b")
    if gone == "hidden":
        named.update(is_hidden=True)
    else:
        erase_person(named.get(), by=airlines.operator, now=NOW)

    why = why_not_chosen(selection=found, person=Person.objects.get(handle="d"), by=airlines.manager)
    assert why is not None
    assert choose_group(pk=waiting.pk, now=NOW)
    waiting.refresh_from_db()
    assert [handle for handle, _, _ in chosen(waiting)] == ["a", "c"]


def test_who_is_erased_is_named_by_no_group_any_more(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    merged = PersonFactory.create(handle="bee", merged_into=Person.objects.get(handle="b"))
    row = SelectionFactory.create(
        campaign=campaign,
        kept='@B,fan1; "bee"\nbb',
        left_out="c b",
        cost_each=10,
        costs="fan1, 3\n@b; 2,50\nbee 4\nbb\t7\n",
    )
    other = SelectionFactory.create(campaign=campaign, kept="bb", left_out="fan1")

    erase_person(Person.objects.get(handle="b"), by=airlines.operator, now=NOW)

    assert not Person.objects.filter(pk=merged.pk).exists()
    row.refresh_from_db()
    assert (row.kept, row.left_out, row.costs) == ("fan1; bb", "c ", "fan1, 3\nbb\t7\n")
    other.refresh_from_db()
    assert (other.kept, other.left_out) == ("bb", "fan1")


@pytest.mark.django_db(transaction=True)
def test_a_group_and_an_erasure_at_once_wait_for_each_other(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines
) -> None:
    selection = ask_for_group(selection=Selection(campaign=campaign, seats=2, kept="a"), by=airlines.manager, now=NOW)
    person = Person.objects.get(handle="a")
    choosing, erased = threading.Event(), threading.Event()

    def erase() -> None:
        try:
            with transaction.atomic():
                Person.objects.select_for_update().get(pk=person.pk)
                choosing.set()
                wait_for_lock()
                erase_person(person, by=airlines.operator, now=NOW)
        finally:
            erased.set()
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(erase)
        assert choosing.wait(30)
        assert choose_group(pk=selection.pk, now=NOW)
        running.result(30)
    selection.refresh_from_db()
    assert (selection.state, selection.kept) == (Selection.State.DONE, "")
    assert [handle for handle, _, _ in chosen(selection)] == ["c"]


def wait_for_lock() -> None:
    """Return as soon as some other connection waits for a lock."""
    with connection.cursor() as cursor:
        for _ in range(600):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone() != (0,):
                return
            sleep(0.05)
    raise AssertionError("nobody waits")
