"""What a perk needs to know of the person: asked on the invitation's page once it is accepted."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.places import country_names
from campaigns.actions import CampaignError, Given, give_details
from campaigns.models import Campaign, Handover, Invitation

# Nobody books further ahead.
_AHEAD: Final = timedelta(days=730)


class _DetailsForm(forms.Form):
    """What both kinds ask."""

    full_name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )

    def given(self) -> Given:
        return Given(**self.cleaned_data)


class AddressForm(_DetailsForm):
    """Where to send something."""

    street = forms.CharField(
        label=gettext_lazy("Street and number"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
    )
    postcode = forms.CharField(
        label=gettext_lazy("Postal code"),
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "postal-code"}),
    )
    city = forms.CharField(
        label=gettext_lazy("City"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "address-level2"})
    )
    country = forms.ChoiceField(
        label=gettext_lazy("Country"),
        choices=lambda: _countries(),
        widget=forms.Select(attrs={"autocomplete": "country"}),
    )
    note = forms.CharField(label=gettext_lazy("Anything else, such as a size"), max_length=300, required=False)


class BookingForm(_DetailsForm):
    """What to book, and for when."""

    first_day = forms.DateField(label=gettext_lazy("First day"))
    last_day = forms.DateField(label=gettext_lazy("Last day"))
    note = forms.CharField(label=gettext_lazy("Anything else, such as from where"), max_length=300, required=False)

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["full_name"].help_text = _("As it stands in your passport or identity card.")
        self.today = now.astimezone(UTC).date()
        bounds = {
            "type": "date",
            "min": self.today.isoformat(),
            "max": (self.today + _AHEAD).isoformat(),
        }
        for name in ("first_day", "last_day"):
            # The browser's own field wants ISO dates, whatever the language.
            self.fields[name].widget = forms.DateInput(attrs=bounds, format="%Y-%m-%d")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        first, last = data.get("first_day"), data.get("last_day")
        if first and first < self.today:
            self.add_error("first_day", _("This day has passed."))
        if first and last and last < first:
            self.add_error("last_day", _("This is before the first day."))
        if last and last > self.today + _AHEAD:
            self.add_error("last_day", _("This is more than two years ahead."))
        return data


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page shows: what was given and how far it is, and a form while it can be given or corrected."""

    handover: Handover | None
    form: _DetailsForm | None
    kept_until: Any
    country: str


def asked_of(invitation: Invitation, request: HttpRequest, form: _DetailsForm | None = None) -> Asked | None:
    """Return what an accepted invitation asks of the person; None where nothing, or of somebody else."""
    user, campaign, now = request.user, invitation.campaign, timezone.now()
    if campaign.details_kind == Campaign.Details.NONE or not _is_theirs(invitation, user):
        return None
    row = Handover.objects.filter(invitation=invitation, given_by=user.pk).first()
    if row is None and not Invitation.objects.filter(pk=invitation.pk).owing_details(now).exists():
        return None
    is_open = campaign.details_kept_until >= now.astimezone(UTC).date()
    if form is None and is_open and (row is None or row.state == Handover.State.NONE):
        form = form_for(campaign, now, initial=_initial(row))
    country = country_names().get(row.country, "") if row else ""
    return Asked(row, form, row.kept_until if row else campaign.details_kept_until, country)


def take_details(request: HttpRequest, invitation: Invitation, by: User) -> _DetailsForm | None:
    """Take what was given; return the form where it has to be shown again."""
    now = timezone.now()
    if invitation.campaign.details_kind == Campaign.Details.NONE:
        return None
    form = form_for(invitation.campaign, now, data=request.POST)
    if not form.is_valid():
        return form
    try:
        give_details(invitation, given=form.given(), by=by, now=now)
    except CampaignError as error:
        messages.error(request, str(error))
    else:
        brand = invitation.campaign.brand.name
        messages.success(request, _("Thank you. %(brand)s sees it now.") % {"brand": brand})
    return None


def form_for(campaign: Campaign, now: datetime, **given: Any) -> _DetailsForm:
    """Return the form of what a campaign needs to know."""
    if campaign.details_kind == Campaign.Details.BOOKING:
        return BookingForm(now=now, **given)
    return AddressForm(**given)


def _initial(row: Handover | None) -> dict[str, Any]:
    names = ("full_name", "street", "postcode", "city", "country", "first_day", "last_day", "note")
    return {name: getattr(row, name) for name in names} if row else {}


def _is_theirs(invitation: Invitation, user: Any) -> bool:
    return invitation.person.user_id is not None and invitation.person.user_id == user.pk


def _countries() -> list[tuple[str, str]]:
    return [("", "–"), *sorted(country_names().items(), key=lambda country: country[1])]
