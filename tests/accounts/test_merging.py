"""Merging two people who are one, and undoing that: what moves, what stays, what is refused."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts import queries
from accounts.actions import ClaimRefused, MergeRefused, claim_person, merge_people, move_identity, undo_merge
from accounts.actions.people import drop_empty_people
from accounts.models import Identity, Merge, Person, User
from tests.factories.accounts import IdentityFactory, MergeFactory, PersonFactory, UserFactory
from tests.factories.scoring import ScoreFactory, current_run

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
HELD = ["handle", "name", "email", "user", "claimed_at", "claimed_via", "is_hidden", "is_seed", "merged_into"]


@pytest.fixture
def operator() -> User:
    user: User = UserFactory.create(is_superuser=True, is_staff=True)
    return user


def claimed(**given: Any) -> Person:
    person: Person = PersonFactory.create(user=UserFactory.create(), claimed_at=NOW, claimed_via="invitation", **given)
    return person


def state() -> list[Any]:
    """Return who everybody is and whose every account is."""
    return [
        list(Person.objects.order_by("pk").values_list("pk", *HELD)),
        list(Identity.objects.order_by("pk").values_list("pk", "person")),
    ]


class TestMerging:
    def test_identities_go_to_the_kept_and_come_back(self, operator: User) -> None:
        kept, merged = PersonFactory.create(), PersonFactory.create()
        own, other = IdentityFactory.create(person=kept), IdentityFactory.create(person=merged)
        before = state()
        merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW, note="Same site.")
        assert set(kept.identities.all()) == {own, other}
        assert (merge.by, merge.at, merge.note, merge.moved) == (
            operator,
            NOW,
            "Same site.",
            {"accounts.identity": [other.pk]},
        )
        assert queries.owners().column("person").to_pylist() == [kept.pk, kept.pk]
        undone = undo_merge(merge=merge, by=operator, now=LATER)
        assert (undone.undone_at, undone.undone_by) == (LATER, operator)
        assert state() == before
        # Once: what happens afterwards isn't undone a second time.
        move_identity(other, person=kept, by=operator, now=LATER)
        assert undo_merge(merge=merge, by=operator, now=LATER + timedelta(days=1)).undone_at == LATER
        assert kept.identities.count() == 2

    def test_the_merged_is_seen_by_nobody(self, operator: User) -> None:
        kept, merged = claimed(), PersonFactory.create(is_seed=True)
        IdentityFactory.create(person=merged)
        brand = UserFactory.create()
        brand.user_permissions.add(Permission.objects.get(codename="view_person"))
        merge_people(kept=kept, merged=merged, by=operator, now=NOW)
        for user in (operator, User.objects.get(pk=brand.pk), kept.user, AnonymousUser()):
            assert user is not None
            assert list(Person.objects.visible_to(user)) == [kept]
        assert queries.seed_persons().tolist() == [kept.pk]
        assert drop_empty_people([merged.pk]) == 0

    @pytest.mark.parametrize("is_kept", [True, False])
    def test_whoever_hid_stays_hidden(self, operator: User, is_kept: bool) -> None:
        kept, merged = PersonFactory.create(is_hidden=is_kept), PersonFactory.create(is_hidden=not is_kept)
        before = state()
        merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW)
        kept.refresh_from_db()
        assert kept.is_hidden
        undo_merge(merge=merge, by=operator, now=LATER)
        assert state() == before

    def test_who_hid_after_a_merge_stays_hidden_on_both_sides_of_its_undoing(self, operator: User) -> None:
        kept, merged = PersonFactory.create(), PersonFactory.create()
        merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW)
        Person.objects.filter(pk=kept.pk).update(is_hidden=True)
        undo_merge(merge=merge, by=operator, now=LATER)
        assert Person.objects.filter(is_hidden=True).count() == 2

    def test_a_clock_set_back_is_no_reason_against_undoing(self, operator: User) -> None:
        merge = merge_people(kept=PersonFactory.create(), merged=PersonFactory.create(), by=operator, now=LATER)
        undone = undo_merge(merge=merge, by=operator, now=NOW)
        assert undone.undone_at == LATER

    @pytest.mark.parametrize(("one", "other"), [(True, False), (False, True), (True, True), (False, False)])
    def test_whom_an_operator_vouches_for_stays_vouched_for(self, operator: User, one: bool, other: bool) -> None:
        kept, merged = PersonFactory.create(is_seed=one), PersonFactory.create(is_seed=other)
        before = state()
        merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW)
        kept.refresh_from_db()
        assert kept.is_seed == (one or other)
        undo_merge(merge=merge, by=operator, now=LATER)
        assert state() == before

    def test_a_claim_goes_along_and_returns(self, operator: User) -> None:
        kept, merged = PersonFactory.create(), claimed()
        login = merged.user
        before = state()
        merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW)
        kept.refresh_from_db()
        merged.refresh_from_db()
        assert (kept.user, kept.claimed_via, merged.user) == (login, "invitation", None)
        undo_merge(merge=merge, by=operator, now=LATER)
        assert state() == before

    def test_a_claim_made_after_the_merge_stays_with_the_kept(self, operator: User) -> None:
        kept, merged = PersonFactory.create(), PersonFactory.create()
        merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW)
        user = UserFactory.create()
        with pytest.raises(ClaimRefused, match="part of another"):
            claim_person(merged, user=user, via="operator", by=operator, now=NOW)
        claim_person(kept, user=user, via="operator", by=operator, now=NOW)
        undo_merge(merge=merge, by=operator, now=LATER)
        kept.refresh_from_db()
        assert kept.user == user

    def test_what_an_operator_gave_to_somebody_else_since_stays_there(self, operator: User) -> None:
        kept, merged, third = PersonFactory.create_batch(3)
        moved, gained = IdentityFactory.create(person=merged), IdentityFactory.create(person=merged)
        merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW)
        late = IdentityFactory.create(person=kept)
        made = IdentityFactory.create(person=kept, external_id="@late", alias_of=gained)
        move_identity(Identity.objects.get(pk=moved.pk), person=third, by=operator, now=NOW)
        undo_merge(merge=merge, by=operator, now=LATER)
        owners = dict(Identity.objects.values_list("pk", "person"))
        assert owners == {moved.pk: third.pk, gained.pk: merged.pk, late.pk: kept.pk, made.pk: merged.pk}

    def test_an_identity_given_to_the_merged_is_the_kept_ones(self, operator: User) -> None:
        kept, merged = PersonFactory.create(), PersonFactory.create()
        identity = IdentityFactory.create()
        merge_people(kept=kept, merged=merged, by=operator, now=NOW)
        move_identity(identity, person=merged, by=operator, now=LATER)
        identity.refresh_from_db()
        assert identity.person == kept

    def test_with_the_kept_goes_everything(self, operator: User) -> None:
        kept, merged, other = PersonFactory.create_batch(3)
        IdentityFactory.create(person=kept)
        IdentityFactory.create(person=merged)
        merge_people(kept=kept, merged=merged, by=operator, now=NOW)
        kept.delete()
        assert list(Person.objects.all()) == [other]
        assert not Identity.objects.exists()
        assert not Merge.objects.exists()


class TestRefusals:
    def refused(self, kept: Person, merged: Person, by: User, reason: str) -> None:
        before, lines = state(), Merge.objects.count()
        with pytest.raises(MergeRefused, match=reason):
            merge_people(kept=kept, merged=merged, by=by, now=NOW)
        assert state() == before
        assert Merge.objects.count() == lines

    def test_oneself(self, operator: User) -> None:
        person = PersonFactory.create()
        self.refused(person, person, operator, "one person already")

    def test_two_claims(self, operator: User) -> None:
        self.refused(claimed(), claimed(), operator, "a login of its own")

    def test_without_the_permission(self) -> None:
        self.refused(claimed(), PersonFactory.create(), UserFactory.create(), "may not merge")

    def test_whom_one_may_not_see(self) -> None:
        user = UserFactory.create()
        user.user_permissions.add(Permission.objects.get(codename="merge_people"))
        self.refused(claimed(), PersonFactory.create(), User.objects.get(pk=user.pk), "may not see")

    def test_whoever_is_merged_already(self, operator: User) -> None:
        kept, merged, third = PersonFactory.create_batch(3)
        merge_people(kept=kept, merged=merged, by=operator, now=NOW)
        self.refused(third, merged, operator, f"{merged.handle} was merged into {kept.handle} already")
        self.refused(merged, third, operator, f"{merged.handle} was merged into {kept.handle} already")

    def test_undoing_without_the_permission(self, operator: User) -> None:
        merge = merge_people(kept=claimed(), merged=PersonFactory.create(), by=operator, now=NOW)
        before = state()
        with pytest.raises(MergeRefused, match="may not undo"):
            undo_merge(merge=merge, by=UserFactory.create(), now=LATER)
        assert state() == before


class TestMergesThatBuildOnEachOther:
    def test_a_chain_is_one_person_and_is_undone_from_its_end(self, operator: User) -> None:
        first, second, third = [IdentityFactory.create().person for _ in range(3)]
        states = [state()]
        merges = [merge_people(kept=second, merged=first, by=operator, now=NOW)]
        states.append(state())
        merges.append(merge_people(kept=third, merged=second, by=operator, now=NOW))
        assert third.identities.count() == 3
        assert set(third.absorbed.all()) == {first, second}
        with pytest.raises(MergeRefused, match=f"{second.handle} was merged into {third.handle} since: undo that"):
            undo_merge(merge=merges[0], by=operator, now=LATER)
        undo_merge(merge=merges[1], by=operator, now=LATER)
        assert state() == states[1]
        undo_merge(merge=merges[0], by=operator, now=LATER)
        assert state() == states[0]

    def test_two_into_one_are_undone_the_last_one_first(self, operator: User) -> None:
        kept, hidden, other = PersonFactory.create(), PersonFactory.create(is_hidden=True), claimed()
        states = [state()]
        merges = [merge_people(kept=kept, merged=hidden, by=operator, now=NOW)]
        states.append(state())
        merges.append(merge_people(kept=kept, merged=other, by=operator, now=NOW))
        with pytest.raises(MergeRefused, match=f"{other.handle} was merged into {kept.handle} since: undo that"):
            undo_merge(merge=merges[0], by=operator, now=LATER)
        for merge, expected in zip(merges[::-1], states[::-1], strict=True):
            undo_merge(merge=merge, by=operator, now=LATER)
            assert state() == expected

    def test_after_its_undoing_the_same_two_can_be_merged_again(self, operator: User) -> None:
        kept, merged = PersonFactory.create(), PersonFactory.create()
        undo_merge(merge=merge_people(kept=kept, merged=merged, by=operator, now=NOW), by=operator, now=NOW)
        merge_people(kept=merged, merged=kept, by=operator, now=LATER)
        assert list(Person.objects.unmerged()) == [merged]


@pytest.mark.django_db(transaction=True)
def test_of_two_merges_of_one_person_at_once_one_is_refused() -> None:
    # Each by another operator: the lock of who merges isn't what keeps them apart.
    operators = UserFactory.create_batch(2, is_superuser=True)
    merged, *kept = [IdentityFactory.create().person for _ in range(3)]
    together = threading.Barrier(2, timeout=30)
    ended: list[str] = []

    def merge(into: Person, by: User) -> None:
        try:
            together.wait()
            merge_people(kept=into, merged=merged, by=by, now=NOW)
            ended.append("merged")
        except MergeRefused as error:
            ended.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=merge, args=pair) for pair in zip(kept, operators, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    line = Merge.objects.get()
    assert sorted(ended) == ["merged", f"{merged.handle} was merged into {line.kept.handle} already."]
    assert line.kept.identities.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_merges_crosswise_at_once_make_one() -> None:
    operators = UserFactory.create_batch(2, is_superuser=True)
    one, other = [IdentityFactory.create().person for _ in range(2)]
    together = threading.Barrier(2, timeout=30)
    ended: list[str] = []

    def merge(kept: Person, merged: Person, by: User) -> None:
        try:
            together.wait()
            merge_people(kept=kept, merged=merged, by=by, now=NOW)
            ended.append("merged")
        except MergeRefused:
            ended.append("refused")
        finally:
            connection.close()

    calls = [(one, other, operators[0]), (other, one, operators[1])]
    threads = [threading.Thread(target=merge, args=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ended) == ["merged", "refused"]
    assert Person.objects.unmerged().count() == 1


class TestTheDatabaseRefuses:
    def broken(self, name: str, **given: Any) -> None:
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            MergeFactory.create(**given)

    def test_lines_that_cannot_be(self) -> None:
        person = PersonFactory.create()
        self.broken("merge_of_two", kept=person, merged=person)
        self.broken("merge_undone_by_and_at", undone_by=UserFactory.create())
        self.broken("merge_undone_after", undone_at=NOW - timedelta(seconds=1))
        MergeFactory.create(merged=person)
        self.broken("merge_one_standing_per_person", merged=person)
        MergeFactory.create(merged=person, undone_at=NOW)

    def test_a_login_of_somebody_merged(self) -> None:
        with pytest.raises(IntegrityError, match="person_merged_has_no_login"), transaction.atomic():
            claimed(merged_into=PersonFactory.create())


class TestPages:
    def test_both_handles_lead_to_the_kept(self, client: Client, operator: User) -> None:
        kept, merged = claimed(handle="ann"), PersonFactory.create(handle="Ann.Old")
        merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW)
        for handle in ("Ann.Old", "ann.old"):
            assert client.get(reverse("profile", args=[handle]))["Location"] == reverse("profile", args=["ann"])
        assert client.get(reverse("profile", args=["ann"])).status_code == 200
        Person.objects.filter(pk=kept.pk).update(is_hidden=True)
        assert client.get(reverse("profile", args=["Ann.Old"])).status_code == 404
        Person.objects.filter(pk=kept.pk).update(is_hidden=False)
        undo_merge(merge=merge, by=operator, now=LATER)
        assert client.get(reverse("profile", args=["Ann.Old"])).status_code == 404  # nobody claimed it

    def test_the_score_says_that_it_is_from_before_until_a_run_began_later(
        self, client: Client, operator: User
    ) -> None:
        said = "it was changed which accounts are this person"
        kept, merged = claimed(handle="ann"), PersonFactory.create(handle="old")
        run = current_run(as_of=NOW - timedelta(hours=2), started_at=NOW - timedelta(hours=1))
        ScoreFactory.create(run=run, person=kept)
        ScoreFactory.create(run=run, person=merged)
        client.force_login(operator)
        assert said not in client.get("/p/ann").content.decode()
        merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW)
        assert said in client.get("/p/ann").content.decode()
        run.started_at, run.finished_at = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
        run.save()
        assert said not in client.get("/p/ann").content.decode()
        undo_merge(merge=merge, by=operator, now=LATER)
        for handle in ("ann", "old"):
            assert said in client.get(f"/p/{handle}").content.decode()
