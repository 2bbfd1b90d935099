"""Why somebody isn't in the group that was chosen for a campaign."""

from typing import Any

import pytest

from accounts.actions import erase_person
from accounts.models import Person
from campaigns.actions import SelectionRefused, ask_for_group, choose_group, why_not_chosen
from campaigns.models import Campaign, Invitation, Selection
from campaigns.selection import Reason
from scoring.models import ScoreRun
from tests.campaigns.conftest import Airlines
from tests.campaigns.groups import campaign, choose, chosen, scored
from tests.factories.accounts import PlaceFactory
from tests.factories.campaigns import NOW, InvitationFactory

__all__ = ["campaign", "scored"]


def test_why_not_knows_what_somebody_costs(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    found = choose(campaign, airlines.manager, seats=3, budget=20, cost_each=10, costs="a 1000")
    assert sorted(handle for handle, _, _ in chosen(found)) == ["b", "c"]
    why = why_not_chosen(selection=found, person=Person.objects.get(handle="a"), by=airlines.manager)
    assert why is not None
    assert why.reason == Reason.BUDGET


def test_why_somebody_isnt_chosen(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    found = choose(campaign, airlines.manager, seats=2)

    def why(handle: str) -> Any:
        return why_not_chosen(selection=found, person=Person.objects.get(handle=handle), by=airlines.manager)

    assert why("a") is None
    assert (why("b").reason, why("b").reached_already) == (Reason.OVERLAP, 1)
    assert (why("d").reason, why("d").adds, why("d").least) == (Reason.SEATS, 1, 2)
    with pytest.raises(SelectionRefused, match="fan1 has no score"):
        why("fan1")


def test_why_not_holds_after_the_group_was_invited(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    found = choose(campaign, airlines.manager, seats=2)
    for handle in ("a", "c"):
        InvitationFactory.create(campaign=campaign, person=Person.objects.get(handle=handle))

    why = why_not_chosen(selection=found, person=Person.objects.get(handle="d"), by=airlines.manager)

    assert why is not None
    assert (why.reason, why.adds, why.least) == (Reason.SEATS, 1, 2)


def test_why_not_leaves_out_who_cant_be_seen_any_more(scored: ScoreRun, campaign: Campaign, airlines: Airlines) -> None:
    found = choose(campaign, airlines.manager, seats=2)
    Person.objects.filter(handle="a").update(is_hidden=True)

    why = why_not_chosen(selection=found, person=Person.objects.get(handle="b"), by=airlines.manager)

    # Nothing is told of whom somebody hidden reaches.
    assert why is not None
    assert (why.adds, why.reached_already) == (3, 0)


def test_why_not_tells_of_full_quotas_and_of_who_declined(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines
) -> None:
    Person.objects.filter(handle__in=["a", "c"]).update(place=PlaceFactory.create())
    found = choose(campaign, airlines.manager, seats=2, most_per_city=1)
    assert [handle for handle, _, _ in chosen(found)] == ["a", "d"]
    why = why_not_chosen(selection=found, person=Person.objects.get(handle="c"), by=airlines.manager)
    assert why is not None
    assert (why.reason, why.quota) == (Reason.QUOTA, "at most 1 per city")

    declined = Invitation.State.DECLINED
    InvitationFactory.create(campaign=campaign, person=Person.objects.get(handle="c"), state=declined, answered_at=NOW)
    why = why_not_chosen(selection=found, person=Person.objects.get(handle="c"), by=airlines.manager)
    assert why is not None
    assert why.reason == Reason.EXCLUDED


@pytest.mark.parametrize(
    "asked",
    [{"left_out": "b fan1"}, {"kept": "b"}, {"cost_each": 10, "costs": "b, 5\nd, 7"}],
    ids=["left out", "kept", "costs"],
)
@pytest.mark.parametrize("gone", ["hidden", "erased"])
def test_who_is_named_and_gone_keeps_nobody_from_asking_why_or_choosing(
    scored: ScoreRun, campaign: Campaign, airlines: Airlines, asked: dict[str, Any], gone: str
) -> None:
    found = choose(campaign, airlines.manager, seats=2, **asked)
    waiting = ask_for_group(selection=Selection(campaign=campaign, seats=2, **asked), by=airlines.manager, now=NOW)
    named = Person.objects.filter(handle="b")
    if gone == "hidden":
        named.update(is_hidden=True)
    else:
        erase_person(named.get(), by=airlines.operator, now=NOW)

    why = why_not_chosen(selection=found, person=Person.objects.get(handle="d"), by=airlines.manager)
    assert why is not None
    assert choose_group(pk=waiting.pk, now=NOW)
    waiting.refresh_from_db()
    assert [handle for handle, _, _ in chosen(waiting)] == ["a", "c"]
