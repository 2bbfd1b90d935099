"""Which posts are found, whose, when, and what a later look adds."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.actions import NewActivity, erase_person, merge_people, record_activity, undo_merge
from accounts.models import ErasedAccount, Merge
from campaigns import tasks
from campaigns.actions import find_posts
from campaigns.models import Campaign, CampaignPost, Invitation, PostLook
from tests.asked import tables_asked
from tests.campaigns.branded import person, write
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import PlaceFactory
from tests.factories.campaigns import NOW, CampaignFactory, InvitationFactory

LATER = NOW + timedelta(days=3)

Posted = Callable[..., None]


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    made: Campaign = CampaignFactory.create(brand=airlines.brand, tags="#maple\n@mapleair\nmaple.example")
    return made


@pytest.fixture
def posted(tmp_path: Path) -> Callable[..., None]:
    """Import posts, each time as another data set."""
    times = iter(range(100))
    return lambda *posts: write(tmp_path / f"posts{next(times)}", posts)


def accepts(campaign: Campaign, *accounts: str, days: float = 0) -> None:
    for account in accounts:
        InvitationFactory.create(
            campaign=campaign, person=person(account), state="accepted", answered_at=NOW + timedelta(days=days)
        )


def found() -> list[tuple[str, float, str, str]]:
    """Return author, days after the first acceptance, state and label of each post found, in order of time."""
    rows = CampaignPost.objects.standing().select_related("identity").order_by("at", "pk")
    return [
        (row.identity.external_id, (row.at - NOW) / timedelta(days=1), row.label_state, row.label or row.remark)
        for row in rows
    ]


def test_posts_by_who_accepted_since_they_did(campaign: Campaign, posted: Posted) -> None:
    posted(
        ("ann", -1, "#maple before"),
        ("ann", 0, "#maple at the very second #ad"),
        ("ann", 1, "thanks @MapleAir"),
        ("ann", 1.25, "nothing of it #ad"),
        {"author": "ann", "at": 1.5, "text": "#maple by another", "kind": "reshare"},
        ("bob", 1, "#maple"),
        ("bob", 2.5, "a link https://maple.example/x #collab"),
        ("cid", 1, "#maple"),
        ("dan", 1, "#maple"),
        ("eve", 1, "#maple"),
        ("stranger", 1, "#maple"),
    )
    accepts(campaign, "ann")
    accepts(campaign, "bob", days=2)
    InvitationFactory.create(campaign=campaign, person=person("cid"))
    InvitationFactory.create(campaign=campaign, person=person("dan"), state="declined", answered_at=NOW)
    InvitationFactory.create(campaign=campaign, person=person("eve"), state="waiting", answered_at=NOW, turn=1)

    assert find_posts(now=LATER) == 3
    assert found() == [
        ("ann", 0, "found", "#ad"),
        ("ann", 1, "missing", ""),
        ("bob", 2.5, "missing", "vague"),
    ]
    assert list(CampaignPost.objects.order_by("at").values_list("reminder", flat=True)) == ["none", "due", "due"]


def test_a_second_look_reads_only_what_is_new(campaign: Campaign, posted: Posted) -> None:
    posted(("ann", 1, "#maple one"))
    accepts(campaign, "ann")
    assert find_posts(now=LATER) == 1
    look = PostLook.objects.get()
    with tables_asked() as asked:
        assert find_posts(now=LATER) == 0
    assert PostLook.objects.get().added == look.added
    # The files of the log aren't even listed.
    assert asked.count("accounts_logfile") == 1

    # Late activity: an older day than that which was read.
    posted({"author": "ann", "at": 0.5, "text": "#maple late", "post": "late"})
    assert find_posts(now=LATER) == 1
    assert [row[1] for row in found()] == [0.5, 1]
    assert PostLook.objects.get().added > look.added


def test_new_tags_begin_anew(campaign: Campaign, posted: Posted) -> None:
    posted(("ann", 1, "#maple"), ("ann", 2, "#leaf"))
    accepts(campaign, "ann")
    assert find_posts(now=LATER) == 1
    Campaign.objects.update(tags="#leaf")
    assert find_posts(now=LATER) == 1
    assert find_posts(now=LATER) == 0
    # What was found by the former tags stays: it may have been reminded of.
    assert len(found()) == 2


def test_without_tags_or_after_half_a_year_nothing_is_looked_for(campaign: Campaign, posted: Posted) -> None:
    posted(("ann", 1, "#maple"), ("ann", 150, "#maple still"), ("ann", 272, "#maple too late"))
    accepts(campaign, "ann")
    Campaign.objects.update(tags="")
    assert find_posts(now=LATER) == 0
    assert not PostLook.objects.exists()
    # The last day to accept is 31 May.
    Campaign.objects.update(tags="#maple")
    assert find_posts(now=NOW + timedelta(days=300)) == 0
    assert find_posts(now=NOW + timedelta(days=270)) == 2


def test_a_campaign_without_an_end_in_sight_is_looked_for_beside_others(
    campaign: Campaign, airlines: Airlines, posted: Posted
) -> None:
    endless = CampaignFactory.create(brand=airlines.other_brand, tags="#maple", ends_on=date.max)
    posted(("ann", 1, "#maple"), ("bob", 2, "#maple"))
    accepts(campaign, "ann")
    accepts(endless, "bob")
    assert find_posts(now=LATER) == 2
    assert [row[:2] for row in found()] == [("ann", 1), ("bob", 2)]


@pytest.mark.parametrize(
    ("post", "state"),
    [
        ({"text": None, "topics": ["maple"]}, "unread"),
        ({"text": "", "topics": ["maple"]}, "unread"),
        ({"text": None, "topics": ["maple", "ad"]}, "found"),
        ({"text": "a link", "links": ["https://www.maple.example/x"]}, "missing"),
        ({"text": "#Ｍａｐｌｅ in full width"}, "missing"),
        ({"text": "\u200f#maple طيران #إعلان", "lang": "ar"}, "found"),
        ({"text": "vol #maple #sponsorise\u0301", "lang": "fr"}, "found"),
    ],
)
def test_posts_of_all_sorts(campaign: Campaign, posted: Posted, post: dict[str, Any], state: str) -> None:
    posted({"author": "ann", "at": 1, **post})
    accepts(campaign, "ann")
    assert find_posts(now=LATER) == 1
    assert [row[2] for row in found()] == [state]


def test_the_rule_of_the_authors_country_holds(campaign: Campaign, posted: Posted) -> None:
    posted(("ann", 1, "#sponsored #maple"), ("bob", 1, "#sponsored #maple"))
    accepts(campaign, "ann", "bob")
    somebody = person("ann")
    somebody.place = PlaceFactory.create(country="GB")
    somebody.save()
    find_posts(now=LATER)
    remarks = dict(CampaignPost.objects.values_list("identity__external_id", "remark"))
    assert remarks == {"ann": "elsewhere", "bob": ""}


def test_the_same_post_in_two_campaigns_and_twice_in_the_log(
    campaign: Campaign, airlines: Airlines, posted: Posted
) -> None:
    other = CampaignFactory.create(brand=airlines.other_brand, tags="#maple")
    posted({"author": "ann", "at": 1, "text": "#maple", "post": "same"})
    accepts(campaign, "ann")
    accepts(other, "ann")
    assert find_posts(now=LATER) == 2
    # Edited the day after: the log keeps both days' texts.
    posted({"author": "ann", "at": 2, "text": "#ad #maple", "post": "same"})
    assert find_posts(now=LATER + timedelta(hours=1)) == 0
    rows = CampaignPost.objects.all()
    assert {(row.label_state, row.label, row.labelled_at, row.reminder) for row in rows} == {
        ("found", "#ad", LATER + timedelta(hours=1), "none")
    }
    assert [row[1] for row in found()] == [1, 1]


def test_a_label_that_was_found_stays_found(campaign: Campaign, posted: Posted) -> None:
    posted({"author": "ann", "at": 1, "text": "#ad #maple", "post": "same"})
    accepts(campaign, "ann")
    find_posts(now=LATER)
    posted({"author": "ann", "at": 2, "text": "#maple", "post": "same"})
    find_posts(now=LATER)
    assert found() == [("ann", 1, "found", "#ad")]


def test_nobody_is_written_to_about_old_posts(campaign: Campaign, posted: Posted) -> None:
    posted(("ann", 1, "#maple old"), ("ann", 20, "#maple new"))
    accepts(campaign, "ann")
    find_posts(now=NOW + timedelta(days=21))
    assert list(CampaignPost.objects.order_by("at").values_list("reminder", flat=True)) == ["none", "due"]


def _acts(kind: str, actor: str, target: str, days: float, post: str, network: str = "test") -> NewActivity:
    return NewActivity(network=network, kind=kind, actor=actor, target=target, at=NOW + timedelta(days=days), post=post)


def test_activity_tells_before_the_post_comes(campaign: Campaign, posted: Posted) -> None:
    posted(("ann", -1, "hello"), ("mapleair", -1, "hello"), ("bob", -1, "hello"))
    accepts(campaign, "ann")
    events = [
        _acts("mention", "ann", "mapleair", 1, "p-mention"),
        _acts("mention", "ann", "bob", 1, "p-other"),
        _acts("mention", "ann", "mapleair", -0.5, "p-early"),
        _acts("mention", "bob", "mapleair", 1, "p-bob"),
        _acts("like", "ann", "mapleair", 1, "p-like"),
    ]
    record_activity(events, by=None, now=LATER)
    assert find_posts(now=LATER) == 1
    row = CampaignPost.objects.get()
    assert (row.post_id, row.label_state, row.reminder) == ("p-mention", "unread", "none")

    posted({"author": "ann", "at": 1, "text": "flying with @mapleair", "post": "p-mention"})
    assert find_posts(now=LATER) == 0
    row.refresh_from_db()
    assert (row.label_state, row.reminder, row.labelled_at) == ("missing", "due", None)


def test_a_post_gets_its_name_from_what_is_done_to_it(campaign: Campaign, posted: Posted) -> None:
    posted({"author": "ann", "at": 1, "text": "#maple", "post": "p-77"}, ("bob", 1, "hello"))
    accepts(campaign, "ann")
    find_posts(now=LATER)
    assert CampaignPost.objects.get().post_id == ""
    record_activity(
        [_acts("like", "bob", "ann", 1.5, "p-77"), _acts("like", "bob", "ann", 1.5, "p-0")], by=None, now=NOW
    )
    find_posts(now=LATER)
    assert CampaignPost.objects.get().post_id == "p-77"


def test_an_account_that_comes_by_a_merge_and_goes_again(
    campaign: Campaign, airlines: Airlines, posted: Posted
) -> None:
    posted(("ann", 1, "#maple"), ("ann2", 2, "#maple"))
    accepts(campaign, "ann")
    assert find_posts(now=LATER) == 1
    when = LATER + timedelta(hours=1)
    merge_people(kept=person("ann"), merged=person("ann2"), by=airlines.operator, now=when)
    assert find_posts(now=when + timedelta(minutes=5)) == 1
    assert [row[0] for row in found()] == ["ann", "ann2"]
    undo_merge(merge=Merge.objects.get(), by=airlines.operator, now=when + timedelta(hours=1))
    find_posts(now=when + timedelta(hours=2))
    assert [row[0] for row in found()] == ["ann"]
    assert [row.identity.external_id for row in CampaignPost.objects.visible_to(airlines.manager)] == ["ann"]


def test_an_invitation_takes_its_posts_along(campaign: Campaign, airlines: Airlines, posted: Posted) -> None:
    posted(("ann", 1, "#maple"), ("ann2", 2, "#maple"))
    accepts(campaign, "ann2")
    find_posts(now=LATER)
    merge_people(kept=person("ann"), merged=person("ann2"), by=airlines.operator, now=LATER)
    find_posts(now=LATER)
    assert [row[0] for row in found()] == ["ann", "ann2"]
    assert {row.invitation.person for row in CampaignPost.objects.all()} == {person("ann")}


def test_posts_of_who_is_erased_go_and_never_come_back(campaign: Campaign, airlines: Airlines, posted: Posted) -> None:
    posted(("ann", 1, "#maple"), ("bob", 1, "#maple"), ("cid", 1, "#maple"))
    accepts(campaign, "ann", "bob", "cid")
    # A tombstone of an account whose row is there still.
    ErasedAccount.objects.create(key=person("cid").identities.get().key, erased_at=NOW)
    assert find_posts(now=LATER) == 2
    erase_person(person("ann"), by=airlines.operator, now=LATER)
    assert [row[0] for row in found()] == ["bob"]
    PostLook.objects.all().delete()
    assert find_posts(now=LATER) == 0


def test_another_brand_sees_none(campaign: Campaign, airlines: Airlines, posted: Posted) -> None:
    posted(("ann", 1, "#maple"), ("bob", 1, "#maple"))
    accepts(campaign, "ann", "bob")
    find_posts(now=LATER)
    somebody = person("bob")
    somebody.is_hidden = True
    somebody.save()
    seen = {
        name: CampaignPost.objects.visible_to(user).count()
        for name, user in (
            ("manager", airlines.manager),
            ("other", airlines.other_manager),
            ("operator", airlines.operator),
        )
    }
    assert seen == {"manager": 1, "other": 0, "operator": 2}


def test_as_many_queries_for_many_as_for_few(airlines: Airlines, posted: Posted) -> None:
    posted(*((f"a{number}", 1.0, "#maple") for number in range(9)))
    first, second, third = (CampaignFactory.create(brand=airlines.brand, tags="#maple") for _ in range(3))
    accepts(first, "a0")
    find_posts(now=LATER)
    with tables_asked() as few:
        find_posts(now=LATER)
    accepts(first, "a1", "a2", "a3", "a4")
    PostLook.objects.update(added=0)
    assert find_posts(now=LATER) == 4
    with tables_asked() as many:
        find_posts(now=LATER)
    assert [asked for asked in many if "SAVEPOINT" not in asked] == [asked for asked in few if "SAVEPOINT" not in asked]
    for campaign in (second, third):
        accepts(campaign, "a5", "a6")
    assert find_posts(now=LATER) == 4


@pytest.mark.django_db(transaction=True)
def test_two_looks_at_once_find_each_post_once(campaign: Campaign, posted: Posted) -> None:
    posted(*(("ann", 1 + number / 100, f"#maple {number}") for number in range(40)))
    accepts(campaign, "ann")

    def look(_: int) -> int:
        try:
            return find_posts(now=LATER)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(look, range(3)))
    assert CampaignPost.objects.count() == 40
    assert PostLook.objects.count() == 1
    assert find_posts(now=LATER) == 0


def test_the_task_looks(campaign: Campaign, posted: Posted) -> None:
    posted(("ann", 1, "#maple"))
    accepts(campaign, "ann")
    Campaign.objects.update(ends_on=date(2099, 1, 1))
    assert tasks.find_posts() == 1
    assert Invitation.objects.get().posts.count() == 1
