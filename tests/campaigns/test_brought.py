"""What participants brought: different people against the forecast, reactions by kind, and redemptions."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from accounts.actions import erase_person
from accounts.keys import post_key
from accounts.models import Person, User
from campaigns.actions import redeem, serve_waiting, take_back
from campaigns.models import Campaign, CampaignReturn, Invitation, PerkCode, PostLook
from campaigns.queries.acts import acts_on
from campaigns.queries.brought import Brought, brought
from campaigns.queries.mentions import rows_to_read
from scoring.models import ScoreRun, Topic
from tests.accounts.activity_data import dataset, identity, imported
from tests.campaigns.branded import BEGIN, DAY, WEEKS_LATER, person, support
from tests.campaigns.conftest import Airlines
from tests.campaigns.perks import codes
from tests.campaigns.test_measuring import measured
from tests.factories.campaigns import NOW, CampaignFactory, CampaignPostFactory, InvitationFactory
from tests.factories.scoring import ScoreFactory, ScoreRunFactory, TopicFactory, TopicReachFactory

LATER = NOW + timedelta(days=40)
Act = tuple[float, str, str, str, str]

# Days after the first invitation, kind, who, on whom, on which post: `ad` ones are about the campaign.
ACTS: list[Act] = [
    (-1, "like", "f1", "ann", "ann-ad"),  # too early
    (1, "like", "f1", "ann", "ann-ad"),
    (2, "reply", "f1", "ann", "ann-ad"),
    (2, "like", "f2", "ann", "ann-ad"),
    (3, "like", "f2", "bob", "bob-ad"),
    (3, "repost", "bob", "ann", "ann-ad"),
    (4, "like", "f3", "bob", "bob-else"),
    (5, "mention", "f6", "bob", "f6-says"),
    (5, "follow", "f4", "ann", ""),
    (6, "like", "ann", "ann", "ann-ad"),  # herself
    (7, "like", "f3", "cid", "cid-else"),  # declined
    (29, "like", "f5", "ann", "ann-ad"),  # after the forecast's 28 days
]


@pytest.fixture
def campaign(airlines: Airlines, run: ScoreRun, tmp_path: Path) -> Campaign:
    """Two who accepted and one who declined, with posts, reactions and scores."""
    made: Campaign = CampaignFactory.create(brand=airlines.brand, tags="#maple")
    acted(tmp_path / "acts", ACTS)
    for account, state in (("ann", "accepted"), ("bob", "accepted"), ("cid", "declined")):
        row = InvitationFactory.create(campaign=made, person=person(account), state=state, answered_at=NOW)
        ScoreFactory.create(run=run, person=person(account), score=20, reach=2, low=1, high=5)
        if state == "accepted":
            CampaignPostFactory.create(
                invitation=row, identity=identity(account), post=post_key("test", f"{account}-ad"), at=NOW
            )
    support(run, ann="f1 f2", bob="f1 f2")
    PostLook.objects.create(campaign=made, added=1, looked_at=LATER, tags=made.tags)
    return made


def acted(folder: Path, acts: list[Act]) -> None:
    rows = [
        {"at": BEGIN + round(day * DAY), "kind": kind, "actor": actor, "target": target, "post": post or None}
        for day, kind, actor, target, post in acts
    ]
    imported(dataset(folder, interactions=rows), now=NOW + timedelta(days=60))


def found_of(campaign: Campaign, run: ScoreRun, by: User, now: datetime = LATER) -> Brought:
    return brought(campaign, by, run, since=NOW, now=now)


def test_different_people_and_reactions_by_participant_and_together(
    campaign: Campaign, run: ScoreRun, airlines: Airlines
) -> None:
    found = found_of(campaign, run, airlines.manager)
    ann, bob = (found.people[person(account).pk] for account in ("ann", "bob"))

    # By posts about it: f1, f2, bob and f5 of hers, f2 of his; f2 is one person.
    assert (ann.posts, ann.reached, ann.reactions) == (1, 4, {"like": 3, "reply": 1, "repost": 1})
    assert (bob.posts, bob.reached, bob.reactions) == (1, 1, {"like": 1})
    assert (found.all.posts, found.all.reached, found.all.reactions) == (2, 4, {"like": 4, "reply": 1, "repost": 1})
    # By whatever they post, in 28 days: f1, f2 and bob of hers, f2, f3 and f6 of his.
    assert (ann.came, bob.came, found.all.came) == (3, 3, 5)
    assert person("cid").pk not in found.people


def test_the_forecast_is_of_then_with_its_band_less_what_audiences_share(
    campaign: Campaign, run: ScoreRun, airlines: Airlines
) -> None:
    later = ScoreRunFactory.create(formula=run.formula, as_of=NOW + timedelta(days=20))
    ScoreFactory.create(run=later, person=person("ann"), score=90, reach=2000, low=1000, high=5000)

    found = found_of(campaign, run, airlines.manager)

    ann = found.people[person("ann").pk]
    assert (ann.forecast, ann.low, ann.high) == (2, 1, 5)
    # Both have the same two supporters, each of whom stands for a little more than one person.
    most = 1.0 + float(run.formula.parameters["newcomers"]) * float(run.formula.parameters["horizon_days"]) / 28.0
    apart = 2 * most * (1 - (1 - 1 / most) ** 2) / 4
    assert apart < 0.6
    every = found.all
    assert (every.forecast, every.low, every.high) == pytest.approx((4 * apart, 2 * apart, 10 * apart))
    assert found.forecast_of == run.as_of


def test_what_cant_be_known_is_none_and_never_nothing(campaign: Campaign, run: ScoreRun, airlines: Airlines) -> None:
    too_early = found_of(campaign, run, airlines.manager, now=NOW + timedelta(days=27)).all
    assert (too_early.came, too_early.reached) == (None, 3)
    assert (too_early.issued, too_early.redeemed) == (None, None)
    campaign.look.delete()
    not_looked = found_of(campaign, run, airlines.manager)
    assert not_looked.looked_at is None
    assert (not_looked.all.posts, not_looked.all.reached, not_looked.all.reactions) == (None, None, {})
    ScoreRun.objects.filter(pk=run.pk).update(as_of=NOW + timedelta(days=1))
    not_scored = found_of(campaign, run, airlines.manager)
    assert (not_scored.all.forecast, not_scored.all.low, not_scored.forecast_of) == (None, None, None)
    assert not_scored.all.came == 5
    Invitation.objects.filter(campaign=campaign).update(state="declined")
    nobody = found_of(campaign, run, airlines.manager)
    assert (nobody.all.people, nobody.all.came, nobody.people, nobody.topics) == (0, None, {}, [])


def test_posts_that_were_taken_out_dont_count(campaign: Campaign, run: ScoreRun, airlines: Airlines) -> None:
    campaign.invitations.get(person=person("ann")).posts.update(taken_out_at=NOW, taken_out_why="Another maple.")

    found = found_of(campaign, run, airlines.manager)

    assert (found.all.posts, found.all.reached, found.all.reactions) == (1, 1, {"like": 1})


def test_who_was_erased_and_who_acts_by_two_accounts(campaign: Campaign, run: ScoreRun, airlines: Airlines) -> None:
    other = identity("f2")
    other.person = person("f1")
    other.save()

    assert found_of(campaign, run, airlines.manager).all.reached == 3

    erase_person(person("f5"), by=airlines.operator, now=NOW)
    assert found_of(campaign, run, airlines.manager).all.reached == 2


def test_redemptions_come_from_the_ledger(campaign: Campaign, run: ScoreRun, airlines: Airlines) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(seats_taken=2)
    stock = codes(campaign, 3)
    issue(campaign, airlines, "ann", stock[0])
    issue(campaign, airlines, "bob", stock[1])
    redeem(stock[0], by=airlines.manager, now=NOW + timedelta(days=3))

    found = found_of(campaign, run, airlines.manager)

    assert (found.all.issued, found.all.redeemed) == (2, 1)
    assert found.days == [((NOW + timedelta(days=3)).date().isoformat(), 1)]
    assert found.codes == {person("ann").pk: "redeemed", person("bob").pk: "issued"}
    take_back(stock[1], by=airlines.manager, now=NOW + timedelta(days=4))
    assert found_of(campaign, run, airlines.manager).all.issued == 1


def issue(campaign: Campaign, airlines: Airlines, account: str, code: PerkCode) -> None:
    """Let somebody who accepted before there were codes get one."""
    if not PerkCode.objects.filter(invitation__person=person(account)).exists():
        serve_waiting(campaign=campaign, by=airlines.manager, now=NOW)
    code.refresh_from_db()
    assert code.state == PerkCode.State.ISSUED


def test_each_counts_under_the_one_topic_on_which_they_reach_most(
    campaign: Campaign, run: ScoreRun, airlines: Airlines
) -> None:
    food, cities, chess = (TopicFactory.create(name=name) for name in ("Food", "Cities", "Chess"))
    campaign.topics.set([food, cities])
    for account, reaches in (("ann", ((food, 3), (cities, 1), (chess, 9))), ("bob", ((cities, 2),))):
        for topic, reach in reaches:
            TopicReachFactory.create(run=run, person=person(account), topic=topic, reach=reach, reach_with_below=reach)

    found = found_of(campaign, run, airlines.manager)

    assert names(found) == [("Food", [person("ann").pk], 4), ("Cities", [person("bob").pk], 1)]
    campaign.topics.set([food])
    assert names(found_of(campaign, run, airlines.manager)) == [
        ("Food", [person("ann").pk], 4),
        (None, [person("bob").pk], 1),
    ]


def names(found: Brought) -> list[tuple[str | None, list[int], int | None]]:
    return [
        (topic.name if isinstance(topic, Topic) else None, people, part.reached) for topic, people, part in found.topics
    ]


def test_it_is_stored_with_the_return(campaign: Campaign, airlines: Airlines) -> None:
    row: CampaignReturn = measured(campaign, airlines, now=LATER)

    assert (row.accepted, row.posts, row.reached, row.came) == (2, 2, 4, 5)
    assert row.reactions == {"like": 4, "reply": 1, "repost": 1}
    assert (row.issued, row.redeemed, row.redeemed_days) == (None, None, [])
    ann = row.people.get(person=person("ann"))
    assert (ann.reach, ann.low, ann.high, ann.came, ann.posts, ann.reached, ann.code) == (2, 1, 5, 3, 1, 4, "")
    assert row.people.get(person=person("cid")).reach is None
    (topic,) = row.topics
    assert (topic["topic"], topic["people"], topic["reached"], topic["came"]) == (None, 2, 4, 5)


def test_who_hides_isnt_counted(campaign: Campaign, run: ScoreRun, airlines: Airlines) -> None:
    Person.objects.filter(pk=person("ann").pk).update(is_hidden=True)

    found = found_of(campaign, run, airlines.manager)

    assert set(found.people) == {person("bob").pk}
    assert (found.all.people, found.all.forecast, found.all.reached, found.all.came) == (1, 2, 1, 3)


def test_many_who_acted_are_told_apart_as_few_are(
    campaign: Campaign, run: ScoreRun, airlines: Airlines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.queries.acts.NAMED", 1)

    assert found_of(campaign, run, airlines.manager).all.reached == 4


def test_another_brands_manager_finds_no_posts(campaign: Campaign, run: ScoreRun, airlines: Airlines) -> None:
    found = found_of(campaign, run, airlines.other_manager)

    assert (found.all.posts, found.all.reached) == (0, 0)


def test_interactions_count_among_what_a_page_would_wait_for(campaign: Campaign) -> None:
    # Those of the days from the first invitation on.
    assert rows_to_read(campaign, now=LATER) == len(ACTS) - 1
    assert rows_to_read(campaign, now=NOW + timedelta(days=3)) == 5


def test_nobody_asked_about_reads_nothing(db: None) -> None:
    assert acts_on(np.zeros(0, dtype=np.int64), since=NOW, until=WEEKS_LATER).different == 0
