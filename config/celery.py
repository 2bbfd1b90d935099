"""The Celery application: one queue for short work, one for the nightly run."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("sway")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
