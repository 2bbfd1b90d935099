"""A group's approval by a second person: who may ask and answer, once, and what waits for it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.actions import erase_person
from accounts.models import Person, User
from campaigns.actions import (
    ApprovalRefused,
    NotYours,
    approve,
    ask_for_approval,
    invite,
    send_back,
    set_approval_required,
    shortlist,
    shortlist_group,
)
from campaigns.models import Approval, Brand, Invitation, Selection, Shortlisting
from campaigns.queries import invitable
from scoring.models import ScoreRun
from tests.campaigns.conftest import Airlines
from tests.campaigns.team import joins
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import (
    NOW,
    ApprovalFactory,
    CampaignFactory,
    InvitationFactory,
    SelectedFactory,
    SelectionFactory,
)


@pytest.fixture
def group(airlines: Airlines) -> Selection:
    """Return a group of two that the manager had chosen."""
    return _group(airlines)


def _group(airlines: Airlines) -> Selection:
    selection: Selection = SelectionFactory.create(
        campaign=CampaignFactory.create(brand=airlines.brand),
        state=Selection.State.DONE,
        finished_at=NOW,
        asked_by=airlines.manager,
    )
    for _ in range(2):
        SelectedFactory.create(selection=selection)
    return selection


def _sent(group: Selection, airlines: Airlines) -> Approval:
    return ask_for_approval(selection=group, by=airlines.manager, now=NOW)


def _require(airlines: Airlines) -> None:
    Brand.objects.filter(pk=airlines.brand.pk).update(approval_required=True)


def _row(group: Selection) -> Any:
    return Approval.objects.values_list("answer", "remark", "answered_by", "answered_at").get(selection=group)


def test_another_manager_or_owner_approves(group: Selection, airlines: Airlines) -> None:
    second = joins(airlines, "second", "owner")
    sent = _sent(group, airlines)
    assert (sent.asked_by, sent.asked_at, sent.answer) == (airlines.manager, NOW, "waiting")
    assert _sent(group, airlines) == sent

    approve(selection=group, by=second, now=NOW)

    assert _row(group) == ("approved", "", second.pk, NOW)
    for by in (second, airlines.operator, airlines.manager):
        with pytest.raises(ApprovalRefused, match="approved already, by second"):
            send_back(selection=group, remark="no", by=by, now=NOW)
    assert _row(group) == ("approved", "", second.pk, NOW)


def test_it_is_sent_back_with_a_remark(group: Selection, airlines: Airlines) -> None:
    second = joins(airlines, "second", "manager")
    _sent(group, airlines)

    for remark in (" \n", "\0", "x" * 1_001):
        with pytest.raises(ApprovalRefused):
            send_back(selection=group, remark=remark, by=second, now=NOW)
    send_back(selection=group, remark=" More\0 cities. ", by=second, now=NOW)

    assert _row(group) == ("sent_back", "More cities.", second.pk, NOW)
    with pytest.raises(ApprovalRefused, match="sent back already"):
        approve(selection=group, by=airlines.operator, now=NOW)


def test_who_asks_never_approves_and_others_see_nothing_of_it(group: Selection, airlines: Airlines) -> None:
    _sent(group, airlines)

    with pytest.raises(ApprovalRefused, match="somebody else has to approve"):
        approve(selection=group, by=airlines.manager, now=NOW)
    for by in (airlines.other_manager, joins(airlines, "viewer", "viewer"), User.objects.create_user("x")):
        with pytest.raises(NotYours):
            approve(selection=group, by=by, now=NOW)
        with pytest.raises(NotYours):
            send_back(selection=group, remark="no", by=by, now=NOW)
    assert _row(group) == ("waiting", "", None, None)
    assert not Approval.objects.visible_to(airlines.other_manager).exists()
    assert Approval.objects.visible_to(airlines.manager).count() == 1


def test_only_who_had_it_chosen_sends_it(group: Selection, airlines: Airlines) -> None:
    second = joins(airlines, "second", "manager")
    empty = SelectionFactory.create(campaign=group.campaign, state="done", finished_at=NOW, asked_by=airlines.manager)

    with pytest.raises(ApprovalRefused, match="Only who had this group chosen"):
        ask_for_approval(selection=group, by=second, now=NOW)
    with pytest.raises(NotYours):
        ask_for_approval(selection=group, by=airlines.other_manager, now=NOW)
    with pytest.raises(ApprovalRefused, match="nobody in this group"):
        ask_for_approval(selection=empty, by=airlines.manager, now=NOW)
    with pytest.raises(ApprovalRefused, match="wasn't sent"):
        approve(selection=group, by=second, now=NOW)
    assert not Approval.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_answers(airlines: Airlines) -> None:
    group, people = _group(airlines), [joins(airlines, f"m{n}", "manager") for n in range(6)]
    _sent(group, airlines)
    together = threading.Barrier(len(people))

    def answer(n: int) -> bool:
        try:
            connection.ensure_connection()
            together.wait(30)
            if n % 2:
                approve(selection=group, by=people[n], now=NOW)
            else:
                send_back(selection=group, remark=f"by {n}", by=people[n], now=NOW)
        except ApprovalRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(len(people)) as pool:
        won = [n for n, did in enumerate(pool.map(answer, range(len(people)))) if did]

    (winner,) = won
    said = ("approved", "") if winner % 2 else ("sent_back", f"by {winner}")
    assert _row(group) == (*said, people[winner].pk, NOW)


def test_a_brand_can_ask_for_approval_before_anybody_is_shortlisted(group: Selection, airlines: Airlines) -> None:
    owner = joins(airlines, "owner", "owner")
    for by in (airlines.manager, airlines.other_manager):
        with pytest.raises(NotYours):
            set_approval_required(brand=airlines.brand, required=True, by=by)
    set_approval_required(brand=airlines.brand, required=True, by=owner)
    _sent(group, airlines)

    with pytest.raises(ApprovalRefused, match="has to be approved"):
        shortlist_group(selection=group, by=owner, now=NOW)
    assert not Shortlisting.objects.exists()
    approve(selection=group, by=owner, now=NOW)
    assert shortlist_group(selection=group, by=airlines.manager, now=NOW) == 2


def test_only_who_is_in_an_approved_group_is_invited(group: Selection, airlines: Airlines) -> None:
    _require(airlines)
    campaign, by = group.campaign, airlines.manager
    stranger, sent_before = PersonFactory.create(), PersonFactory.create()
    members = list(Person.objects.filter(selected__selection=group))
    InvitationFactory.create(campaign=campaign, person=sent_before)
    people = [*members, stranger, sent_before]
    # By hand they can be put on it: that is how a group is told to keep them.
    assert shortlist(campaign=campaign, people=people, by=by, now=NOW) == 4

    report = invite(campaign=campaign, people=people, by=by, now=NOW)
    assert (report.invited, report.unapproved, report.already) == (0, 3, 1)
    assert Invitation.objects.count() == 1
    _sent(group, airlines)
    approve(selection=group, by=airlines.operator, now=NOW)
    (planned,) = invitable(Shortlisting.objects.all(), NOW)
    assert (planned.new, planned.unapproved, planned.already) == (2, 1, 1)
    report = invite(campaign=campaign, people=people, by=by, now=NOW)
    assert (report.invited, report.unapproved, report.already) == (2, 1, 1)
    assert not Invitation.objects.filter(person=stranger).exists()
    # A group of another campaign is another matter.
    other = CampaignFactory.create(brand=airlines.brand)
    assert invite(campaign=other, people=members, by=by, now=NOW).unapproved == 2


def test_an_expired_invitation_needs_approval_like_a_new_one(group: Selection, airlines: Airlines) -> None:
    _require(airlines)
    expired = InvitationFactory.create(campaign=group.campaign, state=Invitation.State.EXPIRED)

    report = invite(campaign=group.campaign, people=[expired.person], by=airlines.manager, now=NOW)

    assert (report.invited, report.unapproved, report.already) == (0, 1, 0)
    expired.refresh_from_db()
    assert expired.state == Invitation.State.EXPIRED


def test_an_approved_group_stays_as_it_is(group: Selection, airlines: Airlines, run: ScoreRun) -> None:
    _sent(group, airlines)
    approve(selection=group, by=airlines.operator, now=NOW)
    other = SelectionFactory.create(campaign=group.campaign, state="done", finished_at=NOW)
    mover = SelectedFactory.create(selection=other)
    row = group.people.order_by("rank")[0]
    for change in (
        lambda: Selection.objects.filter(pk=group.pk).update(seats=3),
        lambda: Selection.objects.filter(pk=group.pk).update(run=run),
        lambda: group.people.filter(pk=row.pk).update(person=mover.person),
        lambda: group.people.filter(pk=row.pk).update(selection=other, rank=9),
        lambda: other.people.filter(pk=mover.pk).update(selection=group, rank=9),
        lambda: SelectedFactory.create(selection=group),
        lambda: Approval.objects.update(answer="waiting", answered_at=None, answered_by=None),
        lambda: Approval.objects.update(answered_by=airlines.other_manager),
        lambda: Approval.objects.update(remark="changed"),
    ):
        with pytest.raises(IntegrityError, match=r"was (approved|answered)"), transaction.atomic():
            change()
    # The other one isn't approved.
    other.people.filter(pk=mover.pk).update(adds=1.0)

    erase_person(row.person, by=airlines.operator, now=NOW)
    airlines.manager.delete()
    assert group.people.count() == 1
    group.refresh_from_db()
    assert group.asked_by is None
    assert _row(group)[0] == "approved"


def test_who_is_erased_is_named_by_an_approved_group_no_more(group: Selection, airlines: Airlines) -> None:
    ann, bob = PersonFactory.create(handle="ann"), PersonFactory.create(handle="bob")
    texts = {"kept": "ann bob", "left_out": "ann", "costs": "ann, 5\nbob, 7"}
    Selection.objects.filter(pk=group.pk).update(cost_each=10, **texts)
    _sent(group, airlines)
    approve(selection=group, by=airlines.operator, now=NOW)
    for name in texts:
        with pytest.raises(IntegrityError, match="was approved"), transaction.atomic():
            Selection.objects.filter(pk=group.pk).update(**{name: "somebody else, 10"})

    erase_person(ann, by=airlines.operator, now=NOW)
    group.refresh_from_db()
    assert (group.kept, group.left_out, group.costs) == ("bob", "", "bob, 7")
    erase_person(bob, by=airlines.operator, now=NOW)
    group.refresh_from_db()
    assert (group.kept, group.left_out, group.costs) == ("", "", "")
    assert (group.people.count(), _row(group)[0]) == (2, "approved")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"answer": "approved"}, "approval_answer_has_time"),
        ({"answered_at": NOW}, "approval_answer_has_time"),
        ({"answer": "perhaps", "answered_at": NOW}, "approval_answer_has_time"),
        ({"answer": "sent_back", "answered_at": NOW}, "approval_sent_back_says_why"),
        ({"answer": "approved", "answered_at": NOW, "own": True}, "approval_by_a_second_person"),
    ],
)
def test_the_database_refuses_what_cant_be(airlines: Airlines, broken: dict[str, Any], said: str) -> None:
    if broken.pop("own", False):
        broken |= {"asked_by": airlines.manager, "answered_by": airlines.manager}
    with pytest.raises(IntegrityError, match=said), transaction.atomic():
        ApprovalFactory.create(**broken)
