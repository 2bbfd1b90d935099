"""Addresses that take no mail: marked when a server turns one down, or sends word of it later."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q

from accounts.models import Person, User
from campaigns.envelopes import GONE, MOST_BYTES, NoReport, Token, read_report, token_in
from campaigns.models import BouncedAddress, CampaignPost, Invitation, Notice
from campaigns.queries.mails import addresses_of

# The letters that tokens begin with: which e-mail came back.
INVITATION, NOTICE, REMINDER = "i", "n", "r"
NAMES: Final = {INVITATION: "invitation", NOTICE: "notice", REMINDER: "reminder of post"}
_WHOSE: Final = {INVITATION: "invitations", NOTICE: "invitations__notices", REMINDER: "invitations__posts"}


def take_bounce(data: bytes, *, written_to: str = "", now: datetime) -> str:
    """Take what a mail server wrote back about an e-mail of ours, and say in one line what came of it.

    A failure for good (status 5.x.x) marks the e-mail as one that came back, and where it says that the mailbox is gone
    (`envelopes.GONE`) the address that it went to; anything else changes nothing, nor does the same a second time.
    `written_to` is the address that the message was sent to, where the mail server says so; else its head does. The
    line names rows by id, and no address.
    """
    if len(data) > MOST_BYTES:
        return f"refused, nothing changed: the message is longer than {MOST_BYTES:,} bytes"
    try:
        report = read_report(data)
    except NoReport:
        return "nothing changed: this is no delivery status notification (RFC 3464)"
    token = token_in(written_to or report.written_to)
    if token is None or token.kind not in NAMES:
        return "nothing changed: it wasn't written to a bounce address of ours"
    person = _person(token)
    address = None if person is None else next((one for one in addresses_of(person) if token.is_for(one)), None)
    if person is None or address is None:
        return "nothing changed: its token is forged, or of an address that isn't the person's any more"
    what = f"{NAMES[token.kind]} {token.pk}"
    if report.hard is None:
        status = report.failed[0] if report.failed else "none that failed"
        return f"nothing changed: {what} came back, but not for good (status {status})"
    with transaction.atomic():
        _came_back(token)
        if report.hard not in GONE:
            return f"{what} came back with {report.hard}, which isn't about the mailbox: its address isn't marked"
        is_new = mark_bounced(person, address, status=report.hard, now=now)
    return f"{what} came back with {report.hard}: its address {'is marked' if is_new else 'was marked before'}"


def mark_bounced(person: Person, address: str, *, status: str, now: datetime) -> bool:
    """Mark an address as one that takes no mail, and return whether it wasn't; nothing is sent there any more."""
    _, is_new = BouncedAddress.objects.get_or_create(
        address=address.strip().lower(), defaults={"person": person, "status": status, "at": now}
    )
    return is_new


@transaction.atomic
def take_off_marks(marks: Iterable[BouncedAddress], *, by: User) -> None:
    """Let e-mails go to these addresses again, and send what is still open of what didn't arrive there.

    For operators alone: of others' marks nothing happens.
    """
    rows = BouncedAddress.objects.visible_to(by).filter(pk__in=[mark.pk for mark in marks])
    delivery = Invitation.Delivery
    back = {"delivery__in": [delivery.BOUNCED, delivery.FAILED]}
    for address in rows.values_list("address", flat=True):
        # Whosever it is to be written to at this address (`addresses_of`).
        by_login = Q(user__email__iexact=address)
        people = Person.objects.filter(by_login | Q(Q(user=None) | Q(user__email=""), email__iexact=address))
        Invitation.objects.open().filter(person__in=people, **back).update(delivery=delivery.DUE)
        seated = Invitation.objects.filter(person__in=people, state=Invitation.State.ACCEPTED)
        Notice.objects.filter(invitation__in=seated, sent_at=None, **back).update(delivery=delivery.DUE)
    rows.delete()


def _person(token: Token) -> Person | None:
    return Person.objects.filter(**{_WHOSE[token.kind]: token.pk}).select_related("user").first()


def _came_back(token: Token) -> None:
    """Note it where the manager looks; a bounce can be quicker than the one who notes that the mail went out."""
    delivery, reminder = Invitation.Delivery, CampaignPost.Reminder
    gone = {"delivery": delivery.BOUNCED, "sent_at": None, "sending_since": None}
    if token.kind == INVITATION:
        Invitation.objects.filter(pk=token.pk, delivery__in=[delivery.SENT, delivery.SENDING]).update(**gone)
    elif token.kind == NOTICE:
        Notice.objects.filter(pk=token.pk, delivery__in=[delivery.SENT, delivery.SENDING]).update(**gone)
    else:
        # The token names one of its posts. All of them were claimed at one moment, which later is when it went out.
        out = CampaignPost.objects.filter(reminder__in=[reminder.SENT, reminder.SENDING])
        if named := out.filter(pk=token.pk).first():
            at = named.sending_since or named.reminded_at
            posts = out.filter(Q(sending_since=at) | Q(reminded_at=at), invitation=named.invitation_id)
            posts.update(reminder=reminder.FAILED, reminded_at=None, sending_since=None)
