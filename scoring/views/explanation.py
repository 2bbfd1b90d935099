"""The page that opens a score: where the reach comes from, what was taken off, why it changed, what if."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from django import forms
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import InteractionKind, Network, Person
from scoring.models import Topic
from scoring.queries import changes, explanations
from scoring.queries.changes import Change
from scoring.queries.explanations import Explanation, SupporterPart
from scoring.queries.reactions import Reactions
from scoring.views.figures import Bar, number, share_out

# Supporters bring hardly more than a person each: parts of a reach are shown to the hundredth.
PLACES: Final = 2
# And single reactions finer.
FINE: Final = 4
PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A supporter: expected, what was taken off by reason, and the rest, in figures that add up."""

    handle: str
    name: str
    actions: str
    expected: str
    taken: tuple[tuple[str | Promise, str], ...]
    reach: str
    address: str


@dataclass(frozen=True, slots=True)
class Reason:
    """What a reason took off, and of whose attention most."""

    reason: str
    label: str | Promise
    sentence: str | Promise
    figure: str
    width: str
    lines: tuple[tuple[str, str], ...]
    is_taken: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """An explanation in figures: each list adds up to `reach`, reasons and `reach` to `forecast`, as they are shown."""

    forecast: str
    reach: str
    reasons: tuple[Reason, ...]
    supporters: tuple[Line, ...]
    kinds: tuple[Bar, ...]
    networks: tuple[Bar, ...]
    topics: tuple[Bar, ...]


def opened(found: Explanation) -> Opened:
    """Put an explanation into figures."""
    unit = 10**PLACES
    forecast, taken, reach = _units(found.forecast, [part.people for part in found.taken_off], found.reach)
    lines = [*found.supporters, *([found.others] if found.others.people else [])]
    reaches = share_out(reach, [line.reach * unit for line in lines])
    whole = found.reach or 1.0

    def bars(parts: Sequence[explanations.Part], narrow: str) -> tuple[Bar, ...]:
        figures = share_out(reach, [part.reach * unit for part in parts])
        return tuple(
            Bar(
                part.name,
                _figure(units),
                _width(part.reach / whole),
                _percent(part.reach / whole),
                # An act without a network has an empty one; other parts without a slug are what is left.
                _reactions_of(found.person, **{narrow: part.slug}) if part.slug or narrow == "network" else "",
            )
            for part, units in zip(parts, figures, strict=True)
        )

    return Opened(
        forecast=_figure(forecast),
        reach=_figure(reach),
        reasons=tuple(
            Reason(
                part.reason,
                part.label,
                part.sentence,
                signed(-units),
                _width(part.people / (found.forecast or 1.0)),
                _hit(lines, part.reason, units),
                part.people > 0,
            )
            for part, units in zip(found.taken_off, taken, strict=True)
        ),
        supporters=tuple(_line(found, line, units) for line, units in zip(lines, reaches, strict=True)),
        kinds=bars(found.kinds, "kind"),
        networks=bars(found.networks, "network"),
        topics=bars(found.topics, "topic"),
    )


def _units(whole: float, parts: Sequence[float], rest: float) -> tuple[int, list[int], int]:
    unit = 10**PLACES
    whole_units, rest_units = (math.floor(value * unit + 0.5) for value in (whole, rest))
    return whole_units, share_out(whole_units - rest_units, [part * unit for part in parts]), rest_units


def _figure(units: int) -> str:
    return number(units / 10**PLACES, PLACES)


def _width(share: float) -> str:
    return f"{min(max(share, 0.0), 1.0) * 100:.2f}%"


def _percent(share: float) -> str:
    return f"{number(share * 100)} %"


def _line(found: Explanation, line: SupporterPart, reach: int) -> Line:
    expected = math.floor(line.expected * 10**PLACES + 0.5)
    taken = share_out(expected - reach, [people * 10**PLACES for people in line.taken.values()])
    labels = {part.reason: part.label for part in found.taken_off}
    person = line.person
    return Line(
        handle=person.handle if person else "",
        name=person.display_name if person else _("%(count)s others") % {"count": number(line.people)},
        actions=number(line.actions),
        expected=_figure(expected),
        taken=tuple((labels[r], signed(-units)) for r, units in zip(line.taken, taken, strict=True) if units),
        reach=_figure(reach),
        address=_reactions_of(found.person, supporter=person.handle) if person else "",
    )


def _hit(lines: Sequence[SupporterPart], reason: str, whole: int, most: int = 5) -> tuple[tuple[str, str], ...]:
    """Name those of whom a reason took most; the others stand together, so that the lines add up to the whole."""
    named = sorted((line for line in lines if line.person), key=lambda line: -line.taken[reason])[:most]
    named = [line for line in named if line.taken[reason] * 10**PLACES >= 1]
    rest = math.fsum(line.taken[reason] for line in lines) - math.fsum(line.taken[reason] for line in named)
    units = share_out(whole, [*(line.taken[reason] * 10**PLACES for line in named), rest * 10**PLACES])
    names = [line.person.display_name for line in named if line.person]
    rows = zip([*names, _("all others")], units, strict=True)
    return tuple((name, signed(-figure)) for name, figure in rows if figure)


