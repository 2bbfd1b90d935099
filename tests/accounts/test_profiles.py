"""What profiles say of people: handles, facts, ids made from handles, websites."""

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.actions import merge_people, move_identity, undo_merge
from accounts.keys import account_key
from accounts.models import Identity, Person
from tests.accounts.activity_data import DAY_1, DAY_2, NOW, dataset, identity, imported, log_events
from tests.factories.accounts import IdentityFactory, PersonFactory, UserFactory

pytestmark = pytest.mark.django_db


def _profiles(folder: Path, *accounts: dict[str, Any]) -> None:
    imported(dataset(folder, accounts=accounts))


def _handles() -> list[str]:
    return sorted(Person.objects.values_list("handle", flat=True))


def test_of_people_with_one_handle_each_gets_one_of_their_own(tmp_path: Path) -> None:
    PersonFactory.create(handle="ANN")
    _profiles(
        tmp_path / "a",
        {"account": "1", "handle": "ann"},
        {"account": "2", "handle": "Ben"},
        {"account": "3", "handle": "ben"},
        {"account": "4", "handle": "BEN"},
        {"account": "5"},
    )
    bens = sorted(["2", "3", "4"], key=lambda account: account_key("test", account))
    by_account = {account: identity(account) for account in "12345"}
    assert by_account["1"].person.handle == "ann@test"
    assert [by_account[account].person.handle for account in bens] == [
        by_account[bens[0]].handle,
        f"{by_account[bens[1]].handle}@test",
        f"{bens[2]}@test",
    ]
    assert by_account["5"].person.handle == "5@test"


def test_handles_go_on_with_numbers_where_even_the_ids_are_taken(tmp_path: Path) -> None:
    for taken in ("ann", "ann@test", "1@test", "1@test-2"):
        PersonFactory.create(handle=taken)
    _profiles(tmp_path / "a", {"account": "1", "handle": "ann"})
    assert identity("1").person.handle == "1@test-3"


def test_a_later_profile_adds_and_changes_but_wipes_nothing(tmp_path: Path) -> None:
    _profiles(
        tmp_path / "a",
        {"account": "1", "handle": "ann", "name": "Ann", "bio": "writes", "followers": 10, "verified": True},
    )
    _profiles(tmp_path / "b", {"account": "1", "name": "Ann Ash", "followers": 12, "location": "Berlin"})
    ann = identity("1")
    assert (ann.handle, ann.name, ann.bio, ann.followers, ann.verified) == ("ann", "Ann Ash", "writes", 12, True)
    assert (ann.person.name, ann.person.bio, ann.person.location) == ("Ann Ash", "writes", "Berlin")
    assert ann.person.place is not None
    assert ann.person.place.name == "Berlin"


def test_what_an_operator_wrote_stays(tmp_path: Path) -> None:
    _profiles(tmp_path / "a", {"account": "1", "handle": "ann", "name": "Ann", "location": "Berlin"})
    person = identity("1").person
    Person.objects.filter(pk=person.pk).update(name="Dr Ann Ash", place=None)
    _profiles(tmp_path / "b", {"account": "1", "name": "Annie", "bio": "new", "location": "Berlin"})
    person.refresh_from_db()
    assert (person.name, person.bio, person.place) == ("Dr Ann Ash", "new", None)
    assert identity("1").name == "Annie"


def test_a_claimed_profile_is_its_owners(tmp_path: Path) -> None:
    _profiles(tmp_path / "a", {"account": "1", "name": "Ann"})
    person = identity("1").person
    Person.objects.filter(pk=person.pk).update(
        user=UserFactory.create(), claimed_at=NOW, claimed_via="operator", bio=""
    )
    _profiles(tmp_path / "b", {"account": "1", "handle": "ann", "name": "Annie", "bio": "new"})
    person.refresh_from_db()
    assert (person.handle, person.name, person.bio) == ("1@test", "Ann", "")
    assert (identity("1").name, identity("1").handle) == ("Annie", "ann")


