"""Partner API: influencers and topics, read only."""

from typing import Any, Final

from django.db.models import Prefetch
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.pages import Pages
from accounts.api.parameters import KnownParameters
from accounts.models import Identity, Person, Place
from accounts.places import City, find_city
from scoring import queries
from scoring.api.explanations import SEEN, Explained, SeenField
from scoring.models import Influencer, ScoreRun, Topic


class InfluencerQuery(serializers.Serializer[Any]):
    """The filters of the influencer list: score, topics, city, network, claimed, and a part of a name."""

    score_min = serializers.FloatField(min_value=1, max_value=100, required=False)
    score_max = serializers.FloatField(min_value=1, max_value=100, required=False)
    topic = serializers.ListField(
        child=serializers.SlugField(),
        required=False,
        help_text="A topic's slug; its descendants count too. Given more than once, people on any of them are kept.",
    )
    city = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="A city's name, such as `Toronto` or `Portland, OR`. Given more than once, any of them will do.",
    )
    radius_km = serializers.FloatField(min_value=1, max_value=2000, default=50, help_text="Around `city`.")
    network = serializers.SlugField(required=False)
    claimed = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Whether the person has claimed the profile."
    )
    q = serializers.CharField(
        required=False, max_length=100, help_text="Words that each are a part of a handle or a name."
    )

    def validate_topic(self, slugs: list[str]) -> list[int]:
        known = dict(Topic.objects.filter(slug__in=slugs).values_list("slug", "pk"))
        for slug in slugs:
            if slug not in known:
                raise serializers.ValidationError(f"No topic has the slug {slug!r}; /api/v1/topics/ lists them.")
        return list(known.values())

    def validate_city(self, names: list[str]) -> list[City]:
        found = []
        for name in names:
            city = find_city(name)
            if city is None:
                raise serializers.ValidationError(
                    f"No city is known as {name!r}; add a region or a country, as in 'Portland, OR'."
                )
            found.append(city)
        return found

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        low, high = given.get("score_min"), given.get("score_max")
        if low is not None and high is not None and low > high:
            raise serializers.ValidationError({"score_min": "It exceeds score_max."})
        return given


class PlaceSerializer(serializers.ModelSerializer[Place]):
    class Meta:
        model = Place
        fields = ["name", "region", "country", "latitude", "longitude"]


class PercentileField(serializers.FloatField):
    """A percentile as the pages show it."""

    def to_representation(self, value: float) -> float:  # type: ignore[override]  # the stubs say str
        return queries.shown_percentile(value)


class InfluencerSerializer(serializers.ModelSerializer[Influencer]):
    id = serializers.CharField(source="pk")
    place = PlaceSerializer(allow_null=True)
    score = serializers.FloatField(help_text="1 to 100, on an absolute scale.")
    percentile = PercentileField(help_text="0 to 99.9, among all scored people, rounded down.")
    reach = serializers.FloatField(help_text="Different people expected to act in 28 days, less what was taken off.")
    low = serializers.FloatField(help_text="Lower end of the 80 % band of reach, in people.")
    high = serializers.FloatField(help_text="Upper end of the 80 % band of reach, in people.")
    reach_on_topics = serializers.FloatField(
        default=None,
        allow_null=True,
        help_text=(
            "The part of the reach that came by posts on the topic asked for, or on any below it; of several topics "
            "at least so much. Null where none was asked for."
        ),
    )
    score_on_topics = serializers.FloatField(
        default=None, allow_null=True, help_text="`reach_on_topics` on the scale of scores."
    )
    enough_seen = serializers.SerializerMethodField(
        help_text="False where too little was seen for the score to say much."
    )
    seen = serializers.SerializerMethodField(help_text=SEEN)

    class Meta:
        model = Influencer
        fields = [
            "id",
            "handle",
            "name",
            "place",
            "score",
            "percentile",
            "reach",
            "low",
            "high",
            "reach_on_topics",
            "score_on_topics",
            "enough_seen",
            "seen",
        ]

    def get_enough_seen(self, person: Any) -> bool:
        return bool(person.supporters >= queries.ENOUGH_SUPPORTERS)

    def get_seen(self, person: Any) -> str:
        return "" if self.get_enough_seen(person) else queries.NOT_ENOUGH_SEEN


