"""The profile page, the look-up and the page about the score."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import Identity, Network, Person, Place, User
from scoring.engine import Parameters
from scoring.models import ScoreRun
from tests.asked import tables_asked
from tests.factories.accounts import PersonFactory, UserFactory
from tests.factories.scoring import (
    FormulaFactory,
    ScoreFactory,
    ScoreRunFactory,
    SupportFactory,
    TopicFactory,
    TopicReachFactory,
    current_run,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def claimed(handle: str, **given: Any) -> Person:
    person: Person = PersonFactory.create(
        handle=handle, user=UserFactory.create(), claimed_at=NOW, claimed_via="invitation", **given
    )
    return person


def brand_user() -> User:
    user: User = UserFactory.create()
    user.user_permissions.add(Permission.objects.get(codename="view_person"))
    return user


def scored(person: Person, run: ScoreRun | None = None, **given: Any) -> None:
    ScoreFactory.create(person=person, run=run or current_run(), **given)


def shown(client: Client, address: str) -> str:
    """Return a page's text, tags and runs of white space as one space each."""
    response = client.get(address)
    assert response.status_code == 200, address
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


# Who sees whom.


@pytest.mark.django_db
def test_a_claimed_profile_is_open_to_everyone(client: Client) -> None:
    scored(claimed("ann", name="Ann Vega"))
    assert "Ann Vega @ann" in shown(client, "/p/ann")


@pytest.mark.django_db
def test_an_unclaimed_profile_is_open_to_brands_and_operators_alone(client: Client) -> None:
    scored(PersonFactory.create(handle="bob", name="Bob Ray"))
    assert client.get("/p/bob").status_code == 404
    client.force_login(UserFactory.create())
    assert client.get("/p/bob").status_code == 404
    for user in (brand_user(), User.objects.create_superuser("root")):
        client.force_login(user)
        page = shown(client, "/p/bob")
        assert "Bob Ray" in page
        assert "Nobody has claimed this profile" in page


@pytest.mark.django_db
def test_a_hidden_profile_says_who_sees_it(client: Client) -> None:
    person = claimed("hid", is_hidden=True)
    assert person.user is not None
    client.force_login(person.user)
    page = client.get("/p/hid").content.decode()
    assert ("You are hidden" in page, "This is how others see you" in page) == (True, False)
    PersonFactory.create(handle="unclaimed", is_hidden=True)
    client.force_login(UserFactory.create(is_superuser=True))
    assert "it is hidden: only operators see it" in client.get("/p/unclaimed").content.decode()


@pytest.mark.django_db
def test_a_hidden_profile_is_open_to_its_owner_and_operators_alone(client: Client) -> None:
    person = claimed("hid", is_hidden=True)
    scored(person)
    assert client.get("/p/hid").status_code == 404
    client.force_login(brand_user())
    assert client.get("/p/hid").status_code == 404
    assert person.user
    for user in (person.user, User.objects.create_superuser("root")):
        client.force_login(user)
        assert client.get("/p/hid").status_code == 200


@pytest.mark.django_db
def test_the_refusal_does_not_tell_who_exists(client: Client) -> None:
    PersonFactory.create(handle="exists")
    claimed("hidden", is_hidden=True)
    answers = [client.get(f"/p/{handle}") for handle in ("exists", "EXISTS", "hidden", "nobody-at-all")]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.django_db
def test_a_handle_in_other_letters_leads_to_the_one_address(client: Client) -> None:
    scored(claimed("AnnVega"))
    response = client.get("/p/annvega")
    assert (response.status_code, response["Location"]) == (302, "/p/AnnVega")
    assert '<link rel="canonical" href="http://testserver/p/AnnVega">' in client.get("/p/AnnVega").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("handle", ["a/b@web", "Ärger", "user@host.example", "100%"])
def test_handles_of_all_sorts_have_a_page(client: Client, handle: str) -> None:
    person = claimed(handle)
    scored(person)
    address = reverse("profile", args=[handle])
    assert f"@{handle}" in client.get(address).content.decode()


