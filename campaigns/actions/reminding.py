"""Reminders of labels that are missing: one for each post, by e-mail where that is possible, by hand otherwise."""

from datetime import datetime
from typing import Any, Final

from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q

from accounts.models import User
from campaigns.actions import bounces
from campaigns.actions.errors import AlreadyDone, NotYours
from campaigns.actions.postbox import CLAIM, Outcome, post, send_each
from campaigns.disclosure import advice_for
from campaigns.models import CampaignPost, CampaignPostQuerySet, Invitation, MailText
from campaigns.queries.mails import mail_of, reminder_values, written_for

State = CampaignPost.LabelState
Reminder = CampaignPost.Reminder

_REMINDER: Final = {
    Outcome.SENT: Reminder.SENT,
    Outcome.FAILED: Reminder.FAILED,
    Outcome.LATER: Reminder.DUE,
    Outcome.NO_ADDRESS: Reminder.TO_DO,
    Outcome.BOUNCED: Reminder.TO_DO,
}


def send_due_reminders(*, now: datetime) -> int:
    """Write to those whose posts lack a label, one e-mail a person and campaign; return how many went out.

    Any number of processes may: rows are claimed under a lock before their mail is sent, and a claim of who died is
    taken again after ten minutes. Nothing is sent to people who hid, about posts that were taken out or have a label by
    now, nor to who lost the seat.
    """
    due = _wanted(_claimable(now)).order_by("invitation").values_list("invitation", flat=True).distinct()[:5000]
    invitations = list(due)
    return send_each(invitations, _claim_and_send, now=now, what="reminders") if invitations else 0


def _claimable(now: datetime) -> CampaignPostQuerySet:
    given_up = Q(reminder=Reminder.SENDING, sending_since__lt=now - CLAIM)
    return CampaignPost.objects.unlabelled().filter(Q(reminder=Reminder.DUE) | given_up)


def _wanted(posts: CampaignPostQuerySet) -> CampaignPostQuerySet:
    """Keep those whose author may be written to about them."""
    return posts.standing().filter(invitation__person__is_hidden=False, invitation__state=Invitation.State.ACCEPTED)


@transaction.atomic
def _claim(invitation: int, at: datetime) -> list[CampaignPost]:
    # Locked by the row's own columns: who waited for another's claim finds that it isn't claimable any more.
    locked = list(_claimable(at).filter(invitation=invitation).order_by("pk").select_for_update())
    rows = list(
        _wanted(CampaignPost.objects.filter(pk__in=[row.pk for row in locked]))
        .select_related(
            "invitation__campaign__brand", "invitation__person__user", "invitation__person__place", "identity"
        )
        .order_by("at", "pk")
    )
    CampaignPost.objects.filter(pk__in=[row.pk for row in rows]).update(reminder=Reminder.SENDING, sending_since=at)
    return rows


def _claim_and_send(pk: int, at: datetime, connection: BaseEmailBackend) -> bool:
    rows = _claim(pk, at)
    if not rows:
        return False
    outcome = Outcome.LATER
    try:
        outcome = _send(rows, connection, at)
    finally:
        # Whatever goes wrong, the claim is given back, unless somebody took it over meanwhile.
        mine = CampaignPost.objects.filter(pk__in=[row.pk for row in rows], reminder=Reminder.SENDING, sending_since=at)
        mine.update(
            reminder=_REMINDER[outcome], sending_since=None, reminded_at=at if outcome == Outcome.SENT else None
        )
    return outcome == Outcome.SENT


def _send(rows: list[CampaignPost], connection: BaseEmailBackend, at: datetime) -> Outcome:
    invitation = rows[0].invitation
    person = invitation.person
    country = person.place.country if person.place else ""
    values = reminder_values(
        invitation.campaign,
        name=person.display_name,
        posts=rows,
        label=" or ".join(dict.fromkeys(advice_for(row.language, country) for row in rows)),
    )
    subject, text = written_for(invitation.campaign, MailText.Kind.REMINDER)
    mail = mail_of(MailText.Kind.REMINDER, values, subject=subject, text=text)
    return post(mail, to=person, returns=(bounces.REMINDER, rows[0].pk), connection=connection, now=at)


def remind(row: CampaignPost, *, by: User, now: datetime) -> None:
    """Have a post without a label reminded of by e-mail; `send_due_reminders` finds it.

    Also of one without a text to read, of an older one, or where an e-mail failed. Raises NotYours, and AlreadyDone for
    a post with a label, one that was reminded of, and one that was taken out.
    """
    _remind(row, by, reminder=Reminder.DUE)


def note_reminded(row: CampaignPost, *, by: User, now: datetime) -> None:
    """Note that a manager reminded somebody in another way. Raises as `remind` does."""
    _remind(row, by, reminder=Reminder.BY_HAND, reminded_at=now)


def note_label(row: CampaignPost, *, by: User, now: datetime) -> None:
    """Note that a manager saw a label: in the picture, by the network's own switch, or added since.

    Raises NotYours, and AlreadyDone where a label was found or seen before.
    """
    _require_managed(row, by)
    unlabelled = CampaignPost.objects.filter(pk=row.pk, label_state__in=CampaignPost.NOT_SEEN)
    seen = {"label_state": State.BY_HAND, "remark": "", "labelled_at": now, "labelled_by": by}
    if not unlabelled.update(**seen):
        raise AlreadyDone("It has a label.")
    CampaignPost.objects.filter(pk=row.pk, reminder__in=CampaignPost.TO_REMIND).update(reminder=Reminder.NONE)


def take_out(row: CampaignPost, *, why: str, by: User, now: datetime) -> None:
    """Take a post out that isn't about the campaign: it isn't reminded of, nor shown to its author.

    Raises NotYours, and AlreadyDone where it is out already.
    """
    _require_managed(row, by)
    values = {"taken_out_at": now, "taken_out_by": by, "taken_out_why": why}
    if not CampaignPost.objects.about().filter(pk=row.pk).update(**values):
        raise AlreadyDone("It was taken out before.")


def put_back(row: CampaignPost, *, by: User, now: datetime) -> None:
    """Take a post in again. Raises NotYours, and AlreadyDone where it wasn't out."""
    _require_managed(row, by)
    out = CampaignPost.objects.filter(pk=row.pk, taken_out_at__isnull=False)
    if not out.update(taken_out_at=None, taken_out_by=None, taken_out_why=""):
        raise AlreadyDone("It wasn't taken out.")


def _require_managed(row: CampaignPost, by: User) -> None:
    if not CampaignPost.objects.managed_by(by).filter(pk=row.pk).exists():
        raise NotYours("This post isn't one of your campaigns'.")


def _remind(row: CampaignPost, by: User, **values: Any) -> None:
    _require_managed(row, by)
    unlabelled = CampaignPost.objects.unlabelled().filter(pk=row.pk)
    if unlabelled.filter(reminder__in=[Reminder.NONE, *CampaignPost.TO_REMIND]).update(**values, reminded_by=by):
        return
    raise AlreadyDone("Each post is reminded of once." if unlabelled.exists() else "It has a label, or was taken out.")
