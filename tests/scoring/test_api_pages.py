"""How partners walk through lists page by page, and what odd addresses are answered."""

from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Person
from scoring.models import Score, ScoreRun
from tests.asked import tables_asked
from tests.factories.accounts import PersonFactory
from tests.factories.scoring import ScoreFactory, ScoreRunFactory, TopicFactory, TopicReachFactory
from tests.factories.scoring import current_run as make_current_run
from tests.scoring.conftest import Get

LIST = "/api/v1/influencers/"


@pytest.fixture
def run(db: None) -> ScoreRun:
    return make_current_run()


def _equals(run: ScoreRun, many: int, score: float = 50) -> list[Person]:
    people = [PersonFactory.create(handle=f"p{n:02}") for n in range(many)]
    for person in people:
        ScoreFactory.create(run=run, person=person, score=score)
    return people


def _walked(get: Get, address: str, link: str = "next") -> list[str]:
    """Return the handles on a page and on those that a link leads to, in the order in which they come."""
    handles: list[str] = []
    while address:
        status, body = get(address)
        assert status == 200
        handles += [person["handle"] for person in body["results"]]
        address = body[link]
    return handles


def _problem(answer: Any) -> tuple[int, str]:
    status, problem = answer
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    return status, problem["detail"]


def test_who_hides_makes_nobody_else_be_left_out(get: Get, run: ScoreRun) -> None:
    people = _equals(run, 30)
    _, first = get(f"{LIST}?page_size=10")
    for gone in (people[3], people[9], people[10], people[20]):
        Person.objects.filter(pk=gone.pk).update(is_hidden=True)

    rest = [person.handle for n, person in enumerate(people) if n > 10 and n != 20]
    assert _walked(get, first["next"]) == rest
    # And back again, from a page that begins in the middle of equals.
    _, second = get(first["next"])
    _, back = get(second["previous"])
    assert [person["handle"] for person in back["results"]] == [f"p{n:02}" for n in (0, 1, 2, 4, 5, 6, 7, 8)]
    assert (back["previous"], get(back["next"])[1]["results"]) == (None, second["results"])


def test_pages_backwards_hold_what_those_forwards_do(get: Get, run: ScoreRun) -> None:
    for n in range(12):
        ScoreFactory.create(run=run, person=PersonFactory.create(handle=f"p{n:02}"), score=50 - n // 5 / 3)
    address, pages = f"{LIST}?page_size=5", []
    while address:
        pages.append(get(address)[1])
        address = pages[-1]["next"]
    assert [len(page["results"]) for page in pages] == [5, 5, 2]

    for page, before in ((pages[2], pages[1]), (pages[1], pages[0])):
        _, back = get(page["previous"])
        assert back["results"] == before["results"]
        assert get(back["next"])[1]["results"] == page["results"]
    assert (pages[0]["previous"], back["previous"]) == (None, None)


def test_whoever_follows_the_last_may_be_gone(get: Get, run: ScoreRun) -> None:
    people = _equals(run, 3)
    _, first = get(f"{LIST}?page_size=2")
    people[2].delete()

    _, second = get(first["next"])
    assert (second["next"], second["previous"], second["results"]) == (None, None, [])


def test_a_page_among_equals_asks_once_and_one_that_ends_them_twice(get: Get, run: ScoreRun) -> None:
    _equals(run, 5)
    _, first = get(f"{LIST}?page_size=2")
    with tables_asked() as asked:
        _, second = get(first["next"])
    assert asked.count("accounts_person") == 1
    with tables_asked() as asked:
        get(second["next"])
    assert asked.count("accounts_person") == 2


def test_a_page_ordered_by_a_sum_asks_once(get: Get, run: ScoreRun) -> None:
    topics = [TopicFactory.create(slug=slug) for slug in ("tea", "jam")]
    for person in _equals(run, 5):
        for topic in topics:
            TopicReachFactory.create(run=run, person=person, topic=topic, reach=2)
    _, first = get(f"{LIST}?topic=tea&topic=jam&page_size=2")
    assert len(_walked(get, first["next"])) == 3
    _, second = get(first["next"])
    with tables_asked() as asked:
        get(second["next"])
    assert asked.count("accounts_person") == 1


def test_the_list_says_whose_scores_it_gives(get: Get) -> None:
    _, before = get(LIST)
    assert before == {"as_of": None, "formula": None, "next": None, "previous": None, "results": []}

    run = make_current_run()
    _, body = get(LIST)
    assert (body["as_of"], body["formula"]) == (f"{run.as_of:%Y-%m-%dT%H:%M:%SZ}", run.formula.version)


def test_a_list_ends_where_other_scores_are_current(get: Get, run: ScoreRun) -> None:
    _equals(run, 3)
    _, first = get(f"{LIST}?page_size=2")
    ScoreRun.objects.filter(pk=run.pk).update(is_current=False)
    later = ScoreRunFactory.create(as_of=run.as_of + timedelta(days=1), formula=run.formula, is_current=True)
    for row in Score.objects.filter(run=run):
        ScoreFactory.create(run=later, person=row.person, score=row.score)

    for link in (first["next"], first["next"].replace("page_size=2", "page_size=3")):
        assert _problem(get(link)) == (
            410,
            "Scores have changed since the list was begun; begin again without cursor.",
        )
    assert len(_walked(get, f"{LIST}?page_size=2")) == 3


def test_a_list_ends_where_its_run_was_computed_again(get: Get, run: ScoreRun) -> None:
    _equals(run, 3)
    _, first = get(f"{LIST}?page_size=2")
    ScoreRun.objects.filter(pk=run.pk).update(finished_at=timezone.now())

    assert get(first["next"])[0] == 410


BAD_CURSOR = "This cursor is none of this list under these filters; begin again without it."


def test_a_cursor_is_good_for_its_own_list_only(get: Get, run: ScoreRun) -> None:
    _equals(run, 3)
    TopicFactory.create(slug="tea")
    _, first = get(f"{LIST}?page_size=1&score_min=2")
    cursor = first["next"].split("cursor=")[1].split("&")[0]

    assert get(f"{LIST}?score_min=2&page_size=2&cursor={cursor}")[0] == 200
    for address in (
        f"{LIST}?cursor={cursor}",
        f"{LIST}?score_min=3&cursor={cursor}",
        f"{LIST}?score_min=2&q=p&cursor={cursor}",
        f"{LIST}?score_min=2&topic=tea&cursor={cursor}",
        f"/api/v1/topics/?cursor={cursor}",
        f"/api/v1/campaigns/?cursor={cursor}",
    ):
        assert _problem(get(address)) == (400, BAD_CURSOR), address


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%00",
        "%FF",
        "a%3Ab%3Ac",
        "%E2%82%AC",
        # What the cursors of before held.
        _encoded("p=abc"),
        _encoded("p=Mon 2"),
        _encoded("p=%00"),
        _encoded('["", "", [null, null], false]') + ":x",
    ],
)
@pytest.mark.parametrize("what", ["influencers", "campaigns", "topics"])
def test_what_is_no_cursor_is_refused(get: Get, run: ScoreRun, what: str, cursor: str) -> None:
    assert _problem(get(f"/api/v1/{what}/?cursor={cursor}")) == (400, BAD_CURSOR)


@pytest.mark.parametrize("slug", ["%00", "a%00b", "x" * 81, "a.b", "%F0%9F%8D%B5"])
def test_what_is_no_slug_is_no_topic(get: Get, db: None, slug: str) -> None:
    status, problem = get(f"/api/v1/topics/{slug}/")

    assert (status, problem["title"]) == (404, "Not Found")
