"""The page of a campaign's return."""

import csv
import html
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Person
from campaigns.admin.return_figures import NO_CODES, NOT_LOOKED, OLDER
from campaigns.models import Campaign, CampaignReturn
from scoring.models import ScoreRun
from tests.asked import tables_asked
from tests.campaigns.branded import invite_and_hold_back, person, write
from tests.campaigns.conftest import Airlines
from tests.campaigns.test_measuring import campaign as campaign
from tests.campaigns.test_measuring import measured
from tests.campaigns.test_measuring import posted as posted
from tests.factories.campaigns import NOW, CampaignReturnFactory, ParticipantFactory


def address(campaign: Campaign) -> str:
    return reverse("admin:campaigns_campaign_campaign_return", args=[campaign.pk])


def shown(answer: Any) -> str:
    plain = html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return " ".join(plain.replace("’", "'").split())


@pytest.mark.usefixtures("posted")
def test_a_manager_has_the_return_measured(manager: Client, campaign: Campaign) -> None:
    page = manager.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).content.decode()
    assert address(campaign) in page
    assert address(campaign).endswith("/return/")
    assert "Nobody is kept back so far" in shown(manager.get(address(campaign)))

    answer = manager.post(address(campaign), follow=True)

    text = shown(answer)
    assert "12 invited, 0 accepted, 6 kept back to measure the return" in text
    # 4 for each of 12.
    assert "It brought 48 mentions" in text
    assert "Beyond the 12 that would have come without it: the 90 % interval is" in text
    assert "(most likely 400 %)" in text
    assert "Invited 12 12 60 Kept back 6 6 6" in text
    assert "Mentions are posts with #maple." in text
    assert 'href="/static/print.css" media="print"' in answer.content.decode()
    handles = re.findall(r"@(in\d+|out\d+)\b", answer.content.decode())
    assert handles[0] in {"in2", "in5", "in8", "in11"}
    assert handles[-1].startswith("out")


@pytest.mark.usefixtures("posted")
def test_what_cant_be_told_is_said(manager: Client, campaign: Campaign, airlines: Airlines) -> None:
    Campaign.objects.update(tags="#other")

    text = shown(manager.post(address(campaign), follow=True))

    assert "Can't tell whether it brought anything Nobody mentioned it" in text
    assert "90 %" not in text


def stored(campaign: Campaign, **given: Any) -> None:
    """Store a return of ten people against five, who expected two mentions each."""
    done = {"state": "done", "finished_at": NOW, "since": NOW, "days": 28}
    found = {"invited": 10, "compared": 10, "held_back": 5, "expected": 2.0}
    CampaignReturnFactory.create(campaign=campaign, **done | found | given)


def test_an_interval_around_nothing_is_shown_with_it(manager: Client, campaign: Campaign) -> None:
    stored(
        campaign,
        in_both=0.25,
        per_person=0.5,
        low=-1.0,
        high=2.0,
        why="It may be chance.",
    )

    text = shown(manager.get(address(campaign)))

    assert "It may be chance. Most likely are 5 mentions: the 90 % interval is -10 to 20" in text
    assert "-50 to 100 % (most likely 25 %)" in text
    assert "25 % of the audience follow people of both groups" in text


def test_a_lift_below_nothing(manager: Client, campaign: Campaign) -> None:
    stored(
        campaign,
        invited=12,
        accepted=4,
        cost_each=50,
        forecast=80,
        per_person=-1.0,
        low=-1.5,
        high=-0.5,
    )

    text = shown(manager.get(address(campaign)))

    assert "It cost 10 mentions" in text
    assert "In all, of those who accepted 200.00" in text
    assert "2 of the invited aren't compared" in text


def told(campaign: Campaign, **given: Any) -> CampaignReturn:
    """Store a return of which everything is known: two who accepted, by a topic each, and two posts."""
    topic = {"name": "Food", "topic": 1, "people": 1, "forecast": 30.0, "low": 20.0, "high": 60.0, "came": 33}
    topic |= {"posts": 1, "reached": 30, "reactions": {"like": 40}, "issued": 1, "redeemed": 1}
    topic |= {"before": 1.0, "after": 7.0}
    known: dict[str, Any] = {
        "invited": 12,
        "accepted": 2,
        "forecast": 50.0,
        "forecast_low": 40.0,
        "forecast_high": 90.0,
        "forecast_of": NOW,
        "came": 55,
        "group_people": 40,
        "group_reach": 613.0,
        "looked_at": NOW,
        "posts": 2,
        "reached": 40,
        "reactions": {"like": 50, "reply": 7},
        "issued": 2,
        "redeemed": 1,
        "redeemed_days": [["2026-03-04", 1]],
        "topics": [topic, {**topic, "name": "", "topic": None, "redeemed": 0, "reached": 0}],
        "cost_each": 300,
        "tags": "#maple",
        "per_person": 1.0,
        "low": 0.5,
        "high": 1.5,
    }
    stored(campaign, **known | given)
    return CampaignReturn.objects.latest("pk")


