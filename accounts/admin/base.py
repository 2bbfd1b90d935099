"""What the admin's pages share, in all apps: quick lists, rows that nobody edits, who may come in, who asks."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import ShowFacets
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.models import User


class SuperusersOnly:
    """Keeps a page from everybody else, whatever permissions their groups have."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_active and request.user.is_superuser

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_active and request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_active and request.user.is_superuser


class ListAdmin(ModelAdmin):  # type: ignore[misc]  # unfold publishes no types
    """A page over a table that may be long: nothing is counted that needn't be."""

    show_full_result_count = False
    # Counting behind every choice of every filter reads the table as often as there are choices.
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0


class OperatorsAdmin(SuperusersOnly, ListAdmin):
    """A superusers' page."""


class YesNoFilter(admin.SimpleListFilter):
    """Whether a field is set."""

    field = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"yes", "no"}:
            return queryset
        return queryset.filter(**{f"{self.field}__isnull": self.value() == "no"})


class ReadOnly:
    """Shows rows that only the actions write. Stands before the page's other bases."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def staff_of(request: HttpRequest) -> User:
    """Return who asks. The admin lets in nobody who isn't signed in; the type checker can't know."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def span(seconds: float) -> str:
    """Return how long something takes, in words: 3 min 20 s."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
