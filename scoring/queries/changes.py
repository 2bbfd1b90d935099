"""Why a score changed from one run to the next."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import InteractionKind, Person
from scoring.models import ReachPart, Score, ScoreRun, Support
from scoring.queries import TAKEN
from scoring.queries.explanations import DUST, REASONS


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
