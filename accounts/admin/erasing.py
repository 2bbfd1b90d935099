"""Erasing a person: the page that says what goes, and asks for the handle before it does."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import actions
from accounts.admin.base import ListAdmin, staff_of
from accounts.admin.merges import FACTS
from accounts.models import Identity, Person, User

PERMISSION: Final = "accounts.erase_people"


class EraseForm(forms.Form):
    """The handle once more, so that nobody goes by a slip."""

    handle = forms.CharField(
        label="Write the handle to erase this person",
        max_length=320,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person

    def clean_handle(self) -> str:
        handle: str = self.cleaned_data["handle"].strip().removeprefix("@")
        if handle.lower() != self.person.handle.removeprefix("@").lower():
            raise forms.ValidationError(f"That isn't {self.person.handle}: nobody was erased.")
        return handle


def erase_view(page: ListAdmin, request: HttpRequest, pk: int) -> HttpResponse:
    """Show who goes with what; with the handle written, erase."""
    user = staff_of(request)
    if not user.has_perm(PERMISSION):
        raise PermissionDenied
    person = Person.objects.visible_to(user).filter(pk=pk).first()
    if person is None:
        raise Http404
    form = EraseForm(request.POST if request.method == "POST" else None, person=person)
    back = reverse("admin:accounts_person_changelist")
    if request.method == "POST" and form.is_valid():
        try:
            accounts = actions.erase_person(person, by=user, now=timezone.now())
        except Person.DoesNotExist as error:
            raise Http404 from error  # somebody else was quicker
        messages.success(
            request,
            f"{person.handle} is erased, with {accounts} account keys; the next run computes all others without.",
        )
        return HttpResponseRedirect(back)
    around = {**page.admin_site.each_context(request), "title": f"Erase {person.handle}", "opts": page.opts}
    more = {"form": form, "person": person, "facts": _facts(person, user), "will": _will(person), "back": back}
    return TemplateResponse(request, "admin/accounts/erase.html", {**around, **more})


def _facts(person: Person, user: User) -> list[tuple[str, str]]:
    own = Identity.objects.filter(person=person, alias_of=None).order_by("network", "external_id")
    facts = [
        ("Name", person.name or "–"),
        ("Identities", ", ".join(map(str, own)) or "none"),
        ("Claimed", "yes" if person.user_id is not None else "no"),
    ]
    for give in FACTS:
        facts += give(person, user)
    return facts


def _will(person: Person) -> list[str]:
    """Say what erasing does."""
    said = [
        "Profile, identities, scores, shortlist entries, invitations, appeals and breaks are deleted at once.",
        "What the accounts did, received and wrote counts for nobody from the next run on, and is taken out of the "
        "activity log's files within days.",
        "Imports and partners can't bring the accounts back: a hash of each stays to refuse them.",
        "Where only a handle is known, whatever account turns out to have it is refused, and erased if it was known by "
        "its id alone and nobody claimed its person.",
        "What others wrote about the person stays in those people's posts.",
        "Backups that were made before still hold the person until you delete them.",
    ]
    merged = person.absorbed.count()
    if merged:
        said.insert(1, f"So is whoever was merged into {person.handle}: {merged}.")
    if person.user is not None:
        said.insert(
            1,
            "Their login stays, for it is a staff member's."
            if actions.keeps_login(person.user)
            else "The login that claimed the profile is deleted, with its memberships of brands and its API keys.",
        )
    return [*said, "It can't be undone."]
