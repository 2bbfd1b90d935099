"""The home page, and how allauth is to behave."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth publishes no types
    """Closes the public sign-up, for a login without an invitation has nothing to do here, and keeps service users out.

    Whoever asks for a service user's password gets the page that everybody gets, and no mail: it has none to set.
    """

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        if not user.is_service:
            super().send_password_reset_mail(user, email, context)

    def set_password(self, user: User, password: str) -> None:
        # By a link from before the login became a service user.
        if user.is_service:
            raise PermissionDenied
        super().set_password(user, password)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Say what this is; lead whoever signed in to where their work is."""
    if not request.user.is_authenticated:
        return render(request, "home.html")
    return redirect("admin:index" if request.user.is_staff else "me")
