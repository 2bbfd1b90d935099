"""What is looked at before anything slow starts: settings, foreign services, the port. Each refusal is one sentence.

Django and the clients of services are imported where they are used: loading them takes longer than starting the
embedded services, which need none of them.
"""

import os
import platform
import socket
from urllib.parse import urlsplit

from config.launcher.console import Refusal

_SECONDS = 5


def check_machine() -> None:
    if platform.system() != "Linux":
        raise Refusal(
            f"the launcher needs Linux, this is {platform.system()}: run it in a container, or start the parts "
            "one by one as docs/operations.md says"
        )


def check_settings() -> None:
    """Load the settings with the environment as it is; production lacks nothing that it needs, URLs can be read."""
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        settings.DATABASES  # noqa: B018  # the first access loads them
    except ImproperlyConfigured as error:
        raise Refusal(str(error)) from error


def check_services() -> None:
    """Connect once to each service that a variable names. The sentence holds no password."""
    if os.environ.get("DATABASE_URL"):
        _check_database()
    if os.environ.get("REDIS_URL"):
        _check_redis()
    if os.environ.get("CELERY_BROKER_URL"):
        _check_broker()


def port() -> int:
    """Return `PORT`, 8000 if it is unset; 0 lets the kernel choose."""
    text = os.environ.get("PORT") or "8000"
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise Refusal(f"PORT is {text!r}: it has to be a number from 0 to 65535")
    return int(text)


def bound_socket(number: int) -> socket.socket:
    """Take the port without listening yet: nobody else gets it, and clients are refused until the site answers."""
    host = os.environ.get("SWAY_HOST") or "127.0.0.1"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Without SO_REUSEADDR the port can't be taken twice before we listen. With it, a port on which only connections of
    # a server that has ended linger can be taken at once; one that somebody listens on can't.
    reason = OSError()
    for reuse in (0, 1):
        bound = socket.socket(family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        try:
            bound.bind((host, number))
        except OSError as error:
            bound.close()
            reason = error
        else:
            return bound
    raise Refusal(
        f"port {number} on {host} cannot be used: {(reason.strerror or str(reason)).lower()}; set PORT to another"
    )


def _check_database() -> None:
    import psycopg
    from django.conf import settings

    config = settings.DATABASES["default"]
    options = {name: value for name, value in config.get("OPTIONS", {}).items() if name != "pool"}
    given = {
        "host": config["HOST"],
        "port": config["PORT"],
        "user": config["USER"],
        "password": config["PASSWORD"],
        "dbname": config["NAME"],
    }
    parameters = {name: value for name, value in given.items() if value} | options
    try:
        psycopg.connect(**(parameters | {"connect_timeout": _SECONDS})).close()
    except psycopg.Error as error:
        raise Refusal(f"DATABASE_URL: {_first_line(error)}") from error


def _check_redis() -> None:
    import redis
    from django.conf import settings

    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS
        ) as client:
            client.ping()
    except (redis.RedisError, ValueError, OSError) as error:
        raise Refusal(f"REDIS_URL: {_first_line(error)}") from error


def _check_broker() -> None:
    from django.conf import settings
    from kombu import Connection
    from kombu.exceptions import KombuError

    url = settings.CELERY_BROKER_URL
    try:
        with Connection(url, connect_timeout=_SECONDS) as connection:
            connection.ensure_connection(max_retries=1, timeout=_SECONDS)
    except (KombuError, OSError, ValueError) as error:
        raise Refusal(f"CELERY_BROKER_URL ({urlsplit(url).hostname}): {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(":")
