"""Codes in the admin: what a campaign's page says of them, adding some, and what is done with each."""

import logging
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Person
from campaigns import tasks
from campaigns.actions import add_member, revoke
from campaigns.models import Campaign, Invitation, Membership, Notice, PerkCode, PerkEntry
from tests.asked import tables_asked
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import open_campaign
from tests.campaigns.perks import codes, guest, lines, says_yes, stands
from tests.factories.campaigns import NOW, PerkCodeFactory

LIST = reverse("admin:campaigns_perkcode_changelist")
INVITATIONS = reverse("admin:campaigns_invitation_changelist")

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    return open_campaign(brand=airlines.brand, name="Toronto route")


def _add(campaign: Campaign) -> str:
    return reverse("admin:campaigns_campaign_add_codes", args=[campaign.pk])


def _change(campaign: Campaign) -> str:
    return reverse("admin:campaigns_campaign_change", args=[campaign.pk])


def _text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def _act(client: Client, action: str, rows: list[PerkCode], **given: Any) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows], **given}
    return _text(client.post(LIST, data, follow=True))


def _file(text: str | bytes, name: str = "codes.txt") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode() if isinstance(text, str) else text)


# Adding.


def test_a_campaigns_page_says_how_many_codes_are_where(
    manager: Client, airlines: Airlines, campaign: Campaign
) -> None:
    page = _text(manager.get(_change(campaign)))
    assert "None: a seat is all that people get." in page
    rows = codes(campaign, 4)
    says_yes(guest(campaign, "ann"))
    revoke(rows[3], by=airlines.manager, now=NOW)
    response = manager.get(_change(campaign))
    assert "2 in stock 0 held 1 issued 0 redeemed 0 expired 1 revoked" in _text(response)
    assert "C1" not in re.sub(r"<(style|script).*?</\1>", "", response.content.decode(), flags=re.DOTALL)
    assert _add(campaign) in response.content.decode()


def test_a_file_is_taken_in_and_what_it_held_is_told(manager: Client, campaign: Campaign) -> None:
    Campaign.objects.update(seats=1, seats_taken=1)
    ann = says_yes(guest(campaign, "ann"))
    assert stands(ann) == ("waiting", None, None)
    Campaign.objects.update(seats=2)
    codes(campaign, 1)
    assert "nobody gets a seat without a code" not in _text(manager.get(_add(campaign)))
    given = {"file": _file("A1\n\nB2\nA1\nC1\n"), "expires_on": "2099-12-31"}
    response = manager.post(_add(campaign), given)
    assert (response.status_code, response["Location"]) == (302, _change(campaign))
    said = _text(manager.get(_change(campaign)))
    assert (
        "2 codes added, 1 left out that were there already, 1 left out that came twice in the file, 1 blank line, "
        "1 given to people on the waiting list." in said
    )
    assert [(row.code, str(row.expires_on)) for row in PerkCode.objects.order_by("pk")][1:] == [
        ("A1", "2099-12-31"),
        ("B2", "2099-12-31"),
    ]
    assert stands(ann)[0] == "accepted"


def test_codes_are_made(manager: Client, airlines: Airlines, campaign: Campaign) -> None:
    assert "nobody gets a seat without a code" in _text(manager.get(_add(campaign)))
    assert "7 codes added." in _text(manager.post(_add(campaign), {"number": "7"}, follow=True))
    assert PerkCode.objects.filter(campaign=campaign, expires_on=None, added_by=airlines.manager).count() == 7


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict, "one of the two"),
        (lambda: {"file": _file("A"), "number": "1"}, "one of the two"),
        (lambda: {"number": "0"}, "greater than or equal to 1"),
        (lambda: {"number": "20001"}, "less than or equal to 20000"),
        (lambda: {"number": "1", "expires_on": "2020-01-01"}, "The last day has passed"),
        (lambda: {"file": _file("A\nB\x01")}, "Line 2 isn't a code"),
        (lambda: {"file": _file(b"\xff\xfe")}, "isn't a text in UTF-8"),
        (lambda: {"file": _file("\n\n")}, "There is no code in it."),
        (lambda: {"file": _file("A", "codes.xlsx")}, "neither a .csv nor a .txt file"),
        (lambda: {"file": _file("A\n" * (1024 * 1024 + 1))}, "more than 2 MB"),
    ],
)
def test_what_is_wrong_is_told_once_and_nothing_taken_in(
    manager: Client, campaign: Campaign, given: Callable[[], dict[str, Any]], message: str
) -> None:
    response = manager.post(_add(campaign), given())
    assert response.status_code == 200
    errors = [error for found in response.context["form"].errors.values() for error in found]
    assert len(errors) == 1
    assert message in errors[0]
    assert message.replace("'", "&#x27;") in response.content.decode()
    assert not PerkCode.objects.exists()


