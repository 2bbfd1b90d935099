"""The demo: one command that fills an empty platform, goes on where it was cut off, and otherwise changes nothing."""

import json
import stat
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Activity, Identity, Person, User
from accounts.queries import authenticate_key
from campaigns.management import demo, demo_route
from campaigns.management.sheet import Sheet, read_sheet, write_sheet
from campaigns.models import (
    Brand,
    Campaign,
    CampaignPost,
    CampaignReturn,
    Invitation,
    Membership,
    PerkEntry,
    Shortlisting,
)
from scoring.models import Score, ScoreRun, Topic

ADDRESS = "http://127.0.0.1:8123"


def _start(**options: Any) -> dict[str, Any]:
    given = {"address": ADDRESS, "people": 250, "days": 24, "history": 1, "without_past": True, **options}
    call_command("demo_world", **given)
    told: dict[str, Any] = json.loads((settings.DATA_DIR / "demo.json").read_text())
    return told


def _midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _rows() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


@pytest.fixture
def told(db: None) -> dict[str, Any]:
    return _start()


def test_a_start_on_an_empty_platform_makes_all_of_it(told: dict[str, Any], client: Client) -> None:
    assert list(told) == ["address", "logins", "api_key", "handles", "cast"]
    assert told["address"] == ADDRESS
    assert stat.S_IMODE((settings.DATA_DIR / "demo.json").stat().st_mode) == 0o600

    # Everybody can sign in as what they are.
    assert sorted(told["logins"]) == ["admin", "influencer", "manager", "owner", "viewer"]
    for login in told["logins"].values():
        assert client.login(**login)
    users = {name: User.objects.get(username=login["username"]) for name, login in told["logins"].items()}
    assert {name for name, user in users.items() if user.is_superuser} == {"admin"}
    brand = Brand.objects.get()
    assert all(users[name].is_staff for name in ("owner", "manager", "viewer"))
    assert set(Membership.objects.filter(brand=brand).values_list("user__username", "role")) == {
        ("owner", "owner"),
        ("manager", "manager"),
        ("viewer", "viewer"),
        ("partner", "partner"),
    }
    key = authenticate_key(told["api_key"], now=timezone.now())
    assert key is not None
    assert (key.user.username, key.user.is_service) == ("partner", True)

    # The influencer owns both accounts and the website, under one handle.
    person = users["influencer"].person
    assert person.handle == told["cast"]["influencer"] == told["handles"][0]
    assert sorted(person.identities.values_list("network", flat=True)) == ["agora", "lumen", "web"]
    assert not person.identities.filter(proved_at=None).exists()
    assert person.place is not None
    assert person.place.name == "Toronto"

    # Yesterday's activity came as rows, the rest as files; all of it lies in the log.
    yesterday = _midnight() - timedelta(days=1)
    assert Activity.objects.count() > 50
    assert not Activity.objects.filter(at__lt=yesterday).exists()
    assert not Activity.objects.not_in_log().exists()

    # Two runs, today's current; the characters have scores in it.
    assert list(ScoreRun.objects.order_by("as_of").values_list("as_of", "state", "is_current")) == [
        (_midnight() - timedelta(weeks=2), "done", False),
        (_midnight(), "done", True),
    ]
    run = ScoreRun.objects.current()
    assert Topic.objects.count() > 180
    scores = {role: Score.objects.get(run=run, person__handle=handle).score for role, handle in told["cast"].items()}
    assert set(scores) == {
        *("curator", "nonsense", "consultant", "absent_author"),
        *("on_holiday", "like_for_like", "influencer", "pod"),
    }
    assert scores["nonsense"] < scores["consultant"] < scores["curator"]
    assert scores["absent_author"] > 5

    # Public profiles, none of them of somebody who wouldn't have claimed it.
    public = set(Person.objects.claimed().values_list("handle", flat=True))
    assert len(public) == 21
    assert set(told["handles"]) <= public
    assert not public & {told["cast"][role] for role in ("absent_author", "nonsense", "pod", "like_for_like")}
    assert Person.objects.filter(email__endswith="@mail.invalid").exists()

    # An airline looks for people near Toronto; the influencer has an invitation to answer.
    campaign = Campaign.objects.get(brand=brand)
    assert (campaign.perk, campaign.seats) == ("flight", 40)
    assert campaign.starts_on < timezone.now().date() < campaign.ends_on
    assert set(demo.TOPICS) == set(campaign.topics.values_list("slug", flat=True))
    (place,) = campaign.places.all()
    assert (place.name, place.radius_km) == ("Toronto", 50)
    listed = Person.objects.filter(shortlistings__campaign=campaign)
    assert 2 <= listed.count() <= 6
    assert listed.near(place.latitude, place.longitude, 50).count() == listed.count()
    assert Invitation.objects.filter(campaign=campaign, state="invited").count() == 2
    assert Invitation.objects.filter(campaign=campaign, person=person).exists()


