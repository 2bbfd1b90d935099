"""Making and revoking partners' keys."""

import hashlib
import logging
import secrets
import string
from datetime import datetime

from accounts.models import ApiKey, User
from accounts.purposes import purpose_in

logger = logging.getLogger(__name__)

_LETTERS = string.ascii_letters + string.digits


def create_api_key(*, name: str, purpose: str, user: User, by: User | None, now: datetime) -> tuple[ApiKey, str]:
    """Make a key that acts as a service user, and return it with its text, which nobody can show again.

    The text is `sway_<8 letters>_<43 letters>`: 256 bits, so a plain SHA-256 is all the hashing it needs. Raises
    PurposeRefused for a purpose that scores may not be used for, or none.
    """
    if not user.is_service:
        raise ValueError("a key acts as a service user, so that it never has a person's own rights")
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(8))
    secret = "".join(secrets.choice(_LETTERS) for _ in range(43))
    text = f"sway_{prefix}_{secret}"
    key = ApiKey.objects.create(
        name=name,
        purpose=purpose_in(purpose),
        prefix=prefix,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        user=user,
        created_at=now,
        created_by=by,
    )
    return key, text


def state_purpose(key: ApiKey, *, purpose: str, by: User, now: datetime) -> bool:
    """Write down what a key of before is for; False where that is written down, and then it stays.

    Raises PurposeRefused as `create_api_key` does.
    """
    stated = ApiKey.objects.filter(pk=key.pk, purpose="").update(purpose=purpose_in(purpose))
    key.refresh_from_db(fields=["purpose"])
    if stated:
        logger.info("purpose of API key %s stated by user %s", key.prefix, by.pk)
    return bool(stated)


def revoke_api_key(key: ApiKey, *, by: User | None, now: datetime) -> bool:
    """End a key; False where it was ended before, whose time then stays."""
    ended = ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=now)
    key.refresh_from_db(fields=["revoked_at"])
    if ended:
        logger.info("API key %s revoked by user %s", key.prefix, by.pk if by else None)
    return bool(ended)
