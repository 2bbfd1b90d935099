"""The group that was chosen for a campaign: who, what each adds, and why not somebody else."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import F, QuerySet, Sum, Value, Window
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.models import Person
from accounts.queries import by_written_handle
from campaigns import actions
from campaigns.admin.approvals import LABELS, NOT_SENT, ApprovalFilter, act, approval_of
from campaigns.admin.base import CappedPaginator, ReadOnlyAdmin, day, person_link, score_badge, staff_of
from campaigns.models import Campaign, ExclusionList, Selected, Selection, Shortlisting
from campaigns.queries.audiences import MOST_CANDIDATES
from campaigns.selection import Reason, RulesError, WhyNot

# Chosen people that the page lists.
LISTED: Final = 200
STATES: Final = {
    Selection.State.WAITING: "info",
    Selection.State.CHOOSING: "info",
    Selection.State.DONE: "success",
    Selection.State.FAILED: "danger",
}
# The chart's size in its own units.
_WIDTH, _HEIGHT = 640, 200


@admin.register(Selection)
class SelectionAdmin(ReadOnlyAdmin):
    """Groups that were chosen. A new one is asked for on its campaign's page."""

    list_display = ["asked", "campaign", "seats", "state_label", "approval_label", "reached_people", "asked_by"]
    list_filter = [ApprovalFilter]
    list_filter_submit = True
    list_display_links = ["asked"]
    search_fields = ["campaign__name"]
    search_help_text = "Search by campaign"
    ordering = ["-asked_at", "-pk"]
    paginator = CappedPaginator
    list_select_related = ["campaign", "asked_by", "approval"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Selection | None = None) -> bool:
        return bool(request.user.has_perm("campaigns.view_campaign"))

    @admin.display(description="asked for", ordering="asked_at")
    def asked(self, row: Selection) -> str:
        return day(row.asked_at)

    @display(description="state", label=STATES, ordering="state")  # type: ignore[untyped-decorator]
    def state_label(self, row: Selection) -> str:
        return row.state

    @display(description="approval", label=LABELS, ordering="approval__answer")  # type: ignore[untyped-decorator]
    def approval_label(self, row: Selection) -> tuple[str, str]:
        approval = getattr(row, "approval", None)
        return (approval.answer, approval.get_answer_display().lower()) if approval else (NOT_SENT, NOT_SENT)

    @admin.display(description="people reached", ordering="reached", empty_value="–")
    def reached_people(self, row: Selection) -> str | None:
        return f"{row.reached:,.0f}" if row.state == Selection.State.DONE else None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "title": "Chosen groups"})
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the group; with a POST, put it on the shortlist, or ask for approval or give it."""
        rows = self.get_queryset(request).select_related("campaign__brand", "run", "asked_by")
        selection = rows.filter(pk=object_id).first() if object_id.isdecimal() else None
        if selection is None or not self.has_view_permission(request, selection):
            raise Http404
        if request.method == "POST":
            if act(request, selection):
                return HttpResponseRedirect(reverse("admin:campaigns_selection_change", args=[selection.pk]))
            return _shortlist(request, selection)
        managed = Campaign.objects.managed_by(request.user).filter(pk=selection.campaign_id).exists()
        context = {
            **self.admin_site.each_context(request),
            "title": f"The group for {selection.campaign}",
            "opts": self.opts,
            "selection": selection,
            "campaign": selection.campaign,
            "is_managed": managed,
            "back": reverse("admin:campaigns_campaign_change", args=[selection.campaign_id]),
            **approval_of(request, selection, managed),
            "choose_url": reverse("admin:campaigns_campaign_choose_group", args=[selection.campaign_id]),
            **(_shown(request, selection) if selection.state == Selection.State.DONE else {}),
        }
        return TemplateResponse(request, "admin/campaigns/selection.html", context)


def _shortlist(request: HttpRequest, selection: Selection) -> HttpResponse:
    try:
        new = actions.shortlist_group(selection=selection, by=staff_of(request), now=timezone.now())
    except actions.CampaignError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:campaigns_selection_change", args=[selection.pk]))
    listed = Shortlisting.objects.visible_to(request.user).filter(campaign=selection.campaign_id)
    others = listed.filter(person__selected__selection=selection).count() - new
    messages.success(
        request, f"{new} put on the shortlist" + (f", {others} were on it already." if others > 0 else ".")
    )
    return HttpResponseRedirect(reverse("admin:campaigns_campaign_change", args=[selection.campaign_id]))


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody chosen, as the page lists them."""

    rank: int
    who: SafeString
    score: SafeString | str
    city: str
    reach: float
    adds: float
    so_far: float
    is_kept: bool
    cost: Decimal | None

    @property
    def shared(self) -> float:
        """Return how many of a hundred of their people are reached by those before."""
        return 100 * (1 - self.adds / self.reach) if self.reach > 0 else 0.0


