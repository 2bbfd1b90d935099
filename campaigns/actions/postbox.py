"""What all e-mails of this app share: claimed a short time, sent one by one, turned down or put off."""

import logging
import smtplib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum
from time import monotonic

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from accounts.models import Person
from campaigns.actions.bounces import NAMES, mark_bounced
from campaigns.envelopes import GONE, sender_of, status_said
from campaigns.models import BouncedAddress
from campaigns.queries.mails import addresses_of
from campaigns.wording import Mail

log = logging.getLogger(__name__)

# Who claimed an e-mail longer ago than this has died with it. Longer than a mail server is waited for (below).
CLAIM = timedelta(minutes=10)
# The tasks are asked for every minute; one that takes longer than this leaves the rest to the next. Were it more than
# that minute, each worker would begin the next as soon as it is free, and come to nothing else before all is sent.
LONGEST = timedelta(seconds=45)
PATIENCE = 60  # seconds for a mail server to answer: longer than EMAIL_TIMEOUT, for no page waits


class Outcome(Enum):
    """What became of an e-mail. `LATER`: it is due still."""

    SENT = "sent"
    FAILED = "failed"
    LATER = "later"
    NO_ADDRESS = "no address"
    BOUNCED = "bounced"  # before, so that nothing was sent


class Refused(Exception):
    """The server says, by one of `envelopes.GONE`, that this address takes no mail."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class ServerDown(Exception):
    """The mail server takes no mail at all just now, from us or from anybody."""


def send_each(
    due: Sequence[int], deliver: Callable[[int, datetime, BaseEmailBackend], bool], *, now: datetime, what: str
) -> int:
    """Deliver what is due, each told its claim's moment, until `LONGEST` is over; return how many went out.

    They go over one connection. Where the mail server itself fails, what is left stays due. `what` is what is sent, in
    the plural, for the log. Each minute begins one further on, for what a slow server puts off comes first each time.
    """
    began = monotonic()
    sent = 0
    connection = get_connection(timeout=max(PATIENCE, settings.EMAIL_TIMEOUT))
    try:
        turn = now.minute % max(len(due), 1)
        for pk in (*due[turn:], *due[:turn]):
            # The clock of the claim goes on while mails are sent, or the last ones would be claimed in the past.
            at = now + timedelta(seconds=monotonic() - began)
            if at - now > LONGEST:
                break
            sent += deliver(pk, at, connection)
    except ServerDown as error:
        log.warning("mail server: %s; the %s left are tried again", error, what)
    finally:
        _hang_up(connection)
    return sent


def post(mail: Mail, *, to: Person, returns: tuple[str, int], connection: BaseEmailBackend, now: datetime) -> Outcome:
    """Send a person an e-mail, unless their address takes none; a server that turns it down for good marks it.

    `returns` says which e-mail it is: what comes back names it, and so does the log, which names nobody. Raises what
    `send_each` takes for a server that fails.
    """
    address = next(iter(addresses_of(to)), "")
    if not address:
        return Outcome.NO_ADDRESS
    if BouncedAddress.objects.among([address]):
        return Outcome.BOUNCED
    sender = sender_of(*returns, address, bounce_address=settings.BOUNCE_ADDRESS) if settings.BOUNCE_ADDRESS else ""
    kind, pk = returns
    try:
        return post_to(address, mail, connection=connection, what=f"{NAMES[kind]} {pk}", sender=sender)
    except Refused as error:
        mark_bounced(to, address, status=error.status, now=now)
        return Outcome.FAILED


def post_to(address: str, mail: Mail, *, connection: BaseEmailBackend, what: str, sender: str = "") -> Outcome:
    """Send an e-mail to an address. Raises Refused where the server says that nobody is there, and ServerDown.

    The connection is opened where it isn't, and stays open for the next e-mail unless something went wrong; whoever
    made it closes it.
    """
    message = EmailMessage(
        subject=mail.subject,
        body=mail.body,
        from_email=sender or settings.DEFAULT_FROM_EMAIL,  # the envelope's; the head has the one that people see
        to=[address],
        connection=connection,
        # So that nobody's notice of absence answers it.
        headers={"From": settings.DEFAULT_FROM_EMAIL, "Auto-Submitted": "auto-generated"},
    )
    try:
        has_served = connection.open() is False
    except OSError as error:  # sockets, and what smtplib raises
        raise ServerDown(type(error).__name__) from error
    try:
        connection.send_messages([message])
    except (OSError, ValueError) as error:
        # It may stand in the middle of this e-mail, or be closed by the server: the next one opens another.
        _hang_up(connection)
        return _not_sent(error, what, has_served=has_served)
    return Outcome.SENT


def _not_sent(error: OSError | ValueError, what: str, *, has_served: bool) -> Outcome:
    """Return what an error means for the e-mail. `has_served`: others went over the same connection before."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = min(error.recipients.values(), default=(550, b""))
        outcome = _turned_down(what, code)
        status = status_said(said)
        if outcome == Outcome.FAILED and status in GONE:
            raise Refused(status) from error
        return outcome
    if isinstance(error, smtplib.SMTPDataError):
        return _turned_down(what, error.smtp_code)
    if isinstance(error, ValueError):  # an address that can't be one
        log.warning("%s: %s", what, type(error).__name__)
        return Outcome.FAILED
    if has_served:  # servers end a connection after so many e-mails, and take more over another
        log.warning("%s: %s; it is tried again", what, type(error).__name__)
        return Outcome.LATER
    raise ServerDown(type(error).__name__) from error


def _hang_up(connection: BaseEmailBackend) -> None:
    """Close a connection, whatever the server says to that: all that was sent is noted already."""
    with suppress(OSError):
        connection.close()


def _turned_down(what: str, code: int) -> Outcome:
    """Return what an SMTP code means for the mail: from 500 on it never will be taken, below perhaps later."""
    log.warning("%s: turned down with %s", what, code)
    return Outcome.FAILED if code >= 500 else Outcome.LATER