def test_what_it_brought_against_the_forecast_by_kind_by_topic_and_by_participant(
    manager: Client, campaign: Campaign
) -> None:
    found = told(campaign)
    part = {"reach": 20.0, "low": 15.0, "high": 30.0, "came": 22, "posts": 2, "reached": 15}
    ParticipantFactory.create(measured=found, person__handle="ann", code="redeemed", reactions={"like": 17}, **part)
    ParticipantFactory.create(measured=found, person__handle="out", answer="", is_held_back=True)

    text = shown(manager.get(address(campaign)))

    assert f"What {campaign} brought" in text
    assert "40 different people reached by 2 posts about it 57 reactions to these posts" in text
    # 2 times 300 by 40, by 57 and by 1.
    assert "15.00 cost per person reached 1 of 2 codes redeemed, 50 %" in text
    assert "Per reaction 10.53 Per code redeemed 600.00 Codes 2 issued, 1 redeemed Redeemed on 4 Mar 1" in text
    assert "As many came as its band foretold" in text
    assert "expected to have 50 different people (40 to 90) act" in text
    assert "55 came." in text
    assert "The group as it was chosen, 40 people, was to reach 613 different people on the campaign's topics." in text
    assert "Likes 50 Replies 7 By 40 different people, to the 2 posts that were found up to 1 March 2026" in text
    assert "Food 1 30 20 to 60 33 1 30 40 10.00 1 of 1 1 → 7" in text
    assert "On none of its topics 1 30 20 to 60 33 1 0 40 – 0 of 1 1 → 7" in text
    assert "@ann – 20 15 to 30 22 2 15 17 20.00 Redeemed" in text
    assert "Cost per person reached: nobody reacted to a post so far." in text
    assert "Cost per person " not in text.replace("Cost per person reached", "")
    # Clicks, of which nobody told, aren't none.
    assert "Clicks" not in text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"came": 39}, "Fewer came than its band foretold"),
        ({"came": 91}, "More came than its band foretold"),
        (
            {"came": None},
            "a forecast of 28 days, which are over on 29 March 2026: till then nothing is held against it",
        ),
        ({"forecast_low": None, "forecast_high": None}, "Nobody who accepted had a score when the first was invited"),
        ({"accepted": 0, "forecast_low": None, "forecast_high": None}, "Nobody has accepted"),
        ({"group_reach": None}, "No group was chosen for it."),
        ({"cost_each": None}, "not known cost per person reached. No cost per person is known: give one where"),
        ({"reached": 0, "reactions": {}}, "not known cost per person reached. Can't be said: nobody reacted to a post"),
        ({"reached": 0, "reactions": {}}, "Nobody reacted to the 2 posts that were found"),
        ({"issued": None, "redeemed": None}, "Codes The campaign gives no codes, so nobody knows who used the perk."),
        ({"issued": 2, "redeemed": 0}, "Per code redeemed Can't be said: no code was redeemed so far."),
        (
            {"looked_at": None, "posts": None, "reached": None},
            "not known different people reached. Posts weren't looked",
        ),
        (
            {"looked_at": None, "posts": None, "reached": None, "tags": ""},
            "not known reactions to these posts. The campaign names nothing that counts as a mention",
        ),
    ],
)
def test_what_cant_be_known_says_why_and_is_never_nothing(
    manager: Client, campaign: Campaign, given: dict[str, Any], said: str
) -> None:
    told(campaign, **given)

    assert said in shown(manager.get(address(campaign)))


def test_a_return_from_before_says_what_it_lacks_once_and_gives_no_reasons(manager: Client, campaign: Campaign) -> None:
    stored(campaign, figures=1, per_person=1.0, low=0.5, high=1.5, forecast=70, accepted=3, cost_each=20, tags="#maple")
    older = CampaignReturn.objects.get()
    ParticipantFactory.create(measured=older, person__handle="ann", reach=40.0)

    text = shown(manager.get(address(campaign)))
    figures = {row[0]: row[1:] for row in file(manager, campaign, "figures")}

    assert text.count(OLDER) == 1
    assert "70 different people forecast to be reached by those who accepted 60.00 cost of those" in text
    assert "It brought 10 mentions" in text
    for reason in (NO_CODES, NOT_LOOKED, "0 codes", "had a score", "Against the forecast", "No group was chosen"):
        assert reason not in text
    assert figures["forecast"] == ["70.0", "", "", ""]
    for figure in ("came", "per person reached", "per code redeemed"):
        assert figures[figure] == ["", "", "", OLDER]
    assert file(manager, campaign, "people")[1][5] == "40.0"


def test_a_row_of_before_the_upgrade_is_of_the_first_figures(campaign: Campaign) -> None:
    assert CampaignReturn(campaign=campaign).is_older


@pytest.mark.usefixtures("posted")
def test_measured_anew_it_has_the_figures_of_now(campaign: Campaign, airlines: Airlines) -> None:
    assert not measured(campaign, airlines).is_older


def file(manager: Client, campaign: Campaign, name: str) -> list[list[str]]:
    answer: Any = manager.get(address(campaign), {"csv": name})
    return list(csv.reader(b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()))


