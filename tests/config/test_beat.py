"""What beat asks for is there to be done, and is dropped when the next one comes before it was begun."""

import pytest
from django.conf import settings
from django_celery_beat.schedulers import ModelEntry

from campaigns.actions.postbox import LONGEST
from config.celery import app


def test_beat_asks_for_tasks_that_workers_know() -> None:
    app.loader.import_default_modules()
    asked = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert asked - app.tasks.keys() == set()


@pytest.mark.django_db
def test_what_comes_every_few_minutes_expires_before_it_comes_again() -> None:
    expiring = {}
    for name, entry in settings.CELERY_BEAT_SCHEDULE.items():
        options = ModelEntry.from_entry(name, app=app, **entry).options
        if "expires" in options:
            minutes = sorted(entry["schedule"].minute)
            expiring[name] = (minutes[1] - minutes[0], options["expires"])

    assert expiring == {
        "send due invitations": (1, 50),
        "send invitations of colleagues": (1, 50),
        "choose groups": (1, 50),
        "measure returns": (1, 50),
        "send due notices": (1, 50),
        "send due reminders": (1, 50),
        "move activity to the log": (5, 290),
        "find posts about campaigns": (5, 290),
        "serve waiting lists": (10, 590),
    }


def test_who_sends_leaves_the_rest_to_the_next_before_that_expires() -> None:
    assert LONGEST.total_seconds() < settings.CELERY_BEAT_SCHEDULE["send due invitations"]["options"]["expire_seconds"]
