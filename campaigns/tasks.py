"""What beat asks for: e-mails, groups and returns every minute, waiting lists and posts every few, expiry hourly."""

from celery import shared_task
from django.utils import timezone

from campaigns import actions


@shared_task
def send_due_invitations() -> int:
    """Send the invitations whose e-mail is due."""
    return actions.send_due_invitations(now=timezone.now())


@shared_task
def send_colleague_invitations() -> int:
    """Write to colleagues whom owners invited."""
    return actions.send_colleague_invitations(now=timezone.now())


@shared_task
def expire_invitations() -> int:
    """Close the open invitations of campaigns that are over."""
    return actions.expire_invitations(now=timezone.now())


@shared_task
def choose_waiting() -> int:
    """Choose the groups that managers asked for."""
    return actions.choose_waiting(now=timezone.now())


@shared_task
def expire_codes() -> int:
    """Write off the codes of perks whose last day has passed."""
    return actions.expire_codes(now=timezone.now())


@shared_task
def serve_waiting_lists() -> int:
    """Give what came free without anybody's doing to who waits for it."""
    return actions.serve_all(now=timezone.now())


@shared_task
def measure_waiting() -> int:
    """Measure the returns that managers asked for."""
    return actions.measure_waiting(now=timezone.now())


@shared_task
def find_posts() -> int:
    """Look for posts about the campaigns of who wrote them, in what came in since the last look."""
    return actions.find_posts(now=timezone.now())


@shared_task
def send_due_reminders() -> int:
    """Remind those whose posts lack a label."""
    return actions.send_due_reminders(now=timezone.now())


@shared_task
def send_due_notices() -> int:
    """Tell those who came off a waiting list, or got a code later."""
    return actions.send_due_notices(now=timezone.now())


@shared_task
def forget_details() -> int:
    """Delete addresses and days that people gave for a perk, when their time is over."""
    return actions.forget_details(now=timezone.now())
