"""The codes of a campaign: how many there are and where, and the page that adds some."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSingleDateWidget,
)

from campaigns import actions
from campaigns.actions.stock import MOST_BYTES, MOST_CODES
from campaigns.admin.base import staff_of
from campaigns.models import Campaign, PerkCode


class CodesForm(forms.Form):
    """A file of codes, or how many are to be made."""

    file = forms.FileField(
        required=False,
        label="Upload codes",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt"}),
        help_text=f"A .txt file with one code a line, or a .csv file with codes in its first column; up to "
        f"{MOST_CODES:,} codes and {MOST_BYTES // 1024 // 1024} MB. Codes that are there already are left out.",
    )
    number = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_CODES,
        label="Or make new codes: how many",
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Such as 7KQM-XW2P-HDT9: nobody can guess one, and no letter is taken for a digit.",
    )
    expires_on = forms.DateField(
        required=False,
        label="Good until",
        widget=UnfoldAdminSingleDateWidget(attrs={"type": "date"}),
        help_text="The last day on which they can be used, in UTC. Empty: they don't expire.",
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        file, number = data.get("file"), data.get("number")
        if bool(file) == bool(number):
            raise forms.ValidationError("Choose a file, or say how many codes to make: one of the two.")
        if file:
            # Before it is read: what was sent may be as long as somebody likes.
            if file.size > MOST_BYTES:
                self.add_error("file", f"The file has more than {MOST_BYTES // 1024 // 1024} MB: split it.")
            elif not file.name.lower().endswith((".csv", ".txt")):
                self.add_error("file", "This is neither a .csv nor a .txt file.")
            else:
                try:
                    data["found"] = actions.read_codes(file.read(), is_csv=file.name.lower().endswith(".csv"))
                except actions.NoCodes as error:
                    self.add_error("file", str(error))
        return data


class CodesMixin:
    """What a campaign's own page has of codes."""

    @action(description="Add codes", url_path="codes", icon="confirmation_number")  # type: ignore[untyped-decorator]
    def add_codes(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for a file, or a number; with either, add codes and serve who waits for one."""
        campaign: Campaign = self._managed(request, object_id)  # type: ignore[attr-defined]
        back = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
        form = CodesForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
        if request.method == "POST" and form.is_valid():
            try:
                _add(request, campaign, form.cleaned_data)
            except actions.NoCodes as error:
                form.add_error(None, str(error))
            else:
                return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "title": f"Add codes to {campaign}",
            "opts": self.opts,  # type: ignore[attr-defined]
            "form": form,
            "campaign": campaign,
            "first": not PerkCode.objects.filter(campaign=campaign).exists(),
            "back": back,
        }
        return TemplateResponse(request, "admin/campaigns/add_codes.html", context)


def _add(request: HttpRequest, campaign: Campaign, given: dict[str, Any]) -> None:
    by, now, expires_on = staff_of(request), timezone.now(), given["expires_on"]
    found: actions.FoundCodes | None = given.get("found")
    if found is None:
        report = actions.generate_codes(
            campaign=campaign, number=given["number"], expires_on=expires_on, by=by, now=now
        )
    else:
        report = actions.add_codes(campaign=campaign, codes=found.codes, expires_on=expires_on, by=by, now=now)
    said = [f"{report.added} {'code' if report.added == 1 else 'codes'} added"]
    if report.known:
        said.append(f"{report.known} left out that were there already")
    if found is not None and found.repeated:
        said.append(f"{found.repeated} left out that came twice in the file")
    if found is not None and found.blank:
        said.append(f"{found.blank} blank {'line' if found.blank == 1 else 'lines'}")
    if report.served:
        said.append(f"{report.served} given to people on the waiting list")
    messages.success(request, ", ".join(said) + ".")


def codes_of(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    """Return what the section of codes on a campaign's page shows. Two queries; no code is among it."""
    rows = PerkCode.objects.visible_to(request.user).filter(campaign=campaign)
    counted = dict(rows.order_by().values_list("state").annotate(n=Count("pk")))
    is_managed = Campaign.objects.managed_by(request.user).filter(pk=campaign.pk).exists()
    return {
        "figures": [(state.label.lower(), counted.get(state.value, 0)) for state in PerkCode.State],
        "total": sum(counted.values()),
        "add_url": reverse("admin:campaigns_campaign_add_codes", args=[campaign.pk]) if is_managed else "",
        "list_url": f"{reverse('admin:campaigns_perkcode_changelist')}?campaign={campaign.pk}",
    }
