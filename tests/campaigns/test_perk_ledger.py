"""What the database itself refuses about codes and their ledger, each rule tried to be broken; and erasing."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model, ProtectedError

from accounts.actions import erase_person
from accounts.models import User
from campaigns.actions import add_codes, hold, redeem, revoke, serve_all, take_back
from campaigns.models import Invitation, PerkCode, PerkEntry
from tests.campaigns.conftest import Airlines
from tests.campaigns.perks import codes, guest, lines, says_yes
from tests.factories.campaigns import NOW, CampaignFactory, InvitationFactory, PerkCodeFactory

pytestmark = pytest.mark.django_db

State, Kind = PerkCode.State, PerkEntry.Kind


def _refused(match: str | None = None) -> Any:
    return pytest.raises(IntegrityError, match=match)


def _settled() -> None:
    """Let the database look at what it looks at when a transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _moved(code: PerkCode, state: str, invitation: Invitation | None, **also: Any) -> None:
    """Move a code behind the actions' back, with a line that says the same."""
    PerkCode.objects.filter(pk=code.pk).update(state=state, invitation=invitation, **also)
    kind = Kind.RELEASED if state == State.IN_STOCK else Kind(state)
    PerkEntry.objects.create(code=code, invitation=invitation, kind=kind, at=NOW)
    _settled()


@pytest.fixture
def issued(airlines: Airlines) -> PerkCode:
    campaign = CampaignFactory.create(brand=airlines.brand)
    (code,) = codes(campaign, 1)
    says_yes(guest(campaign, "ann"))
    code.refresh_from_db()
    assert code.state == State.ISSUED
    _settled()
    return code


def test_a_campaign_has_a_code_once() -> None:
    code = PerkCodeFactory.create(code="A")
    PerkCodeFactory.create(code="A")
    with _refused("perk_code_once_per_campaign"), transaction.atomic():
        PerkCodeFactory.create(campaign=code.campaign, code="A")
    with _refused("perk_code_is_some_text"), transaction.atomic():
        PerkCodeFactory.create(code="")


def test_a_person_has_one_code_of_a_campaign(issued: PerkCode) -> None:
    second = PerkCodeFactory.create(campaign=issued.campaign)
    for state, at in ((State.HELD, None), (State.ISSUED, NOW)):
        with _refused("perk_code_one_per_person"), transaction.atomic():
            _moved(second, state, issued.invitation, issued_at=at)
    for end in (State.REDEEMED, State.EXPIRED):
        with _refused("perk_code_one_per_person"), transaction.atomic():
            _moved(issued, end, issued.invitation)
            _moved(second, State.ISSUED, issued.invitation, issued_at=NOW)
    # After one that is dead there is room for another.
    _moved(issued, State.REVOKED, issued.invitation)
    _moved(second, State.ISSUED, issued.invitation, issued_at=NOW)


def test_a_code_goes_to_nobody_else_while_it_is_out(issued: PerkCode) -> None:
    other = InvitationFactory.create(campaign=issued.campaign)
    with _refused("is somebody else's"), transaction.atomic():
        _moved(issued, State.ISSUED, other)
    foreign = InvitationFactory.create()
    fresh = PerkCodeFactory.create(campaign=issued.campaign)
    with _refused("perk_code_within_campaign"), transaction.atomic():
        _moved(fresh, State.ISSUED, foreign, issued_at=NOW)


@pytest.mark.parametrize(
    "broken",
    [
        {"state": "in_stock"},
        {"state": "in_stock", "invitation": None},
        {"state": "held"},
        {"issued_at": None},
        {"state": "lost"},
        {"fulfilment": "lost"},
        {"code": "another"},
    ],
)
def test_a_code_is_in_no_state_that_cannot_be(issued: PerkCode, broken: dict[str, Any]) -> None:
    with _refused(), transaction.atomic():
        PerkCode.objects.filter(pk=issued.pk).update(**broken)
    with _refused("can't become another one"), transaction.atomic():
        PerkCode.objects.filter(pk=issued.pk).update(campaign=CampaignFactory.create())


