"""Running the project's code in another process on the test's own database and data folder."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[1]


def child_environment() -> dict[str, str]:
    """Return the environment of a child process that sees what the test sees."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    return os.environ | {
        "DATABASE_URL": url,
        "SWAY_DATA": str(settings.DATA_DIR),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SWAY_ENV": "development",
        "PYTHONPATH": str(ROOT),
    }
