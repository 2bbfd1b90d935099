"""Accounts in the admin site, for superusers. Each module registers its models when it is imported here."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin

from accounts.admin import access, activity, merges, people, schedule

__all__ = ["access", "activity", "merges", "people", "schedule"]

# One way in, with allauth's limits on how often one may try.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # as allauth's docs have it
