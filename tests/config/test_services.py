"""The embedded services: shared by the launchers of a folder, gone with the last, back after any kill -9."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.launcher.addresses import addresses, run_folder
from tests.config.conftest import BASE_DIR, Folder, eventually

PING = "import os, redis; print(redis.Redis.from_url(os.environ['REDIS_URL']).{})"


def postmaster(folder: Folder) -> int:
    return int((folder.path / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])


def test_run_gives_the_services_to_a_command_and_its_exit_code_back(new_folder: Folder) -> None:
    script = (
        "import os, psycopg, redis\n"
        "with psycopg.connect(os.environ['DATABASE_URL']) as connection:\n"
        '    question = "SELECT current_database(), datlocprovider, datlocale, encoding FROM pg_database"\n'
        '    print(connection.execute(question + " WHERE datname = current_database()").fetchone())\n'
        "print(redis.Redis.from_url(os.environ['REDIS_URL']).ping())\n"
        "raise SystemExit(7)\n"
    )
    ran = new_folder.run("run", "--", sys.executable, "-c", script)
    # "b" is the builtin provider, 6 is UTF8.
    assert ran.stdout.splitlines() == ["('sway', 'b', 'C.UTF-8', 6)", "True"]
    assert ran.returncode == 7
    assert new_folder.is_quiet()


def test_no_port_is_opened_and_nobody_else_can_enter(new_folder: Folder) -> None:
    assert new_folder.ask("SHOW listen_addresses") == ""
    for made in (
        new_folder.path,
        new_folder.path / "run",
        new_folder.path / "run" / "postgres",
        new_folder.path / "run" / "valkey",
    ):
        assert made.stat().st_mode & 0o077 == 0, made


def test_launchers_of_a_folder_share_the_services_until_the_last_ends(folder: Folder) -> None:
    first = folder.hold()
    server = postmaster(folder)
    second = folder.hold()
    assert postmaster(folder) == server
    first.terminate()
    assert first.wait(20) == 128 + signal.SIGTERM
    assert folder.ask("SELECT 1") == "1"
    assert postmaster(folder) == server
    second.terminate()
    second.wait(20)
    assert folder.is_quiet()


def test_two_first_starts_at_once_make_one_database(new_folder: Folder) -> None:
    both = [new_folder.start("run", "--", "echo", "ran") for _ in range(2)]
    assert [(process.communicate(timeout=60)[0], process.returncode) for process in both] == [("ran\n", 0)] * 2
    assert (new_folder.path / "logs" / "postgres.log").read_text().count("starting PostgreSQL") in {1, 2}
    assert list(new_folder.path.glob("postgres.new*")) == []


def test_a_start_while_another_stops(folder: Folder) -> None:
    for _ in range(2):
        leaving = folder.hold()
        leaving.terminate()
        assert folder.ask("SELECT 1") == "1"
        assert leaving.wait(20) == 128 + signal.SIGTERM


def test_a_killed_launcher_takes_command_and_services_with_it(folder: Folder) -> None:
    launcher = folder.hold()
    # The shell says "held" before it becomes the sleep.
    assert eventually(lambda: len(folder.processes("sleep\x00300")) == 1)
    launcher.kill()
    assert eventually(folder.is_quiet, 20), folder.processes()
    assert "database system is shut down" in (folder.path / "logs" / "postgres.log").read_text()


def test_killed_servers_come_back_with_what_they_kept(folder: Folder) -> None:
    folder.hold()
    assert folder.ask("CREATE TABLE kept AS SELECT 42 AS n") == "done"
    assert folder.run("run", "--", sys.executable, "-c", PING.format("set('kept', 'yes')")).returncode == 0
    old = postmaster(folder)
    # The append-only file is written every second.
    assert eventually(lambda: any(b"kept" in file.read_bytes() for file in folder.path.rglob("*.incr.aof")), 5)
    os.kill(old, signal.SIGKILL)
    assert len(folder.kill("valkey-server")) == 1
    assert folder.ask("SELECT n FROM kept") == "42"
    assert folder.run("run", "--", sys.executable, "-c", PING.format("get('kept')")).stdout == "b'yes'\n"
    assert postmaster(folder) != old


def test_killed_supervisors_are_replaced_by_the_launchers_that_run(folder: Folder) -> None:
    launcher = folder.hold()
    old = folder.kill("config.launcher.supervisor")
    assert len(old) == 2
    assert eventually(lambda: len(set(folder.processes("config.launcher.supervisor")) - set(old)) == 2)
    assert folder.ask("SELECT 1") == "1"
    launcher.terminate()
    launcher.wait(20)
    assert folder.is_quiet()


def test_after_everything_was_killed_the_next_start_recovers(folder: Folder) -> None:
    launcher = folder.hold()
    folder.ask("CREATE TABLE kept AS SELECT 42 AS n")
    pid_file = folder.path / "postgres" / "postmaster.pid"
    while folder.processes():
        folder.kill()
    launcher.wait(20)
    assert pid_file.exists()
    # The worst case: the number in the stale file now belongs to another living process of the same user.
    left = pid_file.read_text().split("\n", 1)[1]
    pid_file.write_text(f"{os.getpid()}\n{left}")
    assert folder.ask("SELECT n FROM kept") == "42"


def test_a_killed_initdb_leaves_nothing_half_made(new_folder: Folder) -> None:
    half = new_folder.path / "postgres.new-1"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert new_folder.ask("SELECT 1") == "1"
    assert not half.exists()


def test_data_that_are_deleted_under_a_running_launcher_end_their_services(folder: Folder) -> None:
    launcher = folder.hold()
    shutil.rmtree(folder.path)
    assert launcher.wait(40) == 1
    assert eventually(folder.is_quiet)
    assert not (folder.path / "postgres").exists()


def test_a_dump_taken_with_run_restores(folder: Folder, tmp_path: Path) -> None:
    dump = tmp_path / "sway.dump"
    folder.ask("CREATE TABLE kept AS SELECT 42 AS n")
    assert folder.run("run", "--", "sh", "-c", f'pg_dump "$DATABASE_URL" -Fc -f {dump}').returncode == 0
    folder.ask("DROP TABLE kept")
    assert folder.run("run", "--", "sh", "-c", f'pg_restore -d "$DATABASE_URL" {dump}').returncode == 0
    assert folder.ask("SELECT n FROM kept") == "42"


def test_variables_of_the_clients_do_not_reach_the_server(folder: Folder) -> None:
    assert folder.ask("SHOW port", PGPORT="6543", PGOPTIONS="-c work_mem=1GB", LC_ALL="nowhere") == "5432"


class TestDeepFolder:
    """A socket's path holds 107 bytes."""

    @pytest.fixture
    def deep(self, new_folder: Folder, tmp_path: Path) -> Iterator[Folder]:
        new_folder.path = tmp_path / ("a folder's nämé is long " * 6).strip() / "data"
        yield new_folder
        shutil.rmtree(run_folder(new_folder.path), ignore_errors=True)

    def test_sockets_lie_below_tmp(self, deep: Folder) -> None:
        where = addresses(Path("/"), deep.path)
        assert deep.ask("SELECT 1") == "1"
        assert where.postgres_folder.parent.parent == Path("/tmp")  # noqa: S108  # the folder that the launcher takes
        assert where.postgres_folder.parent.stat().st_mode & 0o777 == 0o700
        assert deep.run("run", "--", sys.executable, "-c", PING.format("ping()")).stdout == "True\n"

    def test_a_folder_that_somebody_else_may_enter_is_refused(self, deep: Folder) -> None:
        squatted = run_folder(deep.path)
        squatted.mkdir(mode=0o755)
        try:
            refused = deep.run("run", "--", "true")
        finally:
            squatted.rmdir()
        assert refused.returncode == 2
        assert refused.stderr.splitlines()[-1] == (
            f"sway: {squatted} is not a private folder of this user: remove it, or set SWAY_DATA to a shorter path"
        )


