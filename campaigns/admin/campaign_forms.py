"""The form of a campaign, and that of the cities it looks in."""

from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminIntegerFieldWidget as AdminIntegerFieldWidget
from unfold.widgets import UnfoldAdminTextInputWidget as AdminTextInputWidget

from accounts.places import find_city
from accounts.purposes import PurposeRefused, purpose_in
from campaigns import queries
from campaigns.models import Brand, Campaign, CampaignPlace, Handover
from campaigns.returns.tags import TagsError, tags_in

OFFER = ["name", "perk", "perk_text", "brief", "purpose"]
WHEN = ["seats", "starts_on", "ends_on"]
DETAILS = ["details_kind", "details_kept_days"]
WHOM = ["topics", "score_min", "score_max"]
RETURN = ["holdout_percent", "tags"]
# Ten years, three of them leap years at most.
_AHEAD: Final = timedelta(days=3653)


class CampaignForm(forms.ModelForm[Campaign]):
    """A campaign of one of the user's brands; `brand` is set by the admin where there is no choice."""

    brand: Brand | None = None

    class Meta:
        model = Campaign
        fields = ["brand", *OFFER, *WHEN, *DETAILS, *WHOM, *RETURN]
        help_texts = {
            "perk_text": "As the invited read it, such as: a free flight from Los Angeles to Toronto.",
            "purpose": "In writing, such as: choose whom to offer a free flight, so that people in Toronto hear of the "
            "new route. Scores are used for this alone, the invited read it, and with the first group or invitation it "
            "is settled. Decisions about work, credit, insurance or housing are refused.",
            "seats": "How many people can accept. The first to do so get them.",
            "ends_on": "The last day on which people can accept, in UTC.",
            "details_kind": "Who accepts is asked for it on their page, and you see it under “To send” or “To book”.",
            "details_kept_days": "1 to 365. So long after the last day what people gave is there; then it is deleted. "
            "What somebody gave before you change this goes on the day that they were told.",
            "topics": "What the people should be heard on. The search for influencers starts with these.",
            "score_min": "1 to 100; 29 stands for 100 people who react, 43 for 1,000. Empty for any.",
            "holdout_percent": "0 to 50. So many of those you invite are drawn by lot and kept back: what the others "
            "bring beyond them is the campaign's doing. 10 to 20 is usual, and 5 people the least that says anything. "
            "Once people are drawn it is settled; who was invited before isn't compared.",
            "tags": "One per line: a #hashtag, an @handle, a host such as maple.example, or a page of one. A post that "
            "holds any of them is a mention.",
        }
        error_messages = {"ends_on": {"required": "Say until when people can accept."}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("details_kind", "details_kept_days"):
            if name in self.fields:
                self.fields[name].required = False
        if "purpose" in self.fields:
            self.fields["purpose"].required = True
            self.fields["purpose"].error_messages["required"] = "Say what this campaign uses people's scores for."

    def clean_purpose(self) -> str:
        try:
            purpose = purpose_in(self.cleaned_data["purpose"])
        except PurposeRefused as error:
            raise forms.ValidationError(str(error)) from None
        if self.instance.pk and queries.used_scores(self.instance):
            stored = Campaign.objects.values_list("purpose", flat=True).get(pk=self.instance.pk)
            if stored and purpose != stored:
                raise forms.ValidationError("Scores were used for what stands here already: that can't change now.")
        return purpose

    def clean_seats(self) -> int:
        seats: int = self.cleaned_data["seats"]
        if self.instance.pk:
            # The admin saves in the transaction that this lock lasts for: nobody accepts in between.
            taken = Campaign.objects.select_for_update(no_key=True).get(pk=self.instance.pk).seats_taken
            if seats < taken:
                raise forms.ValidationError(f"{taken} seats are taken already: there can't be fewer.")
        return seats

    def clean_ends_on(self) -> date:
        ends: date = self.cleaned_data["ends_on"]
        if ends > timezone.now().date() + _AHEAD:
            raise forms.ValidationError("This is more than ten years ahead: choose an earlier day.")
        return ends

    def clean_details_kind(self) -> str:
        """Return what is asked; once somebody gave it, it stays."""
        kind: str = self.cleaned_data["details_kind"] or self.instance.details_kind
        if self.instance.pk:
            given = Handover.objects.filter(invitation__campaign=self.instance)
            if given.exists() and kind != Campaign.objects.values_list("details_kind", flat=True).get(
                pk=self.instance.pk
            ):
                raise forms.ValidationError("People gave what it asked for already: that can't change now.")
        return kind

    def clean_details_kept_days(self) -> int:
        """Return the number of days; left empty it stays what it is."""
        days: int = self.cleaned_data["details_kept_days"] or self.instance.details_kept_days
        return days

    def clean_holdout_percent(self) -> int:
        """Return the share; left empty it is none.

        From the first draw on it stays: else whom the lot could fall on were others than those invited, and the
        difference between the two no longer the campaign's doing.
        """
        share: int = self.cleaned_data["holdout_percent"] or 0
        if self.instance.pk:
            # Locked by `clean_seats`: nobody is drawn in between.
            stored = Campaign.objects.values_list("holdout_percent", "holdout_seed").get(pk=self.instance.pk)
            if stored[1] and share != stored[0]:
                raise forms.ValidationError(
                    f"People were drawn already, {stored[0]} in a hundred: that can't change now."
                )
        return share

    def clean_tags(self) -> str:
        """Return the tags as they are looked for, one per line."""
        try:
            return "\n".join(tags_in(self.cleaned_data["tags"]))
        except TagsError as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        starts, ends = data.get("starts_on"), data.get("ends_on")
        if starts and ends and ends < starts:
            self.add_error("ends_on", "It ends before it starts.")
        low, high = data.get("score_min"), data.get("score_max")
        if low is not None and high is not None and low > high:
            self.add_error("score_max", "The highest score is below the lowest.")
        brand = data.get("brand") or self.brand or (self.instance.brand if self.instance.pk else None)
        if brand:
            # For as long as the admin's transaction: who saves the same name at the same moment waits, then sees it.
            Brand.objects.select_for_update(no_key=True).filter(pk=brand.pk).first()
        same = Campaign.objects.filter(brand=brand, name=data.get("name")).exclude(pk=self.instance.pk)
        if brand and same.exists():
            self.add_error("name", f"{brand} has a campaign of this name already.")
        return data

    def validate_constraints(self) -> None:
        """Leave the rules that `clean` has told in better words to the database."""


class PlaceForm(forms.ModelForm[CampaignPlace]):
    """A city, typed by its name; its coordinates follow from that."""

    class Meta:
        model = CampaignPlace
        fields = ["name", "radius_km"]
        help_texts = {"name": "Such as Toronto, or Portland, OR."}
        # In the table of cities only the columns' heads name the fields, and on a phone nothing does.
        widgets = {
            "name": AdminTextInputWidget(attrs={"aria-label": "City"}),
            "radius_km": AdminIntegerFieldWidget(attrs={"aria-label": "Radius in km"}),
        }

    def clean_name(self) -> str:
        typed: str = self.cleaned_data["name"]
        if self.instance.pk and typed == self.instance.name:
            return typed
        city = find_city(typed)
        if city is None:
            raise forms.ValidationError(
                f"No city is known as “{typed}”. Write its name as on a map, with its state or country where there are "
                "several: Portland, OR or Toronto, Canada."
            )
        self.instance.latitude, self.instance.longitude = city.latitude, city.longitude
        return ", ".join(part for part in (city.name, city.admin, city.country_code) if part)
