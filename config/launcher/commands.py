"""The launcher's commands: `demo`, `serve`, `services` and `run`."""
# ruff: noqa: S603 (commands are lists of this package's own making, or given by the person at the terminal)

import http.client
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

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
    if sample and os.environ.get("SWAY_ENV") == "production":
        raise Refusal("the sample world has logins that everybody knows: use serve in production")
    if sample:
        os.environ.setdefault("STAFF_MFA", "false")
    with checks.bound_socket(checks.port()) as bound:
        host, number = bound.getsockname()[:2]
        os.environ["PORT"] = str(number)
        reachable = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  # compared, not bound
        address = f"http://[{reachable}]:{number}" if ":" in reachable else f"http://{reachable}:{number}"
        checks.check_services()
        with Signals() as signals, Services(data_dir) as services:
            children = Children(data_dir, services.environment, services.fds)
            try:
                prepared, preparing = os.pipe()
                children.start(web(bound.fileno(), prepared))
                _prepare(data_dir, services.environment, sample=sample, address=address)
                os.close(preparing)
                with step("starting the web server"):
                    _wait_for_web(children, reachable, number)
                children.start(worker())
                beat_turn = lock(data_dir, "beat")
                beat_runs = False
                _welcome(data_dir, address, sample=sample)
                while True:
                    # One beat per folder: two of them would do everything twice. The next takes over when it ends.
                    if not beat_runs and beat_turn.try_exclusive():
                        children.start(beat(beat_turn.fd))
                        beat_runs = True
                    children.check()
                    services.check()
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
                    print(f"export {name}={shlex.quote(services.environment[name])}", flush=True)
            while True:
                services.check()
                time.sleep(0.25)
        except Stop:
            signals.stopping = True
    return 0


def run(data_dir: Path, command: Sequence[str], *, for_tests: bool) -> int:
    """Run one command with the services, and return its exit code (128 and its signal's number if one ended it)."""
    checks.check_machine()
    if any(os.environ.get(name) for name in ("SWAY_ENV", "DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")):
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
    """Bring the database up to date; what is said about its progress goes to the terminal.

    Launchers of one folder do so one after the other. The child holds the lock too: if we are killed, the next launcher
    waits until it has ended.
    """
    turn = lock(data_dir, "prepare")
    wait_until(
        turn.try_exclusive,
        seconds=1800,
        refusal="another launcher has been preparing the database for too long",
        waiting=lambda: say("  waiting until another launcher has prepared the database"),
    )
    command = [sys.executable, "-m", "config.launcher.prepare", *([address] if sample else [])]
    process = subprocess.Popen(
        tied(command, ending=signal.SIGTERM),
        cwd=BASE_DIR,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        pass_fds=(turn.fd,),
        start_new_session=True,
    )
    try:
        code = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        turn.close()
    if code != 0:
        raise Refusal("preparing the database failed", code=code if code > 0 else 1)


def _wait_for_web(children: Children, host: str, number: int) -> None:
    """Wait until a page comes, whatever it says: in production it may be a redirect to HTTPS."""
    from django.conf import settings

    # A name that the site answers to, or each look would be logged as an attack.
    name = next((allowed.lstrip(".") for allowed in settings.ALLOWED_HOSTS if allowed != "*"), host)
    end = time.monotonic() + 90
    while True:
        children.check()
        connection = http.client.HTTPConnection(host, number, timeout=5)
        try:
            connection.request("GET", "/healthz", headers={"Host": name})
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
        file = data_dir / "demo.json"
        told = json.loads(file.read_text())
        logins = told.pop("logins", {})
        for login in logins.values():
            print(f"  {login['username']:<11} password {login['password']}")
        print(f"  {'API key':<11} {told.get('api_key')}")
        print(f"  {'handles':<11} {', '.join(told.get('handles', []))}")
        print(f"  (more in {file})")
    print(f"Logs: {data_dir / 'logs'}. Stop with ctrl-C.", flush=True)
