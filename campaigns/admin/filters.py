"""The filters of the influencer list: what the address asks for, and how that is said.

Whom a filter keeps is `scoring.queries.narrowed`'s to know; only whom a campaign has already is known here.
"""

from abc import ABC, abstractmethod
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, MultipleDropdownFilter, RadioFilter, RangeNumericListFilter
from unfold.contrib.filters.forms import DropdownForm

from accounts.models import Network, Place
from campaigns.admin.base import run_of
from campaigns.models import Campaign, CampaignPlace, Invitation, Shortlisting
from scoring.models import InfluencerQuerySet, Topic
from scoring.queries import Circle, InfluencerFilters, TopicTree, narrowed, topic_tree

People = QuerySet[Any]
RADIUSES = [25, 50, 100, 250]
USUAL_RADIUS = 50
# Cities to choose from; the rest are found through a campaign's own places.
MOST_CITIES = 3000


class PromptingForm(DropdownForm):  # type: ignore[misc]  # unfold publishes no types
    """A box that says what to type into it while it is empty."""

    def __init__(self, *args: Any, prompt: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["data-placeholder"] = prompt


class Narrowing(ABC):
    """A filter that states what it asks for as `InfluencerFilters`."""

    @abstractmethod
    def asked(self) -> InfluencerFilters:
        """Return what the address asks for; the empty value where it doesn't."""

    def queryset(self, request: HttpRequest, queryset: InfluencerQuerySet) -> People:
        return narrowed(queryset, self.asked(), run_of(request))


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


class ScoreFilter(Narrowing, RangeNumericListFilter):  # type: ignore[misc]  # unfold publishes no types
    title = "score"
    parameter_name = "score"

    def asked(self) -> InfluencerFilters:
        low, high = self._bounds()
        return InfluencerFilters(score_min=low, score_max=high)

    def describe(self) -> str | None:
        low, high = self._bounds()
        if low is not None and high is not None:
            return f"score {low:g} to {high:g}"
        if low is not None:
            return f"score from {low:g}"
        return None if high is None else f"score to {high:g}"

    def _bounds(self) -> list[float | None]:
        return [_number(self.used_parameters.get(f"score_{end}")) for end in ("from", "to")]


class TopicFilter(Narrowing, MultipleDropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    """Reach on any of the topics chosen, or of what lies below them."""

    title = "topic"
    parameter_name = "topic"
    form_class = partial(PromptingForm, prompt="Any topic: type to search")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        tree = _topics(request)
        return [(tree.topics[pk].slug, path) for pk, path in tree.paths()]

    def asked(self) -> InfluencerFilters:
        return InfluencerFilters(topics=tuple(topic.pk for topic in topics_of(self.request)))

    def describe(self) -> str | None:
        chosen = topics_of(self.request)
        return "on " + " or ".join(topic.name for topic in chosen) if chosen else None


class PlaceFilter(Narrowing, MultipleDropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    """Within a radius of any of the cities chosen.

    Values are GeoNames' ids of cities that somebody lives in, or `c` and the id of a campaign's place, which brings its
    own radius.
    """

    title = "city"
    parameter_name = "near"
    form_class = partial(PromptingForm, prompt="Any city: type to search")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        wanted = [value[1:] for value in request.GET.getlist("near") if value[:1] == "c" and value[1:].isdecimal()]
        own = CampaignPlace.objects.filter(campaign__in=Campaign.objects.visible_to(request.user))
        places = own.filter(pk__in=wanted).select_related("campaign") if wanted else []
        self.circles = {f"c{place.pk}": Circle(place.latitude, place.longitude, place.radius_km) for place in places}
        names = [(f"c{place.pk}", f"{place.name}, {place.radius_km} km ({place.campaign})") for place in places]
        radius = radius_of(request)
        cities = Place.objects.order_by("-population", "pk")[:MOST_CITIES]
        for city in sorted(cities, key=lambda city: (city.name, city.region, city.pk)):
            self.circles[str(city.pk)] = Circle(city.latitude, city.longitude, radius)
            names.append((str(city.pk), str(city)))
        return names

    def asked(self) -> InfluencerFilters:
        return InfluencerFilters(circles=tuple(self.circles[value] for value in self._chosen()))

    def describe(self) -> str | None:
        names = dict(self.lookup_choices)
        shown = [
            names[value] if value[0] == "c" else f"{names[value]}, {self.circles[value].radius_km} km"
            for value in self._chosen()
        ]
        return "near " + " or ".join(shown) if shown else None

    def _chosen(self) -> list[str]:
        return [value for value in self.value() or [] if value in self.circles]


class RadiusFilter(DropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    """How far from the cities; on its own it keeps everybody."""

    title = "distance from the city"
    parameter_name = "radius"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(radius), f"{radius} km") for radius in RADIUSES]

    def value(self) -> str:
        return str(_radius(super().value()))

    def queryset(self, request: HttpRequest, queryset: People) -> People:
        return queryset

    def describe(self) -> str | None:
        return None


class NetworkFilter(Narrowing, DropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    title = "network"
    parameter_name = "network"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Network.objects.order_by("name").values_list("slug", "name"))

    def asked(self) -> InfluencerFilters:
        return InfluencerFilters(network=self.value() or "")

    def describe(self) -> str | None:
        name = dict(self.lookup_choices).get(self.value())
        return f"on {name}" if name else None


class ClaimedFilter(Narrowing, RadioFilter):  # type: ignore[misc]  # unfold publishes no types
    title = "profile"
    parameter_name = "claimed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Claimed by the person"), ("no", "Not claimed yet")]

    def asked(self) -> InfluencerFilters:
        return InfluencerFilters(claimed={"yes": True, "no": False}.get(self.value() or ""))

    def describe(self) -> str | None:
        return {"yes": "claimed", "no": "not claimed"}.get(self.value() or "")


def topics_of(request: HttpRequest) -> list[Topic]:
    """Return the topics that the list is filtered by; slugs that name none are passed over."""
    slugs = set(request.GET.getlist(TopicFilter.parameter_name))
    return [topic for topic in _topics(request).topics.values() if topic.slug in slugs] if slugs else []


def _topics(request: HttpRequest) -> TopicTree:
    """Return all topics, asking the database once a request."""
    if not hasattr(request, "_topic_tree"):
        request._topic_tree = topic_tree()  # type: ignore[attr-defined]
    tree: TopicTree = request._topic_tree  # type: ignore[attr-defined]
    return tree


def radius_of(request: HttpRequest) -> int:
    """Return how far from a city the list looks, in km."""
    return _radius(request.GET.get("radius"))


def _radius(text: str | None) -> int:
    return int(text) if text in {str(radius) for radius in RADIUSES} else USUAL_RADIUS


def _number(text: Any) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return number if number == number and abs(number) != float("inf") else None
