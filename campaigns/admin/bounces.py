"""Addresses that take no mail, for operators: a mark is taken off by deleting it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.base import OperatorsAdmin
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
