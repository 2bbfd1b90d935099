"""Segments and lists to leave out: kept for a brand, told to nobody else, and read anew whenever they are opened."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.actions import erase_person, merge_people, undo_merge
from accounts.models import User
from campaigns import actions
from campaigns.actions import NotYours, SegmentRefused
from campaigns.models import Exclusion, ExclusionList, Membership, Segment
from scoring.models import ScoreRun
from tests.campaigns.conftest import Airlines
from tests.campaigns.listing import LIST, TORONTO, scored
from tests.factories.accounts import IdentityFactory, PersonFactory, PlaceFactory
from tests.factories.campaigns import NOW, BrandFactory, ExclusionFactory, ExclusionListFactory, SegmentFactory
from tests.factories.scoring import TopicFactory

SAVE = reverse("admin:scoring_influencer_segment")
ADD = reverse("admin:campaigns_exclusionlist_add")


def _upload(text: str | bytes, name: str = "list.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode() if isinstance(text, str) else text)


def test_filters_are_saved_opened_and_counted(manager: Client, airlines: Airlines, run: ScoreRun) -> None:
    place = PlaceFactory.create(**TORONTO)
    TopicFactory.create(slug="flying", name="Flying")
    for handle, score in (("low", 10), ("high", 40), ("higher", 50)):
        scored(run, handle, score)
    query = f"near={place.pk}&radius=100&score_from=20&topic=flying&topic=gone&lift=&o=2&p=0&q=+ann+"
    response = manager.post(f"{SAVE}?{query}", {"name": "  Toronto   foodies "})
    segment = Segment.objects.get()
    assert (segment.name, segment.brand, segment.created_by) == ("Toronto foodies", airlines.brand, airlines.manager)
    assert segment.query == {
        "near": [str(place.pk)],
        "radius": ["100"],
        "score_from": ["20"],
        "topic": ["flying"],
        "q": ["ann"],
    }
    assert segment.described == ["on Flying", "near Toronto, ON, CA, 100 km", "score from 20", "named “ann”"]
    assert response["Location"].startswith(f"{LIST}?")
    Segment.objects.update(query={"score_from": ["20"]})
    (chip,) = manager.get(LIST).context["segments"]["chips"]
    assert (chip.name, chip.url, chip.is_open) == ("Toronto foodies", f"{LIST}?score_from=20", False)
    assert manager.get(chip.count_url).content.decode() == "2"
    page = manager.get(chip.url)
    assert [person.handle for person in page.context["cl"].result_list] == ["higher", "high"]
    assert page.context["segments"]["chips"][0].is_open
    assert reverse("admin:campaigns_segment_changelist") in page.content.decode()


@pytest.mark.parametrize(
    ("query", "name", "said"),
    [
        ("score_from=20", "  ", "1 to 80"),
        ("score_from=20", "x" * 81, "1 to 80"),
        ("score_from=20", "a\x07b", "1 to 80"),
        ("score_from=20", "TAKEN", "already"),
        ("score_from=ten&topic=gone", "Empty", "Nothing is filtered"),
        ("q=" + "x" * 4001, "Long", "too many filters"),
    ],
)
def test_what_can_not_be_kept_is_told(
    manager: Client, airlines: Airlines, run: ScoreRun, query: str, name: str, said: str
) -> None:
    SegmentFactory.create(brand=airlines.brand, name="Taken")
    page = manager.post(f"{SAVE}?{query}", {"name": name}, follow=True)
    assert page.status_code == 200
    assert [said in str(message) for message in page.context["messages"]] == [True]
    assert Segment.objects.count() == 1


def test_a_brand_keeps_no_more_than_pages_show(airlines: Airlines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.actions.segments.MOST_KEPT", 1)
    given: dict[str, Any] = {"brand": airlines.brand, "by": airlines.manager, "now": NOW}
    actions.save_segment(name="One", query={"q": ["a"]}, described=[], **given)
    with pytest.raises(SegmentRefused):
        actions.save_segment(name="Two", query={"q": ["a"]}, described=[], **given)


def test_only_ones_own_brand_is_saved_for(client: Client, airlines: Airlines, run: ScoreRun) -> None:
    with pytest.raises(NotYours):
        actions.save_segment(
            brand=airlines.brand, name="x", query={"q": ["a"]}, described=[], by=airlines.other_manager, now=NOW
        )
    client.force_login(airlines.other_manager)
    page = client.post(f"{SAVE}?q=a", {"name": "Mine", "brand": airlines.brand.pk}, follow=True)
    assert "Choose one of your brands" in page.content.decode()
    assert not Segment.objects.exists()
    # With two brands there is no guessing.
    actions.add_member(
        brand=airlines.brand, user=airlines.other_manager, role=Membership.Role.MANAGER, by=airlines.operator
    )
    client.post(f"{SAVE}?q=a", {"name": "Mine"})
    assert not Segment.objects.exists()
    client.post(f"{SAVE}?q=a", {"name": "Mine", "brand": airlines.brand.pk})
    assert Segment.objects.get().brand == airlines.brand


def test_another_brands_segments_are_not_there(client: Client, airlines: Airlines, run: ScoreRun) -> None:
    segment = SegmentFactory.create(brand=airlines.brand, name="Secret plan")
    listed = ExclusionListFactory.create(brand=airlines.brand, name="Secret list")
    client.force_login(airlines.other_manager)
    assert client.get(LIST).context["segments"]["chips"] == []
    for name, row in (("segment", segment), ("exclusionlist", listed)):
        assert "Secret" not in client.get(reverse(f"admin:campaigns_{name}_changelist")).content.decode()
        for page in ("change", "delete"):
            address = reverse(f"admin:campaigns_{name}_{page}", args=[row.pk])
            assert client.get(address).status_code in {302, 404}
            assert "Secret" not in client.post(address, {"name": "Mine", "post": "yes"}, follow=True).content.decode()
    assert set(Segment.objects.values_list("name")) | set(ExclusionList.objects.values_list("name")) == {
        ("Secret plan",),
        ("Secret list",),
    }


def test_a_segment_is_renamed_and_deleted_by_its_managers(manager: Client, airlines: Airlines, run: ScoreRun) -> None:
    segment = SegmentFactory.create(brand=airlines.brand, name="Old")
    SegmentFactory.create(brand=airlines.brand, name="Taken")
    change = reverse("admin:campaigns_segment_change", args=[segment.pk])
    assert "score from 20" in manager.get(change).content.decode()
    assert "one of this name" in manager.post(change, {"name": "taken"}).content.decode()
    manager.post(change, {"name": "New", "query": "{}", "brand": airlines.other_brand.pk})
    segment.refresh_from_db()
    assert (segment.name, segment.brand, segment.query) == ("New", airlines.brand, {"score_from": ["20"]})
    rows = reverse("admin:campaigns_segment_changelist")
    assert f"{LIST}?score_from=20" in manager.get(rows).content.decode()
    manager.post(rows, {"action": "delete_selected", "_selected_action": [segment.pk], "post": "yes"})
    assert [row.name for row in Segment.objects.all()] == ["Taken"]


def test_a_segment_of_people_like_somebody_goes_with_them(airlines: Airlines) -> None:
    ann = IdentityFactory.create(person__handle="ann", person__name="Ann Ash").person
    like = SegmentFactory.create(query={"score_from": ["20"], "like": ["@Ann"]})
    others = [SegmentFactory.create(query={"like": ["anna"]}), SegmentFactory.create(query={"q": ["ann ash"]})]

    erase_person(ann, by=airlines.operator, now=NOW)

    assert list(Segment.objects.order_by("pk")) == others
    assert not Segment.objects.filter(pk=like.pk).exists()


def test_no_segment_goes_with_a_person_who_was_nobody(airlines: Airlines) -> None:
    SegmentFactory.create(query={"like": ["ann"]})
    PersonFactory.create(handle="ann").delete()
    assert Segment.objects.count() == 1


def test_a_file_of_handles_becomes_a_list(manager: Client, airlines: Airlines, run: ScoreRun) -> None:
    ann, ole = scored(run, "Ann"), scored(run, "øle.日本")
    IdentityFactory.create(person=scored(run, "ben"), handle="Ben_On_Net")
    PersonFactory.create(handle="hidden", is_hidden=True)
    file = _upload("\ufeffHandle;name\n@ANN;Ann\nØLE.日本\nben_on_net,Ben\nhidden\n\n  \nnobody\n")
    page = manager.post(ADD, {"brand": airlines.brand.pk, "name": "Customers", "file": file}, follow=True)
    assert page.status_code == 200
    made = ExclusionList.objects.get()
    assert (made.brand, made.created_by) == (airlines.brand, airlines.manager)
    assert sorted(row.person.handle for row in made.people.all()) == ["Ann", "ben", "øle.日本"]
    said = [str(message) for message in page.context["messages"]]
    assert any("3 people put on “Customers”" in text for text in said)
    assert any("Nobody is known as hidden, nobody:" in text for text in said)
    page = manager.get(LIST, {"without": made.pk})
    assert [person.handle for person in page.context["cl"].result_list] == []
    # More come to those that are there.
    scored(run, "cy")
    change = reverse("admin:campaigns_exclusionlist_change", args=[made.pk])
    page = manager.post(change, {"name": "All customers", "file": _upload("cy\nann")}, follow=True)
    assert any("1 people put on “All customers”, 1 were on it already" in str(m) for m in page.context["messages"])
    assert set(made.people.values_list("person__handle", flat=True)) == {ann.handle, ole.handle, "ben", "cy"}
    assert manager.post(change, {"name": "Same"}).status_code == 302
    assert ">4<" in manager.get(reverse("admin:campaigns_exclusionlist_changelist")).content.decode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"ann\0ben", "no text"),
        (b"x" * 1_000_001, "more than 1000 kB"),
        (b"a\n" * 50_001, "more than 50,000 lines"),
        (b"", "empty"),
    ],
)
def test_files_are_bounded(manager: Client, airlines: Airlines, content: bytes, said: str) -> None:
    page = manager.post(ADD, {"brand": airlines.brand.pk, "name": "List", "file": _upload(content)})
    assert said in page.content.decode()
    assert not ExclusionList.objects.exists()


def test_a_list_is_made_for_ones_own_brand_and_once(manager: Client, airlines: Airlines) -> None:
    data = {"brand": airlines.other_brand.pk, "name": "List", "file": _upload("ann")}
    assert manager.post(ADD, data).status_code == 200
    ExclusionListFactory.create(brand=airlines.brand, name="List")
    data = {"brand": airlines.brand.pk, "name": "lisT", "file": _upload("ann")}
    assert "one of this name already" in manager.post(ADD, data).content.decode()
    assert ExclusionList.objects.count() == 1
    theirs = ExclusionListFactory.create(brand=airlines.other_brand)
    with pytest.raises(NotYours):
        actions.exclude_people(exclusion_list=theirs, handles=["a"], by=airlines.manager)


def test_a_list_holds_so_many_and_no_more(airlines: Airlines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.actions.segments.MOST_EXCLUDED", 2)
    made = ExclusionListFactory.create(brand=airlines.brand)
    people = PersonFactory.create_batch(3)
    handles = [person.handle for person in people]
    with pytest.raises(SegmentRefused, match="at most 2 people"):
        actions.exclude_people(exclusion_list=made, handles=handles, by=airlines.manager)
    assert not Exclusion.objects.exists()
    found = actions.exclude_people(exclusion_list=made, handles=handles[:2], by=airlines.manager)
    assert (found.added, found.already, found.unknown) == (2, 0, [])


def test_a_list_that_is_refused_on_being_saved_says_why(
    manager: Client, airlines: Airlines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(address: str, **given: Any) -> list[str]:
        page = manager.post(address, {"brand": airlines.brand.pk, **given}, follow=True)
        assert page.redirect_chain == [(address, 302)]
        return [str(message) for message in page.context["messages"]]

    monkeypatch.setattr("campaigns.actions.segments.MOST_EXCLUDED", 1)
    handles = "\n".join(person.handle for person in PersonFactory.create_batch(2))
    too_many = "A list holds at most 1 people."
    assert said(ADD, name="Customers", file=_upload(handles)) == [too_many]
    assert not ExclusionList.objects.exists()

    made = ExclusionListFactory.create(brand=airlines.brand, name="Staff")
    change = reverse("admin:campaigns_exclusionlist_change", args=[made.pk])
    assert said(change, name="All staff", file=_upload(handles)) == [too_many]
    assert (ExclusionList.objects.get().name, made.people.count()) == ("Staff", 0)

    monkeypatch.setattr("campaigns.actions.segments.MOST_KEPT", 1)
    full = "Maple Air keeps 1 of these already. Delete some first."
    assert said(ADD, name="Customers", file=_upload(handles)) == [full]
    assert ExclusionList.objects.count() == 1


def test_who_is_merged_stays_left_out(airlines: Airlines) -> None:
    kept, merged = PersonFactory.create_batch(2)
    both, one = ExclusionListFactory.create_batch(2)
    for exclusion_list, person in ((both, kept), (both, merged), (one, merged)):
        ExclusionFactory.create(exclusion_list=exclusion_list, person=person)
    before = sorted(Exclusion.objects.values_list("exclusion_list", "person"))
    merge = merge_people(kept=kept, merged=merged, by=airlines.operator, now=NOW)
    assert set(Exclusion.objects.filter(person=kept).values_list("exclusion_list", flat=True)) == {both.pk, one.pk}
    undo_merge(merge=merge, by=airlines.operator, now=NOW)
    assert sorted(Exclusion.objects.values_list("exclusion_list", "person")) == before


def test_the_database_keeps_one_name_per_brand_and_one_of_each_person(airlines: Airlines) -> None:
    brand, person = BrandFactory.create(), PersonFactory.create()
    listed = ExclusionListFactory.create(brand=brand, name="List")
    ExclusionFactory.create(exclusion_list=listed, person=person)
    SegmentFactory.create(brand=brand, name="Segment")
    for make, given in (
        (SegmentFactory, {"brand": brand, "name": "SEGMENT"}),
        (SegmentFactory, {"name": ""}),
        (ExclusionListFactory, {"brand": brand, "name": "LIST"}),
        (ExclusionListFactory, {"name": ""}),
        (ExclusionFactory, {"exclusion_list": listed, "person": person}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            make.create(**given)


def test_partners_see_none_of_it(client: Client, airlines: Airlines) -> None:
    partner = User.objects.create_user("partner")
    actions.add_member(brand=airlines.brand, user=partner, role=Membership.Role.PARTNER, by=airlines.operator)
    SegmentFactory.create(brand=airlines.brand)
    client.force_login(partner)
    for address in (SAVE, ADD, reverse("admin:campaigns_segment_changelist")):
        assert client.get(address).status_code == 302
        assert client.post(address, {"name": "x"}).status_code == 302
    assert Segment.objects.count() == 1