def test_codes_move_as_the_model_says_and_not_otherwise(airlines: Airlines) -> None:
    ways = {
        State.IN_STOCK: [],
        State.HELD: [State.HELD],
        State.ISSUED: [State.ISSUED],
        State.REDEEMED: [State.ISSUED, State.REDEEMED],
        State.EXPIRED: [State.ISSUED, State.EXPIRED],
        State.REVOKED: [State.ISSUED, State.REVOKED],
    }

    def step(code: PerkCode, state: PerkCode.State, invitation: Invitation) -> None:
        in_stock, unissued = state == State.IN_STOCK, state in {State.IN_STOCK, State.HELD}
        _moved(code, state, None if in_stock else invitation, issued_at=None if unissued else NOW)

    for before, way in ways.items():
        for after in set(State) - {before}:
            code = PerkCodeFactory.create()
            invitation = InvitationFactory.create(campaign=code.campaign)
            for state in way:
                step(code, state, invitation)
            if before in PerkCode.MOVES[after]:
                step(code, after, invitation)
            else:
                with _refused(), transaction.atomic():
                    step(code, after, invitation)


def test_no_code_moves_without_a_line_and_no_line_comes_without_a_move(issued: PerkCode) -> None:
    with _refused("where the ledger says"), transaction.atomic():
        PerkCode.objects.filter(pk=issued.pk).update(state=State.REDEEMED)
        _settled()
    with _refused("where the ledger says"), transaction.atomic():
        PerkEntry.objects.create(code=issued, invitation=issued.invitation, kind=Kind.REDEEMED, at=NOW)
        _settled()
    # Nor do they name different people.
    fresh, other = PerkCodeFactory.create(campaign=issued.campaign), InvitationFactory.create(campaign=issued.campaign)
    with _refused("where the ledger says"), transaction.atomic():
        PerkCode.objects.filter(pk=fresh.pk).update(state=State.HELD, invitation=other)
        PerkEntry.objects.create(code=fresh, invitation=issued.invitation, kind=Kind.HELD, at=NOW)
        _settled()
    with _refused("where the ledger says"), transaction.atomic():
        PerkCode.objects.filter(pk=issued.pk).update(invitation=None)
        _settled()
    with _refused("where the ledger says"), transaction.atomic():
        PerkCodeFactory.create(state=State.REVOKED)
        _settled()


def test_an_end_comes_once(issued: PerkCode, airlines: Airlines) -> None:
    redeem(issued, by=airlines.manager, now=NOW)
    for kind in (Kind.REDEEMED, Kind.EXPIRED, Kind.REVOKED):
        with _refused("perk_entry_ends_once"), transaction.atomic():
            PerkEntry.objects.create(code=issued, kind=kind, at=NOW)
    with _refused("perk_entry_kind_is_known"), transaction.atomic():
        PerkEntry.objects.create(code=issued, kind="lost", at=NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "revoked"},
        {"at": NOW.replace(year=2025)},
        {"note": "never"},
        {"code": "other"},
        {"invitation": "other"},
        {"by": "other"},
        {"id": 10**9},
    ],
)
def test_no_line_is_changed(issued: PerkCode, changed: dict[str, Any]) -> None:
    others: dict[str, Any] = {
        "code": PerkCodeFactory.create(campaign=issued.campaign),
        "invitation": InvitationFactory.create(campaign=issued.campaign),
        "by": User.objects.create_user("other"),
    }
    before = list(PerkEntry.objects.values())
    with _refused("can't be changed"), transaction.atomic():
        PerkEntry.objects.update(**{name: others.get(name, value) for name, value in changed.items()})
    assert list(PerkEntry.objects.values()) == before


