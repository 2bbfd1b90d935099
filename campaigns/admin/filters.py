"""The influencer list's filters by topic, city, network and claim: what the address asks for, and how that is said.

Whom these and those of `ranges` keep is `scoring.queries.narrowed`'s to know; `own_filters` know what brands did.
"""

from abc import ABC, abstractmethod
from functools import partial
from typing import Any

from django.conf.locale import LANG_INFO
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, MultipleDropdownFilter, RadioFilter
from unfold.contrib.filters.forms import DropdownForm

from accounts.models import Network, Place
from campaigns.admin.base import run_of
from campaigns.models import Campaign, CampaignPlace
from scoring.models import InfluencerQuerySet, RunFigures, Topic
from scoring.queries import Circle, InfluencerFilters, TopicTree, narrowed, topic_tree

People = QuerySet[Any]
RADIUSES = [25, 50, 100, 250]
USUAL_RADIUS = 50
# Cities to choose from; the rest are found through a campaign's own places.
MOST_CITIES = 3000
LIFTS = ["1.5", "2", "3", "5", "10"]


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

    def unknown(self) -> list[str]:
        """Return those of several values that name nothing and filter nothing."""
        return []


def passed_over(filters: list[Any], specs: list[Any], request: HttpRequest) -> list[str]:
    """Say, a text each, which values filter nothing: what they name is gone, or never was there.

    `filters` are all of the list, `specs` those that are shown: one that has nothing to choose from isn't.
    """
    shown = {type(spec): spec for spec in specs}
    said = []
    for each in filters:
        if each in shown:
            said += _passed_over(shown[each], request)
        elif each.parameter_name:
            said += [f"{each.title} “{value}”" for value in request.GET.getlist(each.parameter_name) if value]
    return said


def _passed_over(spec: Any, request: HttpRequest) -> list[str]:
    asked = [value for name in spec.expected_parameters() if name for value in request.GET.getlist(name) if value]
    if not asked or isinstance(spec, RadiusFilter):
        return []
    unknown = asked if spec.describe() is None else spec.unknown()
    return [f"{spec.title} “{value}”" for value in unknown]


def figures_of(request: HttpRequest) -> RunFigures | None:
    """Return how the run's scores are spread, asking the database once a request; None of older runs."""
    if not hasattr(request, "_run_figures"):
        request._run_figures = RunFigures.objects.filter(run=run_of(request)).first()  # type: ignore[attr-defined]
    found: RunFigures | None = request._run_figures  # type: ignore[attr-defined]
    return found


class TopicFilter(Narrowing, MultipleDropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    """Reach on any of the topics chosen, or of what lies below them."""

    title = "topic"
    parameter_name = "topic"
    form_class = partial(PromptingForm, prompt="Any topic: type to search")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        tree, figures = _topics(request), figures_of(request)
        counts = figures.topics if figures else None
        return [
            (tree.topics[pk].slug, path if counts is None else f"{path} ({counts.get(str(pk), 0):,})")
            for pk, path in tree.paths()
        ]

    def asked(self) -> InfluencerFilters:
        topics = tuple(topic.pk for topic in topics_of(self.request))
        return InfluencerFilters(topics=topics, lift_min=_lift(self.request.GET.get("lift")))

    def unknown(self) -> list[str]:
        return sorted({*self.request.GET.getlist("topic")} - {topic.slug for topic in topics_of(self.request)} - {""})

    def describe(self) -> str | None:
        chosen = topics_of(self.request)
        return "on " + " or ".join(topic.name for topic in chosen) if chosen else None


class LiftFilter(DropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    """How far the topics chosen are the person's own; without a topic it keeps everybody."""

    title = "lift on the topics chosen"
    parameter_name = "lift"
    all_option = ("", "Any")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.has_topics = bool(topics_of(request))
        return [(lift, f"at least {lift} times the usual share") for lift in LIFTS]

    def queryset(self, request: HttpRequest, queryset: People) -> People:
        return queryset

    def describe(self) -> str | None:
        lift = _lift(self.value())
        return f"{lift:g} times the usual share of it" if lift is not None and self.has_topics else None

    def unknown(self) -> list[str]:
        return []


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

    def unknown(self) -> list[str]:
        return [value for value in self.value() or [] if value and value not in self.circles]

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
        self.names = dict(Network.objects.order_by("name").values_list("slug", "name"))
        figures = figures_of(request)
        counts = figures.networks if figures else {}
        return [(slug, f"{name} ({counts[slug]:,})" if slug in counts else name) for slug, name in self.names.items()]

    def asked(self) -> InfluencerFilters:
        return InfluencerFilters(network=self.value() if self.value() in self.names else "")

    def describe(self) -> str | None:
        name = self.names.get(self.value())
        return f"on {name}" if name else None


class LanguageFilter(Narrowing, MultipleDropdownFilter):  # type: ignore[misc]  # unfold publishes no types
    """Who wrote in any of the languages chosen, in the 28 days before the run."""

    title = "language"
    parameter_name = "language"
    form_class = partial(PromptingForm, prompt="Any language: type to search")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        figures = figures_of(request)
        counts = figures.languages if figures else {}
        self.names = {code: language_name(code) for code in counts}
        by_number = sorted(counts, key=lambda code: (-counts[code], self.names[code]))
        return [(code, f"{self.names[code]} ({counts[code]:,})") for code in by_number]

    def asked(self) -> InfluencerFilters:
        return InfluencerFilters(languages=tuple(self._chosen()))

    def describe(self) -> str | None:
        chosen = [self.names[code] for code in self._chosen()]
        return "writes in " + " or ".join(chosen) if chosen else None

    def unknown(self) -> list[str]:
        return [code for code in self.value() or [] if code and code not in self.names]

    def _chosen(self) -> list[str]:
        return [code for code in self.value() or [] if code in self.names]


def language_name(code: str) -> str:
    """Return a language's name in English; its code where Django knows none."""
    return str(LANG_INFO.get(code, {}).get("name", code))


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


def _lift(text: str | None) -> float | None:
    return float(text) if text in LIFTS else None
