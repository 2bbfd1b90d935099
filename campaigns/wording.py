"""What e-mails say: texts with placeholders in braces, filled with plain values and nothing else.

A manager's text never runs: `{name}` stands for a value, everything else is as it was written, and a value that holds
braces itself is not read again. What has to be said whatever a manager writes stands in `closing`, which no text
replaces.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from accounts.texts import plain_lines

LONGEST_SUBJECT: Final = 150
LONGEST_TEXT: Final = 5_000

_PLACEHOLDER: Final = re.compile(r"\{([^{}\n]{0,40})\}")
_BLANK_LINES: Final = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
# Signs that end a line, or can't be seen: no mail needs them, and a subject must not hold them.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class WordingError(Exception):
    """A text that can't be sent; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One kind of e-mail: what it says unless somebody wrote something else, and what always follows.

    `placeholders` says what each stands for; those `in_subject` may stand there too, those `required` have to stand in
    the text.
    """

    subject: str
    text: str
    closing: str
    placeholders: Mapping[str, str]
    in_subject: tuple[str, ...]
    required: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail as it goes out: plain text."""

    subject: str
    body: str


_WHO: Final = {
    "name": "what the person goes by",
    "brand": "your brand's name",
    "perk": "the perk in words",
}
_SENDER: Final = "{brand} sends you this through Sway, {site}."
_OBJECT: Final = (
    "To be hidden here, or to object to being scored at all, answer this message. Or leave it be: nothing else comes "
    "of it."
)


def _paragraphs(*paragraphs: str) -> str:
    return "\n\n".join(paragraphs)


INVITATION: Final = Wording(
    subject="{brand} invites you: {perk}",
    text=_paragraphs(
        "Hello {name},",
        "{brand} invites you: {perk}.",
        "{brief}",
        "Read more, and say yes or no, by {answer_by}:",
        "{link}",
        "Seats: {seats}. They go to those who accept first.",
    ),
    closing=_paragraphs(
        _SENDER,
        "The link is yours alone: who opens it can claim your profile, so please don't pass it on.",
        "Nothing need be posted in return. If you do post about it, readers have to see that {brand} invited you: say "
        "so, by a label such as #ad.",
        "You were chosen because many people respond to what you post in public. The page behind the link shows the "
        "figures and what they were used for. If this isn't for you, say no there. " + _OBJECT,
    ),
    placeholders={
        **_WHO,
        "brief": "the campaign's brief; nothing where it has none",
        "answer_by": "the last day to accept",
        "seats": "how many can accept",
        "link": "the person's own link",
    },
    in_subject=("name", "brand", "perk", "answer_by", "seats"),
    required=("link",),
)

REMINDER: Final = Wording(
    subject="Your post about {brand} shows no label",
    text=_paragraphs(
        "Hello {name},",
        "{brand} invited you: {perk}. You accepted, and wrote about it since. Readers have to see that a brand stands "
        "behind it, and in this we found no label that says so:",
        "{posts}",
        "Please add one, such as {label}, at the beginning of the text.",
        "What we found is on your page: {link}",
    ),
    closing=_paragraphs(
        _SENDER,
        "If there is a label that we can't see, in the picture or by the network's own switch, or if it isn't about "
        "this, there is nothing to do. We remind of each post once.",
        _OBJECT,
    ),
    placeholders={
        **_WHO,
        "posts": "the posts without a label, a line each",
        "label": "the label usual in their language",
        "link": "the person's own page",
    },
    in_subject=("name", "brand", "perk"),
    required=("posts", "link"),
)

_GIVEN: Final = _paragraphs(
    _SENDER,
    "You get this because you accepted. Nothing need be posted in return. If you do post about it, readers have to see "
    "that {brand} invited you: say so, by a label such as #ad.",
    _OBJECT,
)


def _told(subject: str, fact: str) -> Wording:
    """Return a wording that nobody writes anew: it tells who accepted a fact."""
    text = _paragraphs("Hello {name},", fact, "{code} on your page, after signing in:", "{link}")
    return Wording(subject, text, _GIVEN, placeholders={}, in_subject=(), required=())


SEAT: Final = _told(
    "A seat is yours: {perk}",
    "you are off the waiting list of {brand}, and have a seat: {perk}. There is nothing more to accept.",
)
CODE: Final = _told(
    "Your code is there: {perk}",
    "you had a seat already, and now {brand} has given you a code: {perk}.",
)
DETAILS: Final = _told(
    "{brand} needs to know something: {perk}",
    "you accepted, and {brand} needs to know something of you since: {perk}.",
)


def checked_subject(subject: str, wording: Wording) -> str:
    """Return a subject as one line; raise WordingError where it can't be one."""
    if _UNPRINTABLE.search(subject.replace("\r", "\n")):
        raise WordingError("The subject holds signs that can't be printed. Type it anew.")
    line = " ".join(subject.split())
    if not line:
        raise WordingError("Write a subject.")
    if len(line) > LONGEST_SUBJECT:
        raise WordingError(f"A subject has {LONGEST_SUBJECT} characters at most.")
    _refuse_unknown(line, wording.in_subject, "A subject")
    return line


def checked_text(text: str, wording: Wording) -> str:
    """Return a text with plain line ends; raise WordingError for the first thing that is wrong with it."""
    if _UNPRINTABLE.search(text.replace("\r", "\n")):
        raise WordingError("The text holds signs that can't be printed. Type it anew.")
    text = plain_lines(text)
    if not text:
        raise WordingError("Write a text, or use the usual one.")
    if len(text) > LONGEST_TEXT:
        raise WordingError(f"A text has {LONGEST_TEXT:,} characters at most.")
    _refuse_unknown(text, tuple(wording.placeholders), "The text")
    for name in wording.required:
        if f"{{{name}}}" not in text:
            raise WordingError(f"The text has to hold {{{name}}}: {wording.placeholders[name]}.")
    return text


def filled(wording: Wording, values: Mapping[str, str], *, subject: str = "", text: str = "") -> Mail:
    """Return the e-mail of these values, by the usual texts unless others are given, with the closing after it.

    `values` has `site` and one for each placeholder. Texts have to be checked: what stands for nothing stays as it is.
    """
    line = " ".join(_fill(subject or wording.subject, values).split())
    parts = (_fill(text or wording.text, values), "----", _fill(wording.closing, values))
    return Mail(subject=line, body="\n\n".join(_BLANK_LINES.sub("\n\n", part).strip() for part in parts) + "\n")


def one_line(value: str) -> str:
    """Return a value, such as a name that a network gave, that brings no lines of its own."""
    return " ".join(_UNPRINTABLE.sub(" ", value).split())


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def _refuse_unknown(text: str, known: tuple[str, ...], what: str) -> None:
    for name in _PLACEHOLDER.findall(text):
        if name not in known:
            raise WordingError(
                f"{{{name}}} stands for nothing here. {what} can hold {', '.join(f'{{{one}}}' for one in known)}."
            )
