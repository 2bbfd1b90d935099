"""Walk every admin and API address as nobody, as a person, as another brand's manager: none shows what isn't theirs."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from accounts.actions import create_api_key
from accounts.models import Activity, Identity, LogFile, Merge, Network, Person, Place, User
from campaigns.actions import add_member, create_brand
from campaigns.models import (
    Approval,
    AuditEntry,
    BouncedAddress,
    Brand,
    Campaign,
    CampaignPlace,
    CampaignPost,
    ColleagueInvitation,
    Handover,
    Invitation,
    MailText,
    Membership,
    PerkCode,
    Selection,
    Shortlisting,
)
from scoring.actions import ensure_formula
from scoring.models import Appeal, Score, ScoreRun, Support, Topic, TopicReach

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SECRET = "Zanzibaria"  # stands in the name of each thing that only the owning brand may see
REFUSALS = {301, 302, 400, 401, 403, 404, 405}
# These say what everybody may know, or the visitor's own things.
OPEN_TO_STAFF = {
    "index",
    "app_list",
    "jsi18n",
    "password_change",
    "password_change_done",
    "logout",
    "login",
    "autocomplete",
}


class World:
    """One brand with one of everything, another brand, and people of each sort."""

    def __init__(self) -> None:
        self.admin = User.objects.create_superuser("root", password="p")
        self.owner = User.objects.create_user("owner", password="p")
        self.other = User.objects.create_user("other", password="p")
        self.person = User.objects.create_user("person", password="p")
        self.service = User.objects.create_user("service", is_service=True)
        self.other_service = User.objects.create_user("otherservice", is_service=True)
        self.brand = create_brand(name=f"{SECRET} Air", by=self.admin, now=NOW)
        other_brand = create_brand(name="Other Air", by=self.admin, now=NOW)
        add_member(brand=self.brand, user=self.owner, role=Membership.Role.MANAGER, by=self.admin)
        add_member(brand=self.brand, user=self.service, role=Membership.Role.PARTNER, by=self.admin)
        add_member(brand=other_brand, user=self.other, role=Membership.Role.MANAGER, by=self.admin)
        add_member(brand=other_brand, user=self.other_service, role=Membership.Role.PARTNER, by=self.admin)
        self.key = create_api_key(
            name="own", purpose="Plan whom to invite.", user=self.service, by=self.admin, now=NOW
        )[1]
        self.other_key = create_api_key(
            name="other",
            purpose="Plan whom to invite.",
            user=self.other_service,
            by=self.admin,
            now=NOW,
        )[1]

        network = Network.objects.get_or_create(slug="test", defaults={"name": "Test"})[0]
        place = Place.objects.create(geoname_id=1, name="Toronto", country="CA", latitude=43.7, longitude=-79.4)
        self.hidden = Person.objects.create(handle="hidden", name=f"{SECRET} hidden", is_hidden=True, place=place)
        shown = Person.objects.create(handle="shown", name="Shown")
        first = Identity.objects.create(key=1, network=network, external_id="1", handle="hidden", person=self.hidden)
        second = Identity.objects.create(key=2, network=network, external_id="2", handle="shown", person=shown)
        file = LogFile.objects.create(
            table="interactions", day=date(2026, 1, 1), path=SECRET, rows=1, size=1, sha256="0", added=1
        )
        Activity.objects.create(
            at=NOW, network=network, kind="like", actor=first, target=second, post=SECRET, log_file=file
        )
        Merge.objects.create(
            kept=self.hidden,
            merged=shown,
            at=NOW,
            note=SECRET,
            kept_was_hidden=True,
            kept_was_seed=False,
            undone_at=NOW,
        )
        topic = Topic.objects.create(slug="flying-test", name="Flying test")
        run = ScoreRun.objects.create(
            as_of=NOW, formula=ensure_formula(NOW), state="done", finished_at=NOW, is_current=True, people=2
        )
        for person in (self.hidden, shown):
            Score.objects.create(run=run, person=person, score=20, reach=10, forecast=12, low=5, high=20, percentile=50)
        TopicReach.objects.create(run=run, person=self.hidden, topic=topic, reach=5, reach_with_below=5, score=10)
        Support.objects.create(run=run, supporter=self.hidden, supported=shown, reach=1, expected=1)
        Appeal.objects.create(run=run, person=self.hidden, reason="exchange", people=1, text=SECRET, made_at=NOW)
        campaign = Campaign.objects.create(
            brand=self.brand,
            name=f"{SECRET} route",
            perk_text="fly",
            seats=2,
            starts_on=date(2026, 1, 1),
            ends_on=date(2027, 1, 1),
        )
        CampaignPlace.objects.create(campaign=campaign, name=SECRET, latitude=0, longitude=0)
        Shortlisting.objects.create(campaign=campaign, person=shown)
        invitation = Invitation.objects.create(campaign=campaign, person=shown, state="accepted", answered_at=NOW)
        CampaignPost.objects.create(
            invitation=invitation, identity=second, post=1, post_id=SECRET, at=NOW, label_state="missing"
        )
        chosen = Selection.objects.create(campaign=campaign, seats=2, state="done", finished_at=NOW, run=run)
        chosen.people.create(person=shown, rank=1, reach=1, adds=1)
        Approval.objects.create(selection=chosen, answer="sent_back", remark=SECRET, answered_at=NOW)
        PerkCode.objects.create(campaign=campaign, code=SECRET)
        ColleagueInvitation.objects.create(
            brand=self.brand,
            email=f"{SECRET}@example.org",
            invited_by=self.admin,
            expires_at=datetime.max.replace(tzinfo=UTC),
        )
        Handover.objects.create(
            invitation=invitation,
            kind="address",
            full_name=SECRET,
            street="1 Elm Road",
            city="Toronto",
            country="CA",
            kept_until=date(2027, 1, 1),
        )
        MailText.objects.create(campaign=campaign, kind="invitation", subject=SECRET, text="{link}")
        BouncedAddress.objects.create(address=f"{SECRET}@example.org", person=shown, status="5.1.1")
        AuditEntry.objects.create(brand=self.brand, campaign=campaign, kind="invited", what=SECRET)


@pytest.fixture
def world(db: None) -> World:
    return World()


def _patterns(resolver: Any, path: str = "", names: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield (qualified name, pattern text) of each address below a resolver."""
    for entry in resolver.url_patterns:
        here = path + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _patterns(entry, here, (*names, entry.namespace) if entry.namespace else names)
        elif isinstance(entry, URLPattern) and entry.name:
            yield ":".join((*names, entry.name)), here