@pytest.mark.django_db
def test_what_no_handle_can_be_is_not_found(client: Client) -> None:
    assert client.get("/p/ann%00").status_code == 404
    assert client.get("/p/" + "x" * 5000).status_code == 404
    assert client.post("/p/ann").status_code == 405


# What it shows.


@pytest.mark.django_db
def test_the_score_comes_with_its_band_and_its_place_among_all(client: Client) -> None:
    scored(claimed("ann"), current_run(people=4218), score=38.4, reach=421.0, low=231.6, high=681.2, percentile=97.4)
    page = shown(client, "/p/ann")
    assert "Score 38 / 100" in page
    assert "likely 34 to 41" in page
    assert "Between 231 and 682 people are likely to act in the next 28 days." in page
    assert "made to hold 80 of 100 outcomes" in page
    assert "higher than that of 97.4 % of the 4,218 people scored" in page


@pytest.mark.django_db
def test_what_is_taken_off_adds_up_on_the_page(client: Client) -> None:
    scored(
        claimed("ann"),
        reach=420.4,
        forecast=483.9,
        taken_unvouched=31.2,
        taken_exchange=12.1,
        taken_indiscriminate=15.1,
        taken_absence=5.1,
    )
    content = client.get("/p/ann").content.decode()
    table = re.search(r'<table class="sum">.*?</table>', content, re.DOTALL)
    assert table
    forecast, *taken, reach = [int(n.replace("−", "-")) for n in re.findall(r'<td class="num">([^<]+)<', table[0])]
    assert (forecast, taken, reach) == (484, [-32, -12, -15, -5], 420)
    assert forecast + sum(taken) == reach
    for label in ("Attention that nobody vouches for", "Favours returned", "Attention given to everyone"):
        assert label in table[0]
    assert "The same text again and again" not in table[0]


@pytest.mark.django_db
def test_little_evidence_shows_as_such_and_never_as_a_number(client: Client) -> None:
    person = claimed("new")
    scored(person, score=1.4, reach=0.05, low=0.0, high=6.3, supporters=2, percentile=0.4)
    content = client.get("/p/new").content.decode()
    page = shown(client, "/p/new")
    assert "Not enough seen yet somewhere from 1 to 13" in page
    assert "Between 0 and 7 people are likely to act" in page
    assert "/ 100" not in page
    assert "History" not in page
    assert "0.4 %" not in page
    assert 'content="Not enough seen yet to say much."' in content


@pytest.mark.django_db
def test_somebody_without_a_score_has_a_page_that_says_so(client: Client) -> None:
    claimed("new")
    assert "No score yet" in shown(client, "/p/new")


@pytest.mark.django_db
def test_networks_followers_place_and_bio_stand_beside_the_score(client: Client) -> None:
    place = Place.objects.create(geoname_id=1, name="Toronto", region="ON", country="CA", latitude=43.7, longitude=-79)
    person = claimed("ann", place=place, bio="<b>Rails</b> & food")
    scored(person)
    network = Network.objects.create(slug="n", name="Netty", profile_url="https://netty.example/{handle}")
    Network.objects.create(slug="bare", name="Bare")
    own = Identity.objects.create(
        key=1, network=network, external_id="1", handle="annie", person=person, followers=31039
    )
    Identity.objects.create(key=2, network_id="bare", external_id="acct-2", person=person)
    Identity.objects.create(key=3, network=network, external_id="@annie", person=person, alias_of=own)
    content = client.get("/p/ann").content.decode()
    assert "Toronto, ON, CA" in content
    assert "&lt;b&gt;Rails&lt;/b&gt; &amp; food" in content
    assert '<a href="https://netty.example/annie" rel="nofollow noopener ugc">annie</a>' in content
    assert "31,039 followers" in content
    assert "acct-2" in content
    assert "@annie" not in content
    assert "they never enter it" in content


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["https://x.example/{user}", "https://x.example/{", "https://x.example/{handle!x}"])
def test_an_address_that_can_be_none_costs_its_link_and_not_the_page(client: Client, address: str) -> None:
    # As stored before it was checked.
    network = Network.objects.create(slug="x", name="X", profile_url=address)
    Identity.objects.create(key=1, network=network, external_id="1", handle="annie", person=claimed("ann"))
    page = client.get("/p/ann").content.decode()
    assert "annie" in page
    assert "x.example" not in page


