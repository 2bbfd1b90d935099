"""API keys, claims, and what the engine asks of accounts."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from accounts import queries
from accounts.actions import ClaimRefused, claim_person, create_api_key, revoke_api_key
from accounts.models import ApiKey, Identity, Person, User
from accounts.purposes import PurposeRefused
from tests.asked import tables_asked
from tests.factories.accounts import IdentityFactory, LogFileFactory, PersonFactory, UserFactory

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.django_db
class TestKeys:
    def test_a_key_opens_until_it_is_revoked(self) -> None:
        service, operator = UserFactory.create(is_service=True), UserFactory.create()
        key, text = create_api_key(name="partner", purpose="Plan whom to invite.", user=service, by=operator, now=NOW)
        assert (key.user, key.created_by, key.created_at) == (service, operator, NOW)
        found = queries.authenticate_key(text, now=NOW)
        assert found == key
        assert found is not None
        assert found.user == service
        assert revoke_api_key(key, by=operator, now=NOW) is True
        assert queries.authenticate_key(text, now=NOW) is None
        assert revoke_api_key(key, by=operator, now=NOW + timedelta(days=1)) is False
        assert ApiKey.objects.get().revoked_at == NOW

    def test_of_the_text_nothing_but_its_beginning_is_kept(self) -> None:
        key, text = create_api_key(
            name="partner", purpose="Plan whom to invite.", user=UserFactory.create(is_service=True), by=None, now=NOW
        )
        head, prefix, secret = text.split("_")
        assert (head, prefix, len(prefix)) == ("sway", key.prefix, 8)
        assert len(secret) >= 32
        kept = " ".join(str(value) for value in ApiKey.objects.values_list().get())
        assert secret not in kept
        assert text not in kept

    @pytest.mark.parametrize(
        "wrong",
        [
            "",
            "sway",
            "sway_",
            "sway__",
            "Bearer",
            "sway_{prefix}_",
            "sway_{prefix}_x",
            "SWAY_{rest}",
            "{text}x",
            "{text} ",
        ],
    )
    def test_other_texts_open_nothing(self, wrong: str) -> None:
        key, text = create_api_key(
            name="partner", purpose="Plan whom to invite.", user=UserFactory.create(is_service=True), by=None, now=NOW
        )
        tried = wrong.format(prefix=key.prefix, rest=text.removeprefix("sway_"), text=text)
        assert queries.authenticate_key(tried, now=NOW) is None

    def test_a_login_that_was_closed_closes_its_keys(self) -> None:
        service = UserFactory.create(is_service=True)
        _, text = create_api_key(name="partner", purpose="Plan whom to invite.", user=service, by=None, now=NOW)
        service.is_active = False
        service.save()
        assert queries.authenticate_key(text, now=NOW) is None

    def test_a_login_that_is_a_persons_from_now_on_closes_its_keys(self, client: Client) -> None:
        service = UserFactory.create(is_service=True)
        _, text = create_api_key(name="partner", purpose="Plan whom to invite.", user=service, by=None, now=NOW)
        headers = {"Authorization": f"Bearer {text}"}
        assert client.get("/api/v1/topics/", headers=headers).status_code == 200
        # As an operator might, by whatever way: the key would have all rights.
        User.objects.filter(pk=service.pk).update(is_service=False, is_superuser=True)
        assert client.get("/api/v1/topics/", headers=headers).status_code == 401

    def test_keys_act_as_service_users_only(self) -> None:
        with pytest.raises(ValueError, match="service user"):
            create_api_key(name="partner", purpose="Plan whom to invite.", user=UserFactory.create(), by=None, now=NOW)
        service = UserFactory.create(is_service=True)
        with pytest.raises(PurposeRefused, match="is about housing"):
            create_api_key(name="partner", purpose="Choose tenants for flats", user=service, by=None, now=NOW)
        assert ApiKey.objects.count() == 0

    def test_its_use_is_noted_once_a_minute(self) -> None:
        key, text = create_api_key(
            name="partner", purpose="Plan whom to invite.", user=UserFactory.create(is_service=True), by=None, now=NOW
        )

        def used(seconds: int) -> list[str]:
            with tables_asked() as asked:
                queries.authenticate_key(text, now=NOW + timedelta(seconds=seconds))
            key.refresh_from_db()
            return asked

        assert used(0) == ["accounts_apikey", "accounts_apikey"]
        assert key.last_used_at == NOW
        assert used(59) == ["accounts_apikey"]
        assert key.last_used_at == NOW
        assert used(60) == ["accounts_apikey", "accounts_apikey"]
        assert key.last_used_at == NOW + timedelta(seconds=60)


@pytest.mark.django_db
class TestClaims:
    def test_a_person_is_joined_to_a_login(self) -> None:
        person, user = PersonFactory.create(), UserFactory.create()
        assert claim_person(person, user=user, via="invitation", by=user, now=NOW) == person
        person.refresh_from_db()
        assert (person.user, person.claimed_at, person.claimed_via) == (user, NOW, "invitation")

    def test_again_changes_nothing(self) -> None:
        person, user = PersonFactory.create(), UserFactory.create()
        claim_person(person, user=user, via="invitation", by=user, now=NOW)
        claim_person(person, user=user, via="operator", by=UserFactory.create(), now=NOW + timedelta(days=1))
        person.refresh_from_db()
        assert (person.claimed_at, person.claimed_via) == (NOW, "invitation")

    def test_what_somebody_has_nobody_else_gets(self) -> None:
        person, first, second = PersonFactory.create(), UserFactory.create(), UserFactory.create()
        claim_person(person, user=first, via="invitation", by=first, now=NOW)
        with pytest.raises(ClaimRefused, match="Somebody else"):
            claim_person(person, user=second, via="invitation", by=second, now=NOW)
        person.refresh_from_db()
        assert person.user == first

    def test_nobody_is_two_people(self) -> None:
        person, other, user = PersonFactory.create(), PersonFactory.create(), UserFactory.create()
        claim_person(person, user=user, via="invitation", by=user, now=NOW)
        with pytest.raises(ClaimRefused, match="another profile"):
            claim_person(other, user=user, via="invitation", by=user, now=NOW)
        other.refresh_from_db()
        assert (other.user, other.claimed_at) == (None, None)

    def test_a_service_user_is_nobody(self) -> None:
        person, service = PersonFactory.create(), UserFactory.create(is_service=True)
        with pytest.raises(ClaimRefused, match="service user"):
            claim_person(person, user=service, via="operator", by=UserFactory.create(), now=NOW)
        person.refresh_from_db()
        assert person.user is None

    def test_a_person_whose_login_was_deleted_can_be_claimed_anew(self) -> None:
        person, user = PersonFactory.create(), UserFactory.create()
        claim_person(person, user=user, via="invitation", by=user, now=NOW)
        user.delete()
        again = UserFactory.create()
        claim_person(person, user=again, via="operator", by=again, now=NOW + timedelta(days=1))
        person.refresh_from_db()
        assert (person.user, person.claimed_via) == (again, "operator")


@pytest.mark.django_db(transaction=True)
def test_of_two_claims_at_once_one_is_refused() -> None:
    person = PersonFactory.create()
    together = threading.Barrier(2, timeout=30)
    ended: list[str] = []

    def claim() -> None:
        try:
            user = UserFactory.create()
            together.wait()
            claim_person(person, user=user, via="invitation", by=user, now=NOW)
            ended.append("claimed")
        except ClaimRefused:
            ended.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=claim) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ended) == ["claimed", "refused"]
    assert Person.objects.get().user is not None


@pytest.mark.django_db
class TestQueries:
    def test_owners_are_all_identities_with_their_people(self) -> None:
        person = PersonFactory.create()
        first, second = IdentityFactory.create_batch(2, person=person)
        third = IdentityFactory.create()
        with tables_asked() as asked:
            table = queries.owners()
        assert asked == ["accounts_identity"]
        assert str(table.schema) == "account: int64\nperson: int64"
        assert {(row["account"], row["person"]) for row in table.to_pylist()} == {
            (first.pk, person.pk),
            (second.pk, person.pk),
            (third.pk, third.person_id),
        }

    def test_numbers_come_in_pieces_and_stay_together(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(queries, "_AT_ONCE", 2)
        made = IdentityFactory.create_batch(5)
        Identity.objects.filter(pk=made[0].pk).update(key=-(2**63))
        found = queries.numbers(Identity.objects.order_by("-person"), "key", "person_id")
        assert [column.dtype for column in found] == [np.int64, np.int64]
        rows = set(zip(*(column.tolist() for column in found), strict=True))
        assert rows == set(Identity.objects.values_list("key", "person_id"))
        assert (-(2**63), made[0].person_id) in rows
        some = Identity.objects.filter(handle=made[1].handle)
        assert [column.tolist() for column in queries.numbers(some, "key")] == [[made[1].key]]

    def test_no_owners_are_an_empty_table(self) -> None:
        assert queries.owners().num_rows == 0
        assert queries.seed_persons().tolist() == []

    def test_trust_starts_at_the_vouched_the_proved_and_the_verified(self) -> None:
        vouched = PersonFactory.create(is_seed=True)
        proved = IdentityFactory.create(proved_at=NOW).person
        verified = IdentityFactory.create(verified=True).person
        IdentityFactory.create(person=verified, proved_at=NOW)
        IdentityFactory.create()
        found = queries.seed_persons()
        assert found.tolist() == sorted([vouched.pk, proved.pk, verified.pk])
        assert str(found.dtype) == "int64"

    def test_log_files_are_those_of_days_that_begin_before(self) -> None:
        for day in ("2026-02-27", "2026-02-28", "2026-03-01"):
            LogFileFactory.create(day=day, path=f"interactions/day={day}/a.parquet")
        LogFileFactory.create(table="posts", day="2026-02-27", path="posts/a.parquet")

        def found(until: datetime | None) -> list[str]:
            files = queries.log_files("interactions", until)
            return [Path(str(path)).relative_to(settings.ACTIVITY_LOG).parts[1] for path in files]

        assert found(None) == ["day=2026-02-27", "day=2026-02-28", "day=2026-03-01"]
        assert found(datetime(2026, 3, 1, tzinfo=UTC)) == ["day=2026-02-27", "day=2026-02-28"]
        assert found(datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC)) == found(None)
        assert queries.log_files("posts") == [Path(settings.ACTIVITY_LOG) / "posts/a.parquet"]
