"""The parts of the demo: each makes what is missing of one thing, and changes nothing that is there."""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute
import pyarrow.parquet as pq
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

from accounts.actions import claim_person, create_api_key, import_activity, record_activity, revoke_api_key
from accounts.actions.people import drop_empty_people
from accounts.models import ApiKey, Identity, Network, Person, User
from accounts.places import find_city
from accounts.sample import NETWORKS, make_world, write_dataset
from campaigns.actions import add_member, create_brand, invite, shortlist
from campaigns.management.sheet import Login, Sheet
from campaigns.models import Brand, Campaign, CampaignPlace, Membership
from scoring.models import Influencer, Score, ScoreRun, Topic

pc: Any = pyarrow.compute

AIRLINE = "Maple Atlantic Airways"
CAMPAIGN = "First flights to Toronto"
TOPICS = ("travel", "air-travel", "city-breaks", "food", "restaurants")
HOME = NETWORKS[0]
# People with a claimed profile beside the one who can sign in.
CLAIMED = 20
# Characters who wouldn't claim their profile, or aren't there to do so.
_NOT_CLAIMED = ("absent_author", "nonsense", "pod", "like_for_like", "influencer")
_LAST_DAY = "last_day.parquet"


@dataclass(frozen=True)
class Made:
    """A world that lies in a folder: the moment until which it goes, and its characters' account ids."""

    until: str
    cast: dict[str, str]

    @property
    def end(self) -> datetime:
        return datetime.fromisoformat(self.until)


