"""What managers write into e-mails: placeholders, what is refused, and what always stands below."""

import pytest

from campaigns.wording import INVITATION, REMINDER, WordingError, checked_subject, checked_text, filled, one_line

VALUES = {
    "name": "Ann",
    "brand": "Maple Air",
    "perk": "a free flight",
    "brief": "First.\n\nSecond.",
    "answer_by": "31 May 2026 (UTC)",
    "seats": "40",
    "link": "https://sway.example/i/1",
    "site": "https://sway.example",
}


def test_the_usual_texts_are_ones_that_could_be_written() -> None:
    for wording in (INVITATION, REMINDER):
        assert checked_subject(wording.subject, wording) == wording.subject
        assert checked_text(wording.text, wording) == wording.text


def test_placeholders_are_filled_once_and_nothing_runs() -> None:
    values = {**VALUES, "name": "{link} {{ campaign }}"}
    mail = filled(
        INVITATION, values, subject="{perk}\n for {name}", text="Hi {name}: {{ x }} {% now %} ${brand} $brand %s {link}"
    )
    assert mail.subject == "a free flight for {link} {{ campaign }}"
    assert mail.body.startswith(
        "Hi {link} {{ campaign }}: {{ x }} {% now %} $Maple Air $brand %s https://sway.example/i/1\n\n----\n\n"
    )


def test_what_has_to_be_said_stands_below_whatever_was_written() -> None:
    body = filled(INVITATION, VALUES, text="{link}").body
    for said in (
        "Maple Air sends you this through Sway, https://sway.example.",
        "please don't pass it on",
        "readers have to see that Maple Air invited you",
        "To be hidden here, or to object",
        "say no there",
    ):
        assert said in body.partition("----")[2]


def test_an_empty_value_leaves_no_gap() -> None:
    body = filled(INVITATION, {**VALUES, "brief": ""}).body
    assert "Maple Air invites you: a free flight.\n\nRead more, and say yes or no, by 31 May 2026 (UTC):\n\n" in body
    assert "First.\n\nSecond." in filled(INVITATION, VALUES).body
    assert "\n\n\n" not in body


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Write a text"),
        (" \n ", "Write a text"),
        ("Hello {name}", "The text has to hold {link}: the person's own link."),
        ("{nmae} {link}", "{nmae} stands for nothing here. The text can hold {name}, {brand}, {perk}, {brief},"),
        ("{} {link}", "{} stands for nothing here."),
        ("{person.email} {link}", "{person.email} stands for nothing here."),
        ("{Link}", "{Link} stands for nothing here."),
        ("\0 {link}", "can't be printed"),
        ("{link}" + "x" * 5_000, "5,000 characters at most"),
    ],
)
def test_a_text_that_cannot_be_sent_gets_one_reason(text: str, said: str) -> None:
    with pytest.raises(WordingError) as refused:
        checked_text(text, INVITATION)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("  ", "Write a subject."),
        ("For you: {link}", "{link} stands for nothing here. A subject can hold {name}, {brand}, {perk},"),
        ("x" * 151, "150 characters at most"),
        ("a\x07b", "can't be printed"),
    ],
)
def test_a_subject_that_cannot_be_sent_gets_one_reason(subject: str, said: str) -> None:
    with pytest.raises(WordingError) as refused:
        checked_subject(subject, INVITATION)
    assert said in str(refused.value)


def test_subjects_and_names_bring_no_lines_of_their_own() -> None:
    assert checked_subject("Hello\r\nBcc: all@example.org", INVITATION) == "Hello Bcc: all@example.org"
    assert one_line("Ann\r\n\u2028Ash\x00 ") == "Ann Ash"
    assert checked_text("a\r\nb {link}\r\n", INVITATION) == "a\nb {link}"
