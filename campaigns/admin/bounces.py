"""Addresses that take no mail, for operators: a mark is taken off by deleting it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.base import OperatorsAdmin, staff_of
from campaigns import actions
from campaigns.models import BouncedAddress


@admin.register(BouncedAddress)
class BouncedAddressAdmin(OperatorsAdmin):
    list_display = ["address", "person", "status", "at"]
    list_select_related = ["person"]
    search_fields = ["address"]
    search_help_text = "Search by address"
    ordering = ["-at", "-pk"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: BouncedAddress) -> None:
        actions.take_off_marks([obj], by=staff_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[BouncedAddress]) -> None:
        actions.take_off_marks(queryset, by=staff_of(request))
