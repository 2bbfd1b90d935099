"""Envelope senders that say which e-mail a bounce is about, and what a bounce says.

An e-mail goes out with `bounces+TOKEN@host` as its envelope's sender (VERP), so that whoever can't deliver it writes
there. The token names the e-mail and is signed over the address that it was sent to: nobody can make one up, and one of
before says nothing about an address that came since. Lower-case letters, digits and a hyphen, for mail servers may
change the case, and a local part has 64 characters at most.
"""

import base64
import re
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from typing import Final

from django.utils.crypto import constant_time_compare, salted_hmac

# What is read of a bounce: mail servers return the message, or its head, and ours are short.
MOST_BYTES: Final = 1024 * 1024
# What RFC 3463 and its register say of the mailbox itself: no such mailbox (5.1.1), domain (5.1.2), no address at all
# (5.1.3), moved and no word where to (5.1.6), a domain that takes no mail (5.1.10), disabled (5.2.1). The other 5.x.x
# are about a full mailbox, the message, or who sends it: one wrong setting of ours would mark everybody.
GONE: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})

_SIGNED_BYTES: Final = 10
_TOKEN: Final = re.compile(r"\+([a-z])([0-9]{1,18})-([a-z2-7]{16})@", re.IGNORECASE)
_STATUS: Final = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])", re.ASCII)
_DSN: Final = "message/delivery-status"


@dataclass(frozen=True, slots=True)
class Token:
    """What stands in an envelope's sender: the kind of e-mail, a letter, the row it is of, and a signature."""

    kind: str
    pk: int
    signature: str

    def is_for(self, address: str) -> bool:
        """Return whether we made it, for a mail to this address."""
        return constant_time_compare(self.signature, _signature(self.kind, self.pk, address))


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery status notification: to whom it was written, and the status of each delivery that failed for good."""

    written_to: str
    failed: tuple[str, ...]

    @property
    def hard(self) -> str | None:
        """Return the status of a failure for good, sooner one that says that the address is gone."""
        hard = sorted((status for status in self.failed if status.startswith("5.")), key=lambda one: one not in GONE)
        return next(iter(hard), None)


class NoReport(Exception):
    """This is no delivery status notification."""


def sender_of(kind: str, pk: int, address: str, *, bounce_address: str) -> str:
    """Return the envelope's sender of an e-mail to an address."""
    local, _, host = bounce_address.rpartition("@")
    return f"{local}+{kind}{pk}-{_signature(kind, pk, address)}@{host}"


def token_in(text: str) -> Token | None:
    """Return the first thing in a text that looks like a token; whether it is one of ours, `is_for` knows."""
    found = _TOKEN.search(text)
    return Token(found[1].lower(), int(found[2]), found[3].lower()) if found else None


def read_report(data: bytes) -> Report:
    """Return what a message says that is a delivery status notification (RFC 3464); raise NoReport for any other.

    Reading is all that is done: nothing in it is decoded, opened or kept.
    """
    try:
        message = BytesParser().parsebytes(data)
        statuses = [part for part in message.walk() if part.get_content_type() == _DSN]
        blocks = [block for part in statuses for block in _blocks(part)]
        written_to = " ".join(
            str(value) for name in ("X-Original-To", "Delivered-To", "To") for value in message.get_all(name, [])
        )
    except (RecursionError, LookupError, ValueError) as error:  # nested a thousand times, or no text at all
        raise NoReport from error
    if not statuses:
        raise NoReport
    return Report(written_to, tuple(status for block in blocks if (status := _failed(block))))


def status_said(answer: bytes) -> str | None:
    """Return the status (RFC 3463) that a mail server's answer begins with, as RFC 2034 has it; None of one without."""
    status = _STATUS.match(answer.decode("ascii", "replace").strip())
    return status[0] if status else None


def _blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []


def _failed(block: Message) -> str | None:
    """Return the status of a recipient's block where delivery was given up."""
    action = str(block.get("Action", "")).strip().lower()
    status = _STATUS.match(str(block.get("Status", "")).strip())
    return status[0] if status and action == "failed" else None


def _signature(kind: str, pk: int, address: str) -> str:
    signed = f"{kind}{pk} {address.strip().lower()}"
    digest = salted_hmac("campaigns.envelopes", signed, algorithm="sha256").digest()
    return base64.b32encode(digest[:_SIGNED_BYTES]).decode("ascii").lower()