def test_more_seats_serve_who_waits(manager: Client, campaign: Campaign) -> None:
    Campaign.objects.update(seats=1)
    _, ben = (says_yes(guest(campaign, name)) for name in ("ann", "ben"))
    assert stands(ben)[0] == "waiting"
    campaign.refresh_from_db()
    form = {
        "name": campaign.name,
        "perk": "flight",
        "perk_text": "a flight",
        "purpose": "Choose whom to offer a free flight to Toronto.",
        "brief": "",
        "seats": "2",
        "starts_on": campaign.starts_on,
        "ends_on": campaign.ends_on,
        "score_min": "",
        "score_max": "",
        "places-TOTAL_FORMS": "0",
        "places-INITIAL_FORMS": "0",
    }
    assert manager.post(_change(campaign), form).status_code == 302
    assert stands(ben)[0] == "accepted"


# The list.


def test_the_list_shows_codes_whose_they_are_and_how_far_they_are(
    manager: Client, airlines: Airlines, campaign: Campaign
) -> None:
    codes(campaign, 2)
    ann, hal = guest(campaign, "ann"), guest(campaign, "hal")
    Person.objects.filter(pk=hal.person_id).update(name="Hidden Hal", handle="hal", is_hidden=True)
    Person.objects.filter(pk=ann.person_id).update(name="Ann Ash", handle="annash")
    for row in (ann, hal):
        says_yes(row)
    codes(open_campaign(brand=airlines.other_brand), 1)
    page = _text(manager.get(LIST))
    for shown in ("C1", "C2", "Ann Ash", "somebody who hid their profile", "issued"):
        assert shown in page, shown
    assert "Hidden Hal" not in page

    def found(**query: str) -> list[str]:
        return [row.code for row in manager.get(LIST, query).context["cl"].result_list]

    assert found() == ["C2", "C1"]
    assert found(q="c2") == ["C2"]
    assert found(q="annash") == ["C1"]
    assert found(q="hal") == []
    assert found(state__exact="in_stock") == []
    assert found(state__exact="issued", campaign=str(campaign.pk)) == ["C2", "C1"]


def test_the_list_costs_the_same_however_many_codes(manager: Client, campaign: Campaign) -> None:
    expected = [
        "django_session",
        "accounts_user",
        "auth_permission",  # the user's own
        "auth_permission",  # and those of their groups
        "campaigns_campaign",  # the filter's choices
        "counted",
        "campaigns_brand",  # on every page of the admin: may the user add campaigns
        "campaigns_perkcode",  # the page, with campaigns and people
    ]
    codes(campaign, 2)
    for _twice in range(2):
        for more in range(3):
            PerkCode.objects.create(campaign=campaign, code=f"M{_twice}{more}")
            says_yes(guest(campaign, f"guest{_twice}{more}"))
        with tables_asked() as asked:
            manager.get(LIST)
        assert ["counted" if table.startswith("SELECT COUNT(*)") else table for table in asked] == expected


def test_a_codes_page_has_its_ledger(manager: Client, airlines: Airlines, campaign: Campaign) -> None:
    (code,) = codes(campaign, 1)
    says_yes(guest(campaign, "ann"))
    _act(manager, "revoke", [code], confirmed="1", note="Sent twice")
    page = _text(manager.get(reverse("admin:campaigns_perkcode_change", args=[code.pk])))
    assert "1 Mar 2026 12:00 UTC issued" in page
    assert "revoked by manager: Sent twice" in page


# What is done with them.


