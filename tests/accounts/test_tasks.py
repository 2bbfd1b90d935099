"""What Celery calls: the actions, with the clock of the machine."""

import pytest
from pytest_django.fixtures import Settings

from accounts import tasks
from accounts.actions.spool import SPOOL
from accounts.models import Activity
from tests.accounts.activity_data import log_events
from tests.factories.accounts import ActivityFactory

pytestmark = pytest.mark.django_db


def test_activity_is_moved_to_the_log() -> None:
    ActivityFactory.create()
    assert (tasks.move_activity_to_log(), tasks.move_activity_to_log()) == (1, 0)
    assert len(log_events()) == 1
    assert not Activity.objects.not_in_log().exists()


def test_what_killed_imports_left_is_swept_up(settings: Settings) -> None:
    folder = settings.ACTIVITY_LOG / SPOOL / "killed"
    folder.mkdir(parents=True)
    (folder / "lock").touch()
    assert (tasks.sweep_log(), tasks.sweep_log()) == (1, 0)
    assert not folder.exists()


def test_the_log_is_tidied() -> None:
    ActivityFactory.create()
    tasks.move_activity_to_log()
    assert tasks.tidy_log() == "0 files merged into 0; 0 rid of old texts, 0 of erased accounts"