@pytest.mark.usefixtures("posted")
def test_the_participants_as_a_file(manager: Client, campaign: Campaign, airlines: Airlines) -> None:
    measured(campaign, airlines)
    Person.objects.filter(pk=person("in1").pk).update(is_hidden=True)

    rows = file(manager, campaign, "1")

    assert rows[0] == [
        *("handle", "name", "group", "answer", "topic"),
        *("forecast", "forecast_low", "forecast_high", "came", "posts", "reached", "reactions"),
        *("cost", "cost_per_person", "cost_per_reaction", "code"),
        *("own_before", "own_after", "audience_before", "audience_after"),
    ]
    assert len(rows) == 1 + 17
    assert rows[-1][2:] == ["held back", *[""] * 13, "1.0", "1.0", "0.0", "0.0"]
    assert "in1" not in {row[0] for row in rows}


def test_a_participant_the_topics_and_the_figures_as_files(manager: Client, campaign: Campaign) -> None:
    found = told(campaign)
    part = {"reach": 20.0, "low": 15.0, "high": 30.0, "came": 22, "posts": 2, "reached": 15}
    ParticipantFactory.create(measured=found, code="redeemed", reactions={"like": 20}, **part)

    people, topics = file(manager, campaign, "people"), file(manager, campaign, "topics")
    figures = {row[0]: row[1:] for row in file(manager, campaign, "figures")}

    assert people[1][5:16] == [
        *("20.0", "15.0", "30.0", "22", "2", "15", "20"),
        *("300.0", "20.0", "15.0", "Redeemed"),
    ]
    assert topics[1] == [
        *("Food", "1", "30.0", "20.0", "60.0", "33", "1", "30", "40", "300.0", "10.0", "7.5"),
        *("1", "1", "300.0", "1.0", "7.0"),
    ]
    assert topics[2][0] == "On none of its topics"
    assert topics[2][10] == ""
    assert figures["forecast"] == ["50.0", "40.0", "90.0", ""]
    assert figures["came"][0] == "55"
    assert figures["reactions: likes"][0] == "50"
    assert figures["redeemed on 2026-03-04"][0] == "1"
    assert figures["lift per person"] == ["1.0", "0.5", "1.5", ""]
    assert figures["per person reached"][0] == "15.0"


def test_a_file_says_what_cant_be_known(manager: Client, campaign: Campaign) -> None:
    told(campaign, cost_each=None, came=None)

    figures = {row[0]: row[1:] for row in file(manager, campaign, "figures")}

    assert figures["per reaction"][0] == ""
    assert figures["per reaction"][3].startswith("No cost per person is known")
    assert figures["came"][3].startswith("It is a forecast of 28 days")


@pytest.mark.usefixtures("posted")
def test_hidden_people_arent_shown(manager: Client, campaign: Campaign, airlines: Airlines) -> None:
    measured(campaign, airlines)
    Person.objects.filter(pk=person("in1").pk).update(is_hidden=True)

    assert "@in1<" not in manager.get(address(campaign)).content.decode()


def test_a_large_run_is_measured_by_a_worker(
    manager: Client, campaign: Campaign, run: ScoreRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.admin.returns.AT_ONCE", run.people - 1)
    asked: list[Any] = []
    monkeypatch.setattr("campaigns.tasks.measure_waiting.apply_async", lambda **given: asked.append(given))

    page = manager.post(address(campaign), follow=True).content.decode()

    assert "Measuring…" in page
    assert 'http-equiv="refresh"' in page
    assert CampaignReturn.objects.get().state == CampaignReturn.State.WAITING


def test_many_posts_are_read_by_a_worker(
    manager: Client, campaign: Campaign, run: ScoreRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "posts", [("ann", 1, "#maple"), ("ann", 2, "#maple")])
    invite_and_hold_back(campaign, ["ann"], [])
    monkeypatch.setattr("campaigns.admin.returns.ROWS_AT_ONCE", 1)

    manager.post(address(campaign))

    assert CampaignReturn.objects.get().state == CampaignReturn.State.WAITING


def test_why_nothing_came_of_it(manager: Client, campaign: Campaign) -> None:
    assert "It can't be measured There are no scores yet" in shown(manager.post(address(campaign), follow=True))


def test_another_brands_return_is_unknown(client: Client, airlines: Airlines, campaign: Campaign) -> None:
    CampaignReturnFactory.create(campaign=campaign)
    client.force_login(airlines.other_manager)

    url = address(campaign)
    assert [client.get(url).status_code, client.get(url, {"csv": 1}).status_code, client.post(url).status_code] == [
        404,
        404,
        404,
    ]
    assert CampaignReturn.objects.count() == 1


def test_as_many_queries_for_many_people_as_for_few(manager: Client, campaign: Campaign) -> None:
    found = CampaignReturnFactory.create(
        campaign=campaign, state="done", finished_at=NOW, since=NOW, days=28, why="It may be chance."
    )
    ParticipantFactory.create(measured=found)
    with tables_asked() as few:
        manager.get(address(campaign))

    for _ in range(5):
        ParticipantFactory.create(measured=found)

    with tables_asked() as many:
        manager.get(address(campaign))
    assert many == few