def test_each_action_asks_first(manager: Client, campaign: Campaign) -> None:
    (code,) = codes(campaign, 1)
    says_yes(guest(campaign, "ann"))
    for action in ("mark_redeemed", "revoke", "take_back", "set_status"):
        assert ": 1 code " in _act(manager, action, [code])
    assert lines(code) == [("issued", code.campaign.invitations.get().pk)]


def test_codes_are_redeemed_and_what_cannot_be_is_told(manager: Client, airlines: Airlines, campaign: Campaign) -> None:
    rows = codes(campaign, 3)
    people = [says_yes(guest(campaign, name)) for name in ("ann", "ben")]
    said = _act(manager, "mark_redeemed", rows, confirmed="1", note="at the gate")
    assert "2 codes redeemed." in said
    assert "1 left as it was. Only a code that was issued can be redeemed: this one is in stock." in said
    assert [stands(row)[2] for row in people] == ["redeemed", "redeemed"]
    entries = PerkEntry.objects.filter(kind="redeemed")
    assert {(entry.by, entry.note) for entry in entries} == {(airlines.manager, "at the gate")}


def test_codes_are_revoked_or_taken_back_and_the_next_is_served(manager: Client, campaign: Campaign) -> None:
    first, second = codes(campaign, 2)
    ann, ben, cem, dan = (guest(campaign, name) for name in ("ann", "ben", "cem", "dan"))
    for row in (ann, ben, cem, dan):
        says_yes(row)
    assert "1 code taken back." in _act(manager, "take_back", [first], confirmed="1")
    assert (stands(ann)[0], stands(cem)) == ("withdrawn", ("accepted", "C1", "issued"))
    assert "1 code revoked." in _act(manager, "revoke", [second], confirmed="1", keeps_seat="on")
    assert (stands(ben), stands(dan)[0]) == (("accepted", None, None), "waiting")
    assert "1 code revoked." in _act(manager, "revoke", [first], confirmed="1")
    assert stands(cem)[0] == "withdrawn"


@pytest.mark.parametrize("keeps_seat", [{}, {"keeps_seat": "on"}])
def test_who_waits_is_not_served_with_what_is_revoked_along(
    manager: Client, campaign: Campaign, keeps_seat: dict[str, str]
) -> None:
    Campaign.objects.update(seats=1)
    issued, stock = codes(campaign, 2)
    ann, ben = (says_yes(guest(campaign, name)) for name in ("ann", "ben"))
    assert (stands(ann)[1], stands(ben)[0]) == ("C1", "waiting")
    assert "2 codes revoked." in _act(manager, "revoke", [issued, stock], confirmed="1", **keeps_seat)
    assert stands(ann)[0] == ("accepted" if keeps_seat else "withdrawn")
    assert stands(ben)[0] == "waiting"
    assert lines(stock) == [("revoked", None)]
    assert not Notice.objects.filter(kind="code").exists()


def test_who_was_served_meanwhile_keeps_what_was_ticked_as_in_stock(manager: Client, campaign: Campaign) -> None:
    Campaign.objects.update(seats=1)
    (issued,) = codes(campaign, 1)
    ann, ben = (says_yes(guest(campaign, name)) for name in ("ann", "ben"))
    stock = PerkCodeFactory.create(campaign=campaign, code="SOON", expires_on=date(2036, 1, 1))
    said = _act(manager, "take_back", [issued, stock], confirmed="1")
    assert "1 code taken back." in said
    assert "1 left as it was." in said
    assert stands(ann)[0] == "withdrawn"
    assert stands(ben) == ("accepted", "SOON", "issued")


def test_the_status_is_set(manager: Client, campaign: Campaign) -> None:
    (code,) = codes(campaign, 1)
    says_yes(guest(campaign, "ann"))
    assert "Status" in _act(manager, "set_status", [code], confirmed="1", fulfilment="lost")
    assert "1 code changed." in _act(manager, "set_status", [code], confirmed="1", fulfilment="shipped")
    code.refresh_from_db()
    assert code.fulfilment == "shipped"


