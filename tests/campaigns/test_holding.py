"""Codes put aside for who was invited and hasn't answered."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.actions import (
    NoCodeLeft,
    NotOpen,
    add_codes,
    decline,
    hold,
    serve_all,
    take_back,
)
from campaigns.models import Campaign, Invitation, PerkCode
from campaigns.queries import is_full
from tests.campaigns.conftest import Airlines
from tests.campaigns.perks import codes, guest, lines, says_yes, stands
from tests.factories.campaigns import NOW, CampaignFactory

LATER = datetime(2026, 3, 2, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    made: Campaign = CampaignFactory.create(brand=airlines.brand, seats=3)
    return made


def test_a_code_held_is_for_one_person(campaign: Campaign, airlines: Airlines) -> None:
    (code,) = codes(campaign, 1)
    ann, ben = guest(campaign, "ann"), guest(campaign, "ben")
    assert hold(ann, by=airlines.manager, now=NOW, note="promised") == code
    assert hold(ann, by=airlines.manager, now=LATER) == code
    with pytest.raises(NoCodeLeft):
        hold(ben, by=airlines.manager, now=NOW)
    says_yes(ben)
    assert stands(ben) == ("waiting", None, None)
    says_yes(ann)
    assert stands(ann) == ("accepted", "C1", "issued")
    assert lines(code) == [("held", ann.pk), ("issued", ann.pk)]
    with pytest.raises(NotOpen):
        hold(ben, by=airlines.manager, now=NOW)


@pytest.mark.parametrize("how", ["declined", "expired", "taken back"])
def test_what_is_held_in_vain_goes_to_who_waits(campaign: Campaign, airlines: Airlines, how: str) -> None:
    (code,) = codes(campaign, 1)
    ann, ben = guest(campaign, "ann"), guest(campaign, "ben")
    hold(ann, by=airlines.manager, now=NOW)
    says_yes(ben)
    if how == "declined":
        decline(ann, by=None, now=LATER)
    elif how == "taken back":
        take_back(code, by=airlines.manager, now=LATER)
        assert stands(ann)[0] == "invited"
    else:
        Invitation.objects.filter(pk=ann.pk).update(state="expired")
        assert serve_all(now=LATER) == 1
    assert stands(ben) == ("accepted", "C1", "issued")
    assert lines(code) == [("held", ann.pk), ("released", ann.pk), ("issued", ben.pk)]
    assert serve_all(now=LATER) == 0


def test_what_expired_while_it_was_held_is_given_to_nobody(campaign: Campaign, airlines: Airlines) -> None:
    (code,) = codes(campaign, 1, expires_on=NOW.date())
    ann = guest(campaign, "ann")
    hold(ann, by=airlines.manager, now=NOW)
    tomorrow = NOW + timedelta(days=1)
    assert [is_full(ann, now) for now in (NOW, tomorrow)] == [False, True]
    # Before beat has written it off.
    says_yes(ann, now=tomorrow)
    assert stands(ann) == ("waiting", None, None)
    assert lines(code) == [("held", ann.pk), ("released", ann.pk)]
    ben = guest(campaign, "ben")
    with pytest.raises(NoCodeLeft):
        hold(ben, by=airlines.manager, now=tomorrow)
    add_codes(campaign=campaign, codes=["N1"], expires_on=None, by=airlines.manager, now=tomorrow)
    assert stands(ann) == ("accepted", "N1", "issued")


def test_holding_again_takes_a_code_that_is_good(campaign: Campaign, airlines: Airlines) -> None:
    (past,) = codes(campaign, 1, expires_on=NOW.date())
    PerkCode.objects.create(campaign=campaign, code="N1")
    ann = guest(campaign, "ann")
    assert hold(ann, by=airlines.manager, now=NOW) == past
    assert hold(ann, by=airlines.manager, now=NOW + timedelta(days=1)).code == "N1"
    assert lines(past) == [("held", ann.pk), ("released", ann.pk)]
