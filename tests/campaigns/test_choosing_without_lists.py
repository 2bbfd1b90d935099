"""Leaving out who stands on a brand's lists when a group is chosen, and saying so."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Person
from campaigns.actions import SelectionRefused, ask_for_group, choose_group, why_not_chosen
from campaigns.models import Brand, Campaign, ExclusionList, Invitation, Membership, Selection
from scoring.models import ScoreRun
from tests.campaigns.conftest import Airlines
from tests.campaigns.groups import campaign, chosen, scored
from tests.factories.campaigns import (
    NOW,
    ExclusionFactory,
    ExclusionListFactory,
    InvitationFactory,
    ShortlistingFactory,
)

__all__ = ["campaign", "scored"]


def listed(brand: Brand, name: str, *handles: str) -> ExclusionList:
    made: ExclusionList = ExclusionListFactory.create(brand=brand, name=name)
    for handle in handles:
        ExclusionFactory.create(exclusion_list=made, person=Person.objects.get(handle=handle))
    return made


def choose(campaign: Campaign, airlines: Airlines, *lists: ExclusionList, **asked: Any) -> Selection:
    selection = ask_for_group(
        selection=Selection(campaign=campaign, **asked), by=airlines.manager, now=NOW, without=lists
    )
    assert choose_group(pk=selection.pk, now=NOW)
    selection.refresh_from_db()
    return selection


def test_who_is_on_a_list_isnt_chosen(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    customers = listed(airlines.brand, "Customers", "a", "fan1")
    staff = listed(airlines.brand, "Staff", "a", "c")
    for handle in ("b", "c"):
        ShortlistingFactory.create(campaign=campaign, person=Person.objects.get(handle=handle))

    found = choose(campaign, airlines, customers, staff, seats=2, keeps_shortlist=True)

    assert chosen(found) == [("b", 3, True), ("d", 1, False)]
    # Of the four who fit; the fan doesn't.
    assert (found.candidates, found.listed) == (4, 2)
    assert set(found.without.all()) == {customers, staff}
    nobody_left_out = choose(campaign, airlines, seats=2)
    assert [handle for handle, _, _ in chosen(nobody_left_out)] == ["a", "c"]
    assert nobody_left_out.listed == 0


def test_who_is_invited_already_keeps_the_seat(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    customers = listed(airlines.brand, "Customers", "a", "d")
    for handle, state in (("d", Invitation.State.INVITED), ("a", Invitation.State.EXPIRED)):
        InvitationFactory.create(campaign=campaign, person=Person.objects.get(handle=handle), state=state)

    assert chosen(choose(campaign, airlines, customers, seats=2, kept="d")) == [("d", 1, True), ("b", 3, False)]


def test_who_is_to_be_kept_cant_be_on_a_list(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    customers, staff = listed(airlines.brand, "Customers", "a"), listed(airlines.brand, "Staff", "b", "c")

    with pytest.raises(SelectionRefused) as refused:
        choose(campaign, airlines, customers, staff, seats=2, kept="@B a d")

    assert str(refused.value) == "a, b can't be kept, and left out with everybody who is on “Customers” and “Staff”."
    assert not Selection.objects.exists()


def test_lists_of_another_brand_or_that_are_gone_are_refused(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines
) -> None:
    gone = listed(airlines.brand, "Customers")
    ExclusionList.objects.filter(pk=gone.pk).delete()
    for each in (gone, listed(airlines.other_brand, "Theirs")):
        with pytest.raises(SelectionRefused, match="A list of people to leave out is gone"):
            choose(campaign, airlines, each, seats=2)
    assert not Selection.objects.exists()


def test_the_lists_hold_though_the_asker_lost_the_brand(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines
) -> None:
    customers = listed(airlines.brand, "Customers", "a")
    asked = Selection(campaign=campaign, seats=1)
    selection = ask_for_group(selection=asked, by=airlines.manager, now=NOW, without=[customers])
    Membership.objects.filter(user=airlines.manager).delete()

    assert choose_group(pk=selection.pk, now=NOW)

    selection.refresh_from_db()
    assert [handle for handle, _, _ in chosen(selection)] == ["b"]


def test_a_chosen_group_stays_as_it_is_when_its_list_changes(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines, manager: Client
) -> None:
    customers = listed(airlines.brand, "Customers", "c")
    found = choose(campaign, airlines, customers, listed(airlines.brand, "Staff"), seats=2)
    address = reverse("admin:campaigns_selection_change", args=[found.pk])

    def page() -> str:
        return manager.get(address).content.decode()

    def why(handle: str) -> Any:
        return why_not_chosen(selection=found, person=Person.objects.get(handle=handle), by=airlines.manager)

    assert "without who was on “Customers” and “Staff”: 1 of those who fit" in page()
    assert why("c").lists == ("Customers",)
    assert "c was left out, as on “Customers”." in manager.get(address, {"why": "c"}).content.decode()
    assert why("a") is None

    ExclusionFactory.create(exclusion_list=customers, person=Person.objects.get(handle="d"))
    assert "“Customers” and “Staff”: 1 of those who fit" in page()
    assert why("d") is None
    assert [handle for handle, _, _ in chosen(found)] == ["a", "d"]

    customers.delete()
    assert "without who was on “Staff”: 1 of those who fit" in page()
    assert (
        "more than the last one chosen, but couldn&#x27;t be chosen then"
        in manager.get(address, {"why": "c"}).content.decode()
    )
    ExclusionList.objects.all().delete()
    assert "without who was on lists that were deleted since: 1 of those who fit" in page()
    assert [handle for handle, _, _ in chosen(found)] == ["a", "d"]


def test_the_page_leaves_out_all_lists_of_the_brand_unless_told_otherwise(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines, manager: Client
) -> None:
    url = reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk])
    assert "Leave out who is on" not in manager.get(url).content.decode()
    customers, staff = listed(airlines.brand, "Customers", "a"), listed(airlines.brand, "Staff", "c")
    theirs = listed(airlines.other_brand, "Theirs", "b")

    def ticked() -> set[str]:
        found = manager.get(url).context["form"]["without"]
        return {str(box.data["label"]) for box in found if box.data["selected"]}

    page = manager.get(url).content.decode()
    assert "Leave out who is on" in page
    assert "Theirs" not in page
    assert ticked() == {"Customers", "Staff"}
    assert manager.post(url, {"seats": "1", "without": [theirs.pk]}).status_code == 200
    assert not Selection.objects.exists()

    answer = manager.post(url, {"seats": "1", "without": [staff.pk]}, follow=True).content.decode()
    assert "@a<" in answer
    assert "without who was on “Staff”: 1 of those who fit" in answer
    # Asked again, the rules are those of before; about a list made since, nobody said anything.
    assert ticked() == {"Staff"}
    later = Selection.objects.get().asked_at + timedelta(seconds=1)
    ExclusionListFactory.create(brand=airlines.brand, name="Asked us not to", created_at=later)
    assert ticked() == {"Staff", "Asked us not to"}

    # Unticked, all of them are.
    manager.post(url, {"seats": "1"})
    ExclusionList.objects.filter(created_at=later).delete()
    assert ticked() == set()
    # Groups of before lists could be left out say nothing about them.
    Selection.objects.update(listed=None)
    Selection.objects.order_by("-pk")[0].without.clear()
    assert ticked() == {customers.name, staff.name}