class TestOtherPrograms:
    """`PG_BINDIR`."""

    def test_a_folder_without_the_programs_is_refused(self, folder: Folder, tmp_path: Path) -> None:
        refused = folder.run("run", "--", "true", PG_BINDIR=str(tmp_path))
        assert refused.returncode == 2
        assert refused.stderr.splitlines()[-1] == f"sway: PG_BINDIR is {tmp_path}, which holds no postgres and initdb"

    def test_data_of_another_version_are_left_alone(self, folder: Folder, tmp_path: Path) -> None:
        folder.ask("SELECT 1")
        for program in ("postgres", "initdb"):
            (tmp_path / program).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 19.1'\n")
            (tmp_path / program).chmod(0o755)
        refused = folder.run("run", "--", "true", PG_BINDIR=str(tmp_path))
        assert refused.returncode == 2
        told = f"sway: {folder.path / 'postgres'} was made by PostgreSQL 18, but {tmp_path} has 19: "
        assert refused.stderr.splitlines()[-1].startswith(told)
        assert folder.ask("SELECT 1") == "1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user to become")
class TestRoot:
    """PostgreSQL refuses root."""

    def test_where_namespaces_are_forbidden_nobody_runs_it(self, folder: Folder, tmp_path: Path) -> None:
        forbidding = tmp_path / "bin"
        forbidding.mkdir()
        (forbidding / "unshare").write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
        (forbidding / "unshare").chmod(0o755)
        path = f"{forbidding}:{os.environ['PATH']}"
        folder.hold(PATH=path)
        assert Path(f"/proc/{postmaster(folder)}").stat().st_uid == 65534
        assert (folder.path / "postgres").stat().st_uid == 65534
        assert folder.ask("SELECT 1", PATH=path) == "1"
        folder.started[0].kill()
        assert eventually(folder.is_quiet, 20), folder.processes()
        # From now on they are nobody's, also where namespaces are allowed again.
        assert folder.ask("SELECT 1") == "1"

    def test_an_ordinary_user_needs_none_of_it(self, new_folder: Folder) -> None:
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
        packages = Path(pytest.__file__).parents[1]

        def reads(python: str) -> bool:
            # Through a shell: setpriv itself still has root's rights when it runs its command.
            script = '"$0" -c "" && ls "$1" "$2"'
            probe = [*as_nobody, "sh", "-c", script, python, str(packages), str(BASE_DIR / "manage.py")]
            return subprocess.run(probe, capture_output=True, check=False).returncode == 0

        python = next(filter(reads, (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}")), None)
        if python is None:
            pytest.skip("nobody can't read this Python, its packages or the project")
        folder = new_folder
        folder.path = Path(f"/tmp/sway-test-{os.getpid()}")  # noqa: S108  # a parent that nobody may enter
        folder.path.mkdir(mode=0o700)
        os.chown(folder.path, 65534, 65534)
        ran = subprocess.run(
            [*as_nobody, python, "-m", "config.launcher", "run", "--", "sh", "-c", 'id -u; echo "$DATABASE_URL"'],
            cwd=BASE_DIR,
            env=folder.environment(PYTHONPATH=str(packages), PYTHONDONTWRITEBYTECODE="1"),
            capture_output=True,
            text=True,
            check=False,
        )
        subprocess.run(["rm", "-rf", folder.path], check=True)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.startswith("65534\npostgres://sway@/sway?host=")
