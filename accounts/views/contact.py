"""To whom people write who want to be hidden, object, or be erased."""

from email.utils import parseaddr

from django.conf import settings
from django.http import HttpRequest


def contact(request: HttpRequest) -> dict[str, str]:
    """Return for every page the address that e-mails come from, which takes answers."""
    return {"contact": parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}