def test_too_many_at_once_are_a_slip(manager: Client, campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.admin.perks.MOST_CODES_AT_ONCE", 1)
    monkeypatch.setattr("campaigns.admin.invitations.MOST_CODES_AT_ONCE", 1)
    assert "These are more than 1 codes." in _act(manager, "revoke", codes(campaign, 2), confirmed="1")
    people = [guest(campaign, "ann").pk, guest(campaign, "ben").pk]
    held = manager.post(INVITATIONS, {"action": "hold_codes", "_selected_action": people}, follow=True)
    assert "These are more than 1 people." in _text(held)
    assert not PerkEntry.objects.exists()


def test_codes_are_held_for_who_has_not_answered(manager: Client, campaign: Campaign) -> None:
    (code,) = codes(campaign, 1)
    rows = [guest(campaign, "ann"), guest(campaign, "ben")]
    data = {"action": "hold_codes", "_selected_action": [row.pk for row in rows]}
    said = _text(manager.post(INVITATIONS, data, follow=True))
    assert "A code is held for 1." in said
    assert "1 without a code held. There is no code in stock." in said
    assert lines(code) == [("held", rows[0].pk)]


# Who may.


def test_a_partner_sees_where_codes_are_but_no_code_and_changes_nothing(
    client: Client, airlines: Airlines, campaign: Campaign
) -> None:
    # Somebody who manages another brand gets into the admin, and is a partner of ours.
    secret = PerkCode.objects.create(campaign=campaign, code="Zanzibaria")
    says_yes(guest(campaign, "ann"))
    held = guest(campaign, "ben")
    add_member(brand=airlines.brand, user=airlines.other_manager, role=Membership.Role.PARTNER, by=airlines.operator)
    client.force_login(airlines.other_manager)
    page = client.get(LIST)
    assert [row.pk for row in page.context["cl"].result_list] == [secret.pk]
    assert "for managers only" in page.content.decode()
    for address in (LIST, f"{LIST}?campaign={campaign.pk}", _change(campaign)):
        assert "Zanzibaria" not in client.get(address).content.decode()
    assert "Zanzibaria" not in client.get(reverse("admin:campaigns_perkcode_change", args=[secret.pk])).content.decode()
    assert list(client.get(LIST, {"q": "Zanzi"}).context["cl"].result_list) == []
    assert client.get(_change(campaign)).context["codes"]["add_url"] == ""
    before = list(PerkEntry.objects.values()), list(PerkCode.objects.values()), list(Invitation.objects.values())
    assert client.get(_add(campaign)).status_code == client.post(_add(campaign), {"number": "1"}).status_code == 404
    for action in ("mark_redeemed", "revoke", "take_back", "set_status"):
        for more in ({}, {"confirmed": "1", "fulfilment": "booked"}):
            assert "You manage none of these codes." in _act(client, action, [secret], **more)
    client.post(INVITATIONS, {"action": "hold_codes", "_selected_action": [held.pk]})
    after = list(PerkEntry.objects.values()), list(PerkCode.objects.values()), list(Invitation.objects.values())
    assert before == after


def test_codes_are_not_edited_by_a_form(manager: Client, campaign: Campaign) -> None:
    (code,) = codes(campaign, 1)
    for name, args in (("add", []), ("change", [code.pk]), ("delete", [code.pk])):
        url = reverse(f"admin:campaigns_perkcode_{name}", args=args)
        assert manager.post(url, {"code": "X", "state": "issued", "post": "yes"}).status_code == 403, name
    assert "delete_selected" not in manager.get(LIST).content.decode()


# What runs by itself.


def test_no_code_gets_into_the_log(
    manager: Client, airlines: Airlines, campaign: Campaign, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    manager.post(_add(campaign), {"file": _file("SECRET-1\nSECRET-2\nSECRET-3"), "expires_on": "2099-01-01"})
    says_yes(guest(campaign, "ann"))
    _act(manager, "revoke", list(PerkCode.objects.all()), confirmed="1", note="SECRET-1")
    manager.post(_add(campaign), {"file": _file("SECRET-1\nSECRET-2\n\x01")})
    PerkCode.objects.create(campaign=campaign, code="SECRET-4", expires_on=NOW.date())
    assert tasks.expire_codes() == 1
    assert tasks.expire_codes() == 0
    assert tasks.serve_waiting_lists() == 0
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("django.db.backends")]
    assert [line for line in logged if "SECRET" in line] == []
