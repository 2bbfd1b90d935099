"""What is done without being asked for, and when."""

from typing import Any

from celery.schedules import crontab


def _every(minutes: int, start: int = 0) -> dict[str, Any]:
    """Return when to ask for work that a task looks for by itself: every so many minutes from one of the hour on.

    What no worker has begun shortly before the next time is dropped, or it would pile up behind long tasks. The option
    is django_celery_beat's; it passes over Celery's own, `expires`, without a word.
    """
    of_each_hour = f"{start}-59" if start else "*"
    schedule = crontab(minute=f"{of_each_hour}/{minutes}")
    return {"schedule": schedule, "options": {"expire_seconds": minutes * 60 - 10}}


ENTRIES: dict[str, dict[str, Any]] = {
    "move activity to the log": {"task": "accounts.tasks.move_activity_to_log", **_every(5)},
    # Finds nothing to do unless a day has many small files, texts grew too old, or somebody was erased.
    "tidy the activity log": {"task": "accounts.tasks.tidy_log", "schedule": crontab(minute="25")},
    "sweep the activity log": {"task": "accounts.tasks.sweep_log", "schedule": crontab(hour="4", minute="30")},
    "score the night": {"task": "scoring.tasks.score_night", "schedule": crontab(hour="3", minute="0")},
    # Takes up a run whose worker died, or that failed and has waited its pause. Its message may be old: a run is long,
    # and what a killed process of the worker was doing comes back to the queue.
    "score what was left unfinished": {"task": "scoring.tasks.score_unfinished", "schedule": crontab(minute="*/10")},
    # Finds nothing to do until the night is scored, and nothing again after each shadow was.
    "score the shadows": {"task": "scoring.tasks.score_shadows", "schedule": crontab(minute="5-59/10")},
    "send due invitations": {"task": "campaigns.tasks.send_due_invitations", **_every(1)},
    "send invitations of colleagues": {"task": "campaigns.tasks.send_colleague_invitations", **_every(1)},
    # Pages ask for it at once; this finds what they couldn't.
    "choose groups": {"task": "campaigns.tasks.choose_waiting", **_every(1)},
    "measure returns": {"task": "campaigns.tasks.measure_waiting", **_every(1)},
    "expire invitations": {"task": "campaigns.tasks.expire_invitations", "schedule": crontab(minute="7")},
    "forget details of perks": {"task": "campaigns.tasks.forget_details", "schedule": crontab(minute="12")},
    "expire codes of perks": {"task": "campaigns.tasks.expire_codes", "schedule": crontab(minute="2")},
    # Actions serve the list that they move: this finds what is left of who was erased, or let an invitation expire.
    "serve waiting lists": {"task": "campaigns.tasks.serve_waiting_lists", **_every(10, start=4)},
    # After activity was moved to the log. Reads nothing unless posts came in.
    "find posts about campaigns": {"task": "campaigns.tasks.find_posts", **_every(5, start=2)},
    "send due notices": {"task": "campaigns.tasks.send_due_notices", **_every(1)},
    "send due reminders": {"task": "campaigns.tasks.send_due_reminders", **_every(1)},
}
