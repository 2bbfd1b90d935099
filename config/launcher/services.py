"""The embedded services that this launcher needs: those for which no variable names another."""

import os
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from config.launcher.addresses import addresses
from config.launcher.console import say, step
from config.launcher.lease import TITLES, Lease
from config.launcher.postgres import programs
from config.launcher.service import BASE_DIR

# The databases of one Valkey: 0 and 1 are the site's broker and cache, these are the tests'.
_TEST_BROKER, _TEST_CACHE = 2, 3


class Services:
    """Holds a lease on each from `with` to its end; `environment` tells a child where they are."""

    def __init__(self, data_dir: Path, *, for_tests: bool = False) -> None:
        self._data_dir = data_dir
        where = addresses(BASE_DIR, data_dir)
        self._names: list[str] = []
        self.environment = os.environ | {"SWAY_DATA": str(data_dir)}
        if not os.environ.get("DATABASE_URL"):
            self._names.append("postgres")
            self.environment["DATABASE_URL"] = where.database_url
            # psql and pg_dump of the server's own version.
            self.environment["PATH"] = f"{programs()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        if not os.environ.get("REDIS_URL"):
            self._names.append("valkey")
            cache, broker = where.redis_url, where.broker_url
            if for_tests:
                # A worker of the site that runs beside them must not get the tests' tasks.
                cache = cache.replace("?db=1", f"?db={_TEST_CACHE}")
                broker = broker.replace("?virtual_host=0", f"?virtual_host={_TEST_BROKER}")
            self.environment["REDIS_URL"] = cache
            self.environment["CELERY_BROKER_URL"] = os.environ.get("CELERY_BROKER_URL") or broker
        self._leases: dict[str, Lease] = {}
        self._exits = ExitStack()
        self._looked = 0.0

    @property
    def fds(self) -> list[int]:
        """Return the descriptors to pass to children that need the services until their own end."""
        return [lease.fd for lease in self._leases.values()]

    def __enter__(self) -> "Services":
        with ExitStack() as exits:
            for name in self._names:
                lease = Lease(name, self._data_dir)
                exits.callback(lease.release)
                with step(f"starting {TITLES[name]}"):
                    lease.acquire()
                self._leases[name] = lease
            self._exits = exits.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    def check(self) -> None:
        """Start services again whose supervisor was killed; looks once a second."""
        if time.monotonic() - self._looked < 1:
            return
        self._looked = time.monotonic()
        for name, lease in self._leases.items():
            if not lease.is_supervised():
                say(f"  {TITLES[name]}'s supervisor has ended; starting both again")
                lease.ensure()
