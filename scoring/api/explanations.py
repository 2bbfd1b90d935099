"""Partner API: where a reach comes from, down to single reactions, why it changed, and what it would be otherwise."""

from datetime import UTC, datetime
from typing import Any, Final

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.parameters import KnownParameters
from accounts.api.throttles import KeyThrottle
from accounts.models import InteractionKind, Person
from scoring import queries
from scoring.models import Influencer, ScoreRun, Topic
from scoring.queries import changes, explanations, reactions

# What `seen` says, wherever it stands.
SEEN: Final = f"'{queries.NOT_ENOUGH_SEEN}' where too little was seen for the score to say much; else empty."


class SeenField(serializers.CharField):
    """The words that stand in place of a bare score, from whether enough was seen."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, help_text=SEEN, **kwargs)

    def to_representation(self, value: Any) -> str:
        return "" if value else queries.NOT_ENOUGH_SEEN


class TakenPartSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField()
    people = serializers.FloatField(help_text="Below 0 where what was taken off others left room under a cap.")


class SupporterPartSerializer(serializers.Serializer[Any]):
    handle = serializers.CharField(
        source="person.handle", allow_null=True, default=None, help_text="Null: all who aren't listed, together."
    )
    people = serializers.IntegerField(help_text="How many supporters the line is of.")
    actions = serializers.IntegerField()
    expected = serializers.FloatField(help_text="What they would add if nothing were taken off.")
    taken_off = serializers.SerializerMethodField()
    reach = serializers.FloatField(help_text="What they add: expected less what was taken off.")

    @extend_schema_field(TakenPartSerializer(many=True))
    def get_taken_off(self, part: explanations.SupporterPart) -> list[dict[str, Any]]:
        return [{"reason": reason, "people": people} for reason, people in part.taken.items()]


class PartSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField(help_text="Empty: what no single one of them takes.")
    name = serializers.CharField()
    reach = serializers.FloatField()


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField()
    # DRF takes declared fields off the class, so its own attribute `label` stays what it was.
    label = serializers.CharField()  # type: ignore[assignment]
    people = serializers.FloatField(help_text="Forecast less all of these is the reach.")


class ExplanationSerializer(serializers.Serializer[Any]):
    """A reach, split by supporter, kind, network and topic; each list adds up to it."""

    as_of = serializers.DateTimeField(source="run.as_of")
    formula = serializers.CharField(source="run.formula.version")
    score = serializers.FloatField()
    enough_seen = serializers.BooleanField(help_text="False where too little was seen for the score to say much.")
    seen = SeenField(source="enough_seen")
    forecast = serializers.FloatField()
    taken_off = ReasonSerializer(many=True)
    reach = serializers.FloatField()
    supporters = SupporterPartSerializer(many=True, help_text="The largest whom this key may see.")
    other_supporters = SupporterPartSerializer(source="others", help_text="All others, together.")
    kinds = PartSerializer(many=True)
    networks = PartSerializer(many=True)
    topics = PartSerializer(many=True, help_text="Each reaction is parted evenly over the topics of its post.")


class ReactionsQuery(serializers.Serializer[Any]):
    """Narrows reactions, and says which of them."""

    supporter = serializers.CharField(required=False, default="", max_length=320, help_text="A handle.")
    kind = serializers.ChoiceField(InteractionKind.choices, required=False, default="")
    network = serializers.CharField(
        required=False, default=None, max_length=50, allow_blank=True, help_text="A network's slug."
    )
    topic = serializers.CharField(
        required=False,
        default="",
        max_length=200,
        help_text="A topic's slug: of each reaction its even part among the topics that the post names.",
    )
    offset = serializers.IntegerField(
        required=False, default=0, min_value=0, max_value=10_000_000, help_text="`next_offset` of the page before."
    )
    page_size = serializers.IntegerField(
        required=False,
        default=50,
        min_value=1,
        max_value=200,
        help_text="How many a page holds: 50 unless said, 200 at most.",
    )

    def validate_topic(self, slug: str) -> Topic | None:
        topic = Topic.objects.filter(slug=slug).first() if slug else None
        if slug and topic is None:
            raise ValidationError(f"No topic has the slug {slug!r}; /api/v1/topics/ lists them.")
        return topic


class ReactionSerializer(serializers.Serializer[Any]):
    at = serializers.SerializerMethodField()
    kind = serializers.CharField()
    network = serializers.CharField()
    supporter = serializers.CharField(source="supporter.handle")
    post = serializers.CharField(allow_null=True, help_text="The key of the post, a 64-bit number, as a text.")
    reach = serializers.FloatField(help_text="The reaction's own part of the reach.")

    def get_at(self, line: reactions.Reaction) -> datetime:
        return datetime.fromtimestamp(line.at, UTC)


class ReactionsSerializer(serializers.Serializer[Any]):
    """A page of single reactions, the heaviest first."""

    count = serializers.IntegerField(help_text="On all pages.")
    reach = serializers.FloatField(help_text="What all of them add up to.")
    whole = serializers.FloatField(
        allow_null=True,
        help_text=(
            "What they are a part of. The rest is by supporters whom this key may not see, or not kept singly; of a "
            "topic also what went by another name then. Null: narrowed by more than the run kept sums of."
        ),
    )
    next_offset = serializers.IntegerField(allow_null=True, default=None)
    results = ReactionSerializer(many=True, source="lines")


class ShareSerializer(serializers.Serializer[Any]):
    what = serializers.CharField()
    # DRF takes declared fields off the class, so its own attribute `label` stays what it was.
    label = serializers.CharField()  # type: ignore[assignment]
    people = serializers.FloatField(help_text="By how much this changed the reach.")
    points = serializers.FloatField(help_text="And the score.")
    count = serializers.IntegerField(help_text="Of how many supporters, where that says something.")


class ChangeSerializer(serializers.Serializer[Any]):
    """Why a score changed since the run before; each list adds up to the change."""

    since = serializers.DateTimeField(source="before.as_of")
    as_of = serializers.DateTimeField(source="after.as_of")
    score_before = serializers.FloatField()
    score_after = serializers.FloatField()
    reach_before = serializers.FloatField()
    reach_after = serializers.FloatField()
    by_cause = ShareSerializer(many=True)
    by_reason = ShareSerializer(many=True)
    by_kind = ShareSerializer(many=True)


class WhatIfQuery(serializers.Serializer[Any]):
    """What is to be otherwise."""

    supporters = serializers.IntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=explanations.MOST_SUPPORTERS,
        help_text="So many more who are vouched for, each bringing what the person's vouched supporters bring.",
    )
    rested = serializers.BooleanField(required=False, default=False, help_text="Without time off since the last post.")
    exchanged = serializers.BooleanField(required=False, default=False, help_text="With no exchange discounted.")


class WhatIfSerializer(serializers.Serializer[Any]):
    score = serializers.FloatField()
    reach = serializers.FloatField()
    score_now = serializers.FloatField()
    reach_now = serializers.FloatField()
    each = serializers.FloatField(allow_null=True, help_text="What one more supporter is taken to bring, in people.")


class ReactionsThrottle(KeyThrottle):
    """Limits pages of single reactions, each of which reads the activity log, beside all that a key asks for."""

    scope = "reactions"


class CannotBeSaid(APIException):
    """The question is understood, but the current run doesn't hold the answer; another one may."""

    status_code = status.HTTP_409_CONFLICT