def test_who_was_called_by_an_id_gets_the_handle_once_it_is_known(tmp_path: Path) -> None:
    imported(dataset(tmp_path / "a", interactions=[(DAY_1, "like", "1", "2")]))
    _profiles(tmp_path / "b", {"account": "1", "handle": "ann"}, {"account": "2", "handle": "Ann"})
    first, second = sorted(["1", "2"], key=lambda account: account_key("test", account))
    assert identity(first).person.handle == identity(first).handle
    assert identity(second).person.handle == f"{second}@test"


def test_the_longest_texts_that_readers_let_in_fit(tmp_path: Path) -> None:
    PersonFactory.create(handle="é" * 255)
    long = {"account": "a" * 255, "handle": "é" * 255, "name": "é" * 300, "location": "é" * 300}
    website = "https://example.com/" + "é" * 480
    _profiles(tmp_path / "a", long | {"website": website}, long | {"account": "b" * 255, "website": website + "é"})
    known = identity("a" * 255)
    assert (len(known.name), len(known.location), known.website) == (255, 255, website)
    assert identity("b" * 255).website == ""
    assert known.person.handle in {"é" * 255 + "@test", "a" * 255 + "@test"}


class TestHandlesWithoutIds:
    """Rows that name an account by "@handle" only."""

    def test_a_known_handle_stands_for_its_account(self, tmp_path: Path) -> None:
        _profiles(tmp_path / "a", {"account": "7", "handle": "Ann"})
        report = imported(dataset(tmp_path / "b", interactions=[(DAY_1, "repost", "1", "@ann")]))
        assert (report.people, report.identities) == (1, 1)
        assert log_events() == [(DAY_1, "repost", "1@test", "7@test")]
        assert identity("@ann").alias_of_id == identity("7").pk
        assert identity("@ann").person == identity("7").person

    def test_it_goes_on_standing_for_it_when_the_handle_changes_hands(self, tmp_path: Path) -> None:
        _profiles(tmp_path / "a", {"account": "7", "handle": "ann"})
        path = dataset(tmp_path / "b", interactions=[(DAY_1, "repost", "1", "@ann")])
        imported(path)
        _profiles(tmp_path / "c", {"account": "7", "handle": "ann_old"}, {"account": "8", "handle": "ann"})
        assert imported(path).interactions == 0
        assert log_events() == [(DAY_1, "repost", "1@test", "7@test")]

    def test_an_unknown_handle_is_a_person_until_its_account_shows(self, tmp_path: Path) -> None:
        path = dataset(tmp_path / "a", interactions=[(DAY_1, "repost", "1", "@ann")])
        imported(path)
        person = identity("@ann").person
        _profiles(tmp_path / "b", {"account": "7", "handle": "Ann", "name": "Ann Ash"})
        assert identity("7").person == person
        assert sorted(_handles()) == ["1@test", "ann"]
        assert imported(path).interactions == 0, "its rows stay under the id that they came with"
        assert {each.external_id for each in person.identities.all()} == {"@ann", "7"}
        assert [each.external_id for each in person.identities.accounts()] == ["7"]

    @pytest.mark.parametrize("rest", ["@ann", " ann"])
    def test_an_id_that_only_looks_made_from_a_handle_gives_none(self, tmp_path: Path, rest: str) -> None:
        imported(dataset(tmp_path / "a", interactions=[(DAY_1, "repost", "1", f"@{rest}")]))
        assert set(Identity.objects.values_list("handle", flat=True)) == {""}
        assert set(_handles()) == {"1@test", f"@{rest}@test"}

    def test_of_two_networks_handles_without_accounts_one_is_called_by_it(self, tmp_path: Path) -> None:
        for network in ("one", "two"):
            path = dataset(tmp_path / network, interactions=[(DAY_1, "repost", "1", "@ann")])
            imported(path, network=network)
        assert sorted(_handles()) == ["1@one", "1@two", "ann", "ann@two"]

    def test_an_account_known_by_id_turns_out_to_have_the_handle(self, tmp_path: Path) -> None:
        imported(
            dataset(
                tmp_path / "a",
                interactions=[(DAY_1, "repost", "7", "@ann")],
                accounts=[{"account": "@ann", "handle": "ann"}],
            )
        )
        assert _handles() == ["7@test", "ann"]
        made = identity("@ann").person
        _profiles(tmp_path / "b", {"account": "7", "handle": "Ann"})
        assert identity("@ann").person == identity("7").person
        assert not Person.objects.filter(pk=made.pk).exists()
        assert _handles() == ["Ann"]
        assert [each.external_id for each in identity("7").person.identities.accounts()] == ["7"]

    def test_an_account_of_which_only_the_handle_is_known_is_one(self, tmp_path: Path) -> None:
        imported(dataset(tmp_path / "a", interactions=[(DAY_1, "repost", "@ben", "@ann")]))
        person = identity("@ann").person
        Identity.objects.filter(external_id="@ben").update(person=person)
        assert {each.external_id for each in person.identities.accounts()} == {"@ann", "@ben"}

    def test_not_if_somebody_claimed_it_meanwhile(self, tmp_path: Path) -> None:
        imported(dataset(tmp_path / "a", interactions=[(DAY_1, "repost", "7", "@ann")]))
        made = identity("@ann").person
        Person.objects.filter(pk=made.pk).update(user=UserFactory.create(), claimed_at=NOW, claimed_via="operator")
        _profiles(tmp_path / "b", {"account": "7", "handle": "ann"})
        assert identity("@ann").person == made
        assert identity("7").person != made

    def test_not_if_an_operator_trusted_it(self, tmp_path: Path) -> None:
        imported(dataset(tmp_path / "a", interactions=[(DAY_1, "repost", "7", "@ann")]))
        made = identity("@ann").person
        Person.objects.filter(pk=made.pk).update(is_seed=True)
        _profiles(tmp_path / "b", {"account": "7", "handle": "ann"})
        assert identity("@ann").person == made
        assert Person.objects.get(pk=made.pk).is_seed
        assert not identity("7").person.is_seed

    @pytest.mark.parametrize("is_claimed", [False, True])
    def test_who_hid_under_a_handle_is_hidden_under_the_account_too(self, tmp_path: Path, is_claimed: bool) -> None:
        imported(dataset(tmp_path / "a", interactions=[(DAY_1, "repost", "7", "@ann"), (DAY_1, "repost", "8", "1")]))
        made = identity("@ann").person
        Person.objects.filter(pk=made.pk).update(is_hidden=True)
        if is_claimed:
            Person.objects.filter(identities=identity("7")).update(
                user=UserFactory.create(), claimed_at=NOW, claimed_via="operator"
            )
        _profiles(tmp_path / "b", {"account": "7", "handle": "ann"}, {"account": "8", "handle": "ben"})
        assert identity("@ann").person == made
        assert identity("7").person.is_hidden is not is_claimed, "who claimed a profile says so themselves"
        assert not identity("8").person.is_hidden

    def test_not_if_an_operator_gave_it_to_somebody(self, tmp_path: Path) -> None:
        imported(dataset(tmp_path / "a", interactions=[(DAY_1, "repost", "7", "@ann")]))
        owner = PersonFactory.create()
        move_identity(identity("@ann"), person=owner, by=UserFactory.create(), now=NOW)
        _profiles(tmp_path / "b", {"account": "7", "handle": "ann"})
        assert identity("@ann").person == owner
        assert identity("7").person != owner

    def test_not_if_an_operator_took_them_apart(self, tmp_path: Path) -> None:
        imported(dataset(tmp_path / "a", interactions=[(DAY_1, "repost", "7", "@ann")]))
        made, own = identity("@ann").person, identity("7").person
        by = UserFactory.create(is_superuser=True)
        undo_merge(merge=merge_people(kept=own, merged=made, by=by, now=NOW), by=by, now=NOW)
        _profiles(tmp_path / "b", {"account": "7", "handle": "ann"})
        assert (identity("@ann").person, identity("7").person) == (made, own)

    def test_not_if_its_owner_proved_it(self, tmp_path: Path) -> None:
        imported(dataset(tmp_path / "a", interactions=[(DAY_1, "repost", "7", "@ann")]))
        made = identity("@ann").person
        Identity.objects.filter(external_id="@ann").update(proved_at=NOW)
        _profiles(tmp_path / "b", {"account": "7", "handle": "ann"})
        assert identity("@ann").person == made
        assert identity("7").person != made

    @pytest.mark.parametrize("is_known", [False, True])
    @pytest.mark.parametrize("said", ["claimed", "trusted", "nothing"])
    def test_who_takes_over_the_handle_later_is_somebody_else(self, tmp_path: Path, is_known: bool, said: str) -> None:
        imported(dataset(tmp_path / "a", interactions=[(DAY_1, "repost", "8" if is_known else "1", "@ann")]))
        _profiles(tmp_path / "b", {"account": "7", "handle": "ann"})
        ann = identity("7").person
        assert identity("@ann").person == ann
        if said == "claimed":
            Person.objects.filter(pk=ann.pk).update(user=UserFactory.create(), claimed_at=NOW, claimed_via="operator")
        Person.objects.filter(pk=ann.pk).update(is_seed=said == "trusted")
        _profiles(tmp_path / "c", {"account": "7", "handle": "ann_old"}, {"account": "8", "handle": "ann"})
        assert identity("7").person == identity("@ann").person == ann
        assert identity("8").person != ann
        assert not identity("8").person.is_seed

    def test_a_handle_that_two_accounts_have_stands_for_neither(self, tmp_path: Path) -> None:
        _profiles(tmp_path / "a", {"account": "7", "handle": "ann"}, {"account": "8", "handle": "Ann"})
        imported(dataset(tmp_path / "b", interactions=[(DAY_1, "repost", "1", "@ann")]))
        assert log_events() == [(DAY_1, "repost", "1@test", "@ann@test")]
        assert identity("@ann").alias_of is None


