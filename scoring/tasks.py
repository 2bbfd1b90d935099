"""What Celery starts by itself; all on the queue `scoring`, where one worker process does one run at a time."""

from datetime import UTC, datetime

from celery import shared_task
from django.utils import timezone

from scoring import actions


@shared_task
def score_night(as_of: str | None = None) -> str:
    """Score an ISO moment, the beginning of today in UTC unless given. Told twice, it does it once."""
    now = timezone.now()
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return actions.score_night(as_of=datetime.fromisoformat(as_of) if as_of else midnight, now=now)


@shared_task
def score_unfinished() -> str:
    """Take up runs whose process was killed, and failed ones whose pause is over."""
    return actions.score_unfinished(now=timezone.now())


@shared_task
def score_shadows() -> str:
    """Score the versions of the formula that run beside the current one, once for each run that readers see."""
    return actions.score_shadows(now=timezone.now())
