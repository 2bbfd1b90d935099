"""Shared by all tests: no network but loopback, a data folder of the test's own."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from pytest_django.fixtures import Settings
from pytest_socket import socket_allow_hosts

from tests.object_store import Bucket, ObjectStore


def pytest_sessionstart() -> None:
    # Ibis makes a million short-lived objects for a run; by Python's own threshold looking through all that others hold
    # takes a fifth of the time.
    gc.set_threshold(100_000, 50, 100)


def pytest_runtest_setup() -> None:
    socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _own_folders(settings: Settings, tmp_path: Path) -> None:
    """Keep the activity log, the outbox and the cache of each test apart from everything else's."""
    settings.DATA_DIR = tmp_path
    settings.ACTIVITY_LOG = settings.SCRATCH = tmp_path / "log"
    settings.SCORING_STATE = tmp_path / "state"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # As in the demo: tests of the admin sign in by `force_login`. Those of second factors turn it on.
    settings.STAFF_MFA = False


@pytest.fixture
def bucket(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Start an object store with an empty bucket, in which the activity log lies from now on."""
    store = ObjectStore()
    for name, value in store.environment().items():
        monkeypatch.setenv(name, value)
    bucket = store.new_bucket()
    settings.ACTIVITY_LOG = bucket.log
    settings.SCRATCH = tmp_path / "scratch"
    yield bucket
    store.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Let the live server's threads close their connections, or the test database can't be dropped."""
    connections.settings["default"]["CONN_MAX_AGE"] = 0


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data beside the project, or skip."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: it lies beside the project, never in it")
    return folder
