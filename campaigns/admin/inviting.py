"""The page that asks before people are invited, from a campaign or from the list of shortlisted people."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.widgets import UnfoldBooleanSwitchWidget

from accounts.models import Person
from campaigns import actions, queries, tasks
from campaigns.admin.acting import too_many
from campaigns.admin.base import staff_of, start_soon
from campaigns.models import Campaign, Shortlisting


class InviteForm(forms.Form):
    """What is asked along with whether to invite."""

    # Said, or else nobody on a list is invited: somebody may be put on one after the page asked.
    with_listed = forms.BooleanField(
        label="Invite also who is on a list of people to leave out",
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
    )


def invite_listed(request: HttpRequest, rows: QuerySet[Shortlisting]) -> None:
    """Invite the people of these rows, each to the row's campaign, and say what became of them."""
    # Asked again with the answer: the list may have grown, and the page that asks can be left out.
    if too_many(request, rows):
        return
    people: dict[Campaign, list[Person]] = {}
    for row in rows.select_related("campaign", "person"):
        people.setdefault(row.campaign, []).append(row.person)
    for campaign, listed in people.items():
        try:
            report = actions.invite(
                campaign=campaign,
                people=listed,
                by=staff_of(request),
                now=timezone.now(),
                without_listed="with_listed" not in request.POST,
            )
        except actions.CampaignError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{campaign}: {_said(report)}")
            if report.by_email:
                transaction.on_commit(partial(start_soon, tasks.send_due_invitations))


def ask(request: HttpRequest, model_admin: Any, rows: QuerySet[Shortlisting], **context: Any) -> HttpResponse | None:
    """Show whom inviting these rows would reach, and how; None, with a message, where they are too many."""
    if too_many(request, rows):
        return None
    groups = queries.invitable(rows, timezone.now())
    return TemplateResponse(
        request,
        "admin/campaigns/invite.html",
        {
            **model_admin.admin_site.each_context(request),
            "title": "Invite",
            "opts": model_admin.opts,
            "groups": groups,
            "can_invite": any(group.new and not group.is_closed for group in groups),
            "form": InviteForm(),
            "has_listed": any(group.on_lists and not group.is_closed for group in groups),
            **context,
        },
    )


def _said(report: actions.InviteReport) -> str:
    parts = [f"{report.invited} invited"]
    if report.by_email:
        parts.append(f"{report.by_email} by e-mail")
    if report.by_hand:
        parts.append(f"{report.by_hand} with a link for you to send")
    if report.again:
        parts.append(f"{report.again} of them again, under a new link")
    if report.held_back:
        parts.append(f"{report.held_back} kept back by lot to measure the return")
    if report.kept_back:
        parts.append(f"{report.kept_back} had been kept back before")
    if report.unapproved:
        parts.append(f"{report.unapproved} left out, for no group with them is approved")
    if report.listed:
        parts.append(f"{report.listed} left out, as on a list of people to leave out")
    if report.already:
        parts.append(f"{report.already} had been invited before")
    return ", ".join(parts) + "."
