"""What Celery does for accounts by itself."""

from celery import shared_task
from django.utils import timezone

from accounts import actions


@shared_task
def move_activity_to_log() -> int:
    """Move new activity rows to the log; returns how many. Told twice, the second finds nothing."""
    return actions.move_activity_to_log(now=timezone.now())


@shared_task
def sweep_log() -> int:
    """Delete what killed imports and runs left below the log's folder, and replaced files; returns how many."""
    return actions.sweep_log(now=timezone.now())


@shared_task
def tidy_log() -> str:
    """Merge small files of the log, drop old texts and take out the erased; says what it did."""
    return str(actions.tidy_log(now=timezone.now()))
