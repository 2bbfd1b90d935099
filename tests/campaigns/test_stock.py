"""Codes come in: read from a file, given, or made here."""

from datetime import date

import pytest

from campaigns.actions import (
    NoCodes,
    add_codes,
    generate_codes,
    read_codes,
)
from campaigns.models import Campaign, PerkCode
from tests.campaigns.conftest import Airlines
from tests.factories.campaigns import NOW, CampaignFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    made: Campaign = CampaignFactory.create(brand=airlines.brand, seats=3)
    return made


def test_a_text_has_a_code_a_line() -> None:
    found = read_codes(b"\xef\xbb\xbfA1\r\n\n  B2 \nA1\n B 3;x\n", is_csv=False)
    assert (found.codes, found.repeated, found.blank) == (["A1", "B2", "B 3;x"], 1, 1)


def test_a_table_has_codes_in_its_first_column() -> None:
    found = read_codes(b'Code;until\n"A1";x\nB2;y\n;z\nA1;\n', is_csv=True)
    assert (found.codes, found.repeated, found.blank) == (["A1", "B2"], 1, 1)
    assert read_codes(b'"A,1",x\nB2\n', is_csv=True).codes == ["A,1", "B2"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "There is no code in it."),
        (b"\n \n", "There is no code in it."),
        (b"A\xff", "isn't a text in UTF-8"),
        (b"A\nB\x07\n", "Line 2 isn't a code"),
        (b"A\n" + b"B" * 65, "Line 2 is longer than 64 characters"),
        (b"A" * 200_000, "Line 1 is longer"),
        (b"A" * (2 * 1024 * 1024 + 1), "more than 2 MB"),
        ("\n".join(map(str, range(20_001))).encode(), "more than 20,000 codes"),
    ],
)
@pytest.mark.parametrize("is_csv", [True, False])
def test_what_is_wrong_with_a_file_is_told_in_one_sentence(data: bytes, message: str, is_csv: bool) -> None:
    with pytest.raises(NoCodes, match=message):
        read_codes(data, is_csv=is_csv)


def test_codes_given_in_are_looked_at_too(campaign: Campaign, airlines: Airlines) -> None:
    for wrong in (["A", ""], [" A"], ["A\n"], ["A" * 65]):
        with pytest.raises(NoCodes):
            add_codes(campaign=campaign, codes=wrong, expires_on=None, by=airlines.manager, now=NOW)
    with pytest.raises(NoCodes, match="last day has passed"):
        add_codes(campaign=campaign, codes=["A"], expires_on=date(2026, 2, 28), by=airlines.manager, now=NOW)
    for number in (0, -1, 20_001):
        with pytest.raises(NoCodes, match="1 to 20,000"):
            generate_codes(campaign=campaign, number=number, expires_on=None, by=airlines.manager, now=NOW)
    assert not PerkCode.objects.exists()


def test_codes_made_here_are_readable_and_different(campaign: Campaign, airlines: Airlines) -> None:
    generate_codes(campaign=campaign, number=300, expires_on=date(2026, 9, 1), by=airlines.manager, now=NOW)
    made = PerkCode.objects.values_list("code", flat=True)
    assert len(set(made)) == 300
    assert {len(code) for code in made} == {14}
    assert set("".join(made)) == set("ABCDEFGHJKLMNPQRSTUVWXYZ23456789-")
    assert not PerkCode.objects.exclude(expires_on=date(2026, 9, 1), added_by=airlines.manager, added_at=NOW).exists()