def _shown(request: HttpRequest, selection: Selection) -> dict[str, Any]:
    people: QuerySet[Any] = selection.people.order_by("rank")
    shown: QuerySet[Any] = (
        Selected.objects.visible_to(request.user)
        .filter(selection=selection)
        .select_related("person__place")
        .annotate(so_far=Window(Sum("adds"), order_by=F("rank").asc()))
        .order_by("rank")[:LISTED]
    )
    adds = list(people.values_list("adds", flat=True))
    alone = sum(people.values_list("reach", flat=True))
    cost = _cost(selection, people)
    return {
        "rows": [
            Row(
                rank=row.rank,
                who=person_link(row.person),
                score="–" if row.score is None else score_badge(row.score),
                city=row.person.place.name if row.person.place else "–",
                reach=row.reach,
                adds=row.adds,
                so_far=row.so_far,
                is_kept=row.is_kept,
                # Of before people could cost something else each.
                cost=selection.cost_each if row.cost is None else row.cost,
            )
            for row in shown
        ],
        "chosen": len(adds),
        "proved": f"{min(100 * selection.proved, 100):.1f}",
        "is_best": selection.proved > 0.9995,
        "alone": alone,
        "overlap": 100 * (1 - selection.reached / alone) if alone > 0 else 0.0,
        "better": 100 * (selection.reached / selection.by_score - 1) if selection.by_score > 0 else 0.0,
        "cost": cost,
        "per_person": None if cost is None or not selection.reached else float(cost) / selection.reached,
        "chart": _chart(adds),
        "rules": [*_rules(selection), *_without(request, selection)],
        "limits": _limits(selection),
        "listed": LISTED,
        "is_cut": selection.candidates >= MOST_CANDIDATES,
        **_why(request, selection),
    }


def _cost(selection: Selection, people: QuerySet[Any]) -> Decimal | None:
    """Return what all chosen cost together; None where nobody said what anybody costs."""
    if selection.cost_each is None:
        return None
    total: Decimal | None = people.aggregate(total=Sum(Coalesce("cost", Value(selection.cost_each))))["total"]
    return total or Decimal(0)


def _chart(adds: list[float]) -> dict[str, Any] | None:
    """Return the curve of people reached against seats, in the chart's own units."""
    if len(adds) < 2:
        return None
    so_far, reached = [0.0], 0.0
    for more in adds:
        reached += more
        so_far.append(reached)
    step = max(1, len(so_far) // 200)
    places = [*range(0, len(so_far) - 1, step), len(so_far) - 1]
    points = [
        (_WIDTH * place / (len(so_far) - 1), _HEIGHT * (1 - so_far[place] / reached) if reached else _HEIGHT)
        for place in places
    ]
    half = next(seat for seat, value in enumerate(so_far) if value >= reached / 2)
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "line": " ".join(f"{x:.1f},{y:.1f}" for x, y in points),
        "seats": len(adds),
        "half": half,
        "top": number_format(round(reached), use_l10n=True, force_grouping=True),
    }


