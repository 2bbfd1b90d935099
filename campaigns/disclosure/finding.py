"""Finds a label in a post's text, and says how well it stands there."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from campaigns.disclosure.table import RULES, VAGUE, Rule, Where, rule_for

# Instagram shows about so many characters before "more", the least of the large networks.
BEFORE_MORE: Final = 125
# A label among so many other hashtags in a row is missed: the court of Celle had six, the IAP's limit is three.
MANY: Final = 4
_FIRST_TAGS: Final = 3

_HASHTAG = re.compile(r"(?<![\w&/#])#(\w+)")
# Hashtags with nothing but spaces, commas, @handles and links between them.
_RUN = re.compile(r"(?:(?<![\w&/#])#\w+(?:[\s,.;·|]|@[\w.@-]+|https?://\S+)*)+")
_BRACKETED = re.compile(r"[\[(【（<*]\s*(\w+)\s*[\])】）>*]")
_SIGN_AFTER = r"\s*(?:$|[:|\u2013\u2014\u2022\u00b7)\]\n*\u3011\uff1a]|[-/.,;!](?:\s|$))"
_NOT = re.compile(
    r"(?<!\w)(?:not|never|isn['\u2019]t|without|keine?|nicht|ohne|pas|sans|non|no|sin|niet|geen|zonder|não|sem|nie|bez|"
    r"inte|ikke|ingen)\s+(?:(?:an?|any|une?|d['\u2019]|de|eine?|è|uma?|een|en)\s*)?$"
)
# Marks that turn the direction of writing, and others that nobody sees; what joins letters stays.
_UNSEEN = dict.fromkeys([0xAD, 0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF])
_WORDS: Final = frozenset(word for rule in RULES for word in rule.words)
_PHRASES: Final = sorted(
    {phrase for rule in RULES for phrase in rule.phrases}, key=lambda phrase: (-len(phrase), phrase)
)
# At the beginning of a text these mean other things: they count in brackets and with # alone.
_NEVER_PLAIN: Final = frozenset(["pr", "sponsored", "sponsorisé", "patrocinado"])


class Remark(StrEnum):
    """What a rule's source would say to where a label stands, or to what stands in place of one."""

    NONE = ""
    BURIED = "buried"
    LATE = "late"
    NOT_FIRST = "not_first"
    ELSEWHERE = "elsewhere"
    VAGUE = "vague"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The label that a post carries, as it stands there in lower case (empty: none), and a remark on it."""

    label: str
    remark: Remark = Remark.NONE


@dataclass(frozen=True, slots=True)
class _Place:
    label: str
    at: int
    remark: Remark


def judge(text: str | None, hashtags: Sequence[str] = (), *, language: str = "", country: str = "") -> Verdict | None:
    """Say which label a post carries; None where there is nothing to read.

    `hashtags` are those that the network lists beside the text, with or without #; where they stand isn't known. A
    label of any language counts. One that isn't usual for the post's language and country, that comes late, or that is
    buried among hashtags counts too, with a remark: whether it is enough is for people to say. Of several the one that
    stands best is returned. A word that only begins like a label (#adidas, #advice) is none.

    >>> judge("Great flight! #ad #toronto")
    Verdict(label='#ad', remark=<Remark.NONE: ''>)
    >>> judge("New #adidas, some #advice")
    Verdict(label='', remark=<Remark.NONE: ''>)
    """
    rule = rule_for(language, country)
    plain = _plain(text or "").strip()
    listed = [_plain(tag).lstrip("#") for tag in hashtags]
    places = [*_tags(plain, rule), *_words(plain, rule), *_phrases(plain, rule)]
    if places:
        best = min(places, key=lambda place: (_ORDER[place.remark], place.at))
        return Verdict(best.label, best.remark)
    beside = next((tag for tag in listed if tag in _WORDS), None)
    if beside is not None:
        return Verdict(f"#{beside}", Remark.NONE if beside in rule.words else Remark.ELSEWHERE)
    if not plain:
        return None
    said = {*_HASHTAG.findall(plain), *listed}
    return Verdict("", Remark.VAGUE if said & VAGUE else Remark.NONE)


_ORDER: Final = {remark: place for place, remark in enumerate(Remark)} | {Remark.ELSEWHERE: 1, Remark.BURIED: 4}


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_UNSEEN).lower()


def _tags(plain: str, rule: Rule) -> list[_Place]:
    tags = list(_HASHTAG.finditer(plain))
    runs = [(run.start(), run.end()) for run in _RUN.finditer(plain)]
    found = []
    for number, tag in enumerate(tags):
        word = tag[1]
        if word not in _WORDS or _is_denied(plain, tag.start()):
            continue
        begin, end = next((run for run in runs if run[0] <= tag.start() < run[1]), (tag.start(), tag.end()))
        beside = sum(begin <= other.start() < end for other in tags) - 1
        # First of them it still is the first that one reads.
        buried = beside >= MANY and tag.start() != begin
        is_early = number < _FIRST_TAGS if rule.where is Where.AMONG_FIRST_TAGS else tag.start() <= BEFORE_MORE
        remark = Remark.BURIED if buried else _where(rule, word, tag.start(), is_early)
        found.append(_Place(f"#{word}", tag.start(), remark))
    return found


def _words(plain: str, rule: Rule) -> list[_Place]:
    """Return labels that are plain words: at the beginning before a sign or alone on its line, or in brackets."""
    found = []
    first = re.match(rf"(\w+){_SIGN_AFTER}", plain)
    named = [(first[1], 0)] if first and first[1] not in _NEVER_PLAIN else []
    named += [(bracketed[1], bracketed.start()) for bracketed in _BRACKETED.finditer(plain)]
    for word, at in named:
        if word in _WORDS:
            found.append(_Place(word, at, _where(rule, word, at, at <= BEFORE_MORE)))
    return found


def _phrases(plain: str, rule: Rule) -> list[_Place]:
    found = []
    for phrase in _PHRASES:
        for match in re.finditer(rf"(?<!\w){re.escape(phrase)}(?!\w)", plain):
            if not _is_denied(plain, match.start()):
                remark = _where(rule, phrase, match.start(), match.start() <= BEFORE_MORE)
                found.append(_Place(phrase, match.start(), remark))
    return found


def _is_denied(plain: str, at: int) -> bool:
    return _NOT.search(plain[max(at - 40, 0) : at]) is not None


def _where(rule: Rule, word: str, at: int, is_early: bool) -> Remark:
    if not is_early:
        return Remark.LATE
    if word not in rule.words and word not in rule.phrases:
        return Remark.ELSEWHERE
    return Remark.NOT_FIRST if rule.where is Where.FIRST and at > 0 else Remark.NONE
