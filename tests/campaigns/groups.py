"""A campaign, and scored people out of whom its group is chosen, for the tests of choosing."""

from typing import Any

import pytest

from accounts.models import User
from campaigns.actions import ask_for_group, choose_group
from campaigns.models import Campaign, Selection
from scoring.models import ScoreRun
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, CampaignFactory
from tests.factories.scoring import FormulaFactory, ScoreFactory, SupportFactory, current_run

# Of the people a, b, c and d the audiences, by number; each of them acts for sure, and nobody new comes.
AUDIENCES = {"a": (1, 2, 3, 4), "b": (1, 2, 3), "c": (5, 6), "d": (7,)}
SCORES = {"a": 30.0, "b": 29.0, "c": 20.0, "d": 10.0}


@pytest.fixture
def scored(db: None) -> ScoreRun:
    formula = FormulaFactory.create(is_current=True)
    formula.parameters["newcomers"] = 0.0
    formula.save(update_fields=["parameters"])
    run = current_run(formula=formula, as_of=NOW, people=11)
    fans = {number: PersonFactory.create(handle=f"fan{number}") for number in range(1, 8)}
    for handle, audience in AUDIENCES.items():
        person = PersonFactory.create(handle=handle)
        ScoreFactory.create(run=run, person=person, score=SCORES[handle], reach=len(audience), low=0, high=9)
        for number in audience:
            SupportFactory.create(run=run, supporter=fans[number], supported=person, reach=1.0)
    return run


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    found: Campaign = CampaignFactory.create(brand=airlines.brand)
    return found


def choose(campaign: Campaign, by: User, **asked: Any) -> Selection:
    selection = ask_for_group(selection=Selection(campaign=campaign, **asked), by=by, now=NOW)
    assert choose_group(pk=selection.pk, now=NOW)
    selection.refresh_from_db()
    return selection


def chosen(selection: Selection) -> list[tuple[str, float, bool]]:
    assert selection.state == Selection.State.DONE, selection.error
    rows = selection.people.order_by("rank").select_related("person")
    return [(row.person.handle, row.adds, row.is_kept) for row in rows]
