"""Brands and who works for them: for operators."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin.base import OperatorsAdmin
from campaigns import actions
from campaigns.admin.base import staff_of
from campaigns.models import Brand, Membership


@admin.register(Brand)
class BrandAdmin(OperatorsAdmin):
    list_display = ["name", "slug", "members", "campaigns", "created_at"]
    search_fields = ["name"]
    ordering = ["name", "pk"]
    fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Brand]:
        rows: QuerySet[Brand] = super().get_queryset(request)
        return rows.annotate(
            member_count=Count("memberships", distinct=True), campaign_count=Count("campaigns", distinct=True)
        )

    @admin.display(description="members", ordering="member_count")
    def members(self, brand: Any) -> int:
        return int(brand.member_count)

    @admin.display(description="campaigns", ordering="campaign_count")
    def campaigns(self, brand: Any) -> int:
        return int(brand.campaign_count)

    def save_model(self, request: HttpRequest, obj: Brand, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        made = actions.create_brand(name=obj.name, by=staff_of(request), now=timezone.now())
        obj.pk, obj.slug = made.pk, made.slug

    def delete_model(self, request: HttpRequest, obj: Brand) -> None:
        actions.delete_brand(brand=obj, by=staff_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Brand]) -> None:
        for brand in queryset:
            actions.delete_brand(brand=brand, by=staff_of(request))


@admin.register(Membership)
class MembershipAdmin(OperatorsAdmin):
    """Adding, changing and deleting go through the actions, which give and take the rights of the role."""

    list_display = ["user", "brand", "role", "created_at"]
    list_filter = ["role", "brand"]
    list_select_related = ["user", "brand"]
    search_fields = ["user__username", "brand__name"]
    autocomplete_fields = ["user", "brand"]
    ordering = ["brand__name", "user__username", "pk"]

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> list[str]:
        return ["user", "brand"] if obj else []

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        made = actions.add_member(brand=obj.brand, user=obj.user, role=obj.role, by=staff_of(request))
        obj.pk = made.pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        actions.remove_member(membership=obj, by=staff_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for membership in queryset.select_related("user"):
            actions.remove_member(membership=membership, by=staff_of(request))
