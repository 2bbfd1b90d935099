"""Named filters of the influencer list, and lists of people to leave out of it: a brand's own."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminFileFieldWidget

from campaigns import actions
from campaigns.admin.base import CappedPaginator, VisibleAdmin, day, staff_of
from campaigns.admin.filters import RadiusFilter
from campaigns.admin.uploads import handles_of
from campaigns.models import Brand, Exclusion, ExclusionList, Segment

# Segments beside the list; all are a click away.
SHOWN: Final = 12
# Of a file of people to leave out.
LARGEST_FILE: Final = 1_000_000
MOST_LINES: Final = 50_000
# Handles that nobody goes by, and that are named.
NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Chip:
    """A segment beside the list: what it filters by, where it leads, where its people are counted."""

    name: str
    described: str
    url: str
    count_url: str
    is_open: bool


def segments_bar(request: HttpRequest, found: Any) -> dict[str, Any]:
    """Return what stands above the influencer list about segments; `found` is the list. Three queries."""
    rows = list(Segment.objects.visible_to(request.user).select_related("brand").order_by("name", "pk")[: SHOWN + 1])
    brands = list(Brand.objects.managed_by(request.user).order_by("name")) if _may(request) else []
    now = query_of(request, found)
    several = len({row.brand_id for row in rows}) > 1
    return {
        "chips": [
            Chip(
                f"{row.name} ({row.brand})" if several else row.name,
                "; ".join(row.described),
                address_of(row),
                f"{reverse('admin:scoring_influencer_count')}?{urlencode(row.query, doseq=True)}",
                row.query == now,
            )
            for row in rows[:SHOWN]
        ],
        "has_more": len(rows) > SHOWN,
        "brands": brands,
        "save_url": f"{reverse('admin:scoring_influencer_segment')}?{urlencode(now, doseq=True)}" if now else "",
    }


def address_of(segment: Segment) -> str:
    """Return the address of the list that a segment's filters leave."""
    return f"{reverse('admin:scoring_influencer_changelist')}?{urlencode(segment.query, doseq=True)}"


def query_of(request: HttpRequest, found: Any) -> dict[str, list[str]]:
    """Return those of an address's parameters that filter, and of their values those that name something."""
    query: dict[str, list[str]] = {}
    for spec in found.filter_specs:
        if not spec.describe() and not (isinstance(spec, RadiusFilter) and "near" in query):
            continue
        unknown = set() if isinstance(spec, RadiusFilter) else set(spec.unknown())
        for name in spec.expected_parameters():
            if values := [value for value in request.GET.getlist(name or "") if value and value not in unknown]:
                query[str(name)] = values
    if found.query.strip():
        query["q"] = [found.query.strip()]
    return query


def save_view(page: Any, request: HttpRequest) -> HttpResponse:
    """Keep the address's filters as a segment of the brand that was posted, and lead back to the list."""
    back = reverse("admin:scoring_influencer_changelist")
    if request.method != "POST":
        return HttpResponseRedirect(back)
    if not _may(request):
        raise PermissionDenied
    found = page.counted(request)
    query = query_of(request, found)
    described = [text for spec in found.filter_specs if (text := spec.describe())]
    described += [f"named “{text}”" for text in query.get("q", [])]
    brands = list(Brand.objects.managed_by(request.user))
    posted = request.POST.get("brand", "")
    chosen = [brand for brand in brands if str(brand.pk) == posted] if posted or len(brands) != 1 else brands
    try:
        if not chosen:
            raise actions.NotYours("Choose one of your brands.")
        segment = actions.save_segment(
            brand=chosen[0],
            name=request.POST.get("name", ""),
            query=query,
            described=described,
            by=staff_of(request),
            now=timezone.now(),
        )
    except actions.CampaignError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Saved as the segment “{segment}” of {segment.brand}.")
    return HttpResponseRedirect(f"{back}?{urlencode(query, doseq=True)}")


def _may(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("campaigns.add_shortlisting"))


