"""What the influencer list's filters cost among a million people, against SQL written by hand.

    python -m benchmarks.filters [--people 1000000]

Ten combinations, each as the admin asks it (a page of 50, and the count up to 10,001) and as two statements by hand, by
turns; ratios are of medians. Also whether any plan reads people from end to end, how far "about" is off, and what
figures cost a publishing. Everything is made up, in services of its own: two runs 28 days apart, 50 topics, 500 cities.
Exit code 0: every bound holds; 2: one fails.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import pyarrow as pa

from benchmarks.engine.measure import CommandFailed, platform
from benchmarks.engine.publishing import made_up
from benchmarks.score.bound import Bound

TIMES: Final = 2.0
OFF: Final = 0.2
ROUNDS: Final = 7

# By name: what the address asks; joins, conditions and order of the statement by hand.
_SCORES: Final = "JOIN scoring_score s ON s.person_id = p.id AND s.run_id = {run}"
_TOPIC: Final = (
    " JOIN scoring_topicreach t ON t.person_id = p.id AND t.run_id = {run} AND t.topic_id = {topic}"
    " AND t.reach_with_below > 0"
)
_BEFORE: Final = " JOIN scoring_score b ON b.person_id = p.id AND b.run_id = {before}"
_NEAR: Final = " AND p.place_id IN ({near})"
_ON_NETWORK: Final = (
    " AND EXISTS (SELECT FROM accounts_identity i WHERE i.person_id = p.id AND i.network_id = 'mastodon')"
)
_NEW: Final = (
    " AND NOT EXISTS (SELECT FROM campaigns_invitation i JOIN campaigns_campaign c ON c.id = i.campaign_id"
    " WHERE i.person_id = p.id AND c.brand_id = {brand})"
)
_WITHOUT: Final = (
    " AND NOT EXISTS (SELECT FROM campaigns_exclusion x WHERE x.person_id = p.id AND x.exclusion_list_id = {left_out})"
)
_SURE: Final = " AND s.high <= (1 + s.low) * exp(12 / 99.0 * ln(1 + 1e7)) - 1 AND s.reach >= s.forecast * 0.9"
COMBINATIONS: Final[dict[str, tuple[dict[str, Any], str, str]]] = {
    "everybody": ({}, "", ""),
    "score": ({"score_from": "20", "score_to": "40"}, "", " AND s.score BETWEEN 20 AND 40"),
    "reach": ({"reach_from": "10"}, "", " AND s.score >= 15.7 AND s.reach >= 10"),
    "topic": ({"topic": "t7"}, _TOPIC, ""),
    "topic, score": ({"topic": "t7", "score_from": "10"}, _TOPIC, " AND s.score >= 10"),
    "topic, lift": ({"topic": "t7", "lift": "2"}, _TOPIC, " AND t.lift >= 2"),
    "topic, city": ({"topic": "t7", "near": "{city}"}, _TOPIC, _NEAR),
    "city, score": ({"near": "{city}", "score_from": "10"}, "", _NEAR + " AND s.score >= 10"),
    "score, network, growth": (
        {"score_from": "10", "network": "mastodon", "growth_from": "5"},
        _BEFORE,
        " AND s.score >= 10 AND s.score >= b.score + 5" + _ON_NETWORK,
    ),
    "score, sure, new, without a list": (
        {"score_from": "10", "width_to": "12", "taken_to": "10", "past": "new", "without": "{left_out}"},
        "",
        " AND s.score >= 10" + _SURE + _NEW + _WITHOUT,
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print each line with its bound, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--plans", action="store_true", help="show the plans of the list's statements too")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.inside:
        print(json.dumps(_inside(asked.people)))
        return 0
    with tempfile.TemporaryDirectory() as folder, platform(Path(folder)) as run:
        try:
            command = [sys.executable, "-m", "benchmarks.filters", "--inside", "--people", str(asked.people)]
            told = run(command).told
        except CommandFailed as error:
            raise SystemExit(str(error)) from None
    print(f"{asked.people:,} people; of publishing {told['publish']:.1f} s, figures took {told['figures']:.1f}")
    print(f"{'':<36}{'by hand, ms':>14}{'list, ms':>10}{'people':>10}{'about':>10}")
    bounds = []
    for name, found in told["combinations"].items():
        about = "" if found["about"] is None else f"{found['about']:,}"
        print(f"{name:<36}{found['bare']:>14.1f}{found['ours']:>10.1f}{found['people']:>10,}{about:>10}")
        bounds.append(Bound(f"{name}: list against SQL by hand", found["ours"] / found["bare"], high=TIMES))
        if found["about"] is not None:
            off = abs(found["about"] / found["people"] - 1)
            bounds.append(Bound(f"{name}: how far about is off", off, high=OFF))
    whole = [(name, plan) for name, found in told["combinations"].items() for plan in found["whole"]]
    bounds.append(Bound("plans that read people from end to end", float(len(whole)), high=0.0))
    if asked.plans:
        for name, found in told["combinations"].items():
            print(name, *found["plans"], sep="\n")
    print(*(bound.line() for bound in bounds), sep="\n")
    return 0 if all(bound.holds for bound in bounds) else 2


def _inside(people: int) -> dict[str, Any]:
    """Measure in the services that the settings name."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    given = _fill(people)
    return {**given, "combinations": {name: _measured(name, given) for name in COMBINATIONS}}