@pytest.mark.django_db
def test_components_topics_and_supporters_are_shown(client: Client) -> None:
    person, run = claimed("ann"), current_run()
    scored(
        person, run, reach=200.0, supporters=1342, actions=6120, posts=412, original_share=0.613, alive=0.976,
        credibility=0.34,
    )  # fmt: skip
    topic = TopicFactory.create(name="Rail travel")
    TopicReachFactory.create(person=person, run=run, topic=topic, reach=50.0, score=24.6)
    own = TopicFactory.create(name="Night trains", names={"de": "Nachtzüge"})
    TopicReachFactory.create(person=person, run=run, topic=own, reach=20.0, lift=3.14, rank=1)
    SupportFactory.create(run=run, supporter=claimed("fan", name="Fay Fan"), supported=person, reach=0.913, actions=56)
    SupportFactory.create(run=run, supporter=person, supported=PersonFactory.create(handle="closed"))
    page = shown(client, "/p/ann")
    assert "Different people who acted 1,342" in page
    assert "Actions 6,120" in page
    assert "Posts 412" in page
    assert "In their own words 61 %" in page
    assert "Still active 98 %" in page
    assert "Text that varies 34 %" in page
    assert "Night trains 20 people · 3.1 × usual" in page
    assert page.index("Night trains") < page.index("Also reached on") < page.index("Rail travel 50 people · score 25")
    assert "Nachtzüge" in client.get("/p/ann", headers={"accept-language": "de"}).content.decode()
    assert '<rect class="fill" width="25.00%"' in client.get("/p/ann").content.decode()
    assert "Fay Fan 56 0.91 and 1,341 others" in page
    assert "Nobody who can be named here and 1 other." in page
    assert "closed" not in page
    assert "What this number isn't" in page


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["de", "ar"])
def test_a_page_is_english_whatever_the_browser_asks_for(client: Client, language: str) -> None:
    scored(claimed("ann"), current_run(people=4218, as_of=datetime(2026, 10, 5, 3, tzinfo=UTC)))
    response = client.get("/p/ann", headers={"accept-language": language})
    assert '<html lang="en">' in response.content.decode()
    assert "4,218 people" in response.content.decode()
    assert "5 October 2026, 03:00 UTC" in response.content.decode()
    # Names of topics are what differs, and nobody is to get a page that was kept for somebody else.
    assert "Accept-Language" in response["Vary"]


@pytest.mark.django_db
def test_the_formula_is_named_and_dated(client: Client) -> None:
    formula = FormulaFactory.create(version="2026-08", is_current=True, created_at=datetime(2026, 2, 3, tzinfo=UTC))
    scored(claimed("ann"), current_run(formula=formula, as_of=datetime(2026, 3, 4, 3, tzinfo=UTC)))
    assert "From activity before 4 March 2026, 03:00 UTC, by formula 2026-08 of 3 February 2026." in shown(
        client, "/p/ann"
    )


@pytest.mark.django_db
def test_search_engines_are_kept_from_unclaimed_profiles_alone(client: Client) -> None:
    run = current_run()
    scored(claimed("ann"), run)
    scored(PersonFactory.create(handle="bob"), run)
    client.force_login(brand_user())
    noindex = '<meta name="robots" content="noindex">'
    assert noindex not in client.get("/p/ann").content.decode()
    assert noindex in client.get("/p/bob").content.decode()


@pytest.mark.django_db
def test_history_is_a_chart_and_a_table_without_script(client: Client) -> None:
    person, formula = claimed("ann"), FormulaFactory.create(created_at=NOW)
    for days in (0, 1, 2):
        run = ScoreRunFactory.create(formula=formula, as_of=NOW + timedelta(days=days))
        scored(person, run, score=30.0 + days, reach=1234.56)
    scored(person, current_run(formula=formula, as_of=NOW + timedelta(days=3)), score=34.0)
    response = client.get("/p/ann")
    content = response.content.decode()
    assert content.count("<polyline") == 1
    rows = re.findall(r"<td>(\d+ \w+ \d+)</td><td class=\"num\">([\d.]+)</td><td class=\"num\">([\d,.]+)</td>", content)
    assert rows[0] == ("4 Mar 2026", "34.0", "900.0")
    assert rows[-1] == ("1 Mar 2026", "30.0", "1,234.6")
    assert len(rows) == 4
    assert "<script" not in content


