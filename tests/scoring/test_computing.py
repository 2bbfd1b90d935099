"""Where the engine does its table work."""

from pathlib import Path

import ibis
import pytest
from pytest_django.fixtures import Settings

from accounts.actions.spool import SPOOL
from scoring.actions.computing import engine_connection, memory_limit


def limit_of(connection: ibis.BaseBackend) -> str:
    [(limit,)] = connection.raw_sql("SELECT current_setting('memory_limit')").fetchall()
    return str(limit)


def test_tables_take_half_of_the_machine_unless_told(settings: Settings) -> None:
    with engine_connection() as connection:
        half = limit_of(connection)
    settings.SCORING_MEMORY = "64MiB"
    assert memory_limit() == "64MiB"
    with engine_connection() as connection:
        assert limit_of(connection) == "64.0 MiB"
    assert half != "64.0 MiB"


def test_what_outgrows_it_goes_beside_the_log_and_away_at_the_end(settings: Settings) -> None:
    settings.SCORING_MEMORY = "48MiB"
    folder = Path(settings.ACTIVITY_LOG) / SPOOL
    with engine_connection() as connection:
        connection.raw_sql("SET threads = 1")
        connection.raw_sql("CREATE TEMP TABLE big AS SELECT hash(range) AS x, hash(range + 1) AS y FROM range(8000000)")
        spilled = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        [(rows,)] = connection.raw_sql("SELECT count(*) FROM big").fetchall()
    assert rows == 8_000_000
    assert spilled > 50_000_000
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("error", [ValueError("stopped"), KeyboardInterrupt()])
def test_the_folder_goes_whatever_happens(settings: Settings, error: BaseException) -> None:
    with pytest.raises(type(error)), engine_connection():
        raise error
    assert list((Path(settings.ACTIVITY_LOG) / SPOOL).iterdir()) == []