def _fill(people: int) -> dict[str, Any]:
    """Make people, topics, two runs, a brand and what it did; return the ids that statements name."""
    from django.db import connection
    from django.utils import timezone

    from accounts.models import Network, Place, User
    from campaigns.actions import add_member, create_brand
    from campaigns.models import Campaign, ExclusionList, Membership
    from scoring.actions import figures, publishing
    from scoring.actions.formulas import ensure_formula
    from scoring.actions.rows import rows_of
    from scoring.engine import Result
    from scoring.engine.forecasts import Forecast
    from scoring.engine.inputs import PARTS, SUPPORTS
    from scoring.models import ScoreRun, Topic

    now = timezone.now()
    rng = np.random.default_rng(20261129)
    for slug in ("twitter", "mastodon"):
        Network.objects.update_or_create(slug=slug, defaults={"name": slug.title()})
    Place.objects.bulk_create(
        Place(geoname_id=n, name=f"City {n}", country="CA", latitude=lat, longitude=lon, population=n)
        for n, (lat, lon) in enumerate(zip(rng.uniform(25, 60, 500), rng.uniform(-120, -60, 500), strict=True), 1)
    )
    parents = Topic.objects.bulk_create(Topic(slug=f"p{n}", name=f"Parent {n}") for n in range(10))
    topics = Topic.objects.bulk_create(
        Topic(slug=f"t{n}", name=f"Topic {n}", parent=parents[n % 10]) for n in range(40)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_person"
            " (handle, name, bio, location, email, claimed_via, is_hidden, is_seed, created_at, place_id)"
            " SELECT 'h' || i, 'Name ' || i, '', '', '', '', i %% 50 = 0, FALSE, now(),"
            " CASE WHEN i %% 5 < 2 THEN 1 + (i / 5 * 7919::bigint) %% 500 END"
            " FROM generate_series(1, %s) i RETURNING id",
            [people],
        )
        ids = np.array(cursor.fetchall(), dtype=np.int64)[:, 0]
        for network, each, of in (("twitter", 1, 5), ("mastodon", 4, 5)):
            cursor.execute(
                "INSERT INTO accounts_identity (key, network_id, external_id, handle, person_id, name, bio, location,"
                " website, website_host, verified) SELECT hashtextextended(%s, id), %s, id::text, handle, id, '', '',"
                " '', '', '', FALSE FROM accounts_person WHERE id %% %s >= %s",
                [network, network, of, each],
            )
        cursor.execute("ANALYZE accounts_person, accounts_identity, accounts_place")
    formula = ensure_formula(now, as_of=now)
    parts = {"interactions": 0}
    runs, seconds = [], {}
    leaves = np.array([topic.pk for topic in topics])
    nothing = Forecast(0, "data", pa.table({}), pa.table({}))
    for days, seed in ((28, 1), (0, 2)):
        run = ScoreRun.objects.create(as_of=now - timedelta(days=days), formula=formula)
        reached = _topics(ids, leaves, {topic.pk: topic.parent_id for topic in topics}, rng)
        no_rows = SUPPORTS.empty_table(), PARTS.empty_table()
        result = Result(made_up(ids, seed), reached, *no_rows, parts, lambda: nothing)
        started = time.perf_counter()
        publishing.publish(run, result, now=now, finished=timezone.now, make_current=True, check=lambda: None)
        seconds["publish"] = time.perf_counter() - started
        rows = rows_of(result, people=ids, topics=np.array(Topic.objects.values_list("pk", flat=True)))
        started = time.perf_counter()
        figures.figures_of(run, rows.scores, rows.topics)
        seconds["figures"] = time.perf_counter() - started
        runs.append(run)
    operator = User.objects.create_superuser("operator")
    manager = User.objects.create_user("manager")
    brand = create_brand(name="Maple Air", by=operator, now=now)
    add_member(brand=brand, user=manager, role=Membership.Role.MANAGER, by=operator)
    campaign = Campaign.objects.create(
        brand=brand, name="Route", perk_text="a flight", seats=40, starts_on=now.date(), ends_on=now.date()
    )
    left_out = ExclusionList.objects.create(brand=brand, name="Customers")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO campaigns_invitation (campaign_id, person_id, state, delivery, invited_at, nonce)"
            " SELECT %s, id, 'invited', 'by_hand', now(), '' FROM accounts_person WHERE id %% 100 = 1",
            [campaign.pk],
        )
        cursor.execute(
            "INSERT INTO campaigns_exclusion (exclusion_list_id, person_id)"
            " SELECT %s, id FROM accounts_person WHERE id %% 20 = 3",
            [left_out.pk],
        )
        cursor.execute("ANALYZE")
    place = Place.objects.order_by("pk")[100]
    near = Place.objects.within(place.latitude, place.longitude, 250).order_by().values("pk")
    return {
        **seconds,
        "run": runs[1].pk,
        "before": runs[0].pk,
        "topic": int(leaves[7]),
        "city": place.pk,
        "brand": brand.pk,
        "left_out": left_out.pk,
        "near": ", ".join(str(pk) for pk in near.values_list("pk", flat=True)),
    }


