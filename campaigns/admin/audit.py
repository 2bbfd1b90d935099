"""The audit trail: what was done for a brand, to read, to filter and to take along."""

from collections.abc import Iterator
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from accounts.admin.export import Cell, csv_response
from accounts.models import User
from campaigns import actions
from campaigns.admin.base import CappedPaginator, ReadOnlyAdmin, staff_of
from campaigns.admin.shortlists import CampaignFilter
from campaigns.models import AuditEntry, Brand

CSV_COLUMNS: Final = ["at", "by", "kind", "brand", "campaign", "member", "what"]
# Whose old and new value is told. Texts may name people: of them only that they changed.
TOLD: Final = frozenset(
    {
        *("seats", "starts_on", "ends_on", "perk", "score_min", "score_max", "holdout_percent"),
        *("details_kind", "details_kept_days"),
    }
)


class ByFilter(DropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    title = "who"
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        did = AuditEntry.objects.visible_to(request.user).order_by().values("by").distinct()
        return [(str(pk), name) for pk, name in User.objects.filter(pk__in=did).values_list("pk", "username")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(by=self.value()) if self.value() in dict(self.lookup_choices) else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Lines are written by the actions; nobody changes one."""

    list_display = ["when", "who", "kind_label", "campaign", "member", "details"]
    list_display_links = None
    list_filter = [("kind", ChoicesDropdownFilter), CampaignFilter, ByFilter]
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ["brand", "campaign", "by", "member"]
    search_fields = ["what"]
    search_help_text = "Search in what was done"
    ordering = ["-pk"]
    paginator = CappedPaginator
    actions = ["export_csv"]
    fields = ["when", "who", "kind_label", "brand", "campaign", "member", "details"]
    readonly_fields = fields

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("campaigns.change_campaign"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "title": "Audit trail"})
        return response

    @admin.display(description="when, in UTC", ordering="pk")
    def when(self, row: AuditEntry) -> str:
        return f"{row.at:%-d %b %Y %H:%M}"

    @admin.display(description="who", ordering="by")
    def who(self, row: AuditEntry) -> str:
        return str(row.by or "somebody who is gone")

    @admin.display(description="did", ordering="kind")
    def kind_label(self, row: AuditEntry) -> str:
        return row.get_kind_display().lower()

    @admin.display(description="details", empty_value="–")
    def details(self, row: AuditEntry) -> str | None:
        return row.what or None

    @admin.action(description="Export CSV", permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> HttpResponse:
        """Send the lines chosen as a file, and write down that they were."""
        brands = Brand.objects.filter(pk__in=queryset.order_by().values("brand"))
        rows = _cells(queryset.iterator(chunk_size=2000))
        actions.record_export(by=staff_of(request), what="audit trail", brands=brands)
        response: HttpResponse = csv_response("audit-trail.csv", CSV_COLUMNS, rows)  # type: ignore[assignment]
        return response


def _cells(rows: Iterator[AuditEntry]) -> Iterator[list[Cell]]:
    for row in rows:
        yield [
            row.at.isoformat(),
            *(str(found) if found else "" for found in (row.by,)),
            row.kind,
            *(str(found) if found else "" for found in (row.brand, row.campaign, row.member)),
            row.what,
        ]


class AuditedMixin:
    """Writes down what the form of a campaign changed."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)  # type: ignore[misc]  # Django's
        # What was left out of the form, and so stayed as it is, counts as changed there.
        changed = [name for name in form.changed_data if form.cleaned_data[name] != form.initial.get(name)]
        changes = [_change(form, name) for name in changed]
        changes += ["cities"] if any(formset.has_changed() for formset in formsets) else []
        actions.record_campaign(campaign=form.instance, is_new=not change, changes=changes, by=staff_of(request))


def _change(form: Any, name: str) -> str:
    label = str(form.fields[name].label or name).lower()
    if name not in TOLD:
        return label
    before, after = (
        "none" if value in (None, "") else str(value) for value in (form.initial.get(name), form.cleaned_data[name])
    )
    return f"{label}: {before} → {after}"