class OfBrandAdmin(VisibleAdmin):
    """Rows of a brand: its staff see them, its managers change them."""

    paginator = CappedPaginator

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("campaigns.view_shortlisting"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may(request) and (obj is None or self.model.objects.managed_by(request.user).filter(pk=obj.pk).exists())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.model.objects.managed_by(request.user).filter(pk__in=queryset.values("pk")).delete()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Ask for no rights on what goes along: nobody has any on it but through the row."""
        shown, counts, _, protected = super().get_deleted_objects(objs, request)
        return shown[:SHOWN], counts, set(), protected


class NamedForm(forms.ModelForm[Any]):
    """A name, which no other of the brand's rows of this kind has."""

    def clean_name(self) -> str:
        name = " ".join(str(self.cleaned_data["name"]).split())
        if not name.isprintable():
            raise forms.ValidationError("A name has no control characters.")
        brand = self.cleaned_data.get("brand") or self.instance.brand_id
        same = type(self.instance).objects.filter(brand=brand, name__iexact=name).exclude(pk=self.instance.pk)
        if brand and same.exists():
            raise forms.ValidationError("There is one of this name already.")
        return name


class SegmentForm(NamedForm):
    class Meta:
        model = Segment
        fields = ["name"]


@admin.register(Segment)
class SegmentAdmin(OfBrandAdmin):
    """Segments are saved from the influencer list; here they are renamed and deleted."""

    form = SegmentForm
    list_before_template = "admin/campaigns/segments_before.html"
    list_display = ["name", "filters", "people", "brand", "saved", "created_by"]
    list_select_related = ["brand", "created_by"]
    search_fields = ["name"]
    ordering = ["name", "pk"]
    readonly_fields = ["filters", "brand", "saved", "created_by"]
    fields = ["name", *readonly_fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="filters")
    def filters(self, row: Segment) -> SafeString:
        return format_html('<a class="sway-link" href="{}">{}</a>', address_of(row), "; ".join(row.described))

    @admin.display(description="people now")
    def people(self, row: Segment) -> SafeString:
        count = f"{reverse('admin:scoring_influencer_count')}?{urlencode(row.query, doseq=True)}"
        return format_html('<span hx-get="{}" hx-trigger="load" hx-sync="#content-main:queue all">…</span>', count)

    @admin.display(description="saved", ordering="created_at")
    def saved(self, row: Segment) -> str:
        return day(row.created_at)


class ExclusionListForm(NamedForm):
    """A name, and a file whose people come to those that are there."""

    class Meta:
        model = ExclusionList
        fields = ["brand", "name"]

    file = forms.FileField(
        label="Handles",
        help_text=f"A .csv or .txt file whose first column has the handles, up to {MOST_LINES:,} lines.",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "file" in self.fields:
            self.fields["file"].required = False

    def clean_file(self) -> list[str]:
        """Return the handles."""
        file = self.cleaned_data["file"]
        return handles_of(file, largest=LARGEST_FILE, most=MOST_LINES) if file else []


@admin.register(ExclusionList)
class ExclusionListAdmin(OfBrandAdmin):
    form = ExclusionListForm
    list_before_template = "admin/campaigns/exclusionlists_before.html"
    list_display = ["name", "people", "brand", "made", "created_by"]
    list_select_related = ["brand", "created_by"]
    search_fields = ["name"]
    ordering = ["name", "pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        listed = Exclusion.objects.visible_to(request.user).filter(exclusion_list=OuterRef("pk")).order_by()
        counted = listed.values("exclusion_list").annotate(n=Count("pk")).values("n")
        rows: QuerySet[Any] = super().get_queryset(request)
        people: QuerySet[Any] = rows.annotate(people_count=Coalesce(Subquery(counted, output_field=IntegerField()), 0))
        return people

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _may(request)

    def get_fields(self, request: HttpRequest, obj: ExclusionList | None = None) -> list[str]:
        if obj is None:
            return ["brand", "name", "file"]
        changeable = ["file"] if self.has_change_permission(request, obj) else []
        return ["name", *changeable, "people", "brand", "made", "created_by"]

    def get_readonly_fields(self, request: HttpRequest, obj: ExclusionList | None = None) -> list[str]:
        return [] if obj is None else ["people", "brand", "made", "created_by"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "brand" and field is not None:
            field.queryset = Brand.objects.managed_by(request.user).order_by("name")
            brands = list(field.queryset[:2])
            field.initial = brands[0] if len(brands) == 1 else None
            for right in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{right}_related", False)
        return field

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        """Show the page again, saying why, where a list is refused on being saved; nothing of it is kept then."""
        try:
            page: HttpResponse = super().changeform_view(request, *args, **options)
        except actions.CampaignError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(request.get_full_path())
        return page

    def save_model(self, request: HttpRequest, obj: ExclusionList, form: Any, change: bool) -> None:
        by = staff_of(request)
        if change:
            obj.save(update_fields=["name"])
        else:
            made = actions.make_exclusion_list(brand=obj.brand, name=obj.name, by=by, now=timezone.now())
            obj.pk, obj.created_by, obj.created_at = made.pk, made.created_by, made.created_at
        handles = form.cleaned_data.get("file") or []
        if not handles:
            return
        found = actions.exclude_people(exclusion_list=obj, handles=handles, by=by)
        there = f", {found.already:,} were on it already" if found.already else ""
        messages.info(request, f"{found.added:,} people put on “{obj}”{there}.")
        if found.unknown:
            more = f" and {len(found.unknown) - NAMED:,} others" if len(found.unknown) > NAMED else ""
            names = ", ".join(handle[:80] for handle in found.unknown[:NAMED])
            messages.warning(request, f"Nobody is known as {names}{more}: they aren't kept.")

    @admin.display(description="people", ordering="people_count")
    def people(self, row: Any) -> str:
        return f"{row.people_count:,}"

    @admin.display(description="made", ordering="created_at")
    def made(self, row: ExclusionList) -> str:
        return day(row.created_at)
