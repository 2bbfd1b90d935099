"""What the operator has to mend ends every command in one line and exit code 2, and is never taken for a fault."""

import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, OperationalError, connection

from config.refusals import refusal_of
from tests.config.conftest import BASE_DIR, Folder

# To the ports of this machine, by name look-ups that the other tests do without.
pytestmark = pytest.mark.usefixtures("socket_enabled")


def manage(folder: Folder, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=folder.environment(**environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def refused(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_without_services_a_command_says_how_to_get_them(new_folder: Folder) -> None:
    told = refused(manage(new_folder, "score"))
    assert told.startswith("sway: the database does not answer: run `make services` beside this, or set DATABASE_URL (")
    assert "Traceback" in manage(new_folder, "score", "--traceback").stderr
    assert not new_folder.path.exists()


def test_a_database_of_ones_own_that_does_not_answer(new_folder: Folder) -> None:
    told = refused(manage(new_folder, "migrate", DATABASE_URL="postgres://me:hidden@127.0.0.1:1/sway"))
    assert told.startswith("sway: the database that DATABASE_URL names does not answer: start it, or name another one")
    assert "hidden" not in told


def test_a_database_without_tables(folder: Folder) -> None:
    done = folder.run("run", "--", sys.executable, "manage.py", "score")
    assert done.returncode == 2
    # Above it stands what took more than a second, on a slow machine.
    assert done.stderr.splitlines()[-1] == (
        "sway: the database is not up to date: run `manage.py migrate`, which `make serve` and `make demo` do first"
    )
    assert "Traceback" not in done.stderr


@pytest.mark.django_db
def test_faults_of_the_code_keep_their_traceback() -> None:
    assert refusal_of(ValueError("anything")) is None
    assert refusal_of(IntegrityError("twice")) is None
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 1")
        with pytest.raises(OperationalError) as timed_out:
            cursor.execute("SELECT pg_sleep(1)")
    assert refusal_of(timed_out.value) is None


def test_a_setting_of_two_lines_is_told_in_one() -> None:
    assert refusal_of(ImproperlyConfigured("A is\n  wrong")) == "A is wrong"


def test_an_amount_of_memory_that_is_none(new_folder: Folder) -> None:
    told = refused(manage(new_folder, "score", SCORING_MEMORY="much"))
    assert told == "sway: SCORING_MEMORY is 'much': write a number and a unit, 4GiB for example\n"


@pytest.mark.parametrize(
    "value",
    ["s3://key:hidden@bucket/log", "s3://bucket?secret_key=hidden", "gs://hidden", "s3://", "s3://bucket/../hidden"],
)
def test_an_address_of_an_object_store_that_is_none(new_folder: Folder, value: str) -> None:
    told = refused(manage(new_folder, "score", ACTIVITY_LOG=value))
    assert told.startswith(
        "sway: ACTIVITY_LOG is no address of an object store: write s3://bucket or s3://bucket/prefix"
    )
    assert "hidden" not in told
    assert not new_folder.path.exists()


def test_an_engine_that_is_none(new_folder: Folder) -> None:
    told = refused(manage(new_folder, "score", SCORING_ENGINE="flink"))
    assert told == "sway: SCORING_ENGINE is 'flink': set it to duckdb or spark\n"
    told = refused(manage(new_folder, "score", SCORING_ENGINE="spark"))
    assert told == "sway: SCORING_ENGINE is spark: set SPARK_MASTER too, to spark://host:7077 for example\n"
    told = refused(manage(new_folder, "score", SCORING_ENGINE="spark", SPARK_MASTER="http://host"))
    assert told == (
        "sway: SPARK_MASTER is 'http://host': write spark://host:7077, or local[2] for two cores of this machine\n"
    )
    store = {"SPARK_MASTER": "local[2]", "ACTIVITY_LOG": "s3://bucket/log"}
    told = refused(manage(new_folder, "score", SCORING_ENGINE="spark", **store))
    assert told == (
        "sway: SCORING_ENGINE is spark and ACTIVITY_LOG an object store: set it to a folder that all workers have\n"
    )