def _topics(people: Any, leaves: Any, parents: dict[int, int | None], rng: Any) -> pa.Table:
    """Return reach on one topic each, of which the first are the commonest, and on the topic above it."""
    from scoring.engine.inputs import TOPICS

    size = people.size
    of = leaves[(leaves.size * rng.random(size) ** 2).astype(int)]
    above = np.array([parents[topic] for topic in leaves.tolist()])[np.searchsorted(leaves, of)]
    reach = rng.pareto(0.95, size).clip(0, 1e5)
    columns: dict[str, Any] = {
        "person": np.concatenate([people, people]),
        "topic": np.concatenate([of, above]),
        "reach": np.concatenate([reach, np.zeros(size)]),
        "reach_with_below": np.concatenate([reach, reach]),
        "score": np.full(2 * size, 20.0),
        "lift": np.concatenate([rng.gamma(1.0, 1.5, size) + 0.01] * 2),
        "rank": pa.array(np.concatenate([np.ones(size, np.int64), np.full(size, 2)])),
    }
    return pa.table({name: columns[name] for name in TOPICS.names}).cast(TOPICS)


def _measured(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Ask one combination both ways, by turns."""
    from django.contrib.admin import site
    from django.db import connection
    from django.test import RequestFactory

    from accounts.models import User
    from campaigns.admin.counting import PeoplePaginator
    from scoring.models import Influencer, ScoreRun
    from scoring.queries import by_indexes

    query, joins, conditions = COMBINATIONS[name]
    fill: Callable[[str], str] = lambda text: text.format(**given)  # noqa: E731
    request = RequestFactory().get("/", {key: fill(value) for key, value in query.items()} | _radius(query))
    request.user = User.objects.get(username="manager")
    found: Any = site.get_model_admin(Influencer).get_changelist_instance(request)
    run = ScoreRun.objects.current()
    order = "t.reach_with_below" if "topic" in query else "s.score"
    source = fill(
        f"FROM accounts_person p {_SCORES}{joins} WHERE p.merged_into_id IS NULL AND NOT p.is_hidden{conditions}"
    )
    columns = "p.*, s.score, s.reach, s.low, s.high, s.percentile, s.supporters"
    page = f"SELECT {columns} {source} ORDER BY {order} DESC, p.id LIMIT 50"
    count = f"SELECT count(*) FROM (SELECT p.id {source} LIMIT 10001) found"  # noqa: S608  # as above

    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute(page)
            cursor.fetchall()
            cursor.execute(count)
            cursor.fetchall()

    def ours() -> None:
        with by_indexes():
            list(found.queryset._clone()[:50])
        assert PeoplePaginator(found.queryset, 50, run=run).count >= 0

    seconds: dict[str, list[float]] = {"bare": [], "ours": []}
    for turn in range(ROUNDS + 1):
        for way, ask in (("bare", bare), ("ours", ours)):
            started = time.perf_counter()
            ask()
            if turn:  # the first fills the caches
                seconds[way].append(1000 * (time.perf_counter() - started))
    limited = found.queryset.order_by().values("pk")[:10_001]
    with by_indexes():
        plans = [found.queryset[:50].explain(), limited.explain()]
    whole = [plan for plan in plans if "Seq Scan on accounts_person" in plan]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {source}")
        people = cursor.fetchone()[0]
    assert people == found.queryset.order_by().count(), name
    about = PeoplePaginator(found.queryset, 50, run=run).about
    return {way: median(each) for way, each in seconds.items()} | {
        "people": people,
        "about": about,
        "whole": whole,
        "plans": plans,
    }


def _radius(query: dict[str, Any]) -> dict[str, str]:
    return {"radius": "250"} if "near" in query else {}


if __name__ == "__main__":
    sys.exit(main())
