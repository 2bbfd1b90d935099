"""Merging two people who turned out to be one: the page that asks, and the ledger."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts import actions, queries
from accounts.admin.base import ListAdmin, ReadOnly, YesNoFilter, staff_of
from accounts.models import Merge, Person, User

PERMISSION: Final = "accounts.merge_people"
# What apps above this one know about a person: lines of a heading and a text, as far as the user may see them.
Facts = Callable[[Person, User], Iterable[tuple[str, str]]]
FACTS: Final[list[Facts]] = []
# Where two may be one.
LIKELY_SHOWN: Final = 10


class StandingFilter(YesNoFilter):
    title = "undone"
    parameter_name = "undone"
    field = "undone_at"


class MergeForm(forms.Form):
    """Who is kept, who is merged into them, and how that is known."""

    kept = forms.CharField(
        label="Keep",
        max_length=320,
        widget=UnfoldAdminTextInputWidget(),
        help_text="The handle of the person whose page, name and history stay.",
    )
    merged = forms.CharField(
        label="Merge into that person",
        max_length=320,
        widget=UnfoldAdminTextInputWidget(),
        help_text="The handle of the person who turned out to be the same.",
    )
    note = forms.CharField(
        required=False,
        label="How you know",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Stands in the list of merges, for whoever may merge people.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_kept(self) -> Person:
        return self._person("kept")

    def clean_merged(self) -> Person:
        return self._person("merged")

    def _person(self, name: str) -> Person:
        handle = self.cleaned_data[name].strip()
        person = queries.by_written_handle(Person.objects.visible_to(self.user), handle)
        if person is None:
            raise forms.ValidationError(f"There is no person with the handle {handle}.")
        return person


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, as the page shows them."""

    title: str
    person: Person
    identities: list[str]
    facts: list[tuple[str, str]]


