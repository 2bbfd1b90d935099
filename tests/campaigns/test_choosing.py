"""Having the group chosen for a campaign: out of whom, and what is stored."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from time import sleep

import pytest
from django.db import connection, transaction

from accounts.actions import erase_person
from accounts.models import Person
from campaigns.actions import NotYours, SelectionRefused, ask_for_group, choose_group, choose_waiting, shortlist_group
from campaigns.models import Campaign, Invitation, Selection, Shortlisting
from scoring.models import ScoreRun
from tests.campaigns.conftest import Airlines
from tests.campaigns.groups import campaign, choose, chosen, scored
from tests.factories.accounts import IdentityFactory, PersonFactory
from tests.factories.campaigns import NOW, InvitationFactory, SelectionFactory, ShortlistingFactory
from tests.factories.scoring import TopicFactory, TopicReachFactory

__all__ = ["campaign", "scored"]


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


def test_without_scores_nobody_is_chosen(campaign: Campaign, airlines: Airlines) -> None:
    assert "There are no scores yet" in choose(campaign, airlines.manager, seats=1).error


def test_a_handle_that_nobody_has_is_refused_at_once(campaign: Campaign, airlines: Airlines) -> None:
    with pytest.raises(SelectionRefused, match="Nobody is known as nobody, nothing"):
        ask_for_group(
            selection=Selection(campaign=campaign, seats=1, kept="@nobody nothing"), by=airlines.manager, now=NOW
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


def test_who_was_merged_since_is_kept_and_costs_what_was_said(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines
) -> None:
    PersonFactory.create(handle="bee", merged_into=Person.objects.get(handle="b"))
    row = SelectionFactory.build(campaign=campaign, seats=1, kept="bee", cost_each=10, costs="bee 4\n")
    ask_for_group(selection=row, by=airlines.manager, now=NOW)
    assert choose_group(pk=row.pk, now=NOW)
    row.refresh_from_db()
    assert [(each.person.handle, each.cost) for each in row.people.all()] == [("b", Decimal(4))]


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


def test_who_is_erased_is_named_by_an_earlier_handle_no_more(campaign: Campaign, airlines: Airlines) -> None:
    ann = PersonFactory.create(handle="Ann")
    IdentityFactory.create(person=ann, external_id="7", handle="Ann")
    IdentityFactory.create(person=ann, external_id="@ann", handle="")
    IdentityFactory.create(person=ann, external_id="8")
    PersonFactory.create(handle="8@test")
    row = SelectionFactory.create(
        campaign=campaign,
        kept="7@test, @ann@test, 8@test",
        left_out="77@test ANN",
        cost_each=10,
        costs="@ann@test, 5\n7@Test, 3\n77@test, 4\n",
    )

    erase_person(ann, by=airlines.operator, now=NOW)

    row.refresh_from_db()
    assert (row.kept, row.left_out, row.costs) == ("8@test", "77@test ", "77@test, 4\n")


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
