"""Versions of the formula in the admin site."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from scoring.actions import ensure_formula, score
from scoring.comparison import Pair
from scoring.engine import Parameters
from scoring.models import Activation, Formula
from tests.asked import tables_asked
from tests.factories.accounts import UserFactory
from tests.factories.campaigns import CampaignFactory
from tests.factories.scoring import ActivationFactory, FormulaFactory, ScoreRunFactory
from tests.scoring.conftest import NOW
from tests.scoring.test_comparison import APRIL_1, pair_of


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def address(name: str, formula: Formula) -> str:
    return reverse(f"admin:scoring_formula_{name}", args=[formula.pk])


def sent(**given: Any) -> dict[str, Any]:
    """Return what the form sends: the engine's own values but for those given."""
    return {**Parameters().to_dict(), "version": "v2", "note": "", **given}


def with_rights(client: Client, *codenames: str) -> User:
    member = UserFactory.create(is_staff=True)
    member.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(member)
    return member


def test_a_formula_is_written_checked_at_the_field_and_fixed_once_used(operator: Client, known: Path) -> None:
    add = reverse("admin:scoring_formula_add")
    assert 'name="half_life_days"' in operator.get(add).content.decode()
    for name, value, message in (
        ("kappa", "11", "kappa is 11.0; give a number from 0 to 10"),
        ("kappa", "much", "Enter a number."),
        ("supports_kept", "1.5", "Enter a whole number."),
        ("exchange_from", "0.9", "the discount must begin below the rate"),
        ("version", "", "This field is required."),
    ):
        page = operator.post(add, sent(**{name: value}))
        assert message in page.content.decode()
        assert list(page.context["adminform"].form.errors) == [name]
    assert not Formula.objects.filter(version="v2").exists()

    assert operator.post(add, sent(kappa=0.1, note="Less noise.")).status_code == 302
    formula = Formula.objects.get(version="v2")
    assert Parameters.from_dict(formula.parameters) == Parameters(version="v2", kappa=0.1)
    assert formula.fingerprint == Parameters(version="v2", kappa=0.1).fingerprint()
    assert (formula.is_current, formula.is_shadow, formula.note) == (False, False, "Less noise.")
    change = address("change", formula)
    assert operator.get(change).context["adminform"].form.initial["kappa"] == 0.1
    assert operator.post(change, sent(kappa=0.2)).status_code == 302
    formula.refresh_from_db()
    assert formula.parameters["kappa"] == 0.2
    assert formula.fingerprint == Parameters(version="v2", kappa=0.2).fingerprint()

    score(as_of=APRIL_1, now=NOW, formula=formula)
    page = operator.get(change)
    assert page.status_code == 200
    assert "<code>kappa</code>" in page.content.decode()
    assert operator.post(change, sent(kappa=0.3)).status_code == 403
    assert operator.post(address("delete", formula), {"post": "yes"}).status_code == 403
    formula.refresh_from_db()
    assert formula.parameters["kappa"] == 0.2


def test_the_current_formula_and_a_planned_one_are_fixed_even_unused(operator: Client) -> None:
    planned = FormulaFactory.create()
    ActivationFactory.create(formula=planned)
    for formula in (ensure_formula(NOW), planned):
        assert operator.post(address("change", formula), sent()).status_code == 403
        assert operator.post(address("delete", formula), {"post": "yes"}).status_code == 403


def test_a_candidate_begins_as_a_copy_and_leaves_the_original(operator: Client) -> None:
    old = {**Parameters(version="2025-01", kappa=0.7).to_dict(), "gone": 1}
    del old["supports_kept"]
    formula = FormulaFactory.create(version="2025-01", parameters=old, fingerprint="x", is_current=True)
    assert f"/add/?from={formula.pk}" in operator.get(address("change", formula)).content.decode()
    add = f"{reverse('admin:scoring_formula_add')}?from={formula.pk}"
    initial = operator.get(add).context["adminform"].form
    assert initial["version"].value() == "2025-01-b"
    assert (initial["kappa"].value(), initial["supports_kept"].value()) == (0.7, Parameters().supports_kept)
    assert operator.post(add, sent(version="2025-01-b", kappa=0.6)).status_code == 302
    assert Formula.objects.get(version="2025-01-b").parameters["kappa"] == 0.6
    formula.refresh_from_db()
    assert formula.parameters == old
    page = operator.get(f"{reverse('admin:scoring_formula_add')}?from={Formula.objects.last().pk}")  # type: ignore[union-attr]
    assert page.context["adminform"].form["version"].value() == "2025-01-c"
    assert operator.get(f"{reverse('admin:scoring_formula_add')}?from=x").status_code == 200