class TestWebsites:
    """Whose a website is, and the links to it."""

    def _post(self, post: str, author: str, link: str, at: int = DAY_1, **given: Any) -> dict[str, Any]:
        return {"post": post, "at": at, "author": author, "links": [link], **given}

    def test_links_to_the_website_of_one_profile_are_attention_to_its_person(self, tmp_path: Path) -> None:
        imported(
            dataset(
                tmp_path / "a",
                accounts=[{"account": "seth", "handle": "seth", "website": "https://www.Seths.blog/about"}],
                posts=[
                    self._post("p1", "1", "http://seths.blog/2012"),
                    self._post("p2", "2", "https://elsewhere.example/"),
                    self._post("p3", "3", "https://seths.blog/", at=DAY_2, kind="reshare"),
                    self._post("p4", "seth", "https://seths.blog/", at=DAY_2),
                ],
            )
        )
        website = identity("seths.blog", "web")
        assert website.person == identity("seth").person
        assert website.url == "https://seths.blog/"
        assert log_events() == [
            (DAY_1, "link", "1@test", "seths.blog@web"),
            (DAY_2, "link", "seth@test", "seths.blog@web"),
        ]
        assert not Identity.objects.filter(external_id="elsewhere.example").exists()

    def test_a_host_that_two_people_name_is_a_person_of_its_own(self, tmp_path: Path) -> None:
        one = {"account": "1", "handle": "reader", "website": "https://nytimes.com"}
        _profiles(tmp_path / "a", one)
        assert identity("nytimes.com", "web").person == identity("1").person
        two = {"account": "2", "handle": "writer", "website": "https://nytimes.com/by/writer"}
        report = imported(dataset(tmp_path / "b", accounts=[two]))
        assert (report.people, report.identities) == (2, 1), "the writer, and the website as somebody else"
        website = identity("nytimes.com", "web")
        assert website.person.handle == "nytimes.com"
        assert website.person not in {identity("1").person, identity("2").person}
        # The same again, and it stays so.
        _profiles(tmp_path / "c", one)
        assert identity("nytimes.com", "web").person == website.person

    def test_a_host_whose_handles_are_all_taken_gets_the_next_number(self, tmp_path: Path) -> None:
        for taken in ("NYTimes.com", "nytimes.com@web", "nytimes.com@web-2"):
            PersonFactory.create(handle=taken)
        _profiles(tmp_path / "a", {"account": "1", "website": "https://nytimes.com"})
        _profiles(tmp_path / "b", {"account": "2", "website": "https://nytimes.com"})
        assert identity("nytimes.com", "web").person.handle == "nytimes.com@web-3"

    def test_the_only_verified_one_who_names_it_has_it(self, tmp_path: Path) -> None:
        _profiles(
            tmp_path / "a",
            {"account": "1", "website": "https://nytimes.com", "verified": True},
            {"account": "2", "website": "https://nytimes.com"},
        )
        assert identity("nytimes.com", "web").person == identity("1").person
        _profiles(tmp_path / "b", {"account": "3", "website": "https://nytimes.com", "verified": True})
        assert identity("nytimes.com", "web").person.handle == "nytimes.com"

    def test_two_accounts_of_one_person_name_it_together(self, tmp_path: Path) -> None:
        both = [{"account": "1", "website": "https://seths.blog"}, {"account": "2"}]
        _profiles(tmp_path / "a", *both)
        Identity.objects.filter(pk=identity("2").pk).update(person=identity("1").person)
        _profiles(tmp_path / "b", {"account": "2", "website": "https://seths.blog"})
        assert identity("seths.blog", "web").person == identity("1").person

    def test_a_website_that_was_a_person_joins_who_names_it(self, tmp_path: Path) -> None:
        imported(
            dataset(
                tmp_path / "a",
                interactions=[
                    {"at": DAY_1, "kind": "link", "actor": "1", "target": "seths.blog", "target_network": "web"}
                ],
            )
        )
        alone = identity("seths.blog", "web").person
        assert alone.handle == "seths.blog"
        _profiles(tmp_path / "b", {"account": "seth", "website": "seths.blog"})
        assert identity("seths.blog", "web").person == identity("seth").person
        assert not Person.objects.filter(pk=alone.pk).exists()

    def test_neither_a_proved_nor_a_claimed_website_moves(self, tmp_path: Path) -> None:
        proved = IdentityFactory.create(
            network__slug="web", external_id="proved.example", handle="proved.example", proved_at=timezone.now()
        )
        claimed = IdentityFactory.create(
            network__slug="web",
            external_id="claimed.example",
            handle="claimed.example",
            person__user=UserFactory.create(),
            person__claimed_at=NOW,
            person__claimed_via="operator",
        )
        _profiles(
            tmp_path / "a",
            {"account": "1", "website": "https://proved.example"},
            {"account": "2", "website": "https://claimed.example"},
        )
        assert identity("proved.example", "web").person == proved.person
        assert identity("claimed.example", "web").person == claimed.person

    @pytest.mark.parametrize(
        "website", ["https://facebook.com/ann", "https://t.co/abc", "not a website", "ftp://a.example"]
    )
    def test_shared_hosts_and_shorteners_are_nobodys(self, tmp_path: Path, website: str) -> None:
        _profiles(tmp_path / "a", {"account": "1", "website": website})
        assert identity("1").website == website
        assert list(Identity.objects.values_list("network_id", flat=True)) == ["test"]
