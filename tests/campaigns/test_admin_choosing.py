"""The pages that ask how to choose a group, and show it."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Person
from campaigns.models import Campaign, Invitation, Selection, Shortlisting
from scoring.models import ScoreRun
from tests.asked import tables_asked
from tests.campaigns.conftest import Airlines
from tests.campaigns.groups import campaign as campaign
from tests.campaigns.groups import scored as scored
from tests.factories.campaigns import InvitationFactory, SelectedFactory, SelectionFactory, ShortlistingFactory

NOTHING = dict.fromkeys(
    [
        "most_per_city",
        "most_per_band",
        "least_small",
        "small_reach",
        "budget",
        "cost_each",
        "costs",
        "kept",
        "left_out",
    ],
    "",
)


def test_a_manager_has_a_group_chosen_and_puts_it_on_the_shortlist(
    manager: Client, campaign: Campaign, scored: ScoreRun
) -> None:
    page = manager.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).content.decode()
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])
    assert url in page
    assert 'value="40"' in manager.get(url).content.decode()

    answer = manager.post(url, NOTHING | {"seats": "2"}, follow=True)

    page = answer.content.decode()
    assert "2 of 4" in page
    assert "The 2 highest scores together would reach 4: this group reaches 50 % more." in page
    assert "One seat more would add 1.0 people." in page
    assert page.index("@a<") < page.index("@c<")
    address = answer.redirect_chain[-1][0]
    assert "b reaches 3.0 people and would add 0.0 different ones" in _text(manager.get(address, {"why": "@B"}))
    assert "with 1.0 more people" in _text(manager.get(address, {"why": "d"}))
    assert "a is in the group" in _text(manager.get(address, {"why": "a"}))
    assert "a is in the group" in _text(manager.get(address, {"why": "\0a"}))
    assert "Nobody is known as" not in _text(manager.get(address, {"why": "\0"}))
    assert "Nobody is known as &lt;b&gt;" in manager.get(address, {"why": "<b>"}).content.decode()

    done = manager.post(address, follow=True)
    assert "2 put on the shortlist." in done.content.decode()
    assert {row.person.handle for row in Shortlisting.objects.all()} == {"a", "c"}
    assert "0 put on the shortlist, 2 were on it already." in manager.post(address, follow=True).content.decode()
    assert "Chosen before" in manager.get(url).content.decode()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seats": "9"}, "Nobody else who fits adds anybody."),
        (
            {"seats": "9", "budget": "15", "cost_each": "5"},
            "Nobody else who fits adds anybody, or the budget leaves no more seats.",
        ),
        (
            {"seats": "9", "most_per_band": "1"},
            "Nobody else who fits adds anybody, or the quotas leave no more seats.",
        ),
        (
            {"seats": "9", "most_per_band": "1", "budget": "500", "cost_each": "5"},
            "Nobody else who fits adds anybody, or the budget and the quotas leave no more seats.",
        ),
    ],
)
def test_only_limits_that_were_set_are_said_to_leave_no_seats(
    manager: Client, campaign: Campaign, scored: ScoreRun, given: dict[str, str], said: str
) -> None:
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])

    text = _text(manager.post(url, NOTHING | given, follow=True))

    assert said in text
    # a reaches four of seven.
    assert "The first of 3 reaches half of the people." in text


@pytest.mark.parametrize("view", ["choose_group", "compare_audiences", "mails"])
def test_pages_of_a_campaign_say_which_one(manager: Client, campaign: Campaign, scored: ScoreRun, view: str) -> None:
    answer = manager.get(reverse(f"admin:campaigns_campaign_{view}", args=[campaign.pk]))

    assert f'<h2 class="sway-title">{answer.context["title"]}</h2>' in answer.content.decode()
    assert str(campaign) in answer.context["title"]


def _text(answer: Any) -> str:
    return str(answer.content.decode().replace("’", "'"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seats": "0"}, "greater than or equal to 1"),
        ({"budget": "100"}, "A budget needs a cost per person"),
        ({"costs": "a 5"}, "Say what everybody else costs too."),
        ({"costs": "a dear", "cost_each": "5"}, "Line 1 of the costs, “a dear”, has no cost."),
        ({"small_reach": "100"}, "Say both how many, and below which reach."),
        ({"kept": "nobody"}, "Nobody is known as nobody."),
    ],
)
def test_what_is_asked_wrongly_is_said_beside_it(
    manager: Client, campaign: Campaign, given: dict[str, str], said: str
) -> None:
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])

    answer = manager.post(url, NOTHING | {"seats": "2"} | given)

    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not Selection.objects.exists()


def test_without_a_purpose_it_is_said_where_to_write_one(manager: Client, campaign: Campaign) -> None:
    Campaign.objects.update(purpose="")
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])

    answer = manager.post(url, NOTHING | {"seats": "2"})

    assert answer.status_code == 200
    assert f"Write down on the page of {campaign.name} what it uses scores for" in answer.content.decode()
    assert not Selection.objects.exists()


def test_whom_to_leave_out_comes_as_a_file_too(manager: Client, campaign: Campaign, scored: ScoreRun) -> None:
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])

    def post(name: str, content: bytes) -> str:
        file = SimpleUploadedFile(name, content)
        return manager.post(url, NOTHING | {"seats": "1", "left_out_file": file}, follow=True).content.decode()

    assert "no text in UTF-8" in post("list.csv", "handle\né".encode("latin-1"))
    assert "more than 100 kB" in post("list.csv", b"a" * 100_001)
    assert not Selection.objects.exists()
    page = post("list.csv", b'\xef\xbb\xbfHandle,why\n"a",customer\n@fan1;x\n')
    assert "@b<" in page
    assert "passed over: nobody" not in page
    assert Selection.objects.get().left_out == "a\n@fan1"
    # Asked again, the rules are those of before.
    assert "@fan1" in manager.get(url).content.decode()


def test_handles_to_leave_out_that_are_nobodys_are_passed_over_and_counted(
    manager: Client, campaign: Campaign, scored: ScoreRun
) -> None:
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])
    file = SimpleUploadedFile("customers.csv", "\n".join(["handle", "A", *(f"customer{n}" for n in range(6))]).encode())

    page = manager.post(
        url, NOTHING | {"seats": "1", "left_out": "@nobody,d", "left_out_file": file}, follow=True
    ).content.decode()

    assert "7 of 9 to leave out by name passed over: nobody is known as customer0, customer1" in page
    assert "customer4 and 2 others." in page
    assert "1 seats; 2 left out." in page
    assert "@b<" in page
    # Of whom nothing is known nothing is kept.
    assert Selection.objects.get().left_out == "d\nA"


def test_asking_again_passes_over_who_hid_since(manager: Client, campaign: Campaign, scored: ScoreRun) -> None:
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])
    manager.post(url, NOTHING | {"seats": "1", "left_out": "a d"})
    Person.objects.filter(handle="d").update(is_hidden=True)
    again = manager.get(url).context["form"]["left_out"].value()
    assert again == "a d"

    page = manager.post(url, NOTHING | {"seats": "1", "left_out": again}, follow=True).content.decode()

    assert "1 of 2 to leave out by name passed over: nobody is known as d." in page
    assert "@b<" in page


def test_what_each_costs_comes_as_a_file_too_and_stands_in_the_group(
    manager: Client, campaign: Campaign, scored: ScoreRun
) -> None:
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])
    given = NOTHING | {"seats": "2", "budget": "1500", "cost_each": "1234.50"}

    def post(content: bytes, **more: str) -> str:
        file = SimpleUploadedFile("costs.csv", content)
        return manager.post(url, given | {"costs_file": file} | more, follow=True).content.decode()

    assert "Line 2 of the costs" in post(b"handle,cost\na,5\nc,cheap\n")
    assert "more than 100 kB" in post(b"a" * 100_001)
    assert not Selection.objects.exists()
    page = post(b"\xef\xbb\xbfHandle;Cost;Note\nC;250,50;friend\n", costs="b, 9")
    assert Selection.objects.get().costs == "b, 9\nC;250,50;friend"
    assert "a budget of 1,500.00; 1,234.50 each, 2 at a cost of their own" in page
    costs = re.findall(r'data-label="Cost" class="sway-number">([^<]+)<', page)
    assert costs == ["1,234.50", "250.50"]
    assert "<b>1,485.00</b><span>cost of all, of a budget of 1,500.00, 247.50 per person reached" in page
    # Asked again, the rules are those of before.
    assert "C;250,50;friend" in manager.get(url).content.decode()


def test_after_somebody_declined_the_next_best_is_a_click_away(
    manager: Client, campaign: Campaign, scored: ScoreRun
) -> None:
    Campaign.objects.update(ends_on=date(2099, 1, 1))
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])
    manager.post(url, NOTHING | {"seats": "2"})
    chosen = Selection.objects.get()
    manager.post(reverse("admin:campaigns_selection_change", args=[chosen.pk]))
    page = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    assert "declined since" not in manager.get(page).content.decode()
    for handle, state in (("a", Invitation.State.DECLINED), ("c", Invitation.State.INVITED)):
        InvitationFactory.create(
            campaign=campaign,
            person=Person.objects.get(handle=handle),
            state=state,
            answered_at=chosen.asked_at + timedelta(hours=1) if state == Invitation.State.DECLINED else None,
        )

    assert "1 declined since the group was chosen" in manager.get(page).content.decode()
    again = manager.post(url, NOTHING | {"seats": "2"}, follow=True).content.decode()
    assert again.index("@c<") < again.index("@b<")


def test_a_large_run_is_left_to_a_worker(
    manager: Client, campaign: Campaign, scored: ScoreRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.admin.choosing.AT_ONCE", 10)
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])

    page = manager.post(url, NOTHING | {"seats": "2"}, follow=True).content.decode()

    assert "Choosing…" in page
    assert 'http-equiv="refresh"' in page
    assert Selection.objects.get().state == Selection.State.WAITING


def test_why_nothing_came_of_it(manager: Client, campaign: Campaign) -> None:
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])

    assert "There are no scores yet" in manager.post(url, NOTHING | {"seats": "2"}, follow=True).content.decode()


def test_people_who_hid_since_arent_shown(manager: Client, campaign: Campaign, scored: ScoreRun) -> None:
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])
    address = manager.post(url, NOTHING | {"seats": "2"}, follow=True).redirect_chain[-1][0]
    Person.objects.filter(handle="a").update(is_hidden=True)

    assert "@a<" not in manager.get(address).content.decode()


def test_audiences_of_the_shortlist_are_compared(manager: Client, campaign: Campaign, scored: ScoreRun) -> None:
    url = reverse("admin:campaigns_campaign_compare_audiences", args=[campaign.pk])
    assert "Put people with a score on the shortlist first." in manager.get(url).content.decode()
    for handle in ("a", "b", "c", "fan1"):
        ShortlistingFactory.create(campaign=campaign, person=Person.objects.get(handle=handle))

    page = manager.get(url).content.decode()

    rows = [re.findall(r">(\d+ %|–)</td>", row) for row in page.split('scope="row"')[1:]]
    # All of b's audience is a's, three of a's four people are b's.
    assert rows == [["–", "75 %", "0 %"], ["100 %", "–", "0 %"], ["0 %", "0 %", "–"]]
    assert "1 without a score is left out." in page
    assert "33 %" in page


def test_another_brands_groups_are_unknown(client: Client, airlines: Airlines, campaign: Campaign) -> None:
    selection = SelectionFactory.create(campaign=campaign)
    client.force_login(airlines.other_manager)

    for name, pk in (
        ("selection_change", selection.pk),
        ("campaign_choose_group", campaign.pk),
        ("campaign_compare_audiences", campaign.pk),
    ):
        address = reverse(f"admin:campaigns_{name}", args=[pk])
        assert client.get(address).status_code == client.post(address).status_code == 404
    assert str(campaign) not in client.get(reverse("admin:campaigns_selection_changelist")).content.decode()
    assert not Shortlisting.objects.exists()


def test_as_many_queries_for_many_people_as_for_few(manager: Client, campaign: Campaign, scored: ScoreRun) -> None:
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])
    address = manager.post(url, NOTHING | {"seats": "2"}, follow=True).redirect_chain[-1][0]
    selection = Selection.objects.get()
    with tables_asked() as few:
        manager.get(address)

    for rank in range(3, 9):
        SelectedFactory.create(selection=selection, rank=rank)

    with tables_asked() as many:
        manager.get(address)
    assert many == few