def test_a_version_is_put_into_shadow_and_out_again_by_a_post(operator: Client) -> None:
    formula = FormulaFactory.create()
    operator.get(address("shadow", formula))
    formula.refresh_from_db()
    assert not formula.is_shadow
    page = operator.post(address("shadow", formula), {"on": "1"}, follow=True).content.decode()
    assert "It is computed within ten minutes" in page
    assert "Stop running in shadow" in page
    formula.refresh_from_db()
    assert formula.is_shadow
    assert "no longer runs in shadow" in operator.post(address("shadow", formula), follow=True).content.decode()
    formula.refresh_from_db()
    assert not formula.is_shadow
    current = ensure_formula(NOW)
    assert (
        "computed each night anyway"
        in operator.post(address("shadow", current), {"on": "1"}, follow=True).content.decode()
    )


def previewed(client: Client, pair: Pair) -> str:
    return client.get(address("preview", pair.after.formula)).content.decode()


def test_the_preview_shows_whom_a_version_moves(operator: Client) -> None:
    pair = pair_of((10.0, 30.0), (40.0, 20.0), (50.0, 50.0))
    page = previewed(operator, pair)
    assert "<b>3</b><span>people compared</span>" in page
    assert page.count("<rect") == 21
    rising, falling = (section for section in page.split("<h2>Biggest")[1:3])
    assert "+20.0" in rising.split("</section>")[0]
    assert "-20.0" in falling.split("</section>")[0]
    assert "<code>kappa</code>" in page
    assert "No running campaign" in page


def test_the_preview_says_how_to_get_one(operator: Client) -> None:
    formula = FormulaFactory.create()
    page = operator.get(address("preview", formula)).content.decode()
    assert "It doesn't run in shadow." in page
    assert operator.get(address("export", formula)).status_code == 404
    Formula.objects.update(is_shadow=True)
    assert "It runs in shadow" in operator.get(address("preview", formula)).content.decode()


# What the preview asks of our tables, whoever is in them: the formula; the version's newest run, the one beside it; all
# changes; the biggest rises and falls; the campaigns, their topics and places, all topics, the crossings of all; and
# for the sidebar whether there is a brand to make a campaign for.
PREVIEW = [
    "scoring_formula",
    "scoring_scorerun",
    "scoring_scorerun",
    "scoring_score",
    "scoring_score",
    "scoring_score",
    "campaigns_campaign",
    "scoring_topic",
    "campaigns_campaignplace",
    "scoring_topic",
    "UNION",
    "campaigns_brand",
]


def test_the_preview_costs_the_same_with_twice_the_people_and_campaigns(operator: Client) -> None:
    asked_once = []
    pair = pair_of((10.0, 30.0), (40.0, 20.0), (50.0, 51.0))
    for _ in range(2):
        for _ in range(2):
            today = timezone.now().date()
            CampaignFactory.create(score_min=25.0, starts_on=today, ends_on=today + timedelta(days=9))
        with tables_asked() as asked:
            page = previewed(operator, pair)
        ours = ["UNION" if "UNION ALL" in table else table for table in asked]
        asked_once.append([table for table in ours if table.startswith(("scoring", "campaigns", "UNION"))])
    assert asked_once[0] == PREVIEW, asked_once[0]
    assert asked_once[1] == PREVIEW
    assert page.count('data-label="Enter">1<') == 4


def test_hidden_people_are_named_to_operators_only(client: Client, db: None) -> None:
    pair = pair_of((10.0, 30.0), (40.0, 20.0))
    person = pair.after.scores.get(score=30.0).person
    type(person).objects.filter(pk=person.pk).update(is_hidden=True)
    with_rights(client, "view_formula", "view_person")
    assert f"@{person.handle}" not in previewed(client, pair)
    exported = client.get(address("export", pair.after.formula))
    lines = b"".join(exported).decode("utf-8-sig").splitlines()
    assert lines[0] == f"handle,name,score by {pair.before.formula},score by {pair.after.formula},change"
    assert len(lines) == 2
    assert lines[1].endswith(",40.0,20.0,-20.0")
    client.force_login(User.objects.create_superuser("operator"))
    assert f"@{person.handle}" in previewed(client, pair)
    assert len(b"".join(client.get(address("export", pair.after.formula))).splitlines()) == 3


