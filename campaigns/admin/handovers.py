"""Perks to send or book: what people gave for it, how far each has come, and a file for whoever packs."""

from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.admin.export import Cell, csv_response
from accounts.models import Person
from accounts.places import country_names
from campaigns import actions
from campaigns.admin.acting import MOST_CODES_AT_ONCE, act_on_each, too_many
from campaigns.admin.base import CappedPaginator, OfInvitationsAdmin, day, person_link, staff_of
from campaigns.admin.invitations import HIDDEN
from campaigns.admin.shortlists import CampaignFilter
from campaigns.models import Brand, Campaign, Handover, Invitation, PerkCode

State = PerkCode.Fulfilment
LABELS: Final = {
    State.NONE: "warning",
    State.SHIPPED: "info",
    State.DELIVERED: "success",
    State.BOOKED: "success",
}
# References that are typed on one page.
_MOST_TYPED: Final = 100
CSV_COLUMNS: Final = [
    *("campaign", "handle", "name", "street", "postcode", "city", "country"),
    *("first_day", "last_day", "note", "status", "reference", "given_at", "moved_at"),
]


class HandoverCampaignFilter(CampaignFilter):
    path = "invitation__campaign"


class ReferencesForm(forms.Form):
    """A reference for each perk that is sent or booked."""

    def __init__(self, *args: Any, rows: list[Any], required: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for row in rows:
            self.fields[f"reference_{row.pk}"] = forms.CharField(
                label=f"{row.full_name}, {_where(row)}",
                required=required,
                max_length=100,
                widget=UnfoldAdminTextInputWidget(),
                error_messages={"required": "A booking has a reference: write it down."},
            )


@admin.register(Handover)
class HandoverAdmin(OfInvitationsAdmin):
    """People give what is needed on their own page; managers move it on. Nobody else sees any of it."""

    list_display = ["full_name", "who", "campaign", "where", "note", "state_label", "reference", "given"]
    list_filter = [HandoverCampaignFilter, ("state", ChoicesDropdownFilter)]
    list_filter_submit = True
    list_fullwidth = True
    search_fields = ["full_name", "reference"]
    search_help_text = "Search by name or reference"
    # What is to do first, as it came in; then what was moved on last.
    ordering = [F("moved_at").desc(nulls_first=True), "given_at", "pk"]
    paginator = CappedPaginator
    actions = ["mark_sent", "mark_booked", "mark_arrived", "put_back", "export_csv"]
    fields = [
        "full_name",
        "who",
        "campaign",
        "where",
        "note",
        "status",
        "reference",
        "given",
        "moved",
        "last_day_kept",
    ]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Handover]:
        rows: QuerySet[Handover] = super().get_queryset(request)
        shown = Person.objects.visible_to(request.user).filter(pk=OuterRef("invitation__person"))
        return rows.select_related("invitation__campaign", "invitation__person", "moved_by").annotate(
            is_shown=Exists(shown)
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(
            request, {**(extra_context or {}), "title": "Perks to send or book"}
        )
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        named = {"title": f"For {found.full_name}: {found.said}", "subtitle": None} if found else {}
        response: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **named})
        return response

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_manage_permission(request)

    @admin.display(description="who")
    def who(self, row: Any) -> SafeString | str:
        # The name and address were given to the brand; the profile is hidden all the same.
        return person_link(row.invitation.person) if row.is_shown else HIDDEN

    @admin.display(description="campaign", ordering="invitation__campaign__name")
    def campaign(self, row: Handover) -> Campaign:
        return row.invitation.campaign

    @admin.display(description="details")
    def where(self, row: Handover) -> str:
        return _where(row)

    @display(description="status", label=LABELS, ordering="state")  # type: ignore[untyped-decorator]
    def state_label(self, row: Handover) -> tuple[str, str]:
        return row.state, row.said

    @admin.display(description="status")
    def status(self, row: Handover) -> str:
        return row.said

    @admin.display(description="kept until")
    def last_day_kept(self, row: Handover) -> str:
        return f"{row.kept_until:%-d %b %Y}"

    @admin.display(description="given", ordering="given_at")
    def given(self, row: Handover) -> str:
        return day(row.given_at)

    @admin.display(description="moved on")
    def moved(self, row: Handover) -> str:
        return f"{day(row.moved_at)}{f', by {row.moved_by}' if row.moved_by else ''}"

    @admin.action(description="Mark sent…", permissions=["manage"])
    def mark_sent(self, request: HttpRequest, queryset: QuerySet[Handover]) -> HttpResponse | None:
        return self._with_references(request, queryset, Campaign.Details.ADDRESS, State.SHIPPED, "mark_sent")

    @admin.action(description="Mark booked…", permissions=["manage"])
    def mark_booked(self, request: HttpRequest, queryset: QuerySet[Handover]) -> HttpResponse | None:
        return self._with_references(request, queryset, Campaign.Details.BOOKING, State.BOOKED, "mark_booked")

    @admin.action(description="Mark arrived", permissions=["manage"])
    def mark_arrived(self, request: HttpRequest, queryset: QuerySet[Handover]) -> None:
        if not too_many(request, queryset, MOST_CODES_AT_ONCE):
            act_on_each(
                request, queryset.order_by("pk"), actions.move_on, done=lambda n: f"{n} arrived.", to=State.DELIVERED
            )

    @admin.action(description="Put back to what is still to do", permissions=["manage"])
    def put_back(self, request: HttpRequest, queryset: QuerySet[Handover]) -> None:
        """Undo a slip; the reference goes."""
        if not too_many(request, queryset, MOST_CODES_AT_ONCE):
            act_on_each(
                request, queryset.order_by("pk"), actions.move_on, done=lambda n: f"{n} put back.", to=State.NONE
            )

    @admin.action(description="Export CSV", permissions=["manage"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        """Send names, addresses and days as a file; that somebody took it is written down."""
        campaigns = queryset.order_by().values("invitation__campaign")
        brands = Brand.objects.filter(campaigns__in=campaigns).distinct()
        actions.record_export(by=staff_of(request), what="perks to send or book", brands=brands)
        response: HttpResponse = csv_response(  # type: ignore[assignment]  # a streaming one
            "perks-to-send-or-book.csv", CSV_COLUMNS, (_csv_row(row) for row in queryset.iterator(chunk_size=2000))
        )
        return response

    def _with_references(
        self, request: HttpRequest, queryset: QuerySet[Handover], kind: Campaign.Details, to: State, name: str
    ) -> HttpResponse | None:
        """Ask for the reference of each; with the answer, move them on."""
        rows = queryset.filter(kind=kind, state=State.NONE).order_by("given_at", "pk")
        if too_many(request, rows, _MOST_TYPED):
            return None
        listed = list(rows)
        if not listed:
            messages.error(request, f"None of these is {Handover.SAID[kind, State.NONE]}.")
            return None
        given = request.POST if "confirmed" in request.POST else None
        form = ReferencesForm(given, rows=listed, required=to == State.BOOKED)
        if form.is_valid():
            said = Handover.SAID[kind, to]
            act_on_each(request, listed, _mover(form, to), done=lambda number: f"{number} {said}.")
            return None
        hidden = [("action", name), *((ACTION_CHECKBOX_NAME, row.pk) for row in listed)]
        context = {
            **self.admin_site.each_context(request),
            "title": f"Mark {Handover.SAID[kind, to]}",
            "opts": self.opts,
            "form": form,
            "number": len(listed),
            "is_booking": kind == Campaign.Details.BOOKING,
            "hidden": hidden,
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/campaigns/references.html", context)


def _mover(form: forms.Form, to: State) -> Callable[..., None]:
    def move(row: Any, **given: Any) -> None:
        actions.move_on(row, to=to, reference=form.cleaned_data[f"reference_{row.pk}"], **given)

    return move


def _where(row: Handover) -> str:
    if row.kind == Campaign.Details.BOOKING:
        # A constraint of the table.
        assert row.first_day is not None
        assert row.last_day is not None
        return f"{row.first_day:%-d %b %Y} to {row.last_day:%-d %b %Y}"
    city = " ".join(part for part in (row.postcode, row.city) if part)
    return ", ".join((row.street, city, country_names().get(row.country, row.country)))


def _csv_row(row: Any) -> list[Cell]:
    return [
        *(row.invitation.campaign.name, row.invitation.person.handle if row.is_shown else "", row.full_name),
        *(row.street, row.postcode, row.city, row.country),
        *(moment.isoformat() if moment else "" for moment in (row.first_day, row.last_day)),
        *(row.note, row.said, row.reference),
        *(moment.isoformat() if moment else "" for moment in (row.given_at, row.moved_at)),
    ]


def handovers_of(request: HttpRequest, campaign: Campaign) -> dict[str, Any] | None:
    """Return what a campaign's page shows managers of perks to send or book; None where it has none. Two queries."""
    if campaign.details_kind == Campaign.Details.NONE:
        return None
    rows = Handover.objects.visible_to(request.user).filter(invitation__campaign=campaign)
    counted = rows.order_by().aggregate(
        given=Count("pk"),
        to_do=Count("pk", filter=Q(state=State.NONE)),
        arrived=Count("pk", filter=Q(state=State.DELIVERED)),
    )
    missing = Invitation.objects.filter(campaign=campaign).owing_details(timezone.now()).count()
    return {
        **counted,
        "on_their_way": counted["given"] - counted["to_do"] - counted["arrived"],
        "missing": missing,
        "missing_url": f"{reverse('admin:campaigns_invitation_changelist')}?campaign={campaign.pk}&for_you=ask",
        "is_booking": campaign.details_kind == Campaign.Details.BOOKING,
        "kept_until": campaign.details_kept_until,
        "list_url": f"{reverse('admin:campaigns_handover_changelist')}?campaign={campaign.pk}",
    }
