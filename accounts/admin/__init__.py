"""Accounts in the admin site, for superusers. Each module registers its models when it is imported here."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.admin import access, activity, merges, people, schedule

__all__ = ["access", "activity", "merges", "people", "schedule"]


@secure_admin_login  # type: ignore[untyped-decorator]  # allauth publishes no types
def _sign_in(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    """Lead whoever is in already to where they wanted; Django's form would take another login's password there."""
    return redirect("admin:index")


# One way in, with allauth's limits on how often one may try, and its second step.
admin.site.login = _sign_in  # type: ignore[method-assign]  # as allauth's docs have it
