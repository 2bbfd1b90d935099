"""Rows of the accounts app."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import factory.declarations
from factory.django import DjangoModelFactory

from accounts.keys import account_key
from accounts.models import (
    Activity,
    ApiKey,
    ErasedAccount,
    Identity,
    LogFile,
    Merge,
    Network,
    Person,
    Place,
    Rest,
    User,
)

# factory_boy's declarations carry no types.
make: Any = factory.declarations

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class UserFactory(DjangoModelFactory[User]):
    """A login without a password: tests sign in with `force_login`."""

    class Meta:
        model = User

    username = make.Sequence(lambda n: f"user{n}")
    password = "!"
    date_joined = NOW


class NetworkFactory(DjangoModelFactory[Network]):
    class Meta:
        model = Network
        django_get_or_create = ("slug",)

    slug = "test"
    name = make.LazyAttribute(lambda network: network.slug.title())


class PlaceFactory(DjangoModelFactory[Place]):
    class Meta:
        model = Place

    geoname_id = make.Sequence(lambda n: n + 1)
    name = make.Sequence(lambda n: f"City {n}")
    country = "CA"
    latitude = 43.7
    longitude = -79.4


class PersonFactory(DjangoModelFactory[Person]):
    """Somebody seen in activity, whom nobody claimed and who has no identity yet."""

    class Meta:
        model = Person

    handle = make.Sequence(lambda n: f"person{n}")
    created_at = NOW


class IdentityFactory(DjangoModelFactory[Identity]):
    class Meta:
        model = Identity

    network = make.SubFactory(NetworkFactory)
    external_id = make.Sequence(lambda n: f"id{n}")
    key = make.LazyAttribute(lambda identity: account_key(identity.network.slug, identity.external_id))
    handle = make.Sequence(lambda n: f"handle{n}")
    person = make.SubFactory(PersonFactory)


class LogFileFactory(DjangoModelFactory[LogFile]):
    """A row of the manifest; there is no such file."""

    class Meta:
        model = LogFile

    table = "interactions"
    day = date(2026, 2, 28)
    path = make.Sequence(lambda n: f"interactions/day=2026-02-28/{n}.parquet")
    rows = 1
    size = 1000
    sha256 = "0" * 64
    added = make.Sequence(lambda n: n + 1)
    created_at = NOW


class ErasedAccountFactory(DjangoModelFactory[ErasedAccount]):
    class Meta:
        model = ErasedAccount

    key = make.Sequence(lambda n: n + 1)
    erased_at = NOW


class ActivityFactory(DjangoModelFactory[Activity]):
    """A like of a post, a second after the one before."""

    class Meta:
        model = Activity

    at = make.Sequence(lambda n: NOW - timedelta(days=1) + timedelta(seconds=n))
    kind = "like"
    actor = make.SubFactory(IdentityFactory)
    target = make.SubFactory(IdentityFactory)
    network = make.LazyAttribute(lambda activity: activity.actor.network)
    post = "1"
    created_at = NOW


class ApiKeyFactory(DjangoModelFactory[ApiKey]):
    """A row only, which no text opens: `accounts.actions.create_api_key` makes keys that work."""

    class Meta:
        model = ApiKey

    name = make.Sequence(lambda n: f"partner number {n}")
    purpose = "Plan whom to invite."
    prefix = make.Sequence(lambda n: f"{n:08}")
    digest = "0" * 64
    user = make.SubFactory(UserFactory, is_service=True)
    created_at = NOW


class MergeFactory(DjangoModelFactory[Merge]):
    """A line of the ledger only: `accounts.actions.merge_people` merges."""

    class Meta:
        model = Merge

    kept = make.SubFactory(PersonFactory)
    merged = make.SubFactory(PersonFactory)
    at = NOW
    kept_was_hidden = False
    kept_was_seed = False


class RestFactory(DjangoModelFactory[Rest]):
    """A week, over a while ago: `accounts.actions.declare_rest` keeps the rules."""

    class Meta:
        model = Rest

    person = make.SubFactory(PersonFactory)
    first_day = date(2026, 1, 5)
    last_day = date(2026, 1, 11)
    created_at = NOW
