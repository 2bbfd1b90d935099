"""Approval of a group on its page: who may ask for it, who may give it, and what was answered."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter

from campaigns import actions
from campaigns.admin.base import staff_of
from campaigns.models import Approval, Campaign, Selection

NOT_SENT = "not sent"
LABELS = {
    Approval.Answer.WAITING: "info",
    Approval.Answer.APPROVED: "success",
    Approval.Answer.SENT_BACK: "warning",
    NOT_SENT: "default",
}


class ApprovalFilter(DropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    title = "approval"
    parameter_name = "approval"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yours", "Waits for you"), *((answer.value, answer.label.capitalize()) for answer in Approval.Answer)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "yours":
            return queryset.filter(approval__in=waiting_for(request))
        return queryset.filter(approval__answer=self.value()) if self.value() in Approval.Answer else queryset


def waiting_for(request: HttpRequest) -> QuerySet[Approval]:
    """Return what waits for the user's answer: groups of campaigns that they manage and didn't ask for themselves."""
    own = Campaign.objects.managed_by(request.user)
    waiting = Approval.objects.filter(answer=Approval.Answer.WAITING, selection__campaign__in=own)
    return waiting.exclude(asked_by=staff_of(request))


def approval_of(request: HttpRequest, selection: Selection, managed: bool) -> dict[str, Any]:
    """Return what a group's page shows of its approval, and which buttons. One query."""
    rows = Approval.objects.visible_to(request.user).filter(selection=selection)
    approval = rows.select_related("asked_by", "answered_by").first()
    by, required = staff_of(request), selection.campaign.brand.approval_required
    is_approved = approval is not None and approval.answer == Approval.Answer.APPROVED
    is_waiting = approval is not None and approval.answer == Approval.Answer.WAITING
    return {
        "approval": approval,
        "approval_label": LABELS[Approval.Answer(approval.answer)] if approval else "",
        "approval_required": required,
        "can_ask": managed and approval is None and selection.asked_by_id == by.pk,
        "can_answer": managed and is_waiting and approval is not None and approval.asked_by_id != by.pk,
        "can_shortlist": managed and (is_approved or not required),
    }


def act(request: HttpRequest, selection: Selection) -> bool:
    """Do what a button of the approval asks; return whether the page was asked for that."""
    by, now = staff_of(request), timezone.now()
    try:
        match request.POST.get("do"):
            case "ask":
                actions.ask_for_approval(selection=selection, by=by, now=now)
                messages.success(request, "Sent. Another manager or owner of the brand finds it under Chosen groups.")
            case "approve":
                actions.approve(selection=selection, by=by, now=now)
                messages.success(request, "Approved.")
            case "send_back":
                remark = request.POST.get("remark", "")
                actions.send_back(selection=selection, remark=remark, by=by, now=now)
                messages.success(request, "Sent back, with your remark.")
            case _:
                return False
    except actions.CampaignError as error:
        messages.error(request, str(error))
    return True
