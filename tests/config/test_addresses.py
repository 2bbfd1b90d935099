"""Where the embedded services listen."""

import os
from pathlib import Path

import environ
import psycopg.conninfo
import pytest
import redis
from kombu import Connection
from kombu.utils.url import url_to_parts

from config.launcher.addresses import LONGEST_SOCKET_PATH, addresses, data_folder

FOLDERS = ["/srv/sway/.data", "/data/Zoë/a b/50% +more/?#&/.data", "/" + "deep/" * 40 + ".data"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_reader_of_the_urls_finds_the_same_sockets(folder: str) -> None:
    where = addresses(Path("/"), Path(folder))
    database = environ.Env.db_url_config(where.database_url)
    assert (database["NAME"], database["USER"]) == ("sway", "sway")
    assert database["OPTIONS"] == {"host": str(where.postgres_folder), "port": 5432}
    libpq = psycopg.conninfo.conninfo_to_dict(where.database_url)
    assert libpq == {"user": "sway", "dbname": "sway", "host": str(where.postgres_folder), "port": "5432"}
    cache = redis.Redis.from_url(where.redis_url).connection_pool.connection_kwargs
    assert (cache["path"], cache["db"]) == (str(where.valkey_folder / "valkey.sock"), 1)
    broker = url_to_parts(Connection(where.broker_url).hostname or "")
    assert (f"/{broker.path}", broker.query) == (str(where.valkey_folder / "valkey.sock"), {"virtual_host": "0"})


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_socket_fits_into_its_address(folder: str) -> None:
    where = addresses(Path("/"), Path(folder))
    for socket in (where.postgres_folder / ".s.PGSQL.5432", where.valkey_folder / "valkey.sock"):
        assert len(os.fsencode(socket)) <= LONGEST_SOCKET_PATH


def test_the_limit_is_in_bytes() -> None:
    # 107 less the 27 bytes of /run/postgres/.s.PGSQL.5432 is 80.
    fits, too_long = Path("/" + "é" * 39 + "x"), Path("/" + "é" * 39 + "xx")
    assert addresses(Path("/"), fits).postgres_folder == fits / "run" / "postgres"
    assert addresses(Path("/"), too_long).postgres_folder.parent.parent == Path("/tmp")  # noqa: S108  # compared


def test_deep_folders_do_not_share_sockets() -> None:
    deep = Path("/" + "x" * 100)
    assert addresses(Path("/"), deep / "a").postgres_folder != addresses(Path("/"), deep / "b").postgres_folder


def test_a_relative_folder_starts_at_the_code() -> None:
    assert addresses(Path("/srv/sway"), Path(".data")) == addresses(Path("/"), Path("/srv/sway/.data"))


def test_the_folder_of_the_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to(tmp_path / "there")
    monkeypatch.delenv("SWAY_DATA", raising=False)
    assert data_folder(tmp_path) == tmp_path / ".data"
    monkeypatch.setenv("SWAY_DATA", "")
    assert data_folder(tmp_path) == tmp_path / ".data"
    monkeypatch.setenv("SWAY_DATA", str(tmp_path / "here"))
    assert data_folder(tmp_path) == tmp_path / "there"