class Explained(KnownParameters, viewsets.GenericViewSet[Influencer]):
    """The addresses below one influencer that open the score."""

    parameters = {"reactions": ReactionsQuery, "what_if": WhatIfQuery}

    @extend_schema(summary="Explain an influencer's reach", responses=ExplanationSerializer)
    @action(detail=True, pagination_class=None)
    def explanation(self, request: Request, pk: str) -> Response:
        """Return where the reach comes from, and what was taken off whom."""
        person, run = self._scored(pk)
        found = explanations.explanation(person, run, viewer=request.user)
        if found is None:
            raise Http404
        return Response(ExplanationSerializer(found).data)

    @extend_schema(
        summary="List the single reactions behind an influencer's reach",
        parameters=[ReactionsQuery],
        responses=ReactionsSerializer,
    )
    @action(detail=True, pagination_class=None, throttle_classes=[KeyThrottle, ReactionsThrottle])
    def reactions(self, request: Request, pk: str) -> Response:
        """Return single reactions with their own parts of the reach.

        Each page reads the activity log, so a key gets fewer of them than of other answers: ten a minute unless the
        platform's operators say otherwise. Beyond that the answer is 429, and `Retry-After` says in how many seconds
        there is another one.
        """
        person, run = self._scored(pk)
        asked = ReactionsQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        given = dict(asked.validated_data)
        limit = given.pop("page_size")
        found = reactions.reactions(person, run, viewer=request.user, limit=limit, **given)
        after = given["offset"] + len(found.lines)
        data = ReactionsSerializer(found, context={}).data
        return Response({**data, "next_offset": after if after < found.count and found.lines else None})

    @extend_schema(summary="Explain the change of an influencer's score", responses=ChangeSerializer)
    @action(detail=True, pagination_class=None)
    def change(self, request: Request, pk: str) -> Response:
        """Return why the score changed since the run before; 404 where there is none."""
        found = changes.change(*self._scored(pk))
        if found is None:
            raise Http404
        return Response(ChangeSerializer(found).data)

    @extend_schema(
        summary="Ask what an influencer's score would be",
        parameters=[WhatIfQuery],
        responses={200: WhatIfSerializer, 409: None},
    )
    @action(detail=True, pagination_class=None, url_path="what-if", url_name="whatif")
    def what_if(self, request: Request, pk: str) -> Response:
        """Return the score as it would be; 409 where too little is known to say."""
        person, run = self._scored(pk)
        asked = WhatIfQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        try:
            found = explanations.what_if(person, run, **asked.validated_data)
        except explanations.CannotSay as error:
            raise CannotBeSaid(str(error)) from error
        return Response(WhatIfSerializer(found).data)

    def _scored(self, pk: str) -> tuple[Person, ScoreRun]:
        person = get_object_or_404(Person.objects.visible_to(self.request.user), pk=pk)
        run = queries.current_run()
        if run is None or not person.scores.filter(run=run).exists():
            raise Http404
        return person, run