def test_a_second_start_shows_the_same_logins_and_changes_nothing(told: dict[str, Any]) -> None:
    before, passwords = _rows(), dict(User.objects.values_list("username", "password"))
    again = _start(address="http://127.0.0.1:9000")
    assert again == {**told, "address": "http://127.0.0.1:9000"}
    assert _rows() == before
    assert dict(User.objects.values_list("username", "password")) == passwords


def test_a_start_on_a_later_day_scores_that_day(told: dict[str, Any]) -> None:
    ScoreRun.objects.filter(as_of=_midnight()).update(as_of=_midnight() - timedelta(days=1))
    folder = settings.DATA_DIR / "world"
    made = json.loads((folder / "world.json").read_text())
    made["until"] = (_midnight() - timedelta(days=1)).isoformat()
    (folder / "world.json").write_text(json.dumps(made))
    ScoreRun.objects.filter(as_of=_midnight() - timedelta(weeks=2)).update(
        as_of=_midnight() - timedelta(weeks=2, days=1)
    )
    _start()
    assert ScoreRun.objects.count() == 3
    run = ScoreRun.objects.current()
    assert run is not None
    assert run.as_of == _midnight()


def test_a_start_that_was_cut_off_is_completed(told: dict[str, Any]) -> None:
    complete = _rows()
    Shortlisting.objects.all().delete()
    Invitation.objects.all().delete()
    Campaign.objects.all().delete()
    Score.objects.all().delete()
    ScoreRun.objects.all().delete()
    (settings.DATA_DIR / "demo.json").unlink()
    again = _start()
    assert again["cast"] == told["cast"]
    rows = _rows()
    # What was done again is in the trail again: it forgets nothing.
    assert rows.pop("campaigns.AuditEntry") > complete.pop("campaigns.AuditEntry")
    assert {label: count for label, count in rows.items() if count != complete[label]} == {
        # The key that stood on the lost sheet is revoked, and another made.
        "accounts.ApiKey": complete["accounts.ApiKey"] + 1
    }
    assert authenticate_key(told["api_key"], now=timezone.now()) is None
    assert Client().login(**again["logins"]["manager"])