@pytest.mark.django_db
def test_a_profile_takes_the_same_queries_whatever_it_shows(client: Client) -> None:
    person, run = claimed("ann"), current_run()
    scored(person, run)
    Network.objects.create(slug="n", name="N")
    expected = [
        "accounts_person",  # whose page, as far as visible, with the city
        "scoring_scorerun",  # with the formula
        "scoring_score",
        "scoring_support",  # supporters, with who they are
        "scoring_support",  # supported, likewise
        "scoring_topicreach",  # with the topics
        "scoring_score",  # history, with runs and formulas
        "accounts_identity",  # with the networks
    ]
    for turn in range(2):
        for n in range(3):
            TopicReachFactory.create(person=person, run=run)
            SupportFactory.create(run=run, supporter=claimed(f"in{turn}{n}"), supported=person)
            key = turn * 10 + n
            Identity.objects.create(key=key, network_id="n", external_id=str(key), person=person)
            earlier = ScoreRunFactory.create(formula=run.formula, as_of=run.as_of - timedelta(days=key + 1))
            scored(person, earlier)
        with tables_asked() as asked:
            client.get("/p/ann")
        assert asked == expected


# Look-up, and the page about the score.


@pytest.mark.django_db
def test_looking_up_leads_to_the_profile(client: Client) -> None:
    assert client.get("/p/", {"handle": " @ann "})["Location"] == "/p/ann"
    assert client.get("/p/", {"handle": "  "})["Location"] == "/"
    assert client.get("/p/", {"handle": "ann\0"})["Location"] == "/p/ann"
    claimed("@ann@test")
    assert client.get("/p/", {"handle": "@Ann@test"})["Location"] == "/p/@Ann@test"
    for elsewhere in ("//evil.example", "https://evil.example/"):
        assert client.get("/p/", {"handle": elsewhere})["Location"].startswith("/p/")


@pytest.mark.django_db
def test_the_definition_is_stated_from_the_stored_formula(client: Client) -> None:
    parameters = Parameters(version="own", kappa=0.25, half_life_days=21.0, horizon_days=14.0, scale_top=1000.0)
    formula = FormulaFactory.create(version="own", parameters=parameters.to_dict(), is_current=True)
    current_run(formula=formula, as_of=datetime(2026, 3, 4, 3, tzinfo=UTC))
    page = shown(client, "/about-the-score")
    assert "in the next 14 days" in page
    assert "half as much after 21 days" in page
    assert "accounts that act on hardly anybody else up to 25 % of all other" in page
    assert "ln(1 + 1,000)" in page
    assert "1,000 100.0" in page
    assert "Formula own, stored on" in page
    assert "as of 4 March 2026, 03:00 UTC" in page


@pytest.mark.django_db
def test_without_a_formula_the_page_says_so(client: Client) -> None:
    assert "No formula has been stored yet" in shown(client, "/about-the-score")


# The pages' own rules.


def _templates() -> list[Path]:
    folder = Path(settings.BASE_DIR) / "templates"
    # E-mails need styles of their own; the admin's pages have a policy of their own.
    return [path for path in folder.rglob("*.html") if not {"email", "admin"} & set(path.relative_to(folder).parts)]


def test_no_page_needs_what_the_content_policy_refuses() -> None:
    refused = re.compile(
        r"<script(?![^>]*nonce)|<style|\sstyle=|\son[a-z]+=|javascript:|https?://(?!www\.w3\.org)", re.I
    )
    assert len(_templates()) > 15
    assert [f"{path.name}: {found[0]}" for path in _templates() if (found := refused.search(path.read_text()))] == []


def test_the_style_sheet_stays_small() -> None:
    assert (Path(settings.BASE_DIR) / "static/site.css").stat().st_size < 15_000
