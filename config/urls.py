"""Every address of the site."""

from http import HTTPStatus

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path
from django.views import defaults

from accounts.api.errors import plain_problem
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


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself refuses, such as thousands of parameters: in the API as the API does."""
    if request.path_info.startswith("/api/"):
        return plain_problem(HTTPStatus.BAD_REQUEST, "This request can't be read.")
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for a fault of ours, without saying what it was: in the API as the API does."""
    if request.path_info.startswith("/api/"):
        return plain_problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side. It was noted.")
    return defaults.server_error(request)


handler400 = bad_request
handler500 = server_error

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