@admin.register(Merge)
class MergeAdmin(ReadOnly, ListAdmin):
    """The ledger of merges, with the page that makes them; for whoever may merge."""

    list_display = ["at", "kept_link", "merged_link", "by", "note", "undone_at", "undone_by"]
    list_select_related = ["kept", "merged", "by", "undone_by"]
    list_filter = [StandingFilter]
    search_fields = ["kept__handle", "merged__handle"]
    search_help_text = "Search by a handle of either"
    ordering = ["-at", "-pk"]
    list_before_template = "admin/accounts/merges_before.html"
    fields = ["at", "kept_link", "merged_link", "by", "note", "moved_rows", "undone_at", "undone_by"]
    readonly_fields = fields
    actions = ["undo"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSION)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(PERMISSION)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Merge]:
        return Merge.objects.visible_to(request.user).order_by(*self.get_ordering(request))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        # Django looks the row up first, and answers that there is none.
        if not self.has_view_permission(request):
            raise PermissionDenied
        response: HttpResponse = super().history_view(request, object_id, extra_context)
        return response

    def get_urls(self) -> list[URLPattern]:
        new = path("new/", self.admin_site.admin_view(self.new_view), name="accounts_merge_new")
        return [new, *super().get_urls()]

    @admin.display(description="kept", ordering="kept__handle")
    def kept_link(self, merge: Merge) -> SafeString:
        return _profile_link(merge.kept)

    @admin.display(description="merged", ordering="merged__handle")
    def merged_link(self, merge: Merge) -> SafeString:
        return _profile_link(merge.merged)

    @admin.display(description="went to the kept person")
    def moved_rows(self, merge: Merge) -> str:
        return _counted(merge) or "–"

    @admin.action(description="Undo", permissions=["view"])
    def undo(self, request: HttpRequest, queryset: QuerySet[Merge]) -> None:
        """Undo the merges chosen, the last one first, since they may build on each other."""
        for merge in queryset.filter(undone_at=None).order_by("-pk").select_related("kept", "merged"):
            try:
                actions.undo_merge(merge=merge, by=staff_of(request), now=timezone.now())
            except actions.MergeRefused as error:
                messages.error(request, str(error))
            else:
                messages.success(
                    request,
                    f"{merge.merged} stands apart from {merge.kept} again; the next run computes both.",
                )

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """Ask who is who; show both, what would happen and what speaks against it; with the answer, merge."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        user = staff_of(request)
        given = request.POST if request.method == "POST" else request.GET
        form = MergeForm(given if {"kept", "merged"} & given.keys() else None, user=user)
        # One of the two may be missing yet: what is right of the form counts.
        valid = form.is_valid()
        found: dict[str, Any] = form.cleaned_data if form.is_bound else {}
        kept, merged = found.get("kept"), found.get("merged")
        context: dict[str, Any] = {"form": form}
        if kept is not None and merged is not None:
            reasons = actions.reasons_against(kept=kept, merged=merged, by=user)
            if request.method == "POST" and request.POST.get("confirmed") == "1" and valid and not reasons:
                try:
                    made = actions.merge_people(
                        kept=kept, merged=merged, by=user, now=timezone.now(), note=found.get("note", "")
                    )
                except actions.MergeRefused as error:
                    reasons = list(error.reasons)
                else:
                    messages.success(request, f"{merged} is part of {kept} now; the next run computes them as one.")
                    return HttpResponseRedirect(reverse("admin:accounts_merge_change", args=[made.pk]))
            context |= {
                "sides": [_side("Is kept", kept, user), _side("Is merged into that person", merged, user)],
                "reasons": reasons,
                "will": _will(kept, merged),
            }
        elif kept is not None and not given.get("merged"):
            form.errors.pop("merged", None)
            context["likely"] = queries.likely_the_same(kept, user)[:LIKELY_SHOWN]
            context["one"] = kept
        around = {**self.admin_site.each_context(request), "title": "Merge two people", "opts": self.opts}
        around["back"] = reverse("admin:accounts_merge_changelist")
        return TemplateResponse(request, "admin/accounts/merge.html", {**around, **context})


def ask_for(people: list[Person]) -> str:
    """Return the address of the page that asks whether these are one; who claimed their profile is to be kept."""
    kept, *others = sorted(people, key=lambda person: (person.user_id is None, person.pk))
    query = {"kept": kept.handle, "merged": others[0].handle if others else ""}
    return reverse("admin:accounts_merge_new", query=query)


def _side(title: str, person: Person, user: User) -> Side:
    facts = [
        ("Name", person.name or "–"),
        ("Claimed", "yes" if person.user_id is not None else "no"),
        ("Hidden", "yes" if person.is_hidden else "no"),
        ("Trusted", "yes" if person.is_seed else "no"),
    ]
    for give in FACTS:
        facts += give(person, user)
    own = person.identities.filter(alias_of=None).order_by("network", "external_id")
    return Side(title, person, [str(identity) for identity in own], facts)


def _will(kept: Person, merged: Person) -> list[str]:
    """Say what merging these two does."""
    said = [
        f"The identities, shortlist entries, invitations, holdouts, exclusions, breaks and open appeals of {merged} "
        f"become those of {kept}.",
        f"{merged} is no longer scored or listed; the old address leads to {kept}.",
        "What the two did to each other doesn't count any more. The next run computes the score from both; until then"
        " the page says that it is from before.",
        f"Name, place, e-mail address and history stay those of {kept}.",
    ]
    if merged.user_id is not None:
        said.append(f"The login that claimed {merged} holds {kept} from then on.")
    if merged.is_hidden and not kept.is_hidden:
        said.append(f"{kept} is hidden too, for {merged} is.")
    if merged.is_seed and not kept.is_seed:
        said.append(f"{kept} is trusted too, for {merged} is.")
    said.append("It can be undone in the list of merges.")
    return said


def _profile_link(person: Person) -> SafeString:
    return format_html('<a class="sway-link" href="{}">{}</a>', reverse("profile", args=[person.handle]), person.handle)


def _counted(merge: Merge) -> str:
    names = {
        "accounts.identity": ("identity", "identities"),
        "accounts.person": ("person merged before", "people merged before"),
        "accounts.rest": ("break", "breaks"),
        "campaigns.exclusion": ("exclusion", "exclusions"),
        "campaigns.holdout": ("holdout", "holdouts"),
        "campaigns.invitation": ("invitation", "invitations"),
        "campaigns.shortlisting": ("shortlist entry", "shortlist entries"),
        "scoring.appeal": ("open appeal", "open appeals"),
    }
    parts = [f"{len(ids)} {names.get(label, (label, label))[len(ids) != 1]}" for label, ids in merge.moved.items()]
    return ", ".join([*parts, *(["the claim"] if merge.claim_of_id is not None else [])])