def test_a_version_is_made_current_with_a_date_and_a_note_and_withdrawn(operator: Client) -> None:
    pair = pair_of((10.0, 30.0))
    formula = pair.after.formula
    tomorrow = timezone.now().date() + timedelta(days=1)
    page = operator.get(address("activate", formula))
    assert page.context["form"].initial["current_from"] == tomorrow
    assert "1 of 1 people would rise" in page.content.decode()
    assert "unseen" not in page.context["form"].fields
    page = operator.post(address("activate", formula), {"current_from": "2026-04-01", "note": "Less noise."})
    assert "published and stay: choose a later date" in page.content.decode()
    page = operator.post(address("activate", formula), {"current_from": tomorrow.isoformat(), "note": ""})
    assert list(page.context["form"].errors) == ["note"]
    assert not Activation.objects.exists()

    given = {"current_from": tomorrow.isoformat(), "note": "Less noise."}
    page = operator.post(address("activate", formula), given, follow=True)
    assert "is the current formula from" in page.content.decode()
    made = Activation.objects.get()
    assert (made.current_from.date(), made.note, made.unseen, made.begun_at) == (tomorrow, "Less noise.", False, None)
    assert made.made_by == User.objects.get(username="operator")
    assert "Withdraw the date" in page.content.decode()
    assert "begins soon" in operator.get(reverse("admin:scoring_formula_changelist")).content.decode()

    page = operator.post(address("withdraw", formula), follow=True)
    assert "become current." in page.content.decode()
    assert not Activation.objects.exists()
    assert "It has begun already" in operator.post(address("withdraw", formula), follow=True).content.decode()


def test_a_version_that_nobody_saw_is_made_current_only_by_saying_so(operator: Client) -> None:
    formula = FormulaFactory.create()
    ScoreRunFactory.create(as_of=datetime(2026, 1, 1, tzinfo=UTC))
    given = {"current_from": "2026-02-01", "note": "It can't wait."}
    page = operator.post(address("activate", formula), given)
    assert "let it run beside the current one" in page.content.decode()
    assert operator.post(address("activate", formula), {**given, "unseen": "on"}).status_code == 302
    assert Activation.objects.get().unseen


def test_who_may_do_what(client: Client, db: None) -> None:
    pair = pair_of((10.0, 30.0))
    formula = pair.after.formula
    given = {"current_from": "2100-01-01", "note": "Mine."}
    with_rights(client, "view_formula")
    page = client.get(address("change", formula)).content.decode()
    assert "Whom it moves" in page
    assert "Make current from" not in page
    assert "Run in shadow" not in page
    assert client.get(address("preview", formula)).status_code == 200
    assert client.get(address("activate", formula)).status_code == 403
    assert client.post(address("activate", formula), given).status_code == 403
    assert "may not change formulas" in client.post(address("shadow", formula), follow=True).content.decode()
    planned = ActivationFactory.create(formula=formula)
    assert client.post(address("withdraw", formula)).status_code == 403
    assert Activation.objects.filter(pk=planned.pk).exists()
    planned.delete()

    with_rights(client, "view_formula", "activate_formula")
    assert "Make current from" in client.get(address("change", formula)).content.decode()
    assert client.post(address("activate", formula), given).status_code == 302
    assert client.post(address("change", formula), json.loads("{}")).status_code == 403

    with_rights(client, "view_person")
    for name in ("preview", "export", "activate"):
        assert client.get(address(name, formula)).status_code == 403, name
    for name in ("shadow", "withdraw"):
        assert client.post(address(name, formula)).status_code == 403, name


def test_the_public_page_tells_which_formula_counted_when(client: Client, db: None) -> None:
    old, new = FormulaFactory.create(version="2026-01", is_current=True), FormulaFactory.create(version="2026-02")
    ActivationFactory.create(formula=old, current_from=datetime(2026, 1, 5, tzinfo=UTC), begun_at=NOW, note="")
    ActivationFactory.create(formula=new, current_from=datetime(2026, 9, 1, tzinfo=UTC), note="Less noise.")
    page = client.get(reverse("about_the_score")).content.decode()
    rows = [row.split("</tr>")[0] for row in page.split("<h2>Versions of the formula</h2>")[1].split("<tr>")[2:]]
    assert rows == [
        "<td>1 September 2026 (planned)</td><td>2026-02</td><td>Less noise.</td>",
        "<td>5 January 2026</td><td>2026-01</td><td>–</td>",
    ]
