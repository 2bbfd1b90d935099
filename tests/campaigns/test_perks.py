"""Who gets a code, who waits, and what becomes of both."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actions import MergeRefused, merge_people, undo_merge
from campaigns import actions
from campaigns.actions import (
    NotOpen,
    NotOut,
    NotYours,
    add_codes,
    decline,
    expire_codes,
    expire_invitations,
    generate_codes,
    hold,
    redeem,
    revoke,
    serve_waiting,
    set_fulfilment,
    take_back,
)
from campaigns.models import Campaign, Invitation, PerkCode, PerkEntry
from tests.campaigns.conftest import Airlines
from tests.campaigns.perks import codes, guest, lines, says_yes, stands
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, CampaignFactory, InvitationFactory

LATER = datetime(2026, 3, 2, tzinfo=UTC)
AFTER = datetime(2026, 6, 1, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    made: Campaign = CampaignFactory.create(brand=airlines.brand, seats=3)
    return made


def _seats(campaign: Campaign) -> int:
    return Campaign.objects.get(pk=campaign.pk).seats_taken


def _everything() -> list[object]:
    return [list(model._base_manager.order_by("pk").values()) for model in (Campaign, Invitation, PerkCode, PerkEntry)]


# Accepting.


def test_without_codes_a_seat_is_enough(campaign: Campaign) -> None:
    ann = says_yes(guest(campaign, "ann"))
    assert stands(ann) == ("accepted", None, None)
    assert not PerkEntry.objects.exists()


def test_who_accepts_gets_the_code_that_expires_first(campaign: Campaign) -> None:
    for text, expires_on in (("late", date(2026, 9, 1)), ("never", None), ("past", date(2026, 2, 28))):
        PerkCode.objects.create(campaign=campaign, code=text, expires_on=expires_on)
    ann, ben, cem = (says_yes(guest(campaign, name)) for name in ("ann", "ben", "cem"))
    assert stands(ann) == ("accepted", "late", "issued")
    assert stands(ben) == ("accepted", "never", "issued")
    # What is past is good for nobody, though nothing has marked it yet.
    assert stands(cem) == ("waiting", None, None)
    code = PerkCode.objects.get(code="late")
    assert lines(code) == [("issued", ann.pk)]
    assert (code.issued_at, PerkEntry.objects.get(code=code).by) == (NOW, None)
    assert _seats(campaign) == 2


def test_a_code_is_good_on_its_last_day(campaign: Campaign) -> None:
    codes(campaign, 1, expires_on=NOW.date())
    assert expire_codes(now=NOW) == 0
    assert stands(says_yes(guest(campaign, "ann"))) == ("accepted", "C1", "issued")


def test_seats_limit_codes_too(campaign: Campaign) -> None:
    Campaign.objects.update(seats=1)
    codes(campaign, 2)
    ann, ben = (says_yes(guest(campaign, name)) for name in ("ann", "ben"))
    assert stands(ann) == ("accepted", "C1", "issued")
    assert stands(ben) == ("waiting", None, None)


def test_accepting_twice_gives_one_code(campaign: Campaign) -> None:
    codes(campaign, 2)
    ann = guest(campaign, "ann")
    says_yes(ann)
    says_yes(ann, now=LATER)
    assert PerkCode.objects.filter(state="in_stock").count() == 1


def test_a_failure_in_between_leaves_nothing_half(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    codes(campaign, 1)
    ann = guest(campaign, "ann")
    before = _everything()

    def killed(*_: object) -> int:
        raise RuntimeError("killed")

    for step in ("_issue", "_write", "_seat"):
        with monkeypatch.context() as patched:
            patched.setattr(f"campaigns.actions.perks.{step}", killed)
            with pytest.raises(RuntimeError, match="killed"):
                says_yes(ann)
        assert _everything() == before, step
    says_yes(ann)
    assert stands(ann) == ("accepted", "C1", "issued")


def test_an_answer_costs_the_same_however_many_codes_and_people(campaign: Campaign, airlines: Airlines) -> None:
    Campaign.objects.update(seats=100)
    counts = []
    for n in range(3):
        generate_codes(campaign=campaign, number=8, expires_on=None, by=airlines.manager, now=NOW)
        ann = guest(campaign, f"ann{n}")
        with CaptureQueriesContext(connection) as asked:
            says_yes(ann)
        counts.append(len(asked))
        for more in range(3):
            says_yes(guest(campaign, f"ben{n}-{more}"))
    assert len(set(counts)) == 1, counts


# The waiting list.


def test_codes_that_come_in_go_to_who_waits_in_order(campaign: Campaign, airlines: Airlines) -> None:
    codes(campaign, 1)
    people = [says_yes(guest(campaign, name)) for name in ("ann", "ben", "cem", "dan")]
    assert list(Invitation.objects.waiting()) == people[1:]
    assert [row.number for row in Invitation.objects.waiting().with_number()] == [1, 2, 3]
    ben, cem, dan = people[1:]
    assert ben.person.user
    decline(ben, by=ben.person.user, now=NOW)
    assert [row.number for row in Invitation.objects.waiting().with_number()] == [1, 2]
    report = add_codes(campaign=campaign, codes=["N1", "C1"], expires_on=None, by=airlines.manager, now=LATER)
    assert (report.added, report.known, report.served) == (1, 1, 1)
    assert stands(cem) == ("accepted", "N1", "issued")
    assert stands(dan) == ("waiting", None, None)
    generate_codes(campaign=campaign, number=2, expires_on=None, by=airlines.manager, now=LATER)
    assert stands(dan)[0] == "accepted"
    assert PerkCode.objects.filter(state="in_stock").count() == 1
    assert _seats(campaign) == 3


def test_nobody_gets_before_who_waits(campaign: Campaign) -> None:
    codes(campaign, 1)
    _, ben = (says_yes(guest(campaign, name)) for name in ("ann", "ben"))
    # A code that nobody was served from yet, by whichever way it came.
    PerkCode.objects.create(campaign=campaign, code="N1")
    cem = says_yes(guest(campaign, "cem"))
    assert stands(ben) == ("accepted", "N1", "issued")
    assert stands(cem) == ("waiting", None, None)


def test_who_has_a_seat_and_no_code_comes_first(campaign: Campaign) -> None:
    ann = says_yes(guest(campaign, "ann"))
    codes(campaign, 1)
    ben = says_yes(guest(campaign, "ben"))
    assert stands(ann) == ("accepted", "C1", "issued")
    assert stands(ben) == ("waiting", None, None)


def test_more_seats_serve_the_waiting_list(campaign: Campaign, airlines: Airlines) -> None:
    Campaign.objects.update(seats=1)
    people = [says_yes(guest(campaign, name)) for name in ("ann", "ben", "cem", "dan")]
    Campaign.objects.update(seats=3)
    assert serve_waiting(campaign=campaign, by=airlines.manager, now=LATER) == 2
    assert [stands(row)[0] for row in people] == ["accepted"] * 3 + ["waiting"]


# What managers do with codes.


def test_taking_back_frees_code_and_seat_for_the_next(campaign: Campaign, airlines: Airlines) -> None:
    (code,) = codes(campaign, 1)
    ann, ben = (says_yes(guest(campaign, name)) for name in ("ann", "ben"))
    code.refresh_from_db()
    set_fulfilment(code, fulfilment=PerkCode.Fulfilment.BOOKED, by=airlines.manager, now=NOW)
    take_back(code, by=airlines.manager, now=LATER, note="Can't fly")
    assert stands(ann) == ("withdrawn", None, None)
    assert stands(ben) == ("accepted", "C1", "issued")
    code.refresh_from_db()
    assert (code.fulfilment, code.issued_at) == ("none", LATER)
    assert _seats(campaign) == 1
    assert lines(code) == [("issued", ann.pk), ("released", ann.pk), ("issued", ben.pk)]
    entry = PerkEntry.objects.get(kind="released")
    assert (entry.by, entry.at, entry.note) == (airlines.manager, LATER, "Can't fly")
    user = ann.person.user
    assert user
    with pytest.raises(NotOpen, match="taken back"):
        actions.accept(ann, by=user, now=LATER)


def test_revoking_kills_the_code_and_frees_the_seat(campaign: Campaign, airlines: Airlines) -> None:
    Campaign.objects.update(seats=1)
    first, second = codes(campaign, 2)
    ann, ben = (says_yes(guest(campaign, name)) for name in ("ann", "ben"))
    revoke(first, by=airlines.manager, now=LATER, note="leaked")
    assert stands(ann) == ("withdrawn", None, None)
    assert stands(ben) == ("accepted", "C2", "issued")
    assert lines(first) == [("issued", ann.pk), ("revoked", ann.pk)]
    assert _seats(campaign) == 1
    for action in (revoke, redeem, take_back):
        with pytest.raises(NotOut):
            action(first, by=airlines.manager, now=LATER)
    assert lines(second) == [("issued", ben.pk)]


def test_who_keeps_the_seat_is_the_first_to_get_another_code(campaign: Campaign, airlines: Airlines) -> None:
    (first,) = codes(campaign, 1)
    ann, ben = (says_yes(guest(campaign, name)) for name in ("ann", "ben"))
    revoke(first, by=airlines.manager, now=LATER, keeps_seat=True)
    assert stands(ann) == ("accepted", None, None)
    add_codes(campaign=campaign, codes=["N1"], expires_on=None, by=airlines.manager, now=LATER)
    assert stands(ann) == ("accepted", "N1", "issued")
    assert stands(ben) == ("waiting", None, None)


def test_what_is_redeemed_stays_so(campaign: Campaign, airlines: Airlines) -> None:
    code, spare = codes(campaign, 2)
    ann = says_yes(guest(campaign, "ann"))
    with pytest.raises(NotOut, match="in stock"):
        redeem(spare, by=airlines.manager, now=LATER)
    redeem(code, by=airlines.manager, now=LATER, note="at the gate")
    set_fulfilment(code, fulfilment=PerkCode.Fulfilment.DELIVERED, by=airlines.manager, now=LATER)
    before = _everything()
    for action in (revoke, redeem, take_back):
        with pytest.raises(NotOut, match="redeemed"):
            action(code, by=airlines.manager, now=LATER)
    assert _everything() == before
    assert stands(ann) == ("accepted", "C1", "redeemed")
    assert lines(code) == [("issued", ann.pk), ("redeemed", ann.pk)]


def test_only_what_was_issued_has_a_status(campaign: Campaign, airlines: Airlines) -> None:
    (code,) = codes(campaign, 1)
    with pytest.raises(NotOut):
        set_fulfilment(code, fulfilment=PerkCode.Fulfilment.SHIPPED, by=airlines.manager, now=NOW)
    says_yes(guest(campaign, "ann"))
    set_fulfilment(code, fulfilment=PerkCode.Fulfilment.SHIPPED, by=airlines.manager, now=NOW)
    code.refresh_from_db()
    assert code.get_fulfilment_display() == "Shipped"


def test_another_brand_does_nothing(campaign: Campaign, airlines: Airlines) -> None:
    (code,) = codes(campaign, 1)
    ann = says_yes(guest(campaign, "ann"))
    before = _everything()
    by = airlines.other_manager
    refused: list[Callable[[], object]] = [
        lambda: redeem(code, by=by, now=NOW),
        lambda: revoke(code, by=by, now=NOW),
        lambda: take_back(code, by=by, now=NOW),
        lambda: set_fulfilment(code, fulfilment=PerkCode.Fulfilment.BOOKED, by=by, now=NOW),
        lambda: hold(ann, by=by, now=NOW),
        lambda: add_codes(campaign=campaign, codes=["X"], expires_on=None, by=by, now=NOW),
        lambda: generate_codes(campaign=campaign, number=1, expires_on=None, by=by, now=NOW),
        lambda: serve_waiting(campaign=campaign, by=by, now=NOW),
    ]
    for action in refused:
        with pytest.raises(NotYours):
            action()
    partner = airlines.other_manager
    actions.add_member(brand=airlines.brand, user=partner, role="partner", by=airlines.operator)
    for action in refused:
        with pytest.raises(NotYours):
            action()
    assert _everything() == before


# Time.


def test_codes_expire_on_their_own_and_once(campaign: Campaign, airlines: Airlines) -> None:
    Campaign.objects.update(seats=9)
    day = date(2026, 3, 20)
    issued, used, dead, held, stock = codes(campaign, 5, expires_on=day)
    people = [says_yes(guest(campaign, name)) for name in ("ann", "ben", "cem")]
    dan = guest(campaign, "dan")
    hold(dan, by=airlines.manager, now=NOW)
    redeem(used, by=airlines.manager, now=NOW)
    revoke(dead, by=airlines.manager, now=NOW)
    before = _everything()
    assert expire_codes(now=datetime(2026, 3, 20, 23, tzinfo=UTC)) == 0
    assert _everything() == before
    after = datetime(2026, 3, 21, tzinfo=UTC)
    assert expire_codes(now=after) == 3
    states = PerkCode.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["expired", "redeemed", "revoked", "expired", "expired"]
    assert lines(issued) == [("issued", people[0].pk), ("expired", people[0].pk)]
    assert lines(held) == [("held", dan.pk), ("released", dan.pk), ("expired", None)]
    assert lines(stock) == [("expired", None)]
    assert PerkEntry.objects.filter(kind="expired", at=after, by=None).count() == 3
    before = _everything()
    assert expire_codes(now=after) == 0
    assert _everything() == before
    # Whose code expired had their one; for whom it was held can get another.
    add_codes(campaign=campaign, codes=["N1"], expires_on=None, by=airlines.manager, now=after)
    assert stands(people[0]) == ("accepted", "C1", "expired")
    assert stands(says_yes(dan, now=after)) == ("accepted", "N1", "issued")


def test_the_waiting_list_closes_with_the_campaign_and_seats_keep_their_codes(
    campaign: Campaign, airlines: Airlines
) -> None:
    (code,) = codes(campaign, 1)
    ann, ben = (says_yes(guest(campaign, name)) for name in ("ann", "ben"))
    revoke(code, by=airlines.manager, now=NOW, keeps_seat=True)
    add_codes(campaign=campaign, codes=["N1", "N2"], expires_on=None, by=airlines.manager, now=AFTER)
    assert stands(ann) == ("accepted", "N1", "issued")
    assert stands(ben) == ("waiting", None, None)
    expire_invitations(now=AFTER)
    assert stands(ben) == ("expired", None, None)


# People who are one.


def test_a_code_follows_a_merge_and_comes_back(campaign: Campaign, airlines: Airlines) -> None:
    (code,) = codes(campaign, 1)
    ann = says_yes(guest(campaign, "ann"))
    kept = PersonFactory.create()
    before = _everything()
    merge = merge_people(kept=kept, merged=ann.person, by=airlines.operator, now=NOW)
    code.refresh_from_db()
    assert code.invitation is not None
    assert code.invitation.person == kept
    undo_merge(merge=merge, by=airlines.operator, now=LATER)
    assert _everything() == before


@pytest.mark.parametrize("state", ["waiting", "accepted"])
def test_who_waits_or_has_a_code_is_not_merged_with_another_invited(
    campaign: Campaign, airlines: Airlines, state: str
) -> None:
    codes(campaign, int(state == "accepted"))
    if state == "waiting":
        Campaign.objects.update(seats=1, seats_taken=1)
    ann = says_yes(guest(campaign, "ann"))
    assert ann.state == state
    other = InvitationFactory.create(campaign=campaign)
    with pytest.raises(MergeRefused, match="Both are invited"):
        merge_people(kept=other.person, merged=ann.person, by=airlines.operator, now=NOW)
