"""What beat asks for is there to be done."""

from django.conf import settings

from config.celery import app


def test_beat_asks_for_tasks_that_workers_know() -> None:
    app.loader.import_default_modules()
    asked = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert asked - app.tasks.keys() == set()