def _admin_addresses() -> list[str]:
    """Return every admin address, with the ids of rows that exist where it takes one."""
    addresses = []
    for name, pattern in _patterns(get_resolver()):
        if not name.startswith("admin:"):
            continue
        holes = re.findall(r"<[^>]+>|\(\?P<[^>]+>[^)]*\)", pattern)
        for arguments in _arguments(name, len(holes)):
            try:
                addresses.append(reverse(name, args=arguments))
            except NoReverseMatch:
                continue
    assert len(addresses) > 60
    return addresses


def _arguments(name: str, count: int) -> list[list[Any]]:
    if count == 0:
        return [[]]
    model = _model_of(name)
    if model is None:
        return [["accounts"], ["campaigns"], ["scoring"], ["1"]]
    keys = list(model._base_manager.values_list("pk", flat=True)[:5]) or [1]
    return [[key] * count for key in keys]


def _model_of(name: str) -> type[models.Model] | None:
    stem = name.removeprefix("admin:")
    for model in apps.get_models():
        if stem.startswith(f"{model._meta.app_label}_{model._meta.model_name}_"):
            return model
    return None


def _shows_secret(client: Client, address: str) -> bool:
    response = client.get(address)
    if response.status_code in REFUSALS:
        return False
    assert response.status_code == 200, f"{address}: {response.status_code}"
    body = b"".join(getattr(response, "streaming_content", ())) or response.content
    return SECRET.encode() in body


def test_the_walk_would_notice(world: World, client: Client) -> None:
    client.force_login(world.owner)
    assert _shows_secret(client, reverse("admin:campaigns_campaign_changelist"))
    client.force_login(world.admin)
    assert _shows_secret(client, reverse("admin:accounts_person_changelist"))


def test_nobody_is_let_into_the_admin(world: World, client: Client) -> None:
    for address in _admin_addresses():
        response = client.get(address)
        assert response.status_code in REFUSALS or address.endswith(("/login/", "/logout/")), address
        assert SECRET.encode() not in response.content


def test_a_person_is_not_let_into_the_admin(world: World, client: Client) -> None:
    client.force_login(world.person)
    for address in _admin_addresses():
        assert not _shows_secret(client, address), address
        if not address.endswith(("/login/", "/logout/")):
            assert client.get(address).status_code in REFUSALS, address


def test_another_brand_sees_nothing_of_ours_in_the_admin(world: World, client: Client) -> None:
    client.force_login(world.other)
    seen = [address for address in _admin_addresses() if _shows_secret(client, address)]
    assert seen == []


@pytest.mark.parametrize(
    "app",
    [
        "django_celery_beat",
        "django_celery_results",
        "accounts.user",
        "accounts.apikey",
        "accounts.logfile",
        "accounts.merge",
        "campaigns.bouncedaddress",
    ],
)
def test_technical_models_are_out_of_a_managers_sight(world: World, client: Client, app: str) -> None:
    client.force_login(world.owner)
    prefix = f"admin:{app.replace('.', '_')}"
    found = [name for name, _ in _patterns(get_resolver()) if name.startswith(prefix) and name.endswith("_changelist")]
    assert found
    for name in found:
        assert client.get(reverse(name)).status_code in {302, 403}, name