class IdentitySerializer(serializers.Serializer[Any]):
    key = serializers.CharField(source="pk", help_text="A 64-bit number, as a text.")
    network = serializers.CharField(source="network_id")
    external_id = serializers.CharField()
    handle = serializers.CharField()
    followers = serializers.IntegerField(allow_null=True, help_text="Shown beside the score; never enters it.")


class TakenSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField()
    people = serializers.FloatField(help_text="Forecast less all of these is the reach.")


class SupporterSerializer(serializers.Serializer[Any]):
    handle = serializers.CharField()
    reach = serializers.FloatField(help_text="The part of the supported person's reach that came by the supporter.")


class PersonTopicSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    reach = serializers.FloatField(
        help_text="People expected to act on posts on the topic or on any below it. Topics overlap in it."
    )
    score = serializers.FloatField(help_text="That reach on the scale of scores.")
    lift = serializers.FloatField(
        allow_null=True,
        help_text="How many times what the topic takes of everybody else's reach. Null: the run knew no lift yet.",
    )
    rank = serializers.IntegerField(
        allow_null=True,
        help_text="Place among the person's own topics, where they reach more than their share; null: none of them.",
    )


class HistoryPointSerializer(serializers.Serializer[Any]):
    as_of = serializers.DateTimeField()
    score = serializers.FloatField()
    reach = serializers.FloatField()
    formula = serializers.CharField()


_LARGEST: Final = f"The largest whom this key may see, {queries.SUPPORTS_SHOWN} at most."


class InfluencerDetailSerializer(serializers.Serializer[Any]):
    """A card: the score, what it is made of, and what was taken off."""

    id = serializers.CharField(source="person.pk")
    handle = serializers.CharField(source="person.handle")
    name = serializers.CharField(source="person.name")
    bio = serializers.CharField(source="person.bio")
    place = PlaceSerializer(source="person.place", allow_null=True)
    as_of = serializers.DateTimeField()
    formula = serializers.CharField()
    score = serializers.FloatField(help_text="1 to 100, on an absolute scale.")
    percentile = PercentileField(help_text="0 to 99.9, among all scored people, rounded down.")
    forecast = serializers.FloatField(help_text="Different people expected to act in 28 days.")
    taken_off = TakenSerializer(many=True)
    reach = serializers.FloatField(help_text="The forecast less what was taken off.")
    low = serializers.FloatField(help_text="Lower end of the 80 % band of reach, in people.")
    high = serializers.FloatField(help_text="Upper end of the 80 % band of reach, in people.")
    enough_seen = serializers.BooleanField(help_text="False where too little was seen for the score to say much.")
    seen = SeenField(source="enough_seen")
    supporters_count = serializers.IntegerField(help_text="Different people who ever acted.")
    actions = serializers.IntegerField(help_text="What they did, counted.")
    posts = serializers.IntegerField()
    original_share = serializers.FloatField(allow_null=True, help_text="0 to 1; null for those who never posted.")
    identities = IdentitySerializer(source="person.identities.all", many=True)
    topics = PersonTopicSerializer(
        many=True, help_text=f"The person's own, then others by reach: {queries.TOPICS_SHOWN} at most."
    )
    supporters = SupporterSerializer(many=True, help_text=_LARGEST)
    supported = SupporterSerializer(many=True, help_text=_LARGEST)


class TopicSerializer(serializers.ModelSerializer[Topic]):
    # DRF takes declared fields off the class, so its own attribute `parent` stays what it was.
    parent = serializers.CharField(source="parent.slug", allow_null=True, default=None)  # type: ignore[assignment]

    class Meta:
        model = Topic
        fields = ["slug", "name", "parent", "aliases", "names", "source", "external_id"]
        extra_kwargs = {
            "names": {"help_text": "Names in other languages, by code of the language."},
            "source": {"help_text": "Where the topic was imported from; empty: made here."},
        }


