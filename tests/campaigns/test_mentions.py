"""What is counted as mentions: whose, when, of what."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from accounts.actions import erase_person, merge_people
from accounts.models import ErasedAccount
from campaigns.actions import invite
from campaigns.models import Campaign, Holdout, Invitation
from campaigns.queries.mentions import Mentions, first_invited, groups, mentions, rows_to_read
from scoring.models import ScoreRun
from tests.asked import tables_asked
from tests.campaigns.branded import WEEKS_LATER, invite_and_hold_back, person, support, write
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, CampaignFactory, InvitationFactory


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    made: Campaign = CampaignFactory.create(brand=airlines.brand, tags="#maple\n@mapleair\nmaple.example")
    return made


def counted(campaign: Campaign, run: ScoreRun, **given: Any) -> Mentions:
    found = mentions(campaign, run, **{"now": WEEKS_LATER, **given})
    assert found is not None
    return found


def by_person(found: Mentions, *accounts: str) -> list[tuple[float, float, float, float]]:
    places = [found.groups.people.tolist().index(person(account).pk) for account in accounts]
    columns = (found.own.before, found.own.after, found.audience.before, found.audience.after)
    return [tuple(float(column[place]) for column in columns) for place in places]  # type: ignore[misc]


def test_people_and_their_audiences_before_and_after(campaign: Campaign, run: ScoreRun, tmp_path: Path) -> None:
    write(
        tmp_path / "posts",
        [
            ("ann", -3, "#Maple soon"),
            ("ann", 0, "at the very second: #maple"),
            ("ann", 27.9, "thanks @MapleAir!"),
            ("bob", 1, "no maple here"),
            {"author": "bob", "at": 2, "text": None, "topics": ["maple"]},
            {"author": "bob", "at": 3, "text": "a link", "links": ["https://www.maple.example/x"]},
            ("cid", 4, "#maple"),
            ("fan", -1, "#maple"),
            ("fan", 5, "#maple"),
            ("fan", 6, "#maple @mapleair"),
            ("both", 7, "#maple"),
            ("stranger", 8, "#maple"),
        ],
    )
    invite_and_hold_back(campaign, ["ann", "bob"], ["cid"])
    support(run, ann="fan both bob", cid="both")

    found = counted(campaign, run)

    assert by_person(found, "ann", "bob", "cid") == [
        # Half of what "both" says is ann's, half cid's; what bob says is his own.
        (1, 2, 1, 2.5),
        (0, 2, 0, 0),
        (0, 1, 0, 0.5),
    ]
    assert (found.days, found.groups.since, found.in_both) == (28, NOW, 0.5)
    invited, held_back = found.of(held_back=False), found.of(held_back=True)
    assert (sorted(invited.before), sorted(invited.after)) == ([0, 2], [2, 4.5])
    assert (held_back.before.tolist(), held_back.after.tolist()) == ([0], [1.5])


def test_windows_are_as_long_as_what_has_passed(campaign: Campaign, run: ScoreRun, tmp_path: Path) -> None:
    write(tmp_path / "posts", [("ann", day + 0.5, "#maple") for day in range(-40, 40)])
    invite_and_hold_back(campaign, ["ann"], [])

    def at(**later: float) -> tuple[int, float, float]:
        found = counted(campaign, run, now=NOW + timedelta(**later))
        return found.days, found.own.before[0], found.own.after[0]

    assert at(hours=5) == (1, 1, 1)
    assert at(days=9.9) == (9, 9, 9)
    assert at(days=300) == (28, 28, 28)
    assert rows_to_read(campaign, now=NOW + timedelta(days=300)) == 57


def test_without_tags_nothing_is_a_mention(campaign: Campaign, run: ScoreRun, tmp_path: Path) -> None:
    write(tmp_path / "posts", [("ann", 1, "#maple")])
    invite_and_hold_back(campaign, ["ann"], [])
    campaign.tags = ""

    assert not counted(campaign, run).own.after.any()


def test_several_accounts_of_one_person(campaign: Campaign, run: ScoreRun, airlines: Airlines, tmp_path: Path) -> None:
    write(tmp_path / "posts", [("ann", 1, "#maple"), ("ann2", 2, "#maple"), ("cid", -1, "#maple")])
    invite_and_hold_back(campaign, ["ann"], ["cid"])
    merge_people(kept=person("ann"), merged=person("ann2"), by=airlines.operator, now=NOW)

    assert by_person(counted(campaign, run), "ann", "cid") == [(0, 2, 0, 0), (1, 0, 0, 0)]


@pytest.mark.parametrize(("kept", "merged"), [("bob", "cid"), ("cid", "bob")])
def test_who_turns_out_to_be_both_counts_in_neither_group(
    campaign: Campaign, airlines: Airlines, tmp_path: Path, kept: str, merged: str
) -> None:
    write(tmp_path / "posts", [(account, 1, "#maple") for account in ("ann", "bob", "cid", "dan")])
    invite_and_hold_back(campaign, ["ann", "bob"], ["cid", "dan"])
    merge_people(kept=person(kept), merged=person(merged), by=airlines.operator, now=NOW)

    found = groups(campaign)

    assert found is not None
    ids = dict(zip(found.people.tolist(), found.is_held_back.tolist(), strict=True))
    assert ids == {person("ann").pk: False, person("dan").pk: True}


def test_who_was_erased_isnt_counted(campaign: Campaign, run: ScoreRun, airlines: Airlines, tmp_path: Path) -> None:
    write(tmp_path / "posts", [("ann", 1, "#maple"), ("bob", 1, "#maple"), ("fan", 1, "#maple"), ("old", 1, "#maple")])
    invite_and_hold_back(campaign, ["ann", "bob"], [])
    support(run, ann="fan old")
    erase_person(person("bob"), by=airlines.operator, now=NOW)
    erase_person(person("fan"), by=airlines.operator, now=NOW)
    # A tombstone of an account whose row is there still.
    ErasedAccount.objects.create(key=person("old").identities.get().key, erased_at=NOW)

    found = counted(campaign, run)

    assert found.groups.people.size == 1
    assert by_person(found, "ann") == [(0, 1, 0, 0)]


def test_who_cant_be_compared_counts_in_neither_group(
    campaign: Campaign, airlines: Airlines, tmp_path: Path, run: ScoreRun
) -> None:
    write(tmp_path / "posts", [(account, 1, "#maple") for account in ("ann", "bob", "cid", "dan", "early")])
    invite_and_hold_back(campaign, ["ann", "bob"], ["cid", "dan"])
    # Invited before anybody was drawn, and one who turned out to be both.
    InvitationFactory.create(campaign=campaign, person=person("early"), invited_at=NOW - timedelta(days=1))
    InvitationFactory.create(campaign=campaign, person=person("dan"))
    Invitation.objects.filter(person=person("bob")).update(state="declined", answered_at=NOW)

    found = groups(campaign)

    assert found is not None
    assert dict(zip(found.people.tolist(), found.is_held_back.tolist(), strict=True)) == {
        person("ann").pk: False,
        person("bob").pk: False,
        person("cid").pk: True,
    }
    assert found.since == NOW


def test_without_a_holdout_all_invited_are_there(campaign: Campaign, run: ScoreRun, tmp_path: Path) -> None:
    assert mentions(campaign, run, now=WEEKS_LATER) is None
    assert rows_to_read(campaign, now=WEEKS_LATER) == 0
    InvitationFactory.create(campaign=campaign)
    InvitationFactory.create(campaign=campaign, invited_at=NOW - timedelta(days=2))

    found = counted(campaign, run)

    assert (found.groups.people.size, found.groups.since) == (2, NOW - timedelta(days=2))
    assert not Holdout.objects.exists()


def test_as_many_queries_for_many_as_for_few(campaign: Campaign, run: ScoreRun, tmp_path: Path) -> None:
    accounts = [f"a{number}" for number in range(12)]
    write(tmp_path / "posts", [(account, 1, "#maple") for account in accounts])
    invite_and_hold_back(campaign, accounts[:1], accounts[1:2])
    with tables_asked() as few:
        counted(campaign, run)

    invite_and_hold_back(campaign, accounts[2:7], accounts[7:])

    with tables_asked() as many:
        counted(campaign, run)
    assert many == few
    assert few == [
        "campaigns_holdout",
        "campaigns_invitation",
        "campaigns_holdout",
        "scoring_support",
        "accounts_identity",
        "accounts_erasedaccount",
        "accounts_logfile",
    ]


def test_who_is_invited_again_was_invited_the_first_time(airlines: Airlines, campaign: Campaign) -> None:
    expired = InvitationFactory.create_batch(10, campaign=campaign, state="expired", invited_at=NOW - timedelta(days=9))
    Campaign.objects.filter(pk=campaign.pk).update(holdout_percent=20, seats=99)
    people = [*(row.person for row in expired), *PersonFactory.create_batch(20)]
    report = invite(campaign=campaign, people=people, by=airlines.manager, now=NOW)
    assert (report.again, report.held_back) == (10, 4)
    found = groups(campaign)
    assert found is not None
    assert not set(found.people.tolist()) & {row.person_id for row in expired}
    assert (found.people.size, int(found.is_held_back.sum()), found.since) == (20, 4, NOW)
    assert first_invited(campaign) == NOW - timedelta(days=9)
