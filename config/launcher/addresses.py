"""Where the embedded services listen: path arithmetic only, so that settings can import it."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

# sockaddr_un holds 108 bytes, the last of them NUL.
LONGEST_SOCKET_PATH = 107
POSTGRES_SOCKET = ".s.PGSQL.5432"
VALKEY_SOCKET = "valkey.sock"
DATABASE = "sway"
# A fixed folder, not TMPDIR: launchers with different environments have to find each other.
SHORT_ROOT = Path("/tmp")  # noqa: S108  # the folder below it is 0700 and its owner is checked before use


@dataclass(frozen=True)
class Addresses:
    """The folders of the sockets, and the same as URLs for DATABASE_URL, REDIS_URL and CELERY_BROKER_URL."""

    postgres_folder: Path
    valkey_folder: Path
    database_url: str
    redis_url: str
    broker_url: str


def data_folder(base_dir: Path) -> Path:
    """Return the folder of all data: `SWAY_DATA`, or `.data` beside the code; links in its path are followed."""
    return (base_dir / (os.environ.get("SWAY_DATA") or ".data")).resolve()


def run_folder(data_dir: Path) -> Path:
    """Return the folder of the sockets: `run` in the data, or a short one where a socket's path gets too long."""
    folder = data_dir / "run"
    longest = folder / "postgres" / POSTGRES_SOCKET
    if len(os.fsencode(longest)) <= LONGEST_SOCKET_PATH:
        return folder
    return SHORT_ROOT / f"sway-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}"


def addresses(base_dir: Path, data_dir: Path) -> Addresses:
    """Return where the embedded services of a data folder listen, whether they run or not.

    A relative `data_dir` is taken from `base_dir`. Cache and broker are different databases of one Valkey: clearing
    the cache must not empty the queues.
    """
    run = run_folder(base_dir / data_dir)
    postgres, valkey = run / "postgres", run / "valkey"
    socket = quote(str(valkey / VALKEY_SOCKET))
    return Addresses(
        postgres_folder=postgres,
        valkey_folder=valkey,
        # The host stands in the query, because a URL's host part is lower-cased by its readers; the port, part of the
        # socket's name, because PGPORT would change it.
        database_url=f"postgres://{DATABASE}@/{DATABASE}?host={quote(str(postgres), safe='')}&port=5432",
        redis_url=f"unix://{socket}?db=1",
        broker_url=f"redis+socket://{socket}?virtual_host=0",
    )
