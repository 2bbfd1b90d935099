"""The personal link of an invitation: signed, not stored, so that it can be shown again and no secret lies in a table.

A link names the invitation and its nonce. It is good as long as the nonce is the invitation's
(`campaigns.queries.invitation_of`), and as the secret key is ours; what can still be done by it is the campaign's say.
"""

from typing import Protocol

from django.core import signing
from django.urls import reverse


class Linked(Protocol):
    """What a link is made from: an invitation."""

    pk: int
    nonce: str


def make_token(invitation: Linked) -> str:
    """Return the text that stands for the invitation in its link."""
    return _signer().sign(f"{invitation.pk}.{invitation.nonce}")


def invitation_url(invitation: Linked, base: str) -> str:
    """Return the invitation's personal address on the site at `base`, such as `https://sway.example`."""
    return base.rstrip("/") + reverse("invitation", args=[make_token(invitation)])


def read_token(token: str) -> int | None:
    """Return the id of the invitation that a token was made for, None if it isn't one of ours.

    Doesn't ask the database: whether the link was replaced since, `campaigns.queries.invitation_of` knows.
    """
    named = _read(token)
    return None if named is None else named[0]


def is_current(token: str, invitation: Linked) -> bool:
    """Return whether the token is one of ours, made for this invitation, and wasn't replaced since."""
    return _read(token) == (invitation.pk, invitation.nonce)


def _read(token: str) -> tuple[int, str] | None:
    try:
        pk, _, nonce = _signer().unsign(token).partition(".")
    except signing.BadSignature:
        return None
    return int(pk), nonce


def _signer() -> signing.Signer:
    # A dot can stand in an address as it is, and in no signature.
    return signing.Signer(salt="campaigns.invitation", sep=".")
