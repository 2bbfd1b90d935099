"""The page of a campaign's return."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Person
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
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).replace("’", "'").split())


@pytest.mark.usefixtures("posted")
def test_a_manager_has_the_return_measured(manager: Client, campaign: Campaign) -> None:
    page = manager.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).content.decode()
    assert address(campaign) in page
    assert address(campaign).endswith("/return/")
    assert "Nobody is kept back so far" in shown(manager.get(address(campaign)))

    answer = manager.post(address(campaign), follow=True)

    text = shown(answer)
    assert "12 invited 0 accepted 6 kept back to measure the return" in text
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
    assert "200.00 cost of those who accepted, 2.50 per person reached" in text
    assert "2 of the invited aren't compared" in text


@pytest.mark.usefixtures("posted")
def test_the_figures_as_a_file(manager: Client, campaign: Campaign, airlines: Airlines) -> None:
    measured(campaign, airlines)
    Person.objects.filter(pk=person("in1").pk).update(is_hidden=True)

    answer: Any = manager.get(address(campaign), {"csv": "1"})

    rows = list(csv.reader(b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()))
    assert rows[0] == [
        *("handle", "name", "group", "answer", "reach_forecast"),
        *("own_before", "own_after", "audience_before", "audience_after"),
    ]
    assert len(rows) == 1 + 17
    assert rows[-1][2:] == ["held back", "", "", "1.0", "1.0", "0.0", "0.0"]
    assert "in1" not in {row[0] for row in rows}


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
    monkeypatch.setattr("campaigns.admin.returns.POSTS_AT_ONCE", 1)

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
