"""Shortlists: whom to invite, over all of a manager's campaigns."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter, RadioFilter
from unfold.decorators import display

from campaigns.admin.base import STATE_LABELS, CappedPaginator, VisibleAdmin, day, person_link, run_of, score_badge
from campaigns.admin.inviting import ask, invite_listed
from campaigns.models import Campaign, Invitation, Shortlisting
from campaigns.queries import held_back_here
from scoring.models import Score


class CampaignFilter(DropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    title = "campaign"
    parameter_name = "campaign"
    path = "campaign"  # from the listed rows

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        own = Campaign.objects.visible_to(request.user).order_by("-starts_on", "name")
        return [(str(pk), name) for pk, name in own.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = self.value() in dict(self.lookup_choices)
        return queryset.filter(**{self.path: self.value()}) if known else queryset


class InvitedFilter(RadioFilter):  # type: ignore[misc]  # unfold publishes no types
    title = "invitation"
    parameter_name = "invited"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Not invited yet"), ("yes", "Invited"), ("expired", "Expired: can be invited again")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "yes" | "no" as invited:
                return queryset.filter(invitation__isnull=invited == "no")
            case "expired":
                return queryset.filter(invitation=Invitation.State.EXPIRED)
        return queryset


@admin.register(Shortlisting)
class ShortlistingAdmin(VisibleAdmin):
    """Rows come from the influencer list; here they are invited or taken off again."""

    list_display = ["who", "score", "city", "campaign", "invited", "added", "added_by"]
    list_display_links = None
    list_filter = [CampaignFilter, InvitedFilter]
    list_filter_submit = True
    list_before_template = "admin/campaigns/shortlists_before.html"
    search_fields = ["person__handle", "person__name"]
    search_help_text = "Search by name or handle"
    ordering = ["-added_at", "-pk"]
    paginator = CappedPaginator
    actions = ["invite"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        score = Score.objects.filter(run=run_of(request), person=OuterRef("person")).values("score")
        invitation = Invitation.objects.filter(campaign=OuterRef("campaign"), person=OuterRef("person"))
        rows: QuerySet[Any] = (
            super()
            .get_queryset(request)
            .select_related("campaign", "person__place", "added_by")
            .annotate(
                score=Subquery(score),
                invitation=Subquery(invitation.values("state")),
                is_held_back=Exists(held_back_here()),
            )
        )
        return rows

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Shortlisting | None = None) -> bool:
        if not super().has_delete_permission(request, obj):
            return False
        return obj is None or Campaign.objects.managed_by(request.user).filter(pk=obj.campaign_id).exists()

    def has_invite_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("campaigns.add_shortlisting"))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in found:
            function, name, _ = found["delete_selected"]
            found["delete_selected"] = (function, name, "Take off the shortlist")
        return found

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Shortlisting]) -> None:
        queryset.filter(campaign__in=Campaign.objects.managed_by(request.user)).delete()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "title": "Shortlists"})
        return response

    @admin.display(description="who")
    def who(self, row: Shortlisting) -> SafeString:
        return person_link(row.person)

    @admin.display(description="score", ordering=F("score").desc(nulls_last=True), empty_value="–")
    def score(self, row: Any) -> SafeString | None:
        return None if row.score is None else score_badge(row.score)

    @admin.display(description="city", ordering="person__place__name", empty_value="–")
    def city(self, row: Shortlisting) -> str | None:
        return row.person.place.name if row.person.place else None

    @display(description="invitation", label=STATE_LABELS, ordering="invitation")  # type: ignore[untyped-decorator]
    def invited(self, row: Any) -> str | None:
        state: str | None = row.invitation
        return "kept back" if row.is_held_back and not state else state

    @admin.display(description="added", ordering="added_at")
    def added(self, row: Shortlisting) -> str:
        return day(row.added_at)

    @admin.action(description="Invite…", permissions=["invite"])
    def invite(self, request: HttpRequest, queryset: QuerySet[Shortlisting]) -> HttpResponse | None:
        """Ask first; with the answer, invite."""
        if "confirmed" in request.POST:
            invite_listed(request, queryset)
            return None
        return ask(
            request,
            self,
            queryset,
            hidden=[
                ("action", "invite"),
                ("select_across", request.POST.get("select_across", "0")),
                *((ACTION_CHECKBOX_NAME, pk) for pk in request.POST.getlist(ACTION_CHECKBOX_NAME)),
            ],
            back=request.get_full_path(),
        )
