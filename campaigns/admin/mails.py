"""What a campaign's e-mails say: written here, seen as they would go out, tried on oneself."""

from datetime import UTC, datetime
from typing import Any, Final

from allauth.core import ratelimit
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts.models import Identity, Network, Person
from campaigns import actions
from campaigns.admin.base import staff_of
from campaigns.models import Campaign, CampaignPost, MailText
from campaigns.queries.mails import WORDINGS, invitation_values, mail_of, reminder_values, written_for
from campaigns.wording import (
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    Mail,
    Wording,
    WordingError,
    checked_subject,
    checked_text,
)

# Of the shortlist, those whom a preview can be addressed to.
_SHOWN: Final = 20
_SAMPLE: Final = "Robin Sample"
# Whoever holds a real link can claim the profile, so none stands in a preview.
_LINK: Final = "/i/the-personal-link-stands-here"


class MailForm(forms.Form):
    """Subject and text of one kind of e-mail, and who the preview is addressed to."""

    subject = forms.CharField(
        required=False, max_length=LONGEST_SUBJECT, strip=False, widget=UnfoldAdminTextInputWidget()
    )
    text = forms.CharField(
        required=False, max_length=LONGEST_TEXT + 500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 16})
    )
    person = forms.ChoiceField(required=False, label="Preview for", widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, wording: Wording, people: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wording = wording
        self.fields["person"].choices = [("", f"{_SAMPLE}, a made-up person"), *people.items()]  # type: ignore[attr-defined]

    def clean_subject(self) -> str:
        return self._checked(checked_subject, "subject")

    def clean_text(self) -> str:
        return self._checked(checked_text, "text")

    def _checked(self, check: Any, name: str) -> str:
        try:
            return str(check(self.cleaned_data[name], self.wording))
        except WordingError as error:
            raise forms.ValidationError(str(error)) from None


class MailsMixin:
    """What a campaign's own page has of e-mails."""

    @action(description="E-mails", url_path="mails", icon="drafts")  # type: ignore[untyped-decorator]
    def mails(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what mails of a kind say, and how one looks; with a POST keep it, try it, or show it as it is typed."""
        campaign: Campaign = self._managed(request, object_id)  # type: ignore[attr-defined]
        kind = _kind_asked(request)
        here = f"{reverse('admin:campaigns_campaign_mails', args=[campaign.pk])}?kind={kind}"
        people = _people(request, campaign)
        subject, text = written_for(campaign, kind)
        given = request.POST if request.method == "POST" else {"subject": subject, "text": text}
        form = MailForm(given, wording=WORDINGS[kind], people=people)
        mail = _mail(campaign, kind, form, people)
        match request.POST.get("do"):
            case "preview":
                return TemplateResponse(request, "admin/campaigns/_mail.html", {"mail": mail, "form": form})
            case "usual":
                _keep(request, campaign, kind, WORDINGS[kind].subject, WORDINGS[kind].text)
                return HttpResponseRedirect(here)
            case "save" if mail is not None:
                _keep(request, campaign, kind, form.cleaned_data["subject"], form.cleaned_data["text"])
                return HttpResponseRedirect(here)
            case "test" if mail is not None:
                _try(request, mail)
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "title": f"E-mails of {campaign}",
            "opts": self.opts,  # type: ignore[attr-defined]
            "campaign": campaign,
            "form": form,
            "mail": mail,
            "kind": kind,
            "kinds": [(one, one.label.capitalize(), one == kind) for one in MailText.Kind],
            "placeholders": WORDINGS[kind].placeholders.items(),
            "is_usual": (subject, text) == (WORDINGS[kind].subject, WORDINGS[kind].text),
            "own_address": staff_of(request).email,
            "here": here,
            "back": reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
        }
        return TemplateResponse(request, "admin/campaigns/mails.html", context)


def _kind_asked(request: HttpRequest) -> MailText.Kind:
    asked = request.GET.get("kind", "")
    return MailText.Kind(asked) if asked in MailText.Kind.values else MailText.Kind.INVITATION


def _people(request: HttpRequest, campaign: Campaign) -> dict[str, str]:
    """Return some of the shortlist whom the user sees, the first ones, by id."""
    rows = Person.objects.visible_to(request.user).filter(shortlistings__campaign=campaign)
    return {str(person.pk): person.display_name for person in rows.order_by("shortlistings__pk")[:_SHOWN]}


def _mail(campaign: Campaign, kind: MailText.Kind, form: MailForm, people: dict[str, str]) -> Mail | None:
    """Return the e-mail as it would go out; None where the form is wrong."""
    if not form.is_valid():
        return None
    name = people.get(form.cleaned_data["person"], _SAMPLE)
    if kind == MailText.Kind.REMINDER:
        values = reminder_values(campaign, name=name, posts=[_sample_post()], label="#ad")
    else:
        values = invitation_values(campaign, name=name, link=settings.PUBLIC_URL.rstrip("/") + _LINK)
    return mail_of(kind, values, subject=form.cleaned_data["subject"], text=form.cleaned_data["text"])


def _sample_post() -> CampaignPost:
    account = Identity(network=Network(slug="network"))
    return CampaignPost(
        identity=account, post_id="https://network.example/post/1", at=datetime(2026, 3, 1, 12, tzinfo=UTC)
    )


def _keep(request: HttpRequest, campaign: Campaign, kind: MailText.Kind, subject: str, text: str) -> None:
    row = actions.write_mail(
        campaign=campaign, kind=kind, subject=subject, text=text, by=staff_of(request), now=timezone.now()
    )
    said = "The usual text is sent from now on." if row is None else "Saved. It is sent so from now on."
    messages.success(request, said)


def _try(request: HttpRequest, mail: Mail) -> None:
    user = staff_of(request)
    if not ratelimit.consume(request, action="test_mail", user=user):
        messages.error(request, "You sent five tests within the hour. Try again later; the preview shows the same.")
        return
    try:
        actions.send_test(mail, by=user)
    except actions.MailRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"A test went to {user.email}. It isn't saved yet.")
