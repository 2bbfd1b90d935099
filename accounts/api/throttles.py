"""How often one may ask: per key, and per address for those without one."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import ApiKey


class KeyThrottle(SimpleRateThrottle):
    """Limits each key by itself, wherever its requests come from."""

    scope = "key"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if not isinstance(request.auth, ApiKey):
            return None
        return self.cache_format % {"scope": self.scope, "ident": request.auth.pk}


class AddressThrottle(SimpleRateThrottle):
    """Limits requests without a key by their address: what a visitor writes into X-Forwarded-For counts for nothing."""

    scope = "address"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if request.auth is not None:
            return None
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}
