"""What is dropped of runs that no page shows any more."""

from typing import Final

from django.db.models import Exists, OuterRef, Window
from django.db.models.functions import RowNumber

from scoring.actions.partitions import drop_tables
from scoring.models import ReachPart, RunFigures, Score, ScoreRun, Support, TopicReach, WrittenLanguage

# Nights of which a formula that runs in shadow keeps its scores.
SHADOWS_KEPT: Final = 3
# What is kept of the runs that pages show alone.
_OF_SHOWN: Final = (TopicReach, Support, ReachPart, WrittenLanguage)


def prune(run: ScoreRun) -> int:
    """Drop rows that no page shows any more; return how many. A run that counts keeps its scores: they are history.

    Topics, supports, parts, languages and figures, the bulk of what a run stores, are kept of the current run, the one
    before it (pages say what changed since) and `run`, unless that is a shadow. Of each formula's shadows the newest
    `SHADOWS_KEPT` keep their scores.
    """
    current = ScoreRun.objects.current()
    kept = set() if run.is_shadow else {run.pk}
    if current is not None:
        earlier = ScoreRun.objects.done().filter(formula=current.formula, is_shadow=False, as_of__lt=current.as_of)
        kept |= {current.pk, *earlier.order_by("-as_of").values_list("pk", flat=True)[:1]}
    old_shadows = set(_old_shadows(run))
    dropped = drop_tables({model: lambda pk: pk not in kept for model in _OF_SHOWN})
    dropped += drop_tables({Score: lambda pk: pk in old_shadows})
    dropped += sum(model.objects.exclude(run__in=kept).delete()[0] for model in _OF_SHOWN)
    RunFigures.objects.exclude(run__in=kept).delete()
    scores, _ = Score.objects.filter(run__in=old_shadows).delete()
    return dropped + scores


def _old_shadows(run: ScoreRun) -> list[int]:
    """Return the shadows, but for `run`, that have scores and as many newer ones of their formula as are kept."""
    newest_first = Window(RowNumber(), partition_by=["formula"], order_by=["-as_of"])
    has_scores = Exists(Score.objects.filter(run=OuterRef("pk")))
    shadows = ScoreRun.objects.done().filter(has_scores, is_shadow=True).annotate(place=newest_first)
    old = shadows.filter(place__gt=SHADOWS_KEPT).values_list("pk", flat=True)
    return [pk for pk in old if pk != run.pk]
