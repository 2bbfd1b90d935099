"""The home page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Say what this is; lead whoever signed in to where their work is."""
    if not request.user.is_authenticated:
        return render(request, "home.html")
    return redirect("admin:index" if request.user.is_staff else "me")