@pytest.mark.django_db
def test_the_campaign_that_is_over_was_lived_through(client: Client) -> None:
    told = _start(people=300, days=32, without_past=False)
    campaign = Campaign.objects.get(name=demo_route.ROUTE)
    now = timezone.now()
    assert campaign.is_over(now)
    assert (campaign.seats, campaign.holdout_percent, campaign.tags) == (40, 20, "#nonstoptoronto")
    group = campaign.selections.get()
    first = ScoreRun.objects.order_by("as_of").first()
    assert (group.state, group.cost_each, group.run) == ("done", Decimal(380), first)
    invited, held_back = campaign.invitations.count(), campaign.holdouts.count()
    assert invited + held_back == group.people.count()
    assert invited > 3 * held_back > 0
    states = set(campaign.invitations.values_list("state", flat=True))
    assert "accepted" in states
    assert states <= {"accepted", "declined", "expired"}
    assert not group.people.filter(person__handle=told["cast"]["nonsense"]).exists()

    # By the real ledger, finder and measure; nothing happened after now.
    (measured,) = CampaignReturn.objects.filter(campaign=campaign)
    assert measured.state == "done"
    assert measured.issued == measured.accepted == campaign.seats_taken
    assert 0 < (measured.redeemed or 0) < (measured.issued or 0)
    assert (measured.posts or 0) >= measured.accepted / 2
    assert (measured.reached or 0) > 0
    assert measured.after > measured.before
    assert PerkEntry.objects.filter(at__gt=now).count() == 0
    assert CampaignPost.objects.filter(label_state="found").exists()

    # One that is being made is beside it, and the list shows the others' profiles too.
    assert Campaign.objects.exclude(pk=campaign.pk).get().name == demo.CAMPAIGN
    assert Person.objects.claimed().filter(claimed_via=Person.ClaimedVia.OPERATOR).count() == 21
    client.login(**told["logins"]["manager"])
    page = client.get(reverse("admin:campaigns_campaign_campaign_return", args=[campaign.pk])).content.decode()
    assert "different people reached by" in page

    # Started again it stays; cut off before it was measured it is completed.
    before = _rows()
    _start(people=300, days=32, without_past=False)
    assert _rows() == before
    CampaignReturn.objects.all().delete()
    _start(people=300, days=32, without_past=False)
    assert CampaignReturn.objects.get().accepted == measured.accepted
    assert Invitation.objects.filter(campaign=campaign).count() == invited


def test_a_database_without_its_worlds_folder_is_refused(told: dict[str, Any]) -> None:
    before = _rows()
    (settings.DATA_DIR / "world" / "world.json").unlink()
    with pytest.raises(CommandError, match=r"its folder .* is gone") as refused:
        _start()
    assert refused.value.returncode == 2
    assert _rows() == before


@pytest.mark.django_db
def test_production_is_refused(settings: Settings) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="not for production") as refused:
        _start()
    assert refused.value.returncode == 2
    assert not User.objects.exists()
    assert not Identity.objects.exists()
    assert not (settings.DATA_DIR / "demo.json").exists()


@pytest.mark.django_db
def test_passwords_are_saved_before_they_are_set() -> None:
    sheet = Sheet(address="", logins={}, api_key="", handles=[], cast={})
    saved: list[bool] = []
    users = demo.ensure_logins(sheet, lambda: saved.append(User.objects.exists()))
    assert saved == [False]
    assert all(users[name].check_password(login["password"]) for name, login in sheet["logins"].items())
    assert len({login["password"] for login in sheet["logins"].values()}) == 5

    # Killed before one was set: the sheet stands.
    User.objects.get(username="manager").delete()
    users = demo.ensure_logins(sheet, lambda: saved.append(True))
    assert saved == [False]
    assert users["manager"].check_password(sheet["logins"]["manager"]["password"])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"logins": 3}'])
def test_a_mangled_sheet_counts_as_empty(tmp_path: Path, text: str) -> None:
    empty = Sheet(address="", logins={}, api_key="", handles=[], cast={})
    assert read_sheet(tmp_path / "demo.json") == empty
    (tmp_path / "demo.json").write_text(text)
    assert read_sheet(tmp_path / "demo.json") == empty


def test_a_sheet_comes_back_and_is_its_owners_alone(tmp_path: Path) -> None:
    sheet = Sheet(
        address=ADDRESS,
        logins={"admin": {"username": "admin", "password": "p"}},
        api_key="sway_a_b",
        handles=["zoë"],
        cast={"curator": "c"},
    )
    (tmp_path / "demo.json").write_text("{}")
    (tmp_path / "demo.json").chmod(0o644)
    write_sheet(tmp_path / "demo.json", sheet)
    assert read_sheet(tmp_path / "demo.json") == sheet
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["demo.json"]
