"""What the models keep to: circles on the index, who sees whom, and what the database refuses."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.db import IntegrityError, connection, transaction

from accounts.models import Activity, ApiKey, Identity, LogFile, Person, Place, User, Viewer
from accounts.places import haversine_km
from tests.factories.accounts import (
    ActivityFactory,
    ApiKeyFactory,
    ErasedAccountFactory,
    IdentityFactory,
    LogFileFactory,
    NetworkFactory,
    PersonFactory,
    PlaceFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TORONTO = (43.70011, -79.4163)


def _place(name: str, latitude: float, longitude: float) -> Place:
    place: Place = PlaceFactory.create(name=name, latitude=latitude, longitude=longitude)
    return place


def _within(latitude: float, longitude: float, radius_km: float) -> list[str]:
    return sorted(Place.objects.within(latitude, longitude, radius_km).values_list("name", flat=True))


class TestCircles:
    def test_fifty_kilometres_around_toronto(self) -> None:
        _place("Toronto", *TORONTO)
        _place("Mississauga", 43.5789, -79.6583)
        _place("Oshawa", 43.90012, -78.84957)  # 51 km
        _place("Hamilton", 43.25011, -79.84963)  # 61 km
        _place("Buffalo", 42.88645, -78.87837)
        assert _within(*TORONTO, 50) == ["Mississauga", "Toronto"]
        assert _within(*TORONTO, 52) == ["Mississauga", "Oshawa", "Toronto"]

    def test_a_corner_of_the_box_is_not_in_the_circle(self) -> None:
        _place("corner", TORONTO[0] + 0.4, TORONTO[1] + 0.55)  # 63 km off, 44 km along each axis
        assert _within(*TORONTO, 50) == []

    @pytest.mark.parametrize("longitude", [179.9, -179.9])
    def test_the_date_line_parts_nobody(self, longitude: float) -> None:
        _place("west of it", -16.5, 179.8)
        _place("east of it", -16.5, -179.8)
        _place("far", -16.5, 178.0)
        assert _within(-16.5, longitude, 50) == ["east of it", "west of it"]

    @pytest.mark.parametrize("latitude", [90.0, 89.9, 89.5])
    def test_around_a_pole_every_longitude_is_near(self, latitude: float) -> None:
        for longitude in (-180.0, -90.0, 0.0, 90.0, 180.0):
            _place(f"{longitude:+.0f}", 89.8, longitude)
        _place("south", 88.0, 0.0)
        assert _within(latitude, 0.0, 100) == ["+0", "+180", "+90", "-180", "-90"]

    def test_half_the_earth_is_everything(self) -> None:
        _place("antipode", -TORONTO[0], 180 + TORONTO[1])
        assert _within(*TORONTO, 20_020) == ["antipode"]
        assert _within(*TORONTO, 20_000) == []

    def test_any_circle_is_what_the_formula_says(self) -> None:
        dice = random.Random(7)
        places = [(dice.uniform(-90, 90), dice.uniform(-180, 180)) for _ in range(300)]
        Place.objects.bulk_create(
            Place(geoname_id=n, name=str(n), country="XX", latitude=latitude, longitude=longitude)
            for n, (latitude, longitude) in enumerate(places)
        )
        for _ in range(60):
            latitude, longitude = dice.choice([dice.uniform(-90, 90), 90.0, -89.9]), dice.uniform(-180, 180)
            radius = 10 ** dice.uniform(1, 4.2)
            expected = sorted(
                str(n) for n, place in enumerate(places) if haversine_km(latitude, longitude, *place) <= radius
            )
            assert _within(latitude, longitude, radius) == expected, (latitude, longitude, radius)

    @pytest.mark.parametrize("longitude", [-79.4, 179.9])
    def test_the_index_is_used(self, longitude: float) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        plan = Place.objects.within(43.7, longitude, 50).explain()
        assert "place_point" in plan
        assert "Seq Scan" not in plan

    def test_people_are_near_where_their_city_is(self) -> None:
        near = PersonFactory.create(place=_place("Toronto", *TORONTO))
        PersonFactory.create(place=_place("Berlin", 52.52437, 13.41053))
        PersonFactory.create(place=None)
        assert list(Person.objects.near(*TORONTO, 50)) == [near]


class TestVisibility:
    """Who sees whom: rows are people, columns are viewers."""

    @pytest.fixture
    def people(self) -> dict[str, Person]:
        return {
            f"{'claimed' if claimed else 'unclaimed'}{' hidden' if hidden else ''}": PersonFactory.create(
                is_hidden=hidden,
                user=UserFactory.create() if claimed else None,
                claimed_at=NOW if claimed else None,
                claimed_via="operator" if claimed else "",
            )
            for claimed in (True, False)
            for hidden in (True, False)
        }

    @staticmethod
    def _brand() -> User:
        user: User = UserFactory.create(is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_person", content_type__app_label="accounts"))
        return User.objects.get(pk=user.pk)

    @pytest.mark.parametrize(
        ("viewer", "seen"),
        [
            ("operator", {"claimed", "claimed hidden", "unclaimed", "unclaimed hidden"}),
            ("brand", {"claimed", "unclaimed"}),
            ("login", {"claimed"}),
            ("nobody", {"claimed"}),
            ("the hidden one", {"claimed", "claimed hidden"}),
            ("closed brand", {"claimed"}),
        ],
    )
    def test_each_sees(self, people: dict[str, Person], viewer: str, seen: set[str]) -> None:
        viewers: dict[str, Callable[[], Viewer]] = {
            "operator": lambda: UserFactory.create(is_superuser=True),
            "brand": self._brand,
            "login": UserFactory.create,
            "nobody": AnonymousUser,
            "the hidden one": lambda: people["claimed hidden"].user or AnonymousUser(),
            "closed brand": self._closed_brand,
        }
        visible = set(Person.objects.visible_to(viewers[viewer]()))
        assert {name for name, person in people.items() if person in visible} == seen

    def _closed_brand(self) -> User:
        user = self._brand()
        user.is_active = False
        user.save()
        return user


def _claim(**fields: Any) -> Any:
    return lambda: Person.objects.filter(pk=PersonFactory.create().pk).update(**fields)


@pytest.mark.parametrize(
    ("constraint", "attempt"),
    [
        ("network_slug_plain", lambda: NetworkFactory.create(slug="Foo")),
        ("network_slug_plain", lambda: NetworkFactory.create(slug="")),
        ("place_on_earth", lambda: PlaceFactory.create(latitude=90.1)),
        ("place_on_earth", lambda: PlaceFactory.create(longitude=-180.1)),
        ("person_has_handle", lambda: PersonFactory.create(handle="")),
        ("person_handle_unique", lambda: [PersonFactory.create(handle=handle) for handle in ("Ann", "aNN")]),
        ("person_claimed_at_and_via", _claim(claimed_at=NOW)),
        ("person_claimed_at_and_via", _claim(claimed_via="operator")),
        ("person_user_means_claimed", lambda: PersonFactory.create(user=UserFactory.create())),
        (
            "accounts_person_user_id_key",
            lambda: PersonFactory.create_batch(2, user=UserFactory.create(), claimed_at=NOW, claimed_via="operator"),
        ),
        ("identity_unique", lambda: [IdentityFactory.create(key=key, external_id="1") for key in (1, 2)]),
        ("accounts_identity_pkey", lambda: IdentityFactory.create_batch(2, key=1)),
        ("identity_has_id", lambda: IdentityFactory.create(external_id="")),
        ("identity_followers_not_negative", lambda: IdentityFactory.create(followers=-1)),
        ("identity_alias_is_a_handle", lambda: IdentityFactory.create(alias_of=IdentityFactory.create())),
        ("logfile_not_empty", lambda: LogFileFactory.create(rows=0)),
        (
            "erased_before_rewritten",
            lambda: ErasedAccountFactory.create(erased_at=NOW, rewritten_at=NOW - timedelta(days=1)),
        ),
        ("network_texts_kept_a_day", lambda: NetworkFactory.create(texts_kept_days=0)),
        ("accounts_logfile_path_key", lambda: LogFileFactory.create_batch(2, path="one")),
        ("activity_kind_known", lambda: ActivityFactory.create(kind="hate")),
        (
            "activity_event_unique",
            lambda: ActivityFactory.create_batch(
                2, at=NOW, actor=IdentityFactory.create(), target=IdentityFactory.create()
            ),
        ),
        ("accounts_apikey_prefix_key", lambda: ApiKeyFactory.create_batch(2, prefix="same")),
        ("user_service_has_no_password", lambda: User.objects.create_user("partner", password="p", is_service=True)),
        ("user_service_is_no_superuser", lambda: UserFactory.create(is_service=True, is_superuser=True)),
    ],
)
def test_the_database_refuses(constraint: str, attempt: Callable[[], object]) -> None:
    with pytest.raises(IntegrityError, match=f'"{constraint}"'), transaction.atomic():
        attempt()


def test_every_row_says_something_of_its_own() -> None:
    made = [
        factory.create_batch(2)
        for factory in (
            UserFactory,
            PlaceFactory,
            PersonFactory,
            IdentityFactory,
            LogFileFactory,
            ErasedAccountFactory,
            ActivityFactory,
            ApiKeyFactory,
        )
    ]
    for first, second in made:
        assert str(first) != str(second)
        assert str(first)


def test_what_is_deleted_takes_with_it_what_is_nothing_without_it() -> None:
    identity = IdentityFactory.create(
        person__user=UserFactory.create(), person__claimed_at=NOW, person__claimed_via="operator"
    )
    ActivityFactory.create(actor=identity)
    person = identity.person
    User.objects.filter(person=person).delete()
    person.refresh_from_db()
    assert (person.user, person.claimed_at) == (None, NOW)
    person.delete()
    assert not Identity.objects.filter(pk=identity.pk).exists()
    assert not Activity.objects.exists()


def test_rows_of_a_file_that_is_gone_are_to_be_moved_again() -> None:
    activity = ActivityFactory.create(log_file=LogFileFactory.create())
    assert not Activity.objects.not_in_log().exists()
    LogFile.objects.all().delete()
    assert list(Activity.objects.not_in_log()) == [activity]


def test_live_keys_are_those_that_open() -> None:
    live = ApiKeyFactory.create()
    ApiKeyFactory.create(revoked_at=NOW - timedelta(days=1))
    ApiKeyFactory.create(user__is_active=False)
    ApiKeyFactory.create(user__is_service=False)
    assert list(ApiKey.objects.live()) == [live]
