"""The launcher's commands: `demo`, `serve`, `services` and `run`."""
# ruff: noqa: S603 (commands are lists of this package's own making, or given by the person at the terminal)

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings

from config.launcher import checks
from config.launcher.console import Refusal, Stop, say, step
from config.launcher.locks import lock, wait_until
from config.launcher.processes import Children, beat, web, worker
from config.launcher.service import BASE_DIR
from config.launcher.services import Services
from config.launcher.signals import Signals
from config.launcher.tied import tied


def site(data_dir: Path, *, sample: bool) -> int:
    """Run web server, worker and beat, over a sample world if asked; return 0 when told to stop."""
    checks.check_machine()
    checks.check_settings()
    if sample and settings.PRODUCTION:
        raise Refusal("the sample world has logins that everybody knows: use serve in production")
    with checks.bound_socket(checks.port()) as bound:
        host, number = bound.getsockname()[:2]
        os.environ["PORT"] = str(number)
        reachable = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  # compared, not bound
        address = f"http://[{reachable}]:{number}" if ":" in reachable else f"http://{reachable}:{number}"
        checks.check_services()
        with Signals() as signals, Services(data_dir) as services:
            children = Children(data_dir, services.environment, services.fds)
            try:
                _prepare(data_dir, services.environment, sample=sample, address=address)
                children.start(web(bound.fileno()))
                beat_turn = lock(data_dir, "beat")
                beat_runs = False
                with step("starting web, worker and beat"):
                    children.start(worker())
                    beat_runs = _start_beat(children, beat_turn.fd, beat_turn.try_exclusive())
                    _wait_for_web(children, reachable, number)
                _welcome(data_dir, address, sample=sample)
                while True:
                    children.check()
                    services.check()
                    if not beat_runs:
                        beat_runs = _start_beat(children, beat_turn.fd, beat_turn.try_exclusive())
                    time.sleep(0.25)
            except Stop:
                say("stopping")
            finally:
                signals.stopping = True
                children.stop(signals.hurried)
    return 0


def services_only(data_dir: Path) -> int:
    """Run the embedded services until told to stop, and print how to reach them."""
    checks.check_machine()
    with Signals() as signals, Services(data_dir) as services:
        try:
            for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"):
                if name in services.environment:
                    print(f"export {name}='{services.environment[name]}'", flush=True)
            while True:
                services.check()
                time.sleep(0.25)
        except Stop:
            signals.stopping = True
    return 0


def run(data_dir: Path, command: Sequence[str], *, for_tests: bool) -> int:
    """Run one command with the services, and return its exit code (128 and its signal's number if one ended it)."""
    checks.check_machine()
    checks.check_settings()
    checks.check_services()
    with Signals() as signals, Services(data_dir, for_tests=for_tests) as services:
        if for_tests:
            wait_until(
                lock(data_dir, "tests").try_exclusive,
                seconds=3600,
                refusal="another test run in this folder does not end",
                waiting=lambda: say("  waiting until another test run in this folder has ended"),
            )
        process = subprocess.Popen(
            tied(list(command), ending=signal.SIGTERM),
            env=services.environment,
        )
        signals.hand_to(process)
        while True:
            try:
                code = process.wait(timeout=1)
                break
            except subprocess.TimeoutExpired:
                services.check()
    return code if code >= 0 else 128 - code


def _prepare(data_dir: Path, environment: Mapping[str, str], *, sample: bool, address: str) -> None:
    """Bring the database up to date. Launchers of one folder do so one after the other."""
    turn = lock(data_dir, "prepare")
    wait_until(
        turn.try_exclusive,
        seconds=1800,
        refusal="another launcher has been preparing the database for too long",
        waiting=lambda: say("  waiting until another launcher has prepared the database"),
    )
    try:
        _manage("migrating", ["migrate", "--no-input", "--verbosity", "0"], environment, turn.fd)
        if settings.PRODUCTION:
            _manage("collecting static files", ["collectstatic", "--no-input", "-v", "0"], environment, turn.fd)
        if sample:
            _manage("the sample world", ["demo_world", "--address", address], environment, turn.fd)
    finally:
        turn.close()


def _manage(title: str, arguments: Sequence[str], environment: Mapping[str, str], turn: int) -> None:
    """Run a management command as a step; what it says about its progress goes to the terminal."""
    command = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
    with step(title):
        process = subprocess.Popen(
            tied(command, ending=signal.SIGTERM),
            cwd=BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            # If we are killed, the next launcher waits until this has ended too.
            pass_fds=(turn,),
            start_new_session=True,
        )
        try:
            code = process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if code == 2:
        raise SystemExit(2)  # it has said why
    if code != 0:
        raise Refusal(f"{title} failed (manage.py {' '.join(arguments)}: exit code {code})", code=1)


def _start_beat(children: Children, turn: int, ours: bool) -> bool:
    """Start beat if it is our turn: two of them would do everything twice."""
    if ours:
        child = beat()
        child.fds = (turn,)
        children.start(child)
    return ours


def _wait_for_web(children: Children, host: str, number: int) -> None:
    """Wait until a page comes, whatever it says: in production it may be a redirect to HTTPS."""
    end = time.monotonic() + 90
    while True:
        children.check()
        connection = http.client.HTTPConnection(host, number, timeout=5)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status < 500:
                return
        except OSError:
            if time.monotonic() > end:
                raise Refusal("the web server does not answer: see web.log in the data folder", code=1) from None
        finally:
            connection.close()
        time.sleep(0.1)


def _welcome(data_dir: Path, address: str, *, sample: bool) -> None:
    """Print where the site is, and for the sample world what `demo.json` says about it."""
    print(f"\nSway is at {address}", flush=True)
    if sample:
        told = json.loads((data_dir / "demo.json").read_text())
        for name, value in told.items():
            if name != "address":
                print(f"  {name:<12} {_shown(value)}")
        print(f"  (also in {data_dir / 'demo.json'})")
    print(f"Logs: {data_dir / 'logs'}. Stop with ctrl-C.", flush=True)


def _shown(value: object) -> str:
    """Write a value of `demo.json` in one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(_shown(part) for part in value)
    return str(value)
