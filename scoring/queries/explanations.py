"""Where a person's reach comes from, and what it would be otherwise: every sum adds up."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import InteractionKind, Network, Person, Viewer
from scoring.models import Appeal, ReachPart, Score, ScoreRun, Support, TopicReach
from scoring.queries import ENOUGH_SUPPORTERS, TAKEN, TOPICS_SHOWN, TakenOff, score_of, taken_off

REASONS: Final = tuple(reason for reason, _label, _sentence in TAKEN)


# Supporters named on the page; those kept beyond are part of the others.
SUPPORTERS_SHOWN: Final = 20


# A share below this many people is no line of its own.
DUST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class SupporterPart:
    """What one supporter brings, or all who aren't named: `expected` less the reasons' `taken` is `reach`."""

    person: Person | None
    people: int
    actions: int
    expected: float
    reach: float
    taken: dict[str, float]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the reach: a kind of act, a network or a topic; the rest has no slug."""

    slug: str
    name: str | Promise
    reach: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """A person's reach in a run, split four ways that each add up to it, and what was taken off.

    `supporters` and `others` add up to the score's row in every figure; `kinds`, `networks` and `topics` to the reach.
    `kinds` and `networks` are empty where the run didn't keep them.
    """

    person: Person
    run: ScoreRun
    score: float
    forecast: float
    reach: float
    enough_seen: bool
    taken_off: tuple[TakenOff, ...]
    supporters: tuple[SupporterPart, ...]
    others: SupporterPart
    kinds: tuple[Part, ...]
    networks: tuple[Part, ...]
    topics: tuple[Part, ...]


def explanation(person: Person, run: ScoreRun, *, viewer: Viewer | None) -> Explanation | None:
    """Return where a person's reach in a run comes from, None where the run has no row of theirs. Six queries.

    Supporters whom the viewer may not see are part of the others, and so are those whose line wasn't kept.
    """
    row = Score.objects.filter(person=person, run=run).first()
    if row is None:
        return None
    named = [_supporter(line) for line in supports_of(person, run, viewer)[:SUPPORTERS_SHOWN]]
    cells = list(ReachPart.objects.filter(person=person, run=run).values_list("kind", "network", "reach"))
    names = dict(Network.objects.values_list("slug", "name"))
    kinds = dict(InteractionKind.choices)
    return Explanation(
        person=person,
        run=run,
        score=row.score,
        forecast=row.forecast,
        reach=row.reach,
        enough_seen=row.supporters >= ENOUGH_SUPPORTERS,
        taken_off=taken_off(row),
        supporters=tuple(named),
        others=SupporterPart(
            person=None,
            people=max(row.supporters - len(named), 0),
            actions=max(row.actions - sum(part.actions for part in named), 0),
            expected=row.forecast - math.fsum(part.expected for part in named),
            reach=row.reach - math.fsum(part.reach for part in named),
            taken={
                reason: getattr(row, f"taken_{reason}") - math.fsum(part.taken[reason] for part in named)
                for reason in REASONS
            },
        ),
        kinds=_summed((kind, kinds.get(kind, kind), reach) for kind, _network, reach in cells),
        networks=_summed((slug, names.get(slug, slug) or _("no network"), reach) for _kind, slug, reach in cells),
        topics=_topics(person, run, row.reach),
    )


def supports_of(person: Person, run: ScoreRun, viewer: Viewer | None) -> Any:
    visible = Person.objects.visible_to(viewer or AnonymousUser()).filter(pk=OuterRef("supporter"))
    lines = Support.objects.filter(Exists(visible), supported=person, run=run).select_related("supporter")
    return lines.order_by("-reach", "-expected", "supporter")


def _supporter(line: Support) -> SupporterPart:
    taken = {reason: getattr(line, f"taken_{reason}") for reason in REASONS}
    return SupporterPart(line.supporter, 1, line.actions, line.expected, line.reach, taken)


def _summed(cells: Iterable[tuple[str, Any, float]]) -> tuple[Part, ...]:
    sums: dict[str, Part] = {}
    for slug, name, reach in cells:
        sums[slug] = Part(slug, name, reach + (sums[slug].reach if slug in sums else 0.0))
    return tuple(sorted(sums.values(), key=lambda part: (-part.reach, part.slug)))


def _topics(person: Person, run: ScoreRun, reach: float) -> tuple[Part, ...]:
    """Return the topics that take most of the reach, each reaction parted evenly over its post's; then the rest."""
    rows = TopicReach.objects.filter(person=person, run=run, reach__gt=0)
    shown = list(rows.select_related("topic").order_by("-reach", "topic__slug")[:TOPICS_SHOWN])
    parts = [Part(row.topic.slug, row.topic.shown_name, row.reach) for row in shown]
    listed = math.fsum(part.reach for part in parts)
    on_topics = rows.aggregate(all=Sum("reach"))["all"] or 0.0
    if len(parts) == TOPICS_SHOWN and on_topics - listed > DUST:
        parts.append(Part("", _("other topics"), on_topics - listed))
        listed = on_topics
    if abs(reach - listed) > DUST:
        parts.append(Part("", _("no topic that is known here"), reach - listed))
    return tuple(parts)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A score as it would be, and the score as it is. `each` is what one more supporter is taken to bring."""

    score: float
    reach: float
    score_now: float
    reach_now: float
    each: float | None


class CannotSay(Exception):
    """The run didn't keep what the question needs; says so in words."""


# What one can ask for at once.
MOST_SUPPORTERS: Final = 100_000


def what_if(
    person: Person, run: ScoreRun, *, supporters: int = 0, rested: bool = False, exchanged: bool = False
) -> WhatIf:
    """Return a person's score with more genuine supporters, without time off, with no exchange discounted. One query.

    One more supporter is one who is vouched for whole and brings what the person's vouched attention brings on
    average: a person without any has nothing to go by. Raises CannotSay for that, and for runs from before such
    figures were kept.
    """
    from scoring.engine import Attention, Caps, Parameters
    from scoring.engine import what_if as computed

    row = Score.objects.filter(person=person, run=run).first()
    if row is None or row.vouchers is None:
        raise CannotSay(_("The run before this question existed kept too little; ask again after the next run."))
    each = None if row.vouched is None or row.vouchers < 1e-9 else row.vouched / row.vouchers
    if supporters and each is None:
        raise CannotSay(_("Nobody who is vouched for has acted yet, so what one more would bring isn't known."))
    formula = Parameters.from_dict(run.formula.parameters)
    tail = "_exchanged" if exchanged else ""
    found = computed(
        Attention(*(np.array([getattr(row, name + tail)]) for name in ("vouched", "broad", "narrow"))),
        caps=Caps.of(formula),
        credibility=np.array([row.credibility]),
        alive=np.array([row.alive]),
        supporters=supporters,
        each=each or 0.0,
        rested=rested,
    )
    reach = float(found[0])
    return WhatIf(score_of(reach, formula.scale_top), reach, row.score, row.reach, each)


def appeals_of(person: Person) -> list[Appeal]:
    """Return a person's appeals, the latest first. One query."""
    return list(Appeal.objects.filter(person=person).order_by("-made_at", "-pk")[:50])
