"""The content security policy: strict everywhere, relaxed where a library's pages need it."""

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

# Unfold's admin runs Alpine, which evaluates expressions, and writes style attributes; the API's page writes inline
# scripts.
_RELAXED = {
    "/admin/": {"script-src": [SELF, UNSAFE_EVAL, UNSAFE_INLINE], "style-src": [SELF, UNSAFE_INLINE]},
    "/api/docs/": {"script-src": [SELF, UNSAFE_INLINE], "style-src": [SELF, UNSAFE_INLINE]},
}


class PolicyMiddleware(CSPMiddleware):
    """Add the policy, replacing single directives under the addresses of `_RELAXED`."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        for prefix, directives in _RELAXED.items():
            if request.path.startswith(prefix):
                response._csp_replace = directives  # type: ignore[attr-defined]  # the field that csp_replace() sets
        return super().process_response(request, response)
