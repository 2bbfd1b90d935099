"""Measuring a campaign's return: what is stored, once, and what can't be."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.actions import erase_person
from accounts.keys import post_key
from accounts.models import Person
from campaigns import tasks
from campaigns.actions import NotYours, ask_for_return, measure_return, measure_waiting
from campaigns.models import Campaign, CampaignReturn, Participant, PostLook
from scoring.models import ScoreRun
from tests.accounts.activity_data import dataset, identity, imported
from tests.campaigns.branded import WEEKS_LATER, invite_and_hold_back, person, support, write
from tests.campaigns.conftest import Airlines
from tests.factories.campaigns import (
    NOW,
    CampaignFactory,
    CampaignPostFactory,
    CampaignReturnFactory,
    HoldoutFactory,
    InvitationFactory,
    ParticipantFactory,
    SelectedFactory,
    SelectionFactory,
)
from tests.factories.scoring import ScoreFactory

INVITED = [f"in{number}" for number in range(12)]
HELD_BACK = [f"out{number}" for number in range(6)]


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    made: Campaign = CampaignFactory.create(brand=airlines.brand, tags="#maple")
    return made


@pytest.fixture
def posted(campaign: Campaign, run: ScoreRun, tmp_path: Path) -> None:
    """Let everybody mention it once before and once after, and each of the invited and their fan some times more."""
    posts = [(account, day, "#maple") for account in [*INVITED, *HELD_BACK] for day in (-5, 5)]
    posts += [(account, 6 + more, "#maple") for number, account in enumerate(INVITED) for more in range(2 + number % 3)]
    posts += [(f"fan{number}", 9, "#maple") for number in range(12)]
    write(tmp_path / "posts", posts)
    invite_and_hold_back(campaign, INVITED, HELD_BACK)
    support(run, **{account: f"fan{number}" for number, account in enumerate(INVITED)})


def measured(campaign: Campaign, airlines: Airlines, **given: Any) -> CampaignReturn:
    asked = ask_for_return(campaign=campaign, by=airlines.manager, now=NOW)
    assert measure_return(pk=asked.pk, **{"now": WEEKS_LATER, **given})
    asked.refresh_from_db()
    return asked


@pytest.mark.usefixtures("posted")
def test_the_lift_of_a_campaign(
    campaign: Campaign, run: ScoreRun, airlines: Airlines, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter((100.0, 107.0))
    monkeypatch.setattr("campaigns.actions.claims.monotonic", lambda: next(ticks))
    found = measured(campaign, airlines)

    assert (found.state, found.error, found.run, found.tags, found.days) == ("done", "", run, "#maple", 28)
    assert (found.invited, found.accepted, found.compared, found.held_back) == (12, 0, 12, 6)
    # Each of the invited 2, 3 or 4 times more, and their fan once.
    assert (found.before, found.after) == (12, 12 + 4 * (2 + 3 + 4) + 12)
    assert (found.held_back_before, found.held_back_after) == (6, 6)
    assert (found.expected, found.per_person, found.in_both, found.why) == (1, 4, 0, "")
    assert found.low is not None
    assert found.high is not None
    assert 2 < found.low < 4 < found.high < 6
    # It was finished when it ended, not when it began.
    assert (found.finished_at, found.asked_by) == (WEEKS_LATER + timedelta(seconds=7), airlines.manager)
    assert found.since == NOW
    rows = found.people.order_by("person__handle").select_related("person")
    shown = [(row.person.handle, row.is_held_back, row.answer, row.own_after, row.audience_after) for row in rows]
    assert shown[0] == (person("in0").handle, False, "invited", 3, 1)
    assert shown[-1] == (person("out5").handle, True, "", 1, 0)
    assert len(shown) == 18


@pytest.mark.usefixtures("posted")
def test_asked_again_the_same_comes_out(campaign: Campaign, airlines: Airlines) -> None:
    first, second = measured(campaign, airlines), measured(campaign, airlines)

    assert first.pk != second.pk
    assert (first.low, first.high) == (second.low, second.high)


@pytest.mark.usefixtures("posted")
def test_why_a_lift_cant_be_told(campaign: Campaign, airlines: Airlines) -> None:
    assert measured(campaign, airlines, now=NOW + timedelta(days=3)).why.startswith("Too early: 3 days")
    Campaign.objects.update(tags="")
    without_tags = measured(campaign, airlines)
    assert (without_tags.low, without_tags.why[:29]) == (None, "The campaign names nothing th")
    Campaign.objects.update(tags="#other")
    assert measured(campaign, airlines).why.startswith("Nobody mentioned it")
    campaign.holdouts.all().delete()
    nobody = measured(campaign, airlines)
    assert (nobody.expected, nobody.per_person, nobody.held_back) == (None, None, 0)
    assert nobody.why.startswith("Nobody was held back")


def test_whom_those_who_accepted_reach_and_what_that_costs(
    campaign: Campaign, run: ScoreRun, airlines: Airlines, tmp_path: Path
) -> None:
    write(tmp_path / "posts", [(account, 1, "") for account in ("ann", "bob", "cid", "f1", "f2", "f3")])
    for account, state in (("ann", "accepted"), ("bob", "accepted"), ("cid", "declined")):
        InvitationFactory.create(campaign=campaign, person=person(account), state=state, answered_at=NOW)
        ScoreFactory.create(run=run, person=person(account), score=20, reach=2, low=0, high=9)
    support(run, ann="f1 f2", bob="f1 f2", cid="f3")
    done = {"state": "done", "finished_at": NOW}
    SelectionFactory.create(campaign=campaign, cost_each=90, budget=900, asked_at=NOW - timedelta(days=2), **done)
    last = SelectionFactory.create(
        campaign=campaign, cost_each=100, budget=900, asked_at=NOW - timedelta(days=1), **done
    )
    SelectedFactory.create(selection=last, person=person("bob"), cost=Decimal("33.50"))
    SelectedFactory.create(selection=last, person=person("cid"), cost=7)
    SelectionFactory.create(campaign=campaign, **done)

    found = measured(campaign, airlines)

    assert (found.invited, found.accepted, found.cost_each) == (3, 2, Decimal(100))
    # One who accepted costs something else; who declined costs nothing.
    assert found.cost == Decimal("133.50")
    assert {row.person.handle: row.cost for row in found.people.select_related("person") if row.cost is not None} == {
        person("ann").handle: Decimal(100),
        person("bob").handle: Decimal("33.50"),
    }
    assert sum(topic["cost"] for topic in found.topics) == 133.5
    # The two have one audience of two people; each member stands for a little more than one.
    most = 1.0 + float(run.formula.parameters["newcomers"]) * float(run.formula.parameters["horizon_days"]) / 28.0
    assert found.forecast == pytest.approx(2 * most * (1 - (1 - 1 / most) ** 2))
    reach = {row.person.handle: row.reach for row in found.people.select_related("person")}
    assert reach[person("cid").handle] is None
    assert reach[person("ann").handle] == pytest.approx(2)


def test_who_accepted_before_anybody_was_kept_back_counts_in_all_but_the_lift(
    campaign: Campaign, run: ScoreRun, airlines: Airlines, tmp_path: Path
) -> None:
    acts = [(1, "like", "f1", "early", "early-ad"), (12, "like", "f2", "late", "late-else")]
    rows = [
        {
            "at": int((NOW + timedelta(days=day)).timestamp()),
            "kind": kind,
            "actor": actor,
            "target": target,
            "post": post,
        }
        for day, kind, actor, target, post in acts
    ]
    imported(dataset(tmp_path / "acts", interactions=rows), now=NOW + timedelta(days=60))
    early = InvitationFactory.create(campaign=campaign, person=person("early"), state="accepted", answered_at=NOW)
    CampaignPostFactory.create(invitation=early, identity=identity("early"), post=post_key("test", "early-ad"), at=NOW)
    PostLook.objects.create(campaign=campaign, added=1, looked_at=WEEKS_LATER, tags=campaign.tags)
    later = NOW + timedelta(days=10)
    InvitationFactory.create(campaign=campaign, person=person("late"), invited_at=later)
    HoldoutFactory.create(campaign=campaign, person=person("f2"), drawn_at=later)

    found = measured(campaign, airlines, now=NOW + timedelta(days=40))

    assert (found.begun, found.since) == (NOW, later)
    assert (found.invited, found.compared, found.held_back) == (2, 1, 1)
    assert (found.posts, found.reached, found.came) == (1, 1, 1)
    shown = dict(found.people.values_list("person__handle", "is_compared"))
    assert shown == {person("early").handle: False, person("late").handle: True, person("f2").handle: True}
    assert found.people.get(is_compared=False).reached == 1
    assert [(topic["before"], topic["after"]) for topic in found.topics] == [(None, None)]


def test_where_nobody_can_be_compared_the_rest_is_measured(
    campaign: Campaign, run: ScoreRun, airlines: Airlines
) -> None:
    InvitationFactory.create_batch(3, campaign=campaign, state="accepted", answered_at=NOW)
    HoldoutFactory.create(campaign=campaign, drawn_at=NOW + timedelta(days=1))

    found = measured(campaign, airlines)

    assert (found.state, found.invited, found.accepted, found.compared, found.held_back) == ("done", 3, 3, 0, 1)
    assert (found.low, found.per_person) == (None, None)
    assert found.why.startswith("Nobody who was invited can be compared")
    assert found.people.filter(is_compared=False).count() == 3


def test_what_cant_be_measured_is_said(campaign: Campaign, airlines: Airlines) -> None:
    assert measured(campaign, airlines).error.startswith("There are no scores yet")


def test_nobody_invited_is_nothing_to_measure(campaign: Campaign, airlines: Airlines, run: ScoreRun) -> None:
    failed = measured(campaign, airlines)

    assert (failed.state, failed.people.count()) == ("failed", 0)
    assert failed.error.startswith("Nobody was invited")


def test_another_brands_return_isnt_asked_for(campaign: Campaign, airlines: Airlines) -> None:
    with pytest.raises(NotYours):
        ask_for_return(campaign=campaign, by=airlines.other_manager, now=NOW)
    assert not CampaignReturn.objects.exists()
    row = ParticipantFactory.create(measured__campaign=campaign)
    assert CampaignReturn.objects.visible_to(airlines.manager).get() == row.measured
    assert not CampaignReturn.objects.visible_to(airlines.other_manager).exists()
    assert not Participant.objects.visible_to(airlines.other_manager).exists()


@pytest.mark.usefixtures("posted")
def test_it_is_measured_once_and_again_only_where_its_worker_died(campaign: Campaign, airlines: Airlines) -> None:
    ask_for_return(campaign=campaign, by=airlines.manager, now=NOW)
    CampaignReturn.objects.update(state=CampaignReturn.State.MEASURING, claimed_at=NOW)

    assert measure_waiting(now=NOW + timedelta(minutes=14)) == 0
    assert measure_waiting(now=NOW + timedelta(minutes=16)) == 1
    assert measure_waiting(now=NOW + timedelta(minutes=40)) == 0
    assert Participant.objects.count() == 18
    ask_for_return(campaign=campaign, by=airlines.manager, now=NOW)
    assert tasks.measure_waiting() == 1


@pytest.mark.usefixtures("posted")
def test_a_fault_is_said_and_told_to_the_log(
    campaign: Campaign, airlines: Airlines, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask_for_return(campaign=campaign, by=airlines.manager, now=NOW)

    def broken(*given: Any, **named: Any) -> None:
        raise OSError("the log is gone")

    monkeypatch.setattr("campaigns.queries.mentions.open_parquet", broken)
    with pytest.raises(OSError, match="the log is gone"):
        measure_return(pk=asked.pk, now=WEEKS_LATER)

    asked.refresh_from_db()
    assert (asked.state, asked.error[:20]) == ("failed", "Something went wrong")


@pytest.mark.usefixtures("posted")
def test_who_is_erased_goes_from_the_return(campaign: Campaign, airlines: Airlines) -> None:
    found = measured(campaign, airlines)

    erase_person(Person.objects.get(pk=person("in0").pk), by=airlines.operator, now=NOW)

    assert found.people.count() == 17


DONE = {"state": "done", "finished_at": NOW}


@pytest.mark.parametrize(
    "broken",
    [
        {"state": "done", "why": "because"},
        {"finished_at": NOW},
        {"low": 1.0},
        {"low": 2.0, "high": 1.0, "per_person": 1.5},
        {"days": 29},
        {"in_both": 1.5},
        {**DONE, "low": -1.0, "high": 1.0, "per_person": 0.0},
        DONE,
    ],
)
def test_the_database_refuses_what_cant_be(campaign: Campaign, broken: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        CampaignReturnFactory.create(campaign=campaign, **broken)


@pytest.mark.parametrize(
    "broken", [{"own_after": -1.0}, {"answer": ""}, {"is_held_back": True}, {"is_compared": False, "own_after": 1.0}]
)
def test_the_database_refuses_participants_that_cant_be(campaign: Campaign, broken: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ParticipantFactory.create(measured__campaign=campaign, **broken)
