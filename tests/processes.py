"""Running the project's code in another process on the test's own database and data folder."""

import os
from pathlib import Path

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[1]


def child_environment() -> dict[str, str]:
    """Return the environment of a child process that sees what the test sees."""
    database = connection.settings_dict
    login = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
    if database["HOST"].startswith("/"):
        url = f"postgres://{login}@/{database['NAME']}?host={database['HOST']}"
    else:
        url = f"postgres://{login}@{database['HOST']}:{database['PORT'] or 5432}/{database['NAME']}"
    return os.environ | {
        "DATABASE_URL": url,
        "SWAY_DATA": str(settings.DATA_DIR),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SWAY_ENV": "development",
        "PYTHONPATH": str(ROOT),
    }