class ByInfluence(Pages):
    """By reach on the topics asked for, else by score; equals by id. All of one run."""

    ordering = ("-score", "pk")
    twins = {"pk": "current_person_id"}

    def get_ordering(self, queryset: Any) -> tuple[str, ...]:
        """Order by what the rows were annotated with: `scoring.queries.influencers` says when."""
        return ("-reach_on_topics", "pk") if "reach_on_topics" in queryset.query.annotations else self.ordering

    def get_version(self, view: Any) -> str:
        """Return the run, and when it was last published: one that is computed again has other scores."""
        self._run = view.run
        return f"{self._run.pk} {self._run.finished_at}" if self._run else ""

    def get_paginated_response(self, data: Any) -> Response:
        run = self._run
        of_run = {"as_of": run and run.as_of, "formula": run and run.formula.version}
        return Response({**of_run, **super().get_paginated_response(data).data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        envelope = super().get_paginated_response_schema(schema)
        of_run = {
            "as_of": {"type": "string", "format": "date-time", "nullable": True},
            "formula": {"type": "string", "nullable": True},
        }
        envelope["properties"] = {**of_run, **envelope["properties"]}
        envelope["required"] = [*of_run, *envelope["required"]]
        envelope["description"] = "Scores as of a moment, by a formula; before the first run nobody, and both are null."
        return envelope


class BySlug(Pages):
    page_size = 200
    ordering = ("slug",)


@extend_schema(tags=["Influencers"])
@extend_schema_view(
    list=extend_schema(
        summary="List influencers",
        description="People by their score, or by their reach on the topics asked for; the highest first.",
        parameters=[InfluencerQuery],
        responses={200: InfluencerSerializer(many=True), 410: None},
    )
)
class InfluencerViewSet(Explained, mixins.ListModelMixin):
    """People by their current score."""

    serializer_class = InfluencerSerializer
    pagination_class = ByInfluence
    parameters = {**Explained.parameters, "list": InfluencerQuery}
    queryset: Any = Influencer.objects.none()
    lookup_value_regex = r"\d{1,18}"

    @cached_property
    def run(self) -> ScoreRun | None:
        """Return the run whose scores this answer gives."""
        return queries.current_run()

    def get_queryset(self) -> Any:
        asked = InfluencerQuery(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        people = queries.influencers(self.request.user, _filters(asked.validated_data), self.run)
        return people.select_related("place")

    @extend_schema(summary="Read one influencer", responses=InfluencerDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """Return one person: the score, what it is made of, and what was taken off."""
        # Ids made from a handle are no accounts of their own.
        accounts = Prefetch("identities", Identity.objects.accounts())
        people = Person.objects.visible_to(request.user).select_related("place").prefetch_related(accounts)
        person = get_object_or_404(people, pk=pk)
        card = queries.profile(person, viewer=request.user)
        if card is None:
            raise Http404
        return Response(InfluencerDetailSerializer(card).data)

    @extend_schema(
        summary="List an influencer's scores over time",
        description=f"A person's scores, run by run, the earliest first: the last {queries.HISTORY_SHOWN} at most.",
        responses=HistoryPointSerializer(many=True),
    )
    @action(detail=True, pagination_class=None)
    def history(self, request: Request, pk: str) -> Response:
        """Return a person's scores, the earliest first; 404 where the current run has none."""
        person, run = self._scored(pk)
        return Response(HistoryPointSerializer(queries.history(person, run=run), many=True).data)

    @extend_schema(
        summary="List an influencer's topics",
        description=f"A person's own topics by rank, then others by reach: {queries.TOPICS_SHOWN} at most.",
        responses=PersonTopicSerializer(many=True),
    )
    @action(detail=True, pagination_class=None)
    def topics(self, request: Request, pk: str) -> Response:
        """Return a person's own topics by rank, then others by reach; 404 where the current run has no score."""
        card = queries.profile(get_object_or_404(Person.objects.visible_to(request.user), pk=pk), viewer=request.user)
        if card is None:
            raise Http404
        return Response(PersonTopicSerializer(card.topics, many=True).data)


@extend_schema(tags=["Topics"])
@extend_schema_view(
    list=extend_schema(summary="List topics", description=f"All topics. {queries.KLOUT_LICENCE}"),
    retrieve=extend_schema(summary="Read one topic"),
)
class TopicViewSet(KnownParameters, viewsets.ReadOnlyModelViewSet[Topic]):
    """Topics that people are scored on."""

    serializer_class = TopicSerializer
    pagination_class = BySlug
    queryset = Topic.objects.select_related("parent")
    lookup_field = "slug"
    lookup_value_regex = r"[-\w]{1,80}"


def _filters(given: dict[str, Any]) -> queries.InfluencerFilters:
    return queries.InfluencerFilters(
        score_min=given.get("score_min"),
        score_max=given.get("score_max"),
        topics=tuple(given.get("topic", ())),
        circles=tuple(
            queries.Circle(city.latitude, city.longitude, given["radius_km"]) for city in given.get("city", ())
        ),
        network=given.get("network", ""),
        claimed=given["claimed"],
        search=given.get("q", ""),
    )
