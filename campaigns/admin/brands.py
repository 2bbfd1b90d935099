"""Brands and who works for them: operators have all of it, owners that of their own brand."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.models import User
from campaigns import actions
from campaigns.admin.base import OfOwnedBrandsAdmin, VisibleAdmin, staff_of
from campaigns.models import Brand, ColleagueInvitation, Membership

GIVEN_BY_OWNERS = [(role.value, role.label) for role in Membership.STAFF]


@admin.register(Brand)
class BrandAdmin(VisibleAdmin):
    """Owners find the settings of their brand here; the brand itself, and its name, are for operators."""

    list_display = ["name", "slug", "members", "campaigns", "created_at"]
    search_fields = ["name"]
    ordering = ["name", "pk"]
    fields = ["name", "approval_required"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Brand]:
        rows: QuerySet[Brand] = super().get_queryset(request)
        return rows.filter(pk__in=Brand.objects.owned_by(request.user)).annotate(
            member_count=Count("memberships", distinct=True), campaign_count=Count("campaigns", distinct=True)
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Brand | None = None) -> list[str]:
        return [] if request.user.is_superuser else ["name"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Brand | None = None) -> bool:
        return request.user.is_active and request.user.is_superuser

    @admin.display(description="members", ordering="member_count")
    def members(self, brand: Any) -> int:
        return int(brand.member_count)

    @admin.display(description="campaigns", ordering="campaign_count")
    def campaigns(self, brand: Any) -> int:
        return int(brand.campaign_count)

    def save_model(self, request: HttpRequest, obj: Brand, form: Any, change: bool) -> None:
        by = staff_of(request)
        if not change:
            made = actions.create_brand(name=obj.name, by=by, now=timezone.now())
            obj.pk, obj.slug = made.pk, made.slug
        elif "name" in form.changed_data:
            actions.rename_brand(brand=obj, name=obj.name, by=by)
        if "approval_required" in form.changed_data:
            actions.set_approval_required(brand=obj, required=obj.approval_required, by=by)

    def delete_model(self, request: HttpRequest, obj: Brand) -> None:
        actions.delete_brand(brand=obj, by=staff_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Brand]) -> None:
        for brand in queryset:
            actions.delete_brand(brand=brand, by=staff_of(request))


class ColleagueForm(forms.ModelForm[Membership]):
    """Somebody who works for an owner's brand: named by the login, which the owner has to know.

    There is no list of logins to choose from, and an e-mail address finds nobody: whoever owns a brand learns no more
    about who is here than the sign-up form tells anybody.
    """

    username = forms.CharField(
        label="Who",
        max_length=150,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="The username that they sign in with.",
    )

    class Meta:
        model = Membership
        fields = ["brand", "role"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields:
            self.fields["role"].choices = GIVEN_BY_OWNERS  # type: ignore[attr-defined]
        if self.instance.pk:
            self.fields.pop("username", None)

    def clean_role(self) -> str:
        role: str = self.cleaned_data["role"]
        if self.instance.pk and role != Membership.Role.OWNER:
            stored = Membership.objects.get(pk=self.instance.pk)
            if actions.is_only_owner(stored):
                raise forms.ValidationError("A brand keeps an owner: make somebody else one first.")
        return role

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        name = data.get("username")
        if name:
            user = User.objects.filter(username=name, is_active=True, is_service=False).first()
            if user is None:
                self.add_error("username", "Nobody signs in by this name. Invite them by e-mail instead.")
            elif Membership.objects.filter(brand=data.get("brand"), user=user).exists():
                self.add_error("username", f"{name} works for this brand already.")
            else:
                self.instance.user = user
        return data


@admin.register(Membership)
class MembershipAdmin(OfOwnedBrandsAdmin):
    """Adding, changing and deleting go through the actions, which give and take the rights of the role."""

    list_display = ["user", "brand", "role", "created_at"]
    list_select_related = ["user", "brand"]
    search_fields = ["user__username", "brand__name"]
    ordering = ["brand__name", "user__username", "pk"]
    list_before_template = "admin/campaigns/members_before.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        pending = ColleagueInvitation.objects.visible_to(request.user).good(timezone.now()).count()
        response: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "pending": pending})
        return response

    def get_list_filter(self, request: HttpRequest) -> list[str]:
        # A choice of brands would name them all.
        return ["role", "brand"] if request.user.is_superuser else ["role"]

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        return ["user", "brand"] if request.user.is_superuser else []

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> list[str]:
        return ["user" if obj or request.user.is_superuser else "username", "brand", "role"]

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> list[str]:
        return ["user", "brand"] if obj else []

    def get_form(self, request: HttpRequest, obj: Membership | None = None, change: bool = False, **kwargs: Any) -> Any:
        if not request.user.is_superuser:
            kwargs["form"] = ColleagueForm
        return super().get_form(request, obj, change=change, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        may: bool = super().has_change_permission(request, obj)
        # Partners' keys are given by operators.
        return may and (obj is None or request.user.is_superuser or obj.role != Membership.Role.PARTNER)

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        may: bool = super().has_delete_permission(request, obj)
        return may and (obj is None or request.user.is_superuser or not actions.is_only_owner(obj))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)
        # Owners take people off one by one: the page for many can't say that the last one stays.
        return found if request.user.is_superuser else {}

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        try:
            made = actions.add_member(brand=obj.brand, user=obj.user, role=obj.role, by=staff_of(request))
        except actions.CampaignError as error:
            raise PermissionDenied(str(error)) from None
        obj.pk = made.pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        try:
            actions.remove_member(membership=obj, by=staff_of(request))
        except actions.CampaignError as error:
            raise PermissionDenied(str(error)) from None

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for membership in queryset.select_related("user"):
            actions.remove_member(membership=membership, by=staff_of(request))
