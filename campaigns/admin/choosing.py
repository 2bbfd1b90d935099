"""Asking for the group for a campaign's seats: how many, whom for sure, whom not, and by which quotas."""

from functools import partial
from typing import Any, Final, cast

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from campaigns import actions, tasks
from campaigns.admin.base import run_of, staff_of, start_soon
from campaigns.admin.uploads import costs_of, handles_of
from campaigns.models import Campaign, ExclusionList, Selection

# Runs of so many people are chosen from while the page waits, about a second.
AT_ONCE: Final = 20_000
# Of a list of people to leave out, in bytes.
LARGEST_LIST: Final = 100_000
# Handles to leave out that nobody goes by, and that are named.
NAMED: Final = 5
# What is folded away until it is used.
FOLDED: Final = ("most_per_city", "most_per_band", "least_small", "small_reach", "budget", "cost_each", "costs")


class SelectionForm(forms.ModelForm[Selection]):
    """What the group has to keep to. All but the seats may be left empty."""

    class Meta:
        model = Selection
        fields = ["seats", "keeps_shortlist", "kept", "left_out", *FOLDED]
        help_texts = {
            "seats": "How many people to choose. Those who are invited already count among them.",
            "keeps_shortlist": "They are in whatever they add; the other seats are chosen around them.",
            "most_per_city": "Such as 5. People whose city isn't known aren't limited.",
            "most_per_band": "Such as 10: at most so many with scores of 30 to 40, of 40 to 50, and so on.",
            "least_small": "Such as 5 people …",
            "small_reach": "… who each reach fewer than 100.",
            "budget": "What all may cost together. Empty: as much as it comes to.",
            "cost_each": "What each costs, such as 250.",
            "costs": "Who costs more or less, a line each: ann, 250.50",
            "kept": "Handles of people who are in whatever they add, parted by commas or lines.",
            "left_out": "Handles of people not to choose. Those of nobody are passed over. "
            "Who declined, or lost the seat, is left out anyway.",
        }
        widgets = {
            "seats": UnfoldAdminIntegerFieldWidget(attrs={"min": 1}),
            "keeps_shortlist": UnfoldBooleanSwitchWidget(),
            "most_per_city": UnfoldAdminIntegerFieldWidget(attrs={"min": 1}),
            "most_per_band": UnfoldAdminIntegerFieldWidget(attrs={"min": 1}),
            "least_small": UnfoldAdminIntegerFieldWidget(attrs={"min": 1}),
            "small_reach": UnfoldAdminDecimalFieldWidget(attrs={"min": 0, "step": "any"}),
            "budget": UnfoldAdminDecimalFieldWidget(attrs={"min": 0, "step": "any"}),
            "cost_each": UnfoldAdminDecimalFieldWidget(attrs={"min": 0, "step": "any"}),
            "costs": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
            "kept": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
            "left_out": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        }

    left_out_file = forms.FileField(
        label="… or a list of them",
        required=False,
        help_text="A .csv or .txt file whose first column has the handles.",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt"}),
    )

    without = forms.ModelMultipleChoiceField(
        ExclusionList.objects.none(),
        label="Leave out who is on",
        required=False,
        help_text="Lists that the brand keeps. Who is invited already stays.",
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )

    costs_file = forms.FileField(
        label="… or a list of them",
        required=False,
        help_text="A .csv file whose first column has the handles, and the second one what they cost.",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt"}),
    )

    def __init__(self, *args: Any, lists: QuerySet[ExclusionList], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ModelMultipleChoiceField[ExclusionList]", self.fields["without"]).queryset = lists

    def clean_costs_file(self) -> str:
        """Return the lines of the file, as they are read."""
        file = self.cleaned_data["costs_file"]
        return "\n".join(costs_of(file, largest=LARGEST_LIST)) if file else ""

    def clean_left_out_file(self) -> str:
        """Return the handles of the file, a line each."""
        file = self.cleaned_data["left_out_file"]
        if not file:
            return ""
        return "\n".join(handles_of(file, largest=LARGEST_LIST))

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        one, other = "least_small", "small_reach"
        if (data.get(one) is None) != (data.get(other) is None) and not {one, other} & self.errors.keys():
            self.add_error(other if data.get(other) is None else one, "Say both how many, and below which reach.")
        if data.get("costs_file"):
            data["costs"] = f"{data.get('costs', '')}\n{data['costs_file']}".strip()
        if data.get("cost_each") is None and "cost_each" not in self.errors:
            if data.get("costs"):
                self.add_error("cost_each", "Say what everybody else costs too.")
            elif data.get("budget") is not None:
                self.add_error("cost_each", "A budget needs a cost per person.")
        if data.get("left_out_file"):
            data["left_out"] = f"{data.get('left_out', '')}\n{data['left_out_file']}".strip()
        return data


def choose_view(page: Any, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Ask how to choose for a campaign; with the answer, have it chosen and lead to the group."""
    earlier = list(Selection.objects.filter(campaign=campaign).order_by("-asked_at", "-pk")[:5])
    selection = Selection(campaign=campaign, seats=campaign.seats)
    if earlier and request.method != "POST":
        # Asked again, mostly after somebody declined, the rules are those of before.
        for name in ("keeps_shortlist", "kept", "left_out", *FOLDED):
            setattr(selection, name, getattr(earlier[0], name))
    lists = ExclusionList.objects.visible_to(request.user).filter(brand=campaign.brand_id).order_by("name", "pk")
    form = SelectionForm(
        request.POST if request.method == "POST" else None,
        request.FILES or None,
        instance=selection,
        lists=lists,
        initial={"without": _preselected(lists, earlier[0] if earlier else None)},
    )
    if request.method == "POST" and form.is_valid():
        try:
            asked = actions.ask_for_group(
                selection=form.instance,
                by=staff_of(request),
                now=timezone.now(),
                without=form.cleaned_data["without"],
            )
        except actions.CampaignError as error:
            form.add_error(None, str(error))
        else:
            _tell_passed_over(request, form.cleaned_data["left_out"], asked)
            run = run_of(request)
            if run is None or run.people <= AT_ONCE:
                actions.choose_group(pk=asked.pk, now=timezone.now())
            else:
                transaction.on_commit(partial(start_soon, tasks.choose_waiting))
            return HttpResponseRedirect(reverse("admin:campaigns_selection_change", args=[asked.pk]))
    return TemplateResponse(
        request,
        "admin/campaigns/choose.html",
        {
            **page.admin_site.each_context(request),
            "title": f"Choose the group for {campaign}",
            "opts": page.opts,
            "campaign": campaign,
            "form": form,
            "has_lists": lists.exists(),
            "back": reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
            "earlier": earlier,
            "has_rules": any(getattr(selection, name) for name in FOLDED) or bool(form.errors),
        },
    )


def _tell_passed_over(request: HttpRequest, given: str, asked: Selection) -> None:
    """Say which handles to leave out are nobody's: the group was asked for without them."""
    handles = actions.handles_in(given)
    if unknown := sorted(handles - actions.handles_in(asked.left_out)):
        names = ", ".join(handle[:80] for handle in unknown[:NAMED])
        more = f" and {len(unknown) - NAMED:,} others" if len(unknown) > NAMED else ""
        messages.warning(
            request,
            f"{len(unknown):,} of {len(handles):,} to leave out by name passed over: nobody is known as {names}{more}.",
        )


def _preselected(lists: QuerySet[ExclusionList], earlier: Selection | None) -> list[ExclusionList]:
    """Return which lists are left out unless somebody says otherwise: all but those that weren't the last time.

    A group from before lists could be left out, or of which nothing came, doesn't say that none was to be.
    """
    if earlier is None:
        return list(lists)
    before = set(earlier.without.values_list("pk", flat=True))
    if not before and earlier.listed is None:
        return list(lists)
    return [each for each in lists if each.pk in before or each.created_at > earlier.asked_at]
