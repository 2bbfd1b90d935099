"""Second factors that were lost."""

import logging

from allauth.mfa.models import Authenticator
from django.core.exceptions import PermissionDenied

from accounts.models import User

logger = logging.getLogger(__name__)


def reset_second_factor(user: User, *, by: User | None) -> bool:
    """Take away all second factors of a login, recovery codes too; False where it has none.

    Its sessions open no page of the admin any more, and it sets up another one after signing in by password. Only an
    operator may, or a command (`by` None).
    """
    if by is not None and not by.is_superuser:
        raise PermissionDenied("Only an operator may reset a second factor.")
    taken, _ = Authenticator.objects.filter(user_id=user.pk).delete()
    if taken:
        logger.info("second factor of user %s reset by user %s", user.pk, by.pk if by else None)
    return bool(taken)
