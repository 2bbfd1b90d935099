"""What the person at the terminal has to mend is said in one line, with exit code 2, before anything slow starts."""

import socket

import pytest
from pytest_django.fixtures import Settings

from config.launcher import checks
from config.launcher.console import Refusal
from tests.config.conftest import Folder

# To the ports of this machine, by name look-ups that the other tests do without.
pytestmark = pytest.mark.usefixtures("socket_enabled")

PRODUCTION = {
    "SWAY_ENV": "production",
    "SECRET_KEY": "k" * 50,
    "ALLOWED_HOSTS": "sway.example",
    "DATABASE_URL": "postgres://sway:hidden@127.0.0.1:1/sway",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "PUBLIC_URL": "https://sway.example",
    "EMAIL_URL": "smtp://127.0.0.1:1",
    "DEFAULT_FROM_EMAIL": "Sway <sway@sway.example>",
}


def test_a_port_in_use(new_folder: Folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = new_folder.run("demo", PORT=str(port))
    assert refused.stderr == (
        f"sway: port {port} on 127.0.0.1 cannot be used: address already in use; set PORT to another\n"
    )
    assert refused.returncode == 2
    assert not new_folder.path.exists()


@pytest.mark.parametrize("port", ["http", "-1", "65536", "80 80", "８０００"])
def test_a_port_that_is_none(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(Refusal) as refused:
        checks.port()
    assert str(refused.value) == f"PORT is {port!r}: it has to be a number from 0 to 65535"
    assert refused.value.code == 2


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DATABASE_URL", "nonsense", "DATABASE_URL does not start with postgres:// or postgresql://"),
        ("DATABASE_URL", "postgres://me:hidden@127.0.0.1:port/sway", "DATABASE_URL can't be read"),
        ("DATABASE_URL", "postgres://me:hidden@127.0.0.1:1/sway", "DATABASE_URL: connection failed"),
        ("REDIS_URL", "127.0.0.1:6379", "REDIS_URL does not start with redis:// or rediss:// or unix://"),
        ("CELERY_BROKER_URL", "sqs://hidden", "CELERY_BROKER_URL does not start with redis://"),
    ],
)
def test_a_broken_url(new_folder: Folder, name: str, value: str, told: str) -> None:
    refused = new_folder.run("run", "--", "true", **{name: value})
    assert refused.stderr.startswith(f"sway: {told}")
    assert refused.stderr.count("\n") == 1
    assert "hidden" not in refused.stderr
    assert refused.returncode == 2
    assert not new_folder.path.exists()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("REDIS_URL", "redis://:hidden@127.0.0.1:port/0", "REDIS_URL: Port could not be cast to integer value"),
        ("REDIS_URL", "redis://:hidden@127.0.0.1:1/0", "REDIS_URL: Error 111 connecting to 127.0.0.1:1"),
        ("REDIS_URL", "unix:///nowhere/valkey.sock", "REDIS_URL: Error 2 connecting to /nowhere/valkey.sock"),
        ("CELERY_BROKER_URL", "amqp://me:hidden@127.0.0.1:1//", "CELERY_BROKER_URL (127.0.0.1): [Errno 111]"),
        ("CELERY_BROKER_URL", "redis://:hidden@127.0.0.1:1/0", "CELERY_BROKER_URL (127.0.0.1): Error 111"),
    ],
)
def test_a_service_that_does_not_answer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    for other in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)
    setattr(settings, name, value)
    with pytest.raises(Refusal) as refused:
        checks.check_services()
    assert str(refused.value).startswith(told)
    assert "hidden" not in str(refused.value)
    assert refused.value.code == 2


@pytest.mark.parametrize("missing", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL", "DEFAULT_FROM_EMAIL"])
def test_a_setting_that_production_needs(new_folder: Folder, missing: str) -> None:
    given = {name: value for name, value in PRODUCTION.items() if name != missing}
    refused = new_folder.run("serve", **given)
    assert refused.stderr.startswith(f"sway: {missing} is not set: production needs it")
    assert refused.stderr.count("\n") == 1
    assert refused.returncode == 2
    assert not new_folder.path.exists()


def test_the_sample_world_in_production(new_folder: Folder) -> None:
    refused = new_folder.run("demo", **PRODUCTION)
    assert refused.stderr == "sway: the sample world has logins that everybody knows: use serve in production\n"
    assert refused.returncode == 2


def test_a_data_folder_that_cannot_be_made(new_folder: Folder) -> None:
    new_folder.path.write_text("a file")
    refused = new_folder.run("run", "--", "true")
    assert refused.stderr == f"sway: {new_folder.path}: File exists\n"
    assert refused.returncode == 2


def test_a_command_that_is_not_there(folder: Folder) -> None:
    failed = folder.run("run", "--", "no-such-command")
    # Above it stands what took more than a second, on a slow machine.
    assert failed.stderr.splitlines()[-1] == "sway: no-such-command: No such file or directory"
    assert failed.returncode == 127