def _rules(selection: Selection) -> list[str]:
    """Return what the group was to keep to, in words."""
    said = [f"{selection.seats} seats"]
    if selection.budget is not None:
        said.append(f"a budget of {selection.budget:,.2f}")
    if selection.cost_each is not None:
        others = len(actions.costs_in(selection.costs))
        said.append(f"{selection.cost_each:,.2f} each" + (f", {others} at a cost of their own" if others else ""))
    if selection.most_per_city:
        said.append(f"at most {selection.most_per_city} per city")
    if selection.most_per_band:
        said.append(f"at most {selection.most_per_band} per ten points of score")
    if selection.least_small and selection.small_reach:
        said.append(f"at least {selection.least_small} with a reach below {selection.small_reach:,.0f}")
    if selection.keeps_shortlist:
        said.append("everybody on the shortlist")
    if selection.kept:
        said.append(f"{len(actions.handles_in(selection.kept))} people named")
    if selection.left_out:
        said.append(f"{len(actions.handles_in(selection.left_out))} left out")
    return said


def _without(request: HttpRequest, selection: Selection) -> list[str]:
    """Return which lists were left out, as far as they are still there, and how many people that were."""
    lists = ExclusionList.objects.visible_to(request.user).filter(selections=selection).order_by("name", "pk")
    names = list(lists.values_list("name", flat=True))
    if not names and not selection.listed:
        return []
    listed = listed_as(names) if names else "lists that were deleted since"
    return [f"without who was on {listed}: {selection.listed or 'none'} of those who fit"]


def listed_as(names: Sequence[str]) -> str:
    """Return the names of lists as a sentence has them."""
    *most, last = (f"“{name}”" for name in names)
    return f"{', '.join(most)} and {last}" if most else last


def _limits(selection: Selection) -> str:
    """Return what may leave seats empty, with its verb; nothing where the group had no limits but the seats."""
    quotas = bool(selection.most_per_city or selection.most_per_band or selection.least_small)
    budget = selection.budget is not None
    if budget and quotas:
        return "the budget and the quotas leave"
    return "the budget leaves" if budget else "the quotas leave" if quotas else ""


def _why(request: HttpRequest, selection: Selection) -> dict[str, Any]:
    """Return why the person whose handle was asked for isn't in the group."""
    # What PostgreSQL can't store stands in no handle.
    handle = request.GET.get("why", "").replace("\0", "").strip()[:321]
    if not handle:
        return {}
    person = by_written_handle(Person.objects.visible_to(request.user), handle)
    if person is None:
        return {"asked": handle, "why": f"Nobody is known as {handle}."}
    try:
        found = actions.why_not_chosen(selection=selection, person=person, by=staff_of(request))
    except (actions.SelectionRefused, RulesError) as error:
        return {"asked": handle, "why": str(error)}
    return {"asked": handle, "why": said_why(person.display_name, found)}


def said_why(name: str, found: WhyNot | None) -> str:
    """Return in words why somebody isn't in a group, and the nearest change."""
    if found is None:
        return f"{name} is in the group."
    already = f"{100 * found.reached_already:.0f} % of {name}’s audience is reached by people already chosen"
    adds = f"{name} reaches {found.reach:,.1f} people and would add {found.adds:,.1f} different ones"
    match found.reason:
        case Reason.EXCLUDED if found.lists:
            return f"{name} was left out, as on {listed_as(found.lists)}."
        case Reason.EXCLUDED:
            return f"{name} was left out: declined, lost the seat, held back by lot, or named among those not to be in."
        case Reason.NO_REACH:
            return f"{name} has no reach on what the campaign is about."
        case Reason.QUOTA:
            return (
                f"{adds}, more than the last one chosen, but the quota “{found.quota}” is full. Raise it, or keep them."
            )
        case Reason.BUDGET:
            return f"{adds}, but costs more than what is left of the budget."
        case Reason.OVERLAP | Reason.SEATS if found.adds > found.least > 0:
            # They were on a list then that they aren't on now, or hid.
            return f"{adds}, more than the last one chosen, but couldn't be chosen then. Choose again."
        case Reason.OVERLAP:
            return f"{already}: {adds}. The one who adds least of those chosen adds {found.least:,.1f}."
        case Reason.SEATS:
            return (
                f"{adds}. Everybody chosen adds {found.least:,.1f} or more: with {found.least - found.adds:,.1f} more "
                "people, or some more seats, they would be in."
            )
