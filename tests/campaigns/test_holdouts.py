"""Holding people back: how many, by which lot, for good, and shown as such."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.actions import erase_person, merge_people, undo_merge
from accounts.models import Person
from campaigns.actions import InviteReport, NotYours, ask_for_group, choose_group, invite
from campaigns.actions.holding_back import lot
from campaigns.models import Campaign, Holdout, Invitation, Selection
from scoring.models import ScoreRun
from tests.campaigns.conftest import Airlines
from tests.campaigns.groups import scored as scored
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, CampaignFactory, HoldoutFactory, InvitationFactory, ShortlistingFactory

LATER = NOW + timedelta(days=1)
LONG = {"starts_on": date(2026, 1, 1), "ends_on": timezone.now().date() + timedelta(days=90)}


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    made: Campaign = CampaignFactory.create(brand=airlines.brand, holdout_percent=20, **LONG)
    return made


def held_back(campaign: Campaign) -> set[int]:
    return set(Holdout.objects.filter(campaign=campaign).values_list("person_id", flat=True))


def invited(campaign: Campaign) -> set[int]:
    return set(Invitation.objects.filter(campaign=campaign).values_list("person_id", flat=True))


def test_the_share_is_held_back_and_not_invited(airlines: Airlines, campaign: Campaign) -> None:
    people = PersonFactory.create_batch(20, email="a@example.org")

    report = invite(campaign=campaign, people=people, by=airlines.manager, now=NOW)

    assert report == InviteReport(by_email=16, by_hand=0, already=0, held_back=4)
    assert len(held_back(campaign)) == 4
    assert held_back(campaign) | invited(campaign) == {person.pk for person in people}
    assert not held_back(campaign) & invited(campaign)
    assert set(Holdout.objects.values_list("drawn_at", "drawn_by")) == {(NOW, airlines.manager.pk)}


def test_without_a_share_nobody_is_drawn(airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand)

    assert invite(campaign=campaign, people=PersonFactory.create_batch(9), by=airlines.manager, now=NOW).invited == 9

    campaign.refresh_from_db()
    assert (campaign.holdout_seed, Holdout.objects.count()) == ("", 0)


@pytest.mark.parametrize("sizes", [[20], [10, 10], [1] * 20, [3, 7, 2, 8]])
def test_over_several_batches_the_share_holds(airlines: Airlines, campaign: Campaign, sizes: list[int]) -> None:
    for size in sizes:
        report = invite(campaign=campaign, people=PersonFactory.create_batch(size), by=airlines.manager, now=NOW)
        assert abs(report.held_back - 0.2 * size) < 1

    assert len(held_back(campaign)) == 4
    assert len(invited(campaign)) == 16


def test_a_share_that_is_no_whole_number_is_rounded_by_lot(airlines: Airlines) -> None:
    people = PersonFactory.create_batch(7)
    found = set()
    for _ in range(30):
        campaign = CampaignFactory.create(brand=airlines.brand, holdout_percent=50)
        found.add(invite(campaign=campaign, people=people, by=airlines.manager, now=NOW).held_back)

    assert found == {3, 4}


def test_the_lot_can_be_drawn_again_from_the_seed(airlines: Airlines, campaign: Campaign) -> None:
    people = [person.pk for person in PersonFactory.create_batch(20)]

    invite(campaign=campaign, people=Person.objects.all(), by=airlines.manager, now=NOW)

    campaign.refresh_from_db()
    assert set(lot(campaign.holdout_seed, people[::-1])[:4]) == held_back(campaign)
    assert len(campaign.holdout_seed) == 32


def test_the_lot_falls_on_anybody(airlines: Airlines) -> None:
    people = list(range(1, 11))
    drawn = [lot(str(seed), people)[:2] for seed in range(1_000)]

    # 200 times each; 6 standard deviations are 76.
    assert all(abs(sum(pk in some for some in drawn) - 200) < 76 for pk in people)


def test_who_is_held_back_stays_so(airlines: Airlines, campaign: Campaign) -> None:
    people = PersonFactory.create_batch(10)
    invite(campaign=campaign, people=people, by=airlines.manager, now=NOW)
    before = held_back(campaign)
    Campaign.objects.update(holdout_percent=0)

    report = invite(campaign=campaign, people=people, by=airlines.manager, now=LATER)

    assert report == InviteReport(by_email=0, by_hand=0, already=8, kept_back=2)
    assert held_back(campaign) == before
    assert not before & invited(campaign)


def test_who_is_invited_again_after_expiry_isnt_drawn(airlines: Airlines, campaign: Campaign) -> None:
    expired = InvitationFactory.create_batch(10, campaign=campaign, state=Invitation.State.EXPIRED)

    people = Person.objects.filter(pk__in=[row.person_id for row in expired])
    report = invite(campaign=campaign, people=people, by=airlines.manager, now=NOW)

    assert (report.again, report.held_back) == (10, 0)


def test_nobody_is_drawn_where_the_invitation_is_refused(airlines: Airlines, campaign: Campaign) -> None:
    people = [*PersonFactory.create_batch(10), PersonFactory.create(is_hidden=True)]

    with pytest.raises(NotYours):
        invite(campaign=campaign, people=people, by=airlines.manager, now=NOW)
    with pytest.raises(NotYours):
        invite(campaign=campaign, people=people, by=airlines.other_manager, now=NOW)

    assert not Holdout.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_several_who_invite_at_once_one_draws(airlines: Airlines, campaign: Campaign) -> None:
    people = PersonFactory.create_batch(20)
    together = Barrier(4)

    def click(_: int) -> InviteReport:
        try:
            together.wait()
            return invite(campaign=campaign, people=people, by=airlines.manager, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(click, range(4)))

    assert sorted((report.held_back, report.kept_back) for report in reports) == [(0, 4)] * 3 + [(4, 0)]
    assert (len(held_back(campaign)), len(invited(campaign))) == (4, 16)


def test_who_is_held_back_isnt_chosen(scored: ScoreRun, airlines: Airlines, campaign: Campaign) -> None:
    HoldoutFactory.create(campaign=campaign, person=Person.objects.get(handle="a"))
    ShortlistingFactory.create(campaign=campaign, person=Person.objects.get(handle="a"))

    selection = ask_for_group(
        selection=Selection(campaign=campaign, seats=2, keeps_shortlist=True), by=airlines.manager, now=NOW
    )
    choose_group(pk=selection.pk, now=NOW)

    assert list(selection.people.order_by("rank").values_list("person__handle", flat=True)) == ["b", "c"]


def test_the_manager_sees_who_is_kept_back(manager: Client, campaign: Campaign) -> None:
    for _ in range(10):
        ShortlistingFactory.create(campaign=campaign)
    url = reverse("admin:campaigns_campaign_invite_shortlist", args=[campaign.pk])
    asked = manager.get(url).content.decode()
    assert "20 % of them, drawn by lot, are kept back to measure the return and hear nothing" in asked

    done = manager.post(url, {"confirmed": "1"}, follow=True).content.decode()

    assert "8 invited, 8 with a link for you to send, 2 kept back by lot to measure the return." in done
    assert "<b>2</b><span>kept back to measure the return</span>" in done
    held = Holdout.objects.first()
    assert held is not None
    assert f'href="{reverse("profile", args=[held.person.handle])}"' in done.split("Kept back to measure the return")[1]
    assert done.count(">kept back<") == 2
    # Nobody waits for an invitation any more.
    again = manager.get(url, follow=True).content.decode()
    assert "Nobody on the shortlist waits for an invitation" in again
    listed = manager.get(reverse("admin:campaigns_shortlisting_changelist")).content.decode()
    assert listed.count("kept back") == 2


def test_names_of_hidden_people_arent_told(manager: Client, campaign: Campaign) -> None:
    HoldoutFactory.create(campaign=campaign, person__name="Somebody Secret", person__is_hidden=True)

    page = manager.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).content.decode()

    assert "<b>1</b><span>kept back" in page
    assert "Somebody Secret" not in page


def test_another_brand_sees_no_holdout(airlines: Airlines, campaign: Campaign) -> None:
    HoldoutFactory.create(campaign=campaign)

    assert Holdout.objects.visible_to(airlines.manager).count() == 1
    assert not Holdout.objects.visible_to(airlines.other_manager).exists()


def as_it_stands(manager: Client, url: str) -> dict[str, Any]:
    """Return what the campaign's form would send if nobody changed anything."""
    form = manager.get(url).context["adminform"].form
    given = {name: "" if (value := form[name].value()) is None else value for name in form.fields}
    return given | {"topics": [], "places-TOTAL_FORMS": "0", "places-INITIAL_FORMS": "0"}


