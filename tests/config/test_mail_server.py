"""How long a mail server is waited for that doesn't answer."""

import socket
import subprocess
import sys

import pytest

from tests.config.conftest import BASE_DIR, Folder

# To the ports of this machine, by name look-ups that the other tests do without.
pytestmark = pytest.mark.usefixtures("socket_enabled")

SEND = (
    "import django; django.setup(); from django.core.mail import send_mail;"
    " send_mail('New password', 'By this link.', None, ['ann@example.org'])"
)
ASK = "from django.conf import settings; print(settings.EMAIL_TIMEOUT)"


def python(folder: Folder, script: str, url: str) -> "subprocess.CompletedProcess[str]":
    """Run a script with the settings that an EMAIL_URL makes."""
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=BASE_DIR,
        env=folder.environment(DJANGO_SETTINGS_MODULE="config.settings", EMAIL_URL=url),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def test_a_mail_server_that_says_nothing_is_given_up(new_folder: Folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = python(new_folder, SEND, f"smtp://127.0.0.1:{silent.getsockname()[1]}?timeout=1")
    assert done.returncode == 1
    assert "timed out" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("url", "seconds"),
    [
        ("", 10),
        ("smtp+tls://user:password@mail.example:587", 10),
        ("smtp+tls://user:password@mail.example:587?timeout=30", 30),
    ],
)
def test_a_page_waits_for_ten_seconds_unless_the_url_says_otherwise(new_folder: Folder, url: str, seconds: int) -> None:
    assert python(new_folder, ASK, url).stdout == f"{seconds}\n"


@pytest.mark.parametrize("given", ["soon", "0"])
def test_a_time_that_is_none_is_refused(new_folder: Folder, given: str) -> None:
    done = python(new_folder, ASK, f"smtp://user:hidden@mail.example:25?timeout={given}")
    assert done.stderr.splitlines()[-1] == (
        "django.core.exceptions.ImproperlyConfigured: EMAIL_URL has a timeout that is no number of seconds: write "
        "?timeout=30 at its end"
    )
