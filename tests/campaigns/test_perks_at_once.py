"""Two hundred who accept at once: no code goes twice, and the others wait in the order in which they came."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts.actions import erase_person
from accounts.models import Person, User
from campaigns.actions import CampaignError, accept, add_codes, hold, revoke, serve_all, take_back
from campaigns.models import Invitation, PerkCode, PerkEntry
from tests.campaigns.conftest import Airlines
from tests.campaigns.perks import codes, guest
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, CampaignFactory, InvitationFactory

PEOPLE, CONNECTIONS, CODES = 200, 50, 40


@pytest.mark.django_db(transaction=True)
def test_two_hundred_at_once_get_exactly_forty_codes_and_the_rest_wait_in_order(airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, seats=PEOPLE)
    codes(campaign, CODES)
    users = User.objects.bulk_create(User(username=f"user{n}") for n in range(PEOPLE))
    invitations = [
        InvitationFactory.create(
            campaign=campaign, person=PersonFactory.create(user=user, claimed_at=NOW, claimed_via="invitation")
        )
        for user in users
    ]
    together = threading.Barrier(CONNECTIONS)

    def click(share: int) -> list[tuple[int, float, float]]:
        clicked = []
        try:
            connection.ensure_connection()
            together.wait(60)
            for n in range(share, PEOPLE, CONNECTIONS):
                began = time.monotonic()
                accept(invitations[n], by=users[n], now=NOW)
                clicked.append((invitations[n].pk, began, time.monotonic()))
        finally:
            connection.close()
        return clicked

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        clicks = [click for share in pool.map(click, range(CONNECTIONS)) for click in share]

    accepted = set(Invitation.objects.filter(state="accepted").values_list("pk", flat=True))
    waiting = list(Invitation.objects.waiting())
    assert (len(accepted), len(waiting)) == (CODES, PEOPLE - CODES)
    # No code twice, nobody with two, and none to who waits.
    given = PerkCode.objects.filter(state="issued").values_list("invitation", flat=True)
    assert sorted(given) == sorted(accepted)
    written = PerkEntry.objects.filter(kind="issued").values_list("code", "invitation")
    assert (len({code for code, _ in written}), {person for _, person in written}) == (CODES, accepted)
    assert PerkEntry.objects.count() == CODES
    campaign.refresh_from_db()
    assert campaign.seats_taken == CODES
    # In order: each has a turn of their own, and who was answered before somebody else asked comes before them.
    assert [row.turn for row in waiting] == list(range(1, PEOPLE - CODES + 1))
    turns = {row.pk: row.turn or 0 for row in waiting} | dict.fromkeys(accepted, 0)
    for pk, _, ended in clicks:
        for other, began, _ in clicks:
            assert ended > began or turns[pk] <= turns[other]

    # And in that order they are served.
    serve_all(now=NOW)
    assert Invitation.objects.waiting().count() == PEOPLE - CODES
    report = add_codes(
        campaign=campaign, codes=[f"D{n}" for n in range(10)], expires_on=None, by=airlines.manager, now=NOW
    )
    assert (report.added, report.served) == (10, 10)
    assert list(Invitation.objects.waiting()) == waiting[10:]
    assert set(PerkCode.objects.filter(code__startswith="D").values_list("invitation", flat=True)) == {
        row.pk for row in waiting[:10]
    }


@pytest.mark.django_db(transaction=True)
def test_those_who_accept_while_codes_come_in_get_all_of_them(airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, seats=30)
    codes(campaign, 1)
    users = User.objects.bulk_create(User(username=f"user{n}") for n in range(20))
    invitations = [
        InvitationFactory.create(
            campaign=campaign, person=PersonFactory.create(user=user, claimed_at=NOW, claimed_via="invitation")
        )
        for user in users
    ]

    def act(n: int) -> None:
        try:
            if n % 2:
                accept(invitations[n // 2], by=users[n // 2], now=NOW)
            else:
                add_codes(campaign=campaign, codes=[f"N{n % 20}"], expires_on=None, by=airlines.manager, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(40)))

    # Eleven codes, ten of them given in twice.
    assert PerkCode.objects.count() == PerkCode.objects.filter(state="issued").count() == 11
    assert Invitation.objects.filter(state="accepted").count() == 11
    assert Invitation.objects.waiting().count() == 9


@pytest.mark.django_db(transaction=True)
def test_answers_erasing_and_managers_at_once_leave_nothing_half(airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, seats=8)
    rows = codes(campaign, 10)
    people = [guest(campaign, f"user{n}") for n in range(24)]
    held = [hold(row, by=airlines.manager, now=NOW) for row in people[:4]]

    def act(n: int) -> None:
        invitation = people[n % 24]
        user = invitation.person.user
        assert user is not None
        try:
            match n // 24:
                case 0:
                    accept(invitation, by=user, now=NOW)
                case 1 if n % 24 < 2 or n % 6 == 5:
                    erase_person(Person.objects.get(pk=invitation.person_id), by=airlines.operator, now=NOW)
                case 1:
                    take_back(rows[n % 10], by=airlines.manager, now=NOW)
                case _:
                    revoke(rows[n % 10], by=airlines.manager, now=NOW, keeps_seat=bool(n % 2))
        except (CampaignError, Person.DoesNotExist, Invitation.DoesNotExist):
            pass
        finally:
            connection.close()

    order = [n for pair in zip(range(24), range(24, 48), range(48, 72), strict=True) for n in pair]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(act, order))
    serve_all(now=NOW)

    assert len(held) == 4
    campaign.refresh_from_db()
    accepted = Invitation.objects.filter(state="accepted")
    assert accepted.count() <= campaign.seats_taken <= campaign.seats
    out = PerkCode.objects.filter(state="issued", invitation__isnull=False)
    assert out.count() == len(set(out.values_list("invitation", flat=True)))
    assert not out.exclude(invitation__in=accepted).exists()
    assert not PerkCode.objects.filter(state="held", invitation__isnull=True).exists()
    if Invitation.objects.waiting().exists():
        full = campaign.seats_taken == campaign.seats
        assert full or not PerkCode.objects.filter(state="in_stock").exists()