def find_world(folder: Path) -> Made | None:
    """Return the world that was written to a folder, or None if that wasn't finished."""
    try:
        return Made(**json.loads((folder / "world.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write_world(folder: Path, *, people: int, days: int, until: datetime) -> Made:
    """Make a world and write it as a data set, but for its last day's acts, which come in one by one."""
    world = make_world(people=people, days=days, until=until)
    is_last = pc.greater_equal(world.interactions["at"], int((until - timedelta(days=1)).timestamp()))
    write_dataset(replace(world, interactions=world.interactions.filter(pc.invert(is_last))), folder)
    pq.write_table(world.interactions.filter(is_last), folder / _LAST_DAY)
    made = Made(until.isoformat(), world.cast)
    # Last, and at once: a folder with this file is whole.
    unfinished = folder / "world.unfinished"
    unfinished.write_text(json.dumps(asdict(made), indent=2), encoding="utf-8")
    os.replace(unfinished, folder / "world.json")
    return made


def import_world(folder: Path, *, by: User, now: datetime, progress: Callable[[str], None]) -> None:
    """Bring a world's data set into the platform, then its last day's acts as Activity rows."""
    for slug in NETWORKS:
        Network.objects.update_or_create(slug=slug, defaults={"name": slug.title()})
    report = import_activity(
        folder, format="dataset", now=now, progress=lambda at: progress(f"importing {at.stage}: {at.rows:,} rows")
    )
    if report.rejected:
        raise RuntimeError(f"{report.rejected} rows of the sample world were rejected: {report.rejects_file}")
    record_activity(pq.read_table(folder / _LAST_DAY), by=by, now=now)


def ensure_logins(sheet: Sheet, save: Callable[[], None]) -> dict[str, User]:
    """Return the five logins, with a random password where they are new or theirs stands nowhere.

    Passwords are saved before they are set: killed in between, the next start sets what the sheet says.
    """
    known = {name for name, login in sheet["logins"].items() if login.get("password")}
    for name in ("manager", "owner", "viewer", "influencer", "admin"):
        if name not in known:
            sheet["logins"][name] = Login(username=name, password=secrets.token_urlsafe(9))
    if known != sheet["logins"].keys():
        save()
    users = {user.username: user for user in User.objects.filter(username__in=sheet["logins"])}
    for name, login in sheet["logins"].items():
        user = users.get(name)
        if user is None:
            create = User.objects.create_superuser if name == "admin" else User.objects.create_user
            users[name] = create(name, email=f"{name}@sway.invalid", password=login["password"])
        elif name not in known:
            user.set_password(login["password"])
            user.save(update_fields=["password"])
    return users


@transaction.atomic
def ensure_influencer(made: Made, *, user: User, by: User, now: datetime) -> None:
    """Let the demo's influencer own their profile: both accounts and the website, each proved."""
    person = _person(made.cast["influencer"])
    if person.user_id == user.pk:
        return
    claim_person(person, user=user, via=Person.ClaimedVia.OPERATOR, by=by, now=now)
    home = person.identities.get(network=HOME, external_id=made.cast["influencer"])
    others = Identity.objects.filter(network__in=NETWORKS, handle=home.handle).exclude(person=person)
    left = list(others.values_list("person_id", flat=True))
    others.update(person=person)
    drop_empty_people(left)
    person.identities.filter(proved_at=None).update(proved_at=now)


def give_addresses() -> None:
    """Give an e-mail address to people with some audience, where nobody has one yet."""
    if Person.objects.exclude(email="").exists():
        return
    readable = Person.objects.filter(
        handle__regex=r"^[a-z0-9_]+$", identities__network=HOME, identities__followers__gte=150
    )
    Person.objects.filter(pk__in=readable.values("pk")).update(email=Concat(F("handle"), Value("@mail.invalid")))


def claim_profiles(made: Made, *, by: User, now: datetime) -> None:
    """Let the people with the highest scores have claimed their profiles, so that there are public pages to see."""
    # Beside those who took part in the campaign that is over.
    claimed = Person.objects.claimed().filter(claimed_via=Person.ClaimedVia.OPERATOR).count()
    if claimed > CLAIMED:
        return
    barred = [account for role, account in made.cast.items() if role in _NOT_CLAIMED]
    best = (
        Score.objects.filter(run=ScoreRun.objects.current(), person__identities__network=HOME, person__user=None)
        .exclude(person__identities__external_id__in=barred)
        .select_related("person")
        .order_by("-score", "person")
    )
    for row in best[: CLAIMED + 1 - claimed]:
        user = User.objects.filter(username=row.person.handle).first() or User.objects.create_user(
            row.person.handle, email=row.person.email
        )
        claim_person(row.person, user=user, via=Person.ClaimedVia.OPERATOR, by=by, now=now)


def ensure_brand(*, owner: User, manager: User, viewer: User, by: User, now: datetime) -> Brand:
    """Return the airline, for which these three and a service user of its own work."""
    brand = Brand.objects.filter(name=AIRLINE).first() or create_brand(name=AIRLINE, by=by, now=now)
    partner, created = User.objects.get_or_create(username="partner", defaults={"is_service": True})
    if created:
        partner.set_unusable_password()
        partner.save(update_fields=["password"])
    role_of = Membership.Role
    team = ((owner, role_of.OWNER), (manager, role_of.MANAGER), (viewer, role_of.VIEWER), (partner, role_of.PARTNER))
    for user, role in team:
        if not Membership.objects.filter(brand=brand, user=user).exists():
            add_member(brand=brand, user=user, role=role, by=by)
    return brand


def ensure_key(sheet: Sheet, *, by: User, now: datetime) -> None:
    """Put an API key of the airline's service user on the sheet, unless the one that stands there is good.

    Only its hash is stored, so that one which stands nowhere any more is revoked and another made.
    """
    partner = User.objects.get(username="partner")
    live = ApiKey.objects.live().filter(user=partner, name="Demo")
    if sheet["api_key"] and any(sheet["api_key"].startswith(f"sway_{key.prefix}_") for key in live):
        return
    for key in live:
        revoke_api_key(key, by=by, now=now)
    purpose = "Try the API out, to see whom people in Toronto listen to."
    _, sheet["api_key"] = create_api_key(name="Demo", purpose=purpose, user=partner, by=by, now=now)


@transaction.atomic
def ensure_campaign(brand: Brand, made: Made, *, manager: User, now: datetime) -> None:
    """Let the airline have a campaign in Toronto with a few people on its shortlist, two of them invited."""
    run = ScoreRun.objects.current()
    if run is None or Campaign.objects.filter(brand=brand, name=CAMPAIGN).exists():
        return
    toronto = find_city("Toronto, ON")
    if toronto is None:
        raise LookupError("the gazetteer doesn't know Toronto")
    campaign = Campaign.objects.create(
        brand=brand,
        name=CAMPAIGN,
        perk=Campaign.Perk.FLIGHT,
        perk_text="A return flight to Toronto for you and a friend, in the first week of the new route",
        brief="We open our route in spring and would like people who know food and cities to see it first.",
        purpose="Choose whom to offer a flight, so that people who like food and cities hear of the new route.",
        seats=40,
        starts_on=(now - timedelta(days=7)).date(),
        ends_on=(now + timedelta(days=60)).date(),
        score_min=8,
        score_max=60,
        created_at=now,
        created_by=manager,
    )
    topics = Topic.objects.filter(slug__in=TOPICS)
    campaign.topics.set(topics)
    CampaignPlace.objects.create(
        campaign=campaign, name="Toronto", latitude=toronto.latitude, longitude=toronto.longitude, radius_km=50
    )
    influencer = _person(made.cast["influencer"])
    near = (
        Influencer.objects.with_score(run)
        .near(toronto.latitude, toronto.longitude, 50)
        .filter(is_hidden=False)
        .exclude(pk=influencer.pk)
        .order_by("-current__score", "pk")
    )
    chosen: list[Person] = [influencer, *near.on_topics(run, [topic.pk for topic in topics])[:5]]
    # On some days nobody there has been answered on these topics yet.
    chosen += [person for person in near[:3] if person not in chosen][: max(3 - len(chosen), 0)]
    shortlist(campaign=campaign, people=chosen, by=manager, now=now)
    invite(campaign=campaign, people=chosen[:2], by=manager, now=now)


def shown_handles(made: Made) -> list[str]:
    """Return handles with a public page, the highest score first, and the demo's influencer before all."""
    rows = Person.objects.claimed().filter(is_hidden=False, scores__run=ScoreRun.objects.current())
    handles = list(rows.order_by("-scores__score", "pk").values_list("handle", flat=True)[:10])
    first = _person(made.cast["influencer"]).handle
    return [first, *(handle for handle in handles if handle != first)]


def cast_handles(made: Made) -> dict[str, str]:
    """Return the handle of each character."""
    rows = Identity.objects.filter(network=HOME, external_id__in=made.cast.values())
    handles = dict(rows.values_list("external_id", "person__handle"))
    return {role: handles[account] for role, account in made.cast.items() if account in handles}


def _person(account: str) -> Person:
    return Person.objects.get(identities__network=HOME, identities__external_id=account)
