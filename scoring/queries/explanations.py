"""Where a person's reach comes from, why the score changed, and what it would be otherwise: every sum adds up."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Identity, InteractionKind, LogFile, Network, Person, Viewer
from accounts.queries import log_files
from scoring.models import Appeal, ReachPart, Score, ScoreRun, Support, TopicReach
from scoring.queries import ENOUGH_SUPPORTERS, TAKEN, TOPICS_SHOWN, TakenOff, score_of

pc: Any = pyarrow.compute

REASONS: Final = tuple(reason for reason, _label, _sentence in TAKEN)
# Supporters named on the page; those kept beyond are part of the others.
SUPPORTERS_SHOWN: Final = 20
# The parameters by which acts are weighed.
DECAY: Final = frozenset({"half_life_days", "burst_share", "burst_half_life_days"})
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
    named = [_supporter(line) for line in _named(person, run, viewer)[:SUPPORTERS_SHOWN]]
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
        taken_off=tuple(
            TakenOff(reason, label, getattr(row, f"taken_{reason}"), sentence) for reason, label, sentence in TAKEN
        ),
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


def _named(person: Person, run: ScoreRun, viewer: Viewer | None) -> Any:
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
class Reaction:
    """One act of a supporter, and its own part of the reach. `post` is the key of the post, as far as it is known."""

    at: int
    kind: str
    kind_label: str
    network: str
    supporter: Person
    post: int | None
    reach: float


@dataclass(frozen=True, slots=True)
class Reactions:
    """A page of single acts, the heaviest first. `reach` is that of all `count`, on this page and others.

    `whole` is what they are a part of: the supporter's part, or the reach. What is missing came by supporters who
    can't be named here or whose lines weren't kept.
    """

    lines: tuple[Reaction, ...]
    count: int
    reach: float
    whole: float


def reactions(
    person: Person,
    run: ScoreRun,
    *,
    viewer: Viewer | None,
    supporter: str = "",
    kind: str = "",
    network: str | None = None,
    offset: int = 0,
    limit: int = 50,
) -> Reactions:
    """Return the single acts behind a person's reach, narrowed to a supporter (a handle), a kind, a network.

    They are read from the activity log, by the rules of the run that gave the reach, between the person's accounts and
    those of the supporters whom the viewer may see. Four queries, and one pass over the days' files.
    """
    # Slow to load, and seldom needed: not in every web process.
    from scoring.engine import Parameters
    from scoring.engine import reactions as acts_of

    lines = list(_named(person, run, viewer))
    if supporter:
        lines = [line for line in lines if line.supporter.handle.lower() == supporter.lower()]
        whole = math.fsum(line.reach for line in lines)
    else:
        whole = _whole(person, run, kind, network)
    people = {line.supporter_id: line.supporter for line in lines}
    owned = Identity.objects.filter(person__in=[person.pk, *people]).values_list("key", "person_id")
    keys = np.fromiter((number for row in owned for number in row), dtype=np.int64).reshape(-1, 2)
    if not lines or not keys.size:
        return Reactions((), 0, 0.0, whole)
    table = acts_of(
        log_files(LogFile.Table.INTERACTIONS, run.as_of),
        owners=pa.table({"account": keys[:, 0], "person": keys[:, 1]}),
        supports=pa.table(
            {
                "supporter": [line.supporter_id for line in lines],
                "supported": [person.pk] * len(lines),
                "reach": [line.reach for line in lines],
            }
        ),
        until=math.ceil(run.as_of.timestamp()),
        # What an act weighs is all that is asked of it: of a former engine's formula too.
        formula=Parameters.from_dict(
            {name: run.formula.parameters[name] for name in DECAY & run.formula.parameters.keys()}
        ),
    )
    for column, value in (("kind", kind or None), ("network", network)):
        if value is not None:
            table = table.filter(pc.equal(table[column], value))
    labels = dict(InteractionKind.choices)
    page = table.slice(offset, limit).to_pylist()
    return Reactions(
        tuple(
            Reaction(
                at=row["at"],
                kind=row["kind"],
                kind_label=str(labels.get(row["kind"], row["kind"])),
                network=row["network"],
                supporter=people[row["supporter"]],
                post=row["post"],
                reach=row["reach"],
            )
            for row in page
        ),
        count=table.num_rows,
        reach=math.fsum(table["reach"].to_numpy()),
        whole=whole,
    )


def _whole(person: Person, run: ScoreRun, kind: str, network: str | None) -> float:
    if not kind and network is None:
        return float(Score.objects.filter(person=person, run=run).values_list("reach", flat=True).first() or 0.0)
    cells = ReachPart.objects.filter(person=person, run=run)
    cells = cells.filter(kind=kind) if kind else cells
    cells = cells.filter(network=network) if network is not None else cells
    return float(cells.aggregate(all=Sum("reach"))["all"] or 0.0)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a change: people of reach, and points of score. `count` is of people, where it says something."""

    what: str
    label: str | Promise
    people: float
    points: float
    count: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What moved a score between two runs. `by_cause`, `by_reason` and `by_kind` each add up to the whole change.

    Of two runs under different formulas the change isn't split: the formula is all that can be said.
    """

    before: ScoreRun
    after: ScoreRun
    score_before: float
    score_after: float
    reach_before: float
    reach_after: float
    by_cause: tuple[Share, ...]
    by_reason: tuple[Share, ...]
    by_kind: tuple[Share, ...]

    @property
    def points(self) -> float:
        return self.score_after - self.score_before


_CAUSES: Final[dict[str, Promise]] = {
    "new": _("New supporters"),
    "lost": _("Supporters no longer seen to act"),
    "livelier": _("Supporters who act more"),
    "fading": _("Supporters who act less, or longer ago"),
    "unvouched": _("How far supporters are vouched for"),
    "exchange": _("Favours returned"),
    "indiscriminate": _("Supporters who act on everyone"),
    "repetition": _("Repeated texts"),
    "absence": _("Time without posts"),
    "others": _("Smaller supporters, not kept one by one"),
}


def change(person: Person, run: ScoreRun) -> Change | None:
    """Return why a person's score changed since the run before, under the same formula or another; None without one.

    At most seven queries. Supporters are counted and never named, so that it is the same for every viewer.
    """
    # Younger formulas than the run's are shadows, which readers never saw.
    seen = Q(as_of__lt=run.as_of, formula__created_at__lte=run.formula.created_at)
    earlier = ScoreRun.objects.done().filter(seen).select_related("formula")
    before = earlier.order_by("-as_of", "-formula__created_at").first()
    rows = {row.run_id: row for row in Score.objects.filter(person=person, run__in=[run, before])} if before else {}
    if before is None or len(rows) < 2:
        return None
    old, new = rows[before.pk], rows[run.pk]
    top = float(run.formula.parameters["scale_top"])

    def split(parts: Iterable[tuple[str, Any, float, int]]) -> tuple[Share, ...]:
        from scoring.engine import shares_of_change

        found = [part for part in parts if abs(part[2]) > 0]
        points = shares_of_change(old.reach, new.reach, [part[2] for part in found], top=top)
        return tuple(
            Share(what, label, people, float(share), count)
            for (what, label, people, count), share in zip(found, points, strict=True)
        )

    if before.formula_id != run.formula_id:
        whole = Share("formula", _("Another formula"), new.reach - old.reach, new.score - old.score)
        by_cause: tuple[Share, ...] = (whole,)
        by_reason = by_kind = by_cause
    else:
        by_cause = split(_causes(person, before, run, old, new))
        by_reason = split(
            [
                ("forecast", _("The forecast"), new.forecast - old.forecast, 0),
                *((r, label, getattr(old, f"taken_{r}") - getattr(new, f"taken_{r}"), 0) for r, label, _s in TAKEN),
            ]
        )
        by_kind = split(_kinds(person, before, run, new.reach - old.reach))
    runs = (before, run, old.score, new.score, old.reach, new.reach)
    return Change(*runs, by_cause, by_reason, by_kind)


def _causes(
    person: Person, before: ScoreRun, run: ScoreRun, old: Score, new: Score
) -> list[tuple[str, Any, float, int]]:
    """Split the change of the reach by what supporters did and what was taken off them; the rest is the others'."""
    lines: dict[int, dict[int, Support]] = {before.pk: {}, run.pk: {}}
    for line in Support.objects.filter(supported=person, run__in=[before, run]):
        lines[line.run_id][line.supporter_id] = line
    first, then = lines[before.pk], lines[run.pk]
    sums = dict.fromkeys(_CAUSES, 0.0)
    counts = dict.fromkeys(_CAUSES, 0)
    # Who isn't among the lines of a run acted then all the same, unless that run's lines are all that there were.
    all_before, all_after = len(first) == old.supporters, len(then) == new.supporters
    for who in first.keys() | then.keys():
        a, b = first.get(who), then.get(who)
        if a is None and b is not None and all_before:
            sums["new"] += b.reach
            counts["new"] += 1
        elif b is None and a is not None and all_after:
            sums["lost"] -= a.reach
            counts["lost"] += 1
        elif a is not None and b is not None:
            gap = b.expected - a.expected
            cause = "livelier" if gap > 0 else "fading"
            sums[cause] += gap
            counts[cause] += gap != 0
            for reason in REASONS:
                sums[reason] += getattr(a, f"taken_{reason}") - getattr(b, f"taken_{reason}")
    sums["others"] = (new.reach - old.reach) - math.fsum(sums.values())
    if abs(sums["others"]) <= DUST:
        # The rounding of the sums goes to the largest.
        largest = max(sums, key=lambda cause: abs(sums[cause]))
        sums[largest] += sums["others"] if largest != "others" else 0.0
        sums["others"] = 0.0
    return [(cause, label, sums[cause], counts[cause]) for cause, label in _CAUSES.items()]


def _kinds(person: Person, before: ScoreRun, run: ScoreRun, gap: float) -> list[tuple[str, Any, float, int]]:
    cells = ReachPart.objects.filter(person=person, run__in=[before, run])
    sums = dict.fromkeys((value for value, _label in InteractionKind.choices), 0.0)
    for run_id, kind, reach in cells.values_list("run", "kind", "reach"):
        sums[kind] += reach if run_id == run.pk else -reach
    rest = gap - math.fsum(sums.values())
    known = [(kind, label, sums[kind], 0) for kind, label in InteractionKind.choices]
    return [*known, ("", _("not kept by kind"), rest if abs(rest) > DUST else 0.0, 0)]


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
