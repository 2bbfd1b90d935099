"""Colleagues invited by e-mail: an owner invites, sends again, and takes back."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import display

from accounts.models import User
from campaigns import actions, tasks
from campaigns.admin.acting import act_on_each
from campaigns.admin.base import OfOwnedBrandsAdmin, staff_of, start_soon
from campaigns.models import ColleagueInvitation

INVITED = "An e-mail with a link goes out within a minute. The link is good once, for seven days."
Delivery = ColleagueInvitation.Delivery


class ColleagueInvitationForm(forms.ModelForm[ColleagueInvitation]):
    """Whom to invite. Whether the address has a login already shows nowhere: either way they get the same e-mail."""

    by: User

    class Meta:
        model = ColleagueInvitation
        fields = ["email", "brand", "role"]
        help_texts = {
            "email": "They join by the link in the mail, with the login they have or a new one.",
            "role": "Owners do what managers do, and say who works for the brand. Viewers look and change nothing.",
        }

    def clean(self) -> dict[str, Any] | None:
        found = super().clean()
        if brand := self.cleaned_data.get("brand"):
            try:
                actions.refuse_more_colleagues(brand=brand, by=self.by)
            except actions.InvitingRefused as error:
                raise forms.ValidationError(str(error)) from None
        return found


@admin.register(ColleagueInvitation)
class ColleagueInvitationAdmin(OfOwnedBrandsAdmin):
    """Rows go as soon as somebody joined: who did stands under Members."""

    form = ColleagueInvitationForm
    list_display = ["email", "brand", "role", "state", "until", "invited_by"]
    list_display_links = None
    list_select_related = ["brand", "invited_by"]
    search_fields = ["email"]
    search_help_text = "Search by e-mail address"
    ordering = ["-invited_at", "-pk"]
    list_before_template = "admin/campaigns/colleagues_before.html"
    actions = ["send_again", "take_back"]

    def get_queryset(self, request: HttpRequest) -> Any:
        rows: Any = super().get_queryset(request)
        return rows.with_sender()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("campaigns.view_membership"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("campaigns.add_membership"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_invite_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        # A class of this request's own.
        form = super().get_form(request, obj, change=change, **kwargs)
        form.by = staff_of(request)
        return form

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {**(extra_context or {}), "title": "Invited colleagues"}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        context = {**(extra_context or {}), "title": "Invite a colleague", "show_save_and_continue": False}
        response: HttpResponse = super().add_view(request, form_url, context)
        return response

    def save_model(self, request: HttpRequest, obj: ColleagueInvitation, form: Any, change: bool) -> None:
        by, now = staff_of(request), timezone.now()
        try:
            made = actions.invite_colleague(brand=obj.brand, email=obj.email, role=obj.role, by=by, now=now)
        except actions.CampaignError as error:
            raise PermissionDenied(str(error)) from None
        obj.pk = made.pk
        transaction.on_commit(partial(start_soon, tasks.send_colleague_invitations))

    def response_add(self, request: HttpRequest, obj: ColleagueInvitation, post_url_continue: Any = None) -> Any:
        messages.success(request, INVITED)
        return self.response_post_save_add(request, obj)

    def log_addition(self, request: HttpRequest, obj: ColleagueInvitation, message: Any) -> None:
        """Write nothing into the admin's history: it would keep the id of a row that goes. The audit trail has it."""

    @display(  # type: ignore[untyped-decorator]  # unfold publishes no types
        description="state",
        ordering="delivery",
        label={
            "e-mail due": "info",
            "sent": "success",
            "e-mail failed": "danger",
            "sender left": "danger",
            "expired": "default",
        },
    )
    def state(self, row: Any) -> str:
        if row.expires_at <= timezone.now():
            return "expired"
        if not row.by_owner:
            return "sender left"
        return "e-mail due" if row.delivery == Delivery.SENDING else row.get_delivery_display().lower()

    @admin.display(description="good until, in UTC", ordering="expires_at")
    def until(self, row: ColleagueInvitation) -> str:
        return f"{row.expires_at:%-d %b %Y %H:%M}"

    @admin.action(description="Send again", permissions=["invite"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[ColleagueInvitation]) -> None:
        rows = queryset.select_related("brand")
        done = act_on_each(request, rows, actions.invite_colleague_again, done=lambda n: f"{n} sent again. {INVITED}")
        if done:
            transaction.on_commit(partial(start_soon, tasks.send_colleague_invitations))

    @admin.action(description="Take back", permissions=["invite"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[ColleagueInvitation]) -> None:
        rows = queryset.select_related("brand")
        act_on_each(request, rows, actions.take_invitation_back, done=lambda n: f"{n} taken back: no link opens.")