def _reactions_of(person: Person, **narrowed: str) -> str:
    return f"{reverse('reactions', args=[person.handle])}?{urlencode(narrowed)}"


@dataclass(frozen=True, slots=True)
class Moved:
    """Why a score changed, in figures: each list adds up to `points`."""

    since: datetime
    before: str
    after: str
    points: str
    lists: tuple[tuple[str | Promise, tuple[tuple[str, str], ...]], ...]


def moved(found: Change | None) -> Moved | None:
    """Put a change into figures, in hundredths of a point."""
    if found is None:
        return None
    after, before = (math.floor(value * 100 + 0.5) for value in (found.score_after, found.score_before))

    def listed(shares: Sequence[changes.Share]) -> tuple[tuple[str, str], ...]:
        points = share_out(after - before, [share.points * 100 for share in shares])
        return tuple(
            (f"{share.label} ({number(share.count)})" if share.count else str(share.label), signed(units))
            for share, units in zip(shares, points, strict=True)
            if units
        )

    lists: list[tuple[str | Promise, tuple[tuple[str, str], ...]]] = [(_("By cause"), listed(found.by_cause))]
    if found.before.formula_id == found.after.formula_id:
        lists += [
            (_("By forecast and what is taken off"), listed(found.by_reason)),
            (_("By kind"), listed(found.by_kind)),
        ]
    return Moved(
        found.before.as_of,
        number(before / 100, 2),
        number(after / 100, 2),
        signed(after - before),
        tuple(lists),
    )


def signed(units: int) -> str:
    """Write hundredths with their sign."""
    sign = "+" if units > 0 else "−" if units < 0 else ""
    return f"{sign}{number(abs(units) / 100, 2)}"


@dataclass(frozen=True, slots=True)
class Act:
    at: datetime
    kind: str
    network: str
    supporter: Person
    figure: str


@dataclass(frozen=True, slots=True)
class Acts:
    """A page of single reactions, and what they add up to."""

    lines: tuple[Act, ...]
    first: str
    last: str
    count: str
    reach: str
    whole: str
    rest: str
    earlier: str
    later: str


def acts(found: Reactions, *, offset: int, narrowed: dict[str, str]) -> Acts:
    """Put a page of reactions into figures."""
    unit = 10**FINE
    missing = 0.0 if found.whole is None else found.whole - found.reach
    whole = math.floor((found.reach + missing) * unit + 0.5)
    reach, rest = share_out(whole, [found.reach * unit, missing * unit])

    def page(start: int) -> str:
        return urlencode({**narrowed, "offset": start})

    last = offset + len(found.lines)
    return Acts(
        tuple(
            Act(
                datetime.fromtimestamp(line.at, UTC),
                line.kind_label,
                line.network,
                line.supporter,
                number(line.reach, FINE),
            )
            for line in found.lines
        ),
        number(min(offset + 1, last)),
        number(last),
        number(found.count),
        number(reach / unit, FINE),
        "" if found.whole is None else number(whole / unit, FINE),
        number(rest / unit, FINE) if rest > 0 else "",
        page(max(offset - PAGE, 0)) if offset else "",
        page(last) if found.lines and last < found.count else "",
    )


def narrowing(given: dict[str, str], topic: Topic | None) -> tuple[tuple[str | Promise, str | Promise], ...]:
    """Say in words what reactions are narrowed to. One query where a network is named."""
    words: list[tuple[str | Promise, str | Promise]] = []
    if supporter := given.get("supporter"):
        words.append((_("By"), f"@{supporter}"))
    if kind := given.get("kind"):
        words.append((_("What"), dict(InteractionKind.choices).get(kind, kind)))
    if (network := given.get("network")) is not None:
        name = Network.objects.filter(slug=network).values_list("name", flat=True).first()
        words.append((_("Network"), name or network or _("no network")))
    if topic is not None:
        words.append((_("Topic"), topic.shown_name))
    return tuple(words)


class WhatIfForm(forms.Form):
    """What is to be otherwise; asked by GET, so that an answer can be kept as an address."""

    supporters = forms.IntegerField(
        label=gettext_lazy("More people who act now and then"),
        min_value=0,
        max_value=explanations.MOST_SUPPORTERS,
        required=False,
    )
    rested = forms.BooleanField(label=gettext_lazy("Without the time since the last post"), required=False)
    exchanged = forms.BooleanField(label=gettext_lazy("Without taking off favours returned"), required=False)
