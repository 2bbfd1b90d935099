"""Whom running campaigns would gain and lose by another formula."""

from datetime import UTC, date, datetime

import pytest

from accounts.models import User
from campaigns import queries
from campaigns.queries import Moved
from scoring.comparison import Pair
from scoring.models import Score
from tests.factories.accounts import PersonFactory, PlaceFactory, UserFactory
from tests.factories.campaigns import CampaignFactory, CampaignPlaceFactory
from tests.factories.scoring import TopicFactory, TopicReachFactory
from tests.scoring.test_comparison import pair_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def operator(db: None) -> User:
    return UserFactory.create(is_superuser=True)


@pytest.fixture
def pair(db: None) -> Pair:
    """Return two runs in which one person enters 30 to 60, one leaves it, one leaves it upwards, and one stays."""
    return pair_of((20.0, 40.0), (40.0, 20.0), (50.0, 70.0), (45.0, 46.0))


def test_who_crosses_the_bounds_enters_or_leaves(operator: User, pair: Pair) -> None:
    between = CampaignFactory.create(score_min=30.0, score_max=60.0)
    above = CampaignFactory.create(score_min=45.0)
    below = CampaignFactory.create(score_max=45.0)
    moved = {row.campaign: row for row in queries.campaigns_moved(pair, operator, NOW)}
    assert moved == {
        between: Moved(between, before=3, after=2, entering=1, leaving=2),
        above: Moved(above, before=2, after=2, entering=0, leaving=0),
        below: Moved(below, before=3, after=2, entering=0, leaving=1),
    }
    assert next(iter(moved)) == between, "whom it moves most comes first"


def test_only_people_of_the_campaigns_topics_and_cities_count(operator: User, pair: Pair) -> None:
    entering = Score.objects.get(run=pair.before, score=20.0).person
    travel = TopicFactory.create()
    flying, food = TopicFactory.create(parent=travel), TopicFactory.create()
    TopicReachFactory.create(run=pair.before, person=entering, topic=flying)
    # As a run stores it: a wider topic has what lies below it.
    TopicReachFactory.create(run=pair.before, person=entering, topic=travel, reach=0, reach_with_below=300)
    entering.place = PlaceFactory.create(latitude=43.7, longitude=-79.4)
    entering.save()
    names = {}
    for name, topic, latitude in (("here", travel, 43.7), ("elsewhere", travel, 0.0), ("other", food, 43.7)):
        campaign = CampaignFactory.create(name=name, score_min=30.0)
        campaign.topics.add(topic)
        CampaignPlaceFactory.create(campaign=campaign, latitude=latitude, longitude=-79.4)
        names[campaign] = name
    found = {names[row.campaign]: (row.before, row.entering, row.leaving, row.after) for row in _moved(pair, operator)}
    assert found == {"here": (0, 1, 0, 1), "elsewhere": (0, 0, 0, 0), "other": (0, 0, 0, 0)}


def _moved(pair: Pair, viewer: User) -> list[Moved]:
    return queries.campaigns_moved(pair, viewer, NOW)


def test_only_running_campaigns_with_bounds_that_the_viewer_sees(operator: User, pair: Pair) -> None:
    CampaignFactory.create()
    CampaignFactory.create(score_min=30.0, starts_on=date(2026, 3, 2))
    CampaignFactory.create(score_min=30.0, ends_on=date(2026, 2, 28))
    assert _moved(pair, operator) == []
    last = CampaignFactory.create(score_min=30.0, ends_on=date(2026, 3, 1))
    assert [row.campaign for row in _moved(pair, operator)] == [last]
    assert _moved(pair, UserFactory.create()) == []


def test_hidden_people_are_not_counted_for_a_manager(operator: User, pair: Pair) -> None:
    campaign = CampaignFactory.create(score_min=30.0)
    person = PersonFactory.create(is_hidden=True)
    for run, score in ((pair.before, 20.0), (pair.after, 40.0)):
        Score.objects.create(run=run, person=person, score=score, reach=1, forecast=1, low=0, high=2, percentile=5)
    assert _moved(pair, operator)[0].entering == 2
    manager = UserFactory.create()
    campaign.brand.memberships.create(user=manager)
    assert _moved(pair, manager)[0].entering == 0, "without the permission to see people nobody is"