def test_no_list_tells_what_it_does_not_show_by_its_address(world: World, client: Client) -> None:
    client.force_login(world.owner)
    lists = {
        "admin:scoring_influencer_changelist": ["email__startswith", "is_seed__exact", "user__username__startswith"],
        "admin:campaigns_invitation_changelist": ["person__email__startswith", "person", "nonce__startswith"],
        "admin:campaigns_shortlisting_changelist": ["person__email__startswith", "campaign__brand__name__startswith"],
        "admin:campaigns_campaign_changelist": ["invitations__person__email__startswith", "codes__code__startswith"],
        "admin:campaigns_selection_changelist": ["approval__remark__startswith", "kept__startswith"],
        "admin:campaigns_auditentry_changelist": ["by__email__startswith", "campaign__brand__name__startswith"],
        "admin:campaigns_handover_changelist": ["street__startswith", "invitation__person__email__startswith"],
        "admin:campaigns_perkcode_changelist": ["code__startswith", "code", "invitation__person__email__startswith"],
    }
    for name, lookups in lists.items():
        assert client.get(reverse(name)).status_code == 200
        for lookup in lookups:
            assert client.get(reverse(name), {lookup: "a"}).status_code == 400, (name, lookup)


def test_autocompletes_answer_with_visible_rows_only(world: World, client: Client) -> None:
    client.force_login(world.other)
    tried = 0
    for model in (m for name in ("accounts", "scoring", "campaigns") for m in apps.get_app_config(name).get_models()):
        for field in model._meta.get_fields():
            if isinstance(field, models.ForeignKey | models.ManyToManyField):
                query = {
                    "app_label": model._meta.app_label,
                    "model_name": str(model._meta.model_name),
                    "field_name": field.name,
                    "term": "",
                }
                response = client.get(reverse("admin:autocomplete"), query)
                tried += 1
                assert SECRET.encode() not in response.content, query
    assert tried > 10


API = [
    f"api-{name}"
    for name in (
        "influencer-list",
        "influencer-detail",
        "influencer-history",
        "influencer-topics",
        "influencer-explanation",
        "influencer-reactions",
        "influencer-change",
        "influencer-whatif",
        "topic-list",
        "topic-detail",
        "campaign-list",
        "campaign-detail",
    )
]


def _api_addresses(world: World) -> list[str]:
    named = [
        name
        for name, _ in _patterns(get_resolver())
        if name.startswith("api-") and name not in {"api-schema", "api-docs"}
    ]
    assert sorted(set(named)) == sorted(API)
    arguments: dict[str, list[Any]] = {
        "api-influencer": list(Person.objects.values_list("pk", flat=True)),
        "api-topic": list(Topic.objects.values_list("slug", flat=True)[:3]),
        "api-campaign": list(Campaign.objects.values_list("pk", flat=True)),
    }
    addresses = []
    for name in API:
        stem, _, what = name.rpartition("-")
        addresses += [reverse(name)] if what == "list" else [reverse(name, args=[key]) for key in arguments[stem]]
    return addresses


def test_without_a_key_the_api_answers_401_in_json(world: World, client: Client) -> None:
    for headers in ({}, {"Authorization": "Bearer sway_wrong_key"}, {"Authorization": f"Basic {world.key}"}):
        for address in _api_addresses(world):
            response = client.get(address, headers=headers)
            assert response.status_code == 401, address
            assert response["Content-Type"] == "application/problem+json"
            assert response.json()["status"] == 401
    client.force_login(world.admin)
    assert client.get(_api_addresses(world)[0]).status_code == 401, "a session is no key"


def test_another_brands_key_sees_nothing_of_ours(world: World, client: Client) -> None:
    own = {"Authorization": f"Bearer {world.key}"}
    other = {"Authorization": f"Bearer {world.other_key}"}
    assert SECRET in client.get(reverse("api-campaign-list"), headers=own).content.decode()
    for address in _api_addresses(world):
        assert SECRET not in client.get(address, headers=other).content.decode(), address
    campaign = Campaign.objects.get()
    assert client.get(reverse("api-campaign-detail", args=[campaign.pk]), headers=other).status_code == 404
    assert client.get(reverse("api-influencer-detail", args=[world.hidden.pk]), headers=own).status_code == 404


def test_nothing_can_be_written_by_key(world: World, client: Client) -> None:
    headers = {"Authorization": f"Bearer {world.key}"}
    before = {model: model._base_manager.count() for model in (Brand, Campaign, Person, Score, Topic)}
    for address in _api_addresses(world):
        for method in (client.post, client.put, client.patch, client.delete):
            assert method(address, headers=headers).status_code == 405, address
    assert {model: model._base_manager.count() for model in before} == before