def test_the_share_is_set_in_the_form(manager: Client, campaign: Campaign) -> None:
    url = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    given = as_it_stands(manager, url)
    for share, said in (("51", "less than or equal to 50"), ("35", "")):
        page = manager.post(url, given | {"holdout_percent": share}, follow=True).content.decode()
        assert said in page
    campaign.refresh_from_db()
    assert campaign.holdout_percent == 35
    manager.post(url, given | {"holdout_percent": ""})
    campaign.refresh_from_db()
    assert campaign.holdout_percent == 0


def test_the_share_stays_once_people_were_drawn(manager: Client, airlines: Airlines, campaign: Campaign) -> None:
    invite(campaign=campaign, people=PersonFactory.create_batch(2), by=airlines.manager, now=NOW)
    url = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    given = as_it_stands(manager, url)
    for share in ("0", "", "30"):
        page = manager.post(url, given | {"holdout_percent": share}, follow=True).content.decode()
        assert "People were drawn already, 20 in a hundred" in page
    assert manager.post(url, given | {"name": "Another name"}).status_code == 302
    campaign.refresh_from_db()
    assert (campaign.name, campaign.holdout_percent) == ("Another name", 20)


@pytest.mark.parametrize("is_both", ["invited", "held back", ""])
def test_a_merge_takes_the_holdout_along_and_back(airlines: Airlines, campaign: Campaign, is_both: str) -> None:
    kept, merged = PersonFactory.create_batch(2)
    HoldoutFactory.create(campaign=campaign, person=merged)
    if is_both:
        factory: Any = InvitationFactory if is_both == "invited" else HoldoutFactory
        factory.create(campaign=campaign, person=kept)
    before = list(Holdout.objects.order_by("pk").values())

    merge = merge_people(kept=kept, merged=merged, by=airlines.operator, now=NOW)

    assert held_back(campaign) == {"": {kept.pk}, "invited": {merged.pk}, "held back": {kept.pk, merged.pk}}[is_both]
    undo_merge(merge=merge, by=airlines.operator, now=LATER)
    assert list(Holdout.objects.order_by("pk").values()) == before


def test_who_is_erased_goes_from_the_holdout(airlines: Airlines, campaign: Campaign) -> None:
    row = HoldoutFactory.create(campaign=campaign)

    erase_person(row.person, by=airlines.operator, now=NOW)

    assert not Holdout.objects.exists()


def _again(row: Holdout) -> None:
    HoldoutFactory.create(campaign=row.campaign, person=row.person)


@pytest.mark.parametrize("values", [{"holdout_percent": 51}, {"holdout_carry": 100}])
def test_the_database_refuses_shares_that_cant_be(campaign: Campaign, values: dict[str, int]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.update(**values)


def test_the_database_keeps_each_once(campaign: Campaign) -> None:
    row = HoldoutFactory.create(campaign=campaign, drawn_at=datetime.fromisoformat("2026-01-01T00:00:00Z"))
    with pytest.raises(IntegrityError), transaction.atomic():
        _again(row)