@pytest.mark.parametrize("forgotten", ["invitation", "by"])
def test_no_line_forgets_who_is_still_there(issued: PerkCode, airlines: Airlines, forgotten: str) -> None:
    redeem(issued, by=airlines.manager, now=NOW)
    with _refused("forgets only who is erased"), transaction.atomic():
        if forgotten == "invitation":
            PerkCode.objects.update(invitation=None)
        PerkEntry.objects.update(**{forgotten: None})
        _settled()


def test_no_line_is_deleted_and_no_code_that_has_one(issued: PerkCode) -> None:
    for rows in (PerkEntry.objects.all(), PerkEntry.objects.filter(code=issued)):
        with _refused("can't be deleted"), transaction.atomic():
            rows.delete()
    with pytest.raises(ProtectedError), transaction.atomic():
        issued.delete()
    with pytest.raises(ProtectedError), transaction.atomic():
        issued.campaign.delete()
    with _refused(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM campaigns_perkcode")
        _settled()
    assert lines(issued) == [("issued", issued.invitation_id)]


def test_with_a_person_goes_whose_a_line_was_and_nothing_else(issued: PerkCode, airlines: Airlines) -> None:
    invitation = issued.invitation
    assert invitation is not None
    revoke(issued, by=airlines.manager, now=NOW, note="Ann's passport", keeps_seat=True)
    add_codes(campaign=issued.campaign, codes=["second", "third"], expires_on=None, by=airlines.manager, now=NOW)
    says_yes(guest(issued.campaign, "ben"))
    second, third = PerkCode.objects.get(code="second"), PerkCode.objects.get(code="third")
    bens = list(PerkEntry.objects.filter(code=third).values())
    times = list(PerkEntry.objects.order_by("pk").values_list("kind", "code", "at"))

    erase_person(invitation.person, by=airlines.operator, now=NOW)
    _settled()

    rows = PerkEntry.objects.filter(code__in=[issued, second]).order_by("pk")
    assert [(row.kind, row.invitation_id, row.by, row.note) for row in rows] == [
        ("issued", None, None, ""),  # her own answer
        ("revoked", None, airlines.manager, ""),
        ("issued", None, airlines.manager, ""),
    ]
    assert list(PerkEntry.objects.order_by("pk").values_list("kind", "code", "at")) == times
    assert list(PerkEntry.objects.filter(code=third).values()) == bens
    # What is dead stays dead, and a code that the person knows isn't given to anybody else.
    states = PerkCode.objects.order_by("pk").values_list("state", "invitation__person__user__username")
    assert list(states) == [("revoked", None), ("issued", None), ("issued", "ben")]


def test_what_was_held_for_somebody_erased_goes_back(airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand)
    (code,) = codes(campaign, 1)
    ann, ben = guest(campaign, "ann"), guest(campaign, "ben")
    hold(ann, by=airlines.manager, now=NOW, note="for Ann")
    says_yes(ben)
    assert ben.state == "waiting"
    erase_person(ann.person, by=airlines.operator, now=NOW)
    assert serve_all(now=NOW) == 1
    _settled()
    ben.refresh_from_db()
    assert ben.state == "accepted"
    assert lines(code) == [("held", None), ("released", None), ("issued", ben.pk)]


def test_a_login_that_goes_is_forgotten_in_the_ledger(issued: PerkCode, airlines: Airlines) -> None:
    take_back(issued, by=airlines.manager, now=NOW, note="cancelled")
    airlines.manager.delete()
    _settled()
    entry = PerkEntry.objects.get(kind=Kind.RELEASED)
    assert (entry.by_id, entry.note) == (None, "cancelled")


def test_names_in_histories_tell_no_code(issued: PerkCode) -> None:
    rows: list[Model] = [issued, PerkEntry.objects.get()]
    assert [issued.code in str(row) for row in rows] == [False, False]
    assert len({str(row) for row in rows}) == 2
