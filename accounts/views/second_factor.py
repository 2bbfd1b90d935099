"""Staff need a second factor: without one in use, no page of the admin opens."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.views import ActivateTOTPView
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.models import User

# Where a second factor is asked for.
ASKING: Final = ("mfa_authenticate", "mfa_reauthenticate")


class SecondFactorMiddleware:
    """Leads staff who try to open the admin to what is lacking, where `STAFF_MFA` says so.

    It asks what this session proved, not how it began, so that no other way of signing in leads around it: neither the
    admin's own form, nor a new password by mail, nor a session from before. The pages that change a second factor ask
    the same of everybody who has one. One query for each of these pages.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return _lacking(request) or self.get_response(request)


def _lacking(request: HttpRequest) -> HttpResponse | None:
    """Return where to go first, None where nothing is lacking."""
    needed, changing = _is_admins(request), _changes_one(request)
    if not (needed or changing) or not isinstance(request.user, User):
        return None
    needed = needed and request.user.is_staff
    held = dict(Authenticator.objects.filter(user_id=request.user.pk).values_list("pk", "type"))
    # Codes to get back in by are none to begin with: allauth takes them away with the last real one.
    if set(held.values()) <= {Authenticator.Type.RECOVERY_CODES}:
        return redirect(f"{reverse('mfa_activate_totp')}?{urlencode({'for': 'admin'})}") if needed else None
    records = get_authentication_records(request, request.user)
    proved = {record.get("id") for record in records if record["method"] == "mfa"}
    if proved & held.keys() or not (needed or changing):
        return None
    there = request.get_full_path() if request.method in {"GET", "HEAD"} else reverse("admin:index")
    return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': there})}")


def _is_admins(request: HttpRequest) -> bool:
    in_admin = request.path.startswith(reverse("admin:index")) and request.path != reverse("admin:logout")
    return bool(settings.STAFF_MFA) and in_admin


def _changes_one(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("mfa_index")) and request.path not in map(reverse, ASKING)


class SetUpView(ActivateTOTPView):  # type: ignore[misc]  # allauth publishes no types
    """Allauth's page to set one up, which takes the code for proof: nobody is asked for the next one right away."""

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        made = Authenticator.objects.get(user_id=self.request.user.pk, type=Authenticator.Type.TOTP)
        record_authentication(self.request, self.request.user, "mfa", id=made.pk, type=made.type)
        return response
