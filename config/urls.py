"""Every address of the site."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path

from accounts.views import SetUpView

# What takes a login or a link of one's own; and single reactions, since each of their pages reads the activity log.
_NOT_FOR_CRAWLERS = ("/reactions/", "/me", "/i/", "/join/", "/accounts/", "/admin/", "/api/")


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that the web process is up; asks nothing of the database."""
    return HttpResponse("ok", content_type="text/plain")


def robots(request: HttpRequest) -> HttpResponse:
    """Tell crawlers what to leave alone."""
    lines = ["User-agent: *", *(f"Disallow: {address}" for address in _NOT_FOR_CRAWLERS)]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain")


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("robots.txt", robots, name="robots"),
    path("admin/", admin.site.urls),
    path("api/", include("config.api_urls")),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/totp/activate/", SetUpView.as_view(), name="mfa_activate_totp"),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("", include("accounts.urls")),
    path("", include("scoring.urls")),
    path("", include("campaigns.urls")),
]
