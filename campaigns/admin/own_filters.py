"""The influencer list's filters by what the user's brands did and keep, and by likeness to somebody."""

from functools import partial
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, Exists, F, Func, IntegerField, OuterRef, QuerySet, Value
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, MultipleDropdownFilter, TextFilter

from accounts.models import Person
from accounts.queries import by_written_handle
from campaigns.admin.base import run_of, staff_of
from campaigns.admin.filters import PromptingForm
from campaigns.models import Campaign, Exclusion, ExclusionList, Invitation, Shortlisting
from scoring.queries.alike import Alike, alike

People = QuerySet[Any]


class ForCampaignFilter(DropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    """Somebody is looked for, for this campaign: leaves out whom it has already."""

    title = "campaign (leaves out whom it has already)"
    parameter_name = "for"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        own = Campaign.objects.managed_by(request.user).order_by("-starts_on", "name")
        return [(str(pk), name) for pk, name in own.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: People) -> People:
        if self.describe() is None:
            return queryset
        campaign = int(self.value())
        listed = Shortlisting.objects.filter(campaign=campaign, person=OuterRef("pk"))
        invited = Invitation.objects.filter(campaign=campaign, person=OuterRef("pk"))
        return queryset.exclude(Exists(listed)).exclude(Exists(invited))

    def describe(self) -> str | None:
        name = dict(self.lookup_choices).get(self.value())
        return None if name is None else f"not yet asked for {name}"

    def unknown(self) -> list[str]:
        return []


class PastFilter(DropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    """What somebody had to do with the campaigns of the user's brands before."""

    title = "past campaigns of ours"
    parameter_name = "past"
    said = {
        "new": ("Never invited", "never invited by us"),
        "invited": ("Invited before", "invited before"),
        "took": ("Took part", "took part before"),
        "not": ("Didn't take part", "didn't take part before"),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, label) for key, (label, _) in self.said.items()]

    def queryset(self, request: HttpRequest, queryset: People) -> People:
        own = Invitation.objects.filter(campaign__in=Campaign.objects.managed_by(request.user), person=OuterRef("pk"))
        accepted = own.filter(state=Invitation.State.ACCEPTED)
        match self.value():
            case "new":
                return queryset.exclude(Exists(own))
            case "invited":
                return queryset.filter(Exists(own))
            case "took":
                return queryset.filter(Exists(accepted))
            case "not":
                return queryset.exclude(Exists(accepted))
        return queryset

    def describe(self) -> str | None:
        return self.said.get(self.value() or "", ("", None))[1]

    def unknown(self) -> list[str]:
        return []


class WithoutFilter(MultipleDropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    """Leaves out the people on lists of the user's brands."""

    title = "leave out the people on"
    parameter_name = "without"
    form_class = partial(PromptingForm, prompt="No list: type to search")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        own = ExclusionList.objects.managed_by(request.user).order_by("name", "pk")
        return [(str(pk), name) for pk, name in own.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: People) -> People:
        if not (lists := self._chosen()):
            return queryset
        listed = Exclusion.objects.filter(exclusion_list__in=[int(pk) for pk in lists], person=OuterRef("pk"))
        return queryset.exclude(Exists(listed))

    def describe(self) -> str | None:
        return "without " + ", ".join(lists.values()) if (lists := self._chosen()) else None

    def unknown(self) -> list[str]:
        return [value for value in self.value() or [] if value and value not in self._chosen()]

    def _chosen(self) -> dict[str, str]:
        names = dict(self.lookup_choices)
        return {value: names[value] for value in self.value() or [] if value in names}


class LikeFilter(TextFilter):  # type: ignore[misc]  # unfold publishes no types
    """Whom the supporters of somebody support too, by a handle."""

    title = "look-alikes of (a handle)"
    parameter_name = "like"

    def queryset(self, request: HttpRequest, queryset: People) -> People:
        self.found = alike_of(request)
        if self.found is None:
            return queryset
        people = [each.person for each in self.found[1]]
        place = Func(
            Value(people, output_field=ArrayField(BigIntegerField())),
            F("pk"),
            function="array_position",
            output_field=IntegerField(),
        )
        rows: People = queryset.filter(pk__in=people).annotate(likeness_rank=place)
        return rows

    def describe(self) -> str | None:
        found = getattr(self, "found", None)
        return f"like @{found[0].handle}" if found else None

    def unknown(self) -> list[str]:
        return []


def alike_of(request: HttpRequest) -> tuple[Person, list[Alike]] | None:
    """Return whom the list looks for look-alikes of, and these; None where that is nobody whom the user sees."""
    if not hasattr(request, "_alike"):
        request._alike = _alike_of(request)  # type: ignore[attr-defined]
    found: tuple[Person, list[Alike]] | None = request._alike  # type: ignore[attr-defined]
    return found


def _alike_of(request: HttpRequest) -> tuple[Person, list[Alike]] | None:
    handle = request.GET.get(LikeFilter.parameter_name, "").strip()
    run = run_of(request)
    if not handle or run is None:
        return None
    user = staff_of(request)
    person = by_written_handle(Person.objects.visible_to(user), handle)
    return None if person is None else (person, alike(person.pk, run, user))
