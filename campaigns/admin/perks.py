"""Codes: whose each is and what became of it, and what managers do with them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, NullIf
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts.models import Person
from campaigns import actions
from campaigns.admin.acting import MOST_CODES_AT_ONCE, act_on_each, too_many
from campaigns.admin.base import CappedPaginator, OfInvitationsAdmin, day, person_link
from campaigns.admin.invitations import HIDDEN
from campaigns.admin.shortlists import CampaignFilter
from campaigns.models import Campaign, PerkCode, PerkEntry

State = PerkCode.State
_IN_STOCK_FIRST: Final = Case(When(state=State.IN_STOCK, then=0), When(state=State.HELD, then=1), default=2)
NOT_SHOWN = "for managers only"
CODE_LABELS = {
    State.IN_STOCK: "default",
    State.HELD: "info",
    State.ISSUED: "success",
    State.REDEEMED: "success",
    State.EXPIRED: "warning",
    State.REVOKED: "danger",
}


class NoteForm(forms.Form):
    """Why, for the ledger."""

    note = forms.CharField(
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="It stands in the ledger for good. It is emptied when the person is erased.",
    )


class RevokeForm(NoteForm):
    keeps_seat = forms.BooleanField(
        required=False,
        label="Who has it keeps the seat, and is the first to get another code",
        widget=UnfoldBooleanWidget(),
    )


class StatusForm(forms.Form):
    fulfilment = forms.ChoiceField(
        label="Status", choices=PerkCode.Fulfilment.choices, widget=UnfoldAdminSelectWidget()
    )


@dataclass(frozen=True, slots=True)
class _Act:
    """What can be done with codes: what is asked before, and said afterwards."""

    title: str
    what: str
    done: str
    run: Callable[..., None]
    form: type[forms.Form] = NoteForm


def _unless_served(act: Callable[..., None]) -> Callable[..., None]:
    """Leave codes alone that went to somebody since they were ticked: what is done to one may serve the next person."""

    def run(code: PerkCode, **given: Any) -> None:
        has_it = PerkCode.objects.values_list("invitation", flat=True).get(pk=code.pk)
        if has_it not in (None, code.invitation_id):
            raise actions.NotOut("It went to somebody else meanwhile: look at it again.")
        act(code, **given)

    return run


_ACTS: Final = {
    "mark_redeemed": _Act("Mark redeemed", "They were used. This is final.", "redeemed", actions.redeem),
    "revoke": _Act(
        "Revoke",
        "They are dead from now on, for good. Who has one loses the seat, which goes to the next on the waiting list.",
        "revoked",
        actions.revoke,
        RevokeForm,
    ),
    "take_back": _Act(
        "Take back",
        "They are in stock again, and go to the next on the waiting list. Who has one loses the seat. Revoke instead "
        "what could still be used by whoever has seen it.",
        "taken back",
        actions.take_back,
    ),
    "set_status": _Act(
        "Set the status",
        "The people see it on their page.",
        "changed",
        actions.set_fulfilment,
        StatusForm,
    ),
}


class StatusFilter(DropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    """How far it has come, wherever that is noted."""

    title = "status"
    parameter_name = "fulfilment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, str(label)) for value, label in PerkCode.Fulfilment.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(how_far=self.value()) if self.value() in PerkCode.Fulfilment else queryset


@admin.register(PerkCode)
class PerkCodeAdmin(OfInvitationsAdmin):
    """Codes are added on their campaign's page and given out by accepting."""

    list_display = ["shown_code", "campaign", "state_label", "who", "status", "issued", "expires"]
    list_filter = [CampaignFilter, ("state", ChoicesDropdownFilter), StatusFilter]
    list_filter_submit = True
    list_fullwidth = True
    search_fields = ["code"]
    search_help_text = "Search by code, name or handle"
    ordering = ["-pk"]
    paginator = CappedPaginator
    actions = list(_ACTS)
    fields = ["shown_code", "campaign", "state", "who", "status", "issued", "expires", "ledger"]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[PerkCode]:
        rows: QuerySet[PerkCode] = super().get_queryset(request)
        shown = Person.objects.visible_to(request.user).filter(pk=OuterRef("invitation__person"))
        managed = Campaign.objects.managed_by(request.user).filter(pk=OuterRef("campaign"))
        # Where people give what is needed it is moved on with that, else by the code's own column.
        none = Value(PerkCode.Fulfilment.NONE.value)
        how_far = Coalesce(NullIf(F("invitation__handover__state"), none), F("fulfilment"))
        return rows.select_related("campaign", "invitation__person", "invitation__handover").annotate(
            is_shown=Exists(shown), is_managed=Exists(managed), how_far=how_far
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by what the row shows: whether it finds a row would tell the rest, letter by letter."""
        if not search_term:
            return queryset, False
        name = Q(invitation__person__handle__icontains=search_term) | Q(invitation__person__name__icontains=search_term)
        return queryset.filter(Q(is_managed=True, code__icontains=search_term) | Q(name, is_shown=True)), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "title": "Codes"})
        return response

    @admin.display(description="code")
    def shown_code(self, row: Any) -> SafeString | str:
        return format_html("<code>{}</code>", row.code) if row.is_managed else NOT_SHOWN

    @display(description="state", label=CODE_LABELS, ordering="state")  # type: ignore[untyped-decorator]
    def state_label(self, row: PerkCode) -> tuple[str, str]:
        return row.state, row.get_state_display().lower()

    @admin.display(description="who")
    def who(self, row: Any) -> SafeString | str:
        if row.invitation is None:
            return "–" if row.state == State.IN_STOCK or row.issued_at is None else "somebody who was erased"
        return person_link(row.invitation.person) if row.is_shown else HIDDEN

    @admin.display(description="status", ordering="how_far")
    def status(self, row: PerkCode) -> str:
        handover = getattr(row.invitation, "handover", None)
        if handover is not None and handover.state != PerkCode.Fulfilment.NONE:
            return str(handover.said)
        return "–" if row.fulfilment == PerkCode.Fulfilment.NONE else row.get_fulfilment_display().lower()

    @admin.display(description="issued", ordering="issued_at")
    def issued(self, row: PerkCode) -> str:
        return day(row.issued_at)

    @admin.display(description="good until", ordering="expires_on")
    def expires(self, row: PerkCode) -> str:
        return f"{row.expires_on:%-d %b %Y}" if row.expires_on else "–"

    @admin.display(description="ledger")
    def ledger(self, row: Any) -> SafeString | str:
        lines = PerkEntry.objects.filter(code=row.pk).select_related("by").order_by("pk")
        # A note may name the person: who only reads for the brand doesn't get it.
        shown = [
            (
                f"{line.at:%-d %b %Y %H:%M} UTC",
                line.get_kind_display().lower(),
                f" by {line.by}" if line.by and row.is_managed else "",
                f": {line.note}" if line.note and row.is_managed and (row.is_shown or row.invitation is None) else "",
            )
            for line in lines
        ]
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{} {}{}{}</li>", shown)) if shown else "nothing yet"

    @admin.action(description="Mark redeemed…", permissions=["manage"])
    def mark_redeemed(self, request: HttpRequest, queryset: QuerySet[PerkCode]) -> HttpResponse | None:
        return self._act("mark_redeemed", request, queryset)

    @admin.action(description="Revoke…", permissions=["manage"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[PerkCode]) -> HttpResponse | None:
        return self._act("revoke", request, queryset)

    @admin.action(description="Take back…", permissions=["manage"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[PerkCode]) -> HttpResponse | None:
        return self._act("take_back", request, queryset)

    @admin.action(description="Set the status…", permissions=["manage"])
    def set_status(self, request: HttpRequest, queryset: QuerySet[PerkCode]) -> HttpResponse | None:
        return self._act("set_status", request, queryset)

    def _act(self, name: str, request: HttpRequest, queryset: QuerySet[PerkCode]) -> HttpResponse | None:
        """Ask first; with the answer, do it to each code and say to how many it was done."""
        act = _ACTS[name]
        annotated: QuerySet[Any] = queryset
        rows = annotated.filter(is_managed=True)
        if too_many(request, rows, MOST_CODES_AT_ONCE, "codes"):
            return None
        number = rows.order_by().values("pk").count()
        if not number:
            messages.error(request, "You manage none of these codes.")
            return None
        form = act.form(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            act_on_each(
                request,
                # What is in stock first, or the waiting list would be served with what is about to be revoked.
                list(rows.order_by(_IN_STOCK_FIRST, "pk")),
                _unless_served(act.run),
                done=lambda number: f"{number} {'code' if number == 1 else 'codes'} {act.done}.",
                **form.cleaned_data,
            )
            return None
        return TemplateResponse(
            request,
            "admin/campaigns/codes_act.html",
            {
                **self.admin_site.each_context(request),
                "title": act.title,
                "opts": self.opts,
                "act": act,
                "number": number,
                "form": form,
                "hidden": [
                    ("action", name),
                    ("select_across", request.POST.get("select_across", "0")),
                    *((ACTION_CHECKBOX_NAME, pk) for pk in request.POST.getlist(ACTION_CHECKBOX_NAME)),
                ],
                "back": request.get_full_path(),
            },
        )
