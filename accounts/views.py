"""The home page, and how allauth is to behave."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth publishes no types
    """Closes the public sign-up: a login without an invitation has nothing to do here."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Say what this is; lead whoever signed in to where their work is."""
    if not request.user.is_authenticated:
        return render(request, "home.html")
    return redirect("admin:index" if request.user.is_staff else "me")
