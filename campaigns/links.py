"""Links of invitations: signed, not stored, so that they can be shown again and no secret lies in a table.

A link names the invitation and its nonce. It is good as long as the nonce is the invitation's
(`campaigns.queries.invitation_of`), and as the secret key is ours; what can still be done by it is the campaign's say.
Those by which colleagues join a brand are made alike, and neither is good in the other's place.
"""

from typing import Final, Protocol

from django.core import signing
from django.urls import reverse

_INVITING: Final = "campaigns.invitation"
_JOINING: Final = "campaigns.joining"


class Linked(Protocol):
    """What a link is made from: an invitation, or that of a colleague."""

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


def join_url(invited: Linked, base: str) -> str:
    """Return the address by which an invited colleague joins, on the site at `base`."""
    token = _signer(_JOINING).sign(f"{invited.pk}.{invited.nonce}")
    return base.rstrip("/") + reverse("join", args=[token])


def read_join_token(token: str) -> tuple[int, str] | None:
    """Return the id and the nonce that the token of a joining link was made from, None if it isn't one of ours."""
    return _read(token, _JOINING)


def _read(token: str, salt: str = _INVITING) -> tuple[int, str] | None:
    try:
        pk, _, nonce = _signer(salt).unsign(token).partition(".")
    except signing.BadSignature:
        return None
    return int(pk), nonce


def _signer(salt: str = _INVITING) -> signing.Signer:
    # A dot can stand in an address as it is, and in no signature.
    return signing.Signer(salt=salt, sep=".")
