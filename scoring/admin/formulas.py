"""Versions of the formula: written, run in shadow, looked at for whom they move, made current from a date on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSingleDateWidget, UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from accounts.admin.base import staff_of
from accounts.admin.export import csv_response
from scoring import comparison
from scoring.models import Formula

# The engine, and the actions that need it, are imported where they are called: they are slow to load, and seldom are.

# What apps above this one add to a preview: the template, and what gives its context.
Part = tuple[str, Callable[[HttpRequest, comparison.Pair], dict[str, Any]]]
PREVIEW_PARTS: Final[list[Part]] = []
_PLANNED: Final = Q(activations__isnull=False, activations__begun_at=None)


class ActivationForm(forms.Form):
    """From when on, and why."""

    current_from = forms.DateField(
        label="Current from",
        widget=UnfoldAdminSingleDateWidget(),
        help_text="The run of that night (00:00 UTC) is the first by this formula.",
    )
    note = forms.CharField(
        label="What changes, and why",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="The public page about the score shows this beside the date.",
    )
    unseen = forms.BooleanField(
        required=False,
        label="Without a run in shadow",
        widget=UnfoldBooleanWidget(),
        help_text="Nobody can see beforehand whose score it moves. That this was done is noted.",
    )


@admin.register(Formula)
class FormulaAdmin(ModelAdmin):  # type: ignore[misc]  # unfold publishes no types
    """A version can be written and changed until a run has used it; then it is history."""

    list_display = ["version", "state", "used", "note", "created_at"]
    ordering = ["-is_current", "-created_at", "-pk"]
    change_form_outer_before_template = "admin/scoring/formula_before.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Formula]:
        rows: QuerySet[Formula] = super().get_queryset(request)
        planned = Count("activations", filter=_PLANNED, distinct=True)
        return rows.annotate(uses=Count("runs", distinct=True), planned=planned)

    def get_form(self, request: HttpRequest, obj: Formula | None = None, change: bool = False, **kwargs: Any) -> Any:
        from scoring.admin.formula_form import FormulaForm

        return super().get_form(request, obj, change=change, **{"form": FormulaForm, **kwargs})

    def get_fieldsets(self, request: HttpRequest, obj: Formula | None = None) -> list[tuple[str | None, Any]]:
        from scoring.admin.formula_form import NAMES

        editable = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        parameters = NAMES if editable else ["stored_parameters", "stored_fingerprint", "created_at"]
        return [(None, {"fields": ["version", "note"]}), ("Parameters", {"fields": parameters})]

    def get_readonly_fields(self, request: HttpRequest, obj: Formula | None = None) -> list[str]:
        return ["stored_parameters", "stored_fingerprint", "created_at"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with another version's values where one is named: a candidate made from it."""
        from scoring.admin.formula_form import free_version, values_of

        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        source = initial.pop("from", "")
        formula = Formula.objects.filter(pk=source).first() if source.isdecimal() else None
        return initial if formula is None else {**values_of(formula), "version": free_version(formula.version)}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and _is_fixed(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and _is_fixed(obj))

    @admin.display(description="state", ordering="is_current")
    def state(self, formula: Any) -> str:
        if formula.is_current:
            return "current"
        if formula.planned:
            return "begins soon"
        return "in shadow" if formula.is_shadow else "–"

    @admin.display(description="runs", ordering="uses")
    def used(self, formula: Any) -> int:
        return int(formula.uses)

    @admin.display(description="parameters")
    def stored_parameters(self, formula: Formula) -> SafeString:
        from scoring.admin.formula_form import values_of

        # In the engine's order; what it doesn't know any more comes last. PostgreSQL keeps JSON in an order of its own.
        values = {**values_of(formula), **formula.parameters}
        rows = format_html_join(
            "",
            '<tr><td data-label="Parameter"><code>{}</code></td><td data-label="Value">{}</td></tr>',
            ((name, value) for name, value in values.items() if name != "version"),
        )
        return format_html('<table class="sway-table sway-parameters"><tbody>{}</tbody></table>', rows)

    @admin.display(description="fingerprint")
    def stored_fingerprint(self, formula: Formula) -> SafeString:
        return format_html('<code class="sway-breakable">{}</code>', formula.fingerprint)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path(f"<path:object_id>/{name}/", wrap(view), name=f"scoring_formula_{name}")
            for name, view in (
                ("preview", self.preview_view),
                ("export", self.export_view),
                ("shadow", self.shadow_view),
                ("activate", self.activate_view),
                ("withdraw", self.withdraw_view),
            )
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        around = {}
        if found is not None:
            around = {
                "formula": found,
                "activations": list(found.activations.order_by("current_from")),
                "may_activate": request.user.has_perm("scoring.activate_formula"),
                "may_shadow": request.user.has_perm("scoring.change_formula"),
                "may_add": self.has_add_permission(request),
            }
        response: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **around})
        return response

    def preview_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show whom the version moves against what counted at the moment of its newest run in shadow."""
        formula = self._viewed(request, object_id)
        pair = comparison.newest_pair(formula)
        current = pair.before.formula if pair else Formula.objects.filter(is_current=True).first()
        context: dict[str, Any] = {"pair": pair, "against": current}
        if current is not None:
            context["differences"] = comparison.differences(current, formula)
        if pair is not None:
            change = comparison.change_between(pair)
            rising, falling = comparison.movers(pair, request.user)
            context |= {
                "change": change,
                "histogram": _histogram(change),
                "deciles": [(f"{n}0 %", points) for n, points in enumerate(change.deciles, start=1)],
                "movers": [("Biggest rises", rising), ("Biggest falls", falling)],
                "parts": [{"template": template, **give(request, pair)} for template, give in PREVIEW_PARTS],
            }
        return self._page(request, formula, "preview", f"Whom {formula} moves", context)

    def export_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send the change of everybody whom the user may see, as a file that is written as it is read."""
        formula = self._viewed(request, object_id)
        pair = comparison.newest_pair(formula)
        if pair is None:
            raise Http404
        header = ["handle", "name", f"score by {pair.before.formula}", f"score by {formula}", "change"]
        rows = comparison.visible(comparison.compared(pair), request.user).order_by("-change", "person")
        values = rows.values_list("person__handle", "person__name", "before", "score", "change")
        response: HttpResponse = csv_response(  # type: ignore[assignment]  # one that streams
            f"preview-{formula.pk}.csv",
            header,
            (
                [handle, name, *(round(number, 4) for number in numbers)]
                for handle, name, *numbers in values.iterator(chunk_size=5000)
            ),
        )
        return response

    def shadow_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the version to run in shadow, or end that."""
        from scoring import actions

        formula = self._viewed(request, object_id)
        if request.method == "POST":
            on = request.POST.get("on") == "1"
            try:
                actions.set_shadow(formula=formula, on=on, by=staff_of(request))
            except actions.FormulaRefused as error:
                messages.error(request, str(error))
            else:
                messages.success(
                    request,
                    "It is computed within ten minutes as of the run that readers see, and then each night."
                    if on
                    else "It no longer runs in shadow.",
                )
        return self._back(formula)

    def activate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask from when on and why; with the answer, make it current."""
        from scoring import actions

        formula = self._viewed(request, object_id)
        if not request.user.has_perm("scoring.activate_formula"):
            raise PermissionDenied
        now = timezone.now()
        form = ActivationForm(
            request.POST or None,
            initial={"current_from": _next_day(actions.earliest_start(), now), "note": formula.note},
        )
        pair = comparison.newest_pair(formula)
        if pair is not None:
            del form.fields["unseen"]
        if request.method == "POST" and form.is_valid():
            day = form.cleaned_data["current_from"]
            try:
                made = actions.activate_formula(
                    formula=formula,
                    current_from=datetime(day.year, day.month, day.day, tzinfo=UTC),
                    note=form.cleaned_data["note"],
                    by=staff_of(request),
                    now=now,
                    unseen=form.cleaned_data.get("unseen", False),
                )
            except actions.FormulaRefused as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, f"{formula} is the current formula from {made.current_from:%-d %B %Y} on.")
                return self._back(formula)
        context = {
            "form": form,
            "pair": pair,
            "change": comparison.change_between(pair) if pair else None,
            "against": Formula.objects.filter(is_current=True).first(),
        }
        return self._page(request, formula, "activate", f"Make {formula} current", context)

    def withdraw_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a plan back."""
        from scoring import actions

        formula = self._viewed(request, object_id)
        if request.method == "POST":
            try:
                withdrawn = actions.withdraw_activation(formula=formula, by=staff_of(request))
            except actions.FormulaRefused as error:
                raise PermissionDenied(str(error)) from error
            if withdrawn:
                messages.success(request, f"{formula} doesn't become current.")
            else:
                messages.error(request, "It has begun already, or wasn't planned.")
        return self._back(formula)

    def _viewed(self, request: HttpRequest, object_id: str) -> Formula:
        formula: Formula | None = self.get_object(request, object_id) if object_id.isdecimal() else None
        if formula is None:
            raise Http404
        if not self.has_view_permission(request, formula):
            raise PermissionDenied
        return formula

    def _page(
        self, request: HttpRequest, formula: Formula, name: str, title: str, context: dict[str, Any]
    ) -> TemplateResponse:
        around = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, "formula": formula}
        around["back"] = reverse("admin:scoring_formula_change", args=[formula.pk])
        return TemplateResponse(request, f"admin/scoring/{name}.html", {**around, **context})

    def _back(self, formula: Formula) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:scoring_formula_change", args=[formula.pk]))


def _is_fixed(formula: Any) -> bool:
    uses = getattr(formula, "uses", None)
    used = formula.runs.exists() if uses is None else uses
    return bool(formula.is_current or used or formula.activations.exists())


def _next_day(after: datetime | None, now: datetime) -> Any:
    """Return the first day that can be chosen, tomorrow at the earliest."""
    return max(after or now, now).astimezone(UTC).date() + timedelta(days=1)


def _histogram(change: Any) -> list[dict[str, Any]]:
    """Return the bars as the template draws them, in a plot of 100 by 100 units."""
    most = max((bar.people for bar in change.bars), default=0)
    wide = 100 / len(change.bars) if change.bars else 0
    return [
        {
            "x": f"{number * wide + wide * 0.1:.3f}",
            "y": f"{100 - 100 * bar.people / most:.3f}",
            "width": f"{wide * 0.8:.3f}",
            "height": f"{100 * bar.people / most:.3f}",
            "side": "rise" if bar.low > 0 else "fall" if bar.high < 0 else "",
            "bar": bar,
        }
        for number, bar in enumerate(change.bars)
    ]
