"""Partner API: one's own campaigns, read only."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, viewsets

from accounts.api.pages import Pages
from accounts.api.parameters import KnownParameters
from campaigns.models import Campaign, CampaignPlace
from campaigns.queries import with_answers


class CampaignPlaceSerializer(serializers.ModelSerializer[CampaignPlace]):
    class Meta:
        model = CampaignPlace
        fields = ["name", "latitude", "longitude", "radius_km"]


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    id = serializers.CharField(source="pk")
    brand = serializers.CharField(source="brand.name")
    topics: "serializers.SlugRelatedField[Campaign]" = serializers.SlugRelatedField(
        slug_field="slug", many=True, read_only=True
    )
    places = CampaignPlaceSerializer(many=True)
    invited = serializers.IntegerField(help_text="Invitations made, whatever became of them.")
    accepted = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="On the waiting list, for a seat or a code.")
    declined = serializers.IntegerField()

    class Meta:
        model = Campaign
        fields = [
            "id",
            "brand",
            "name",
            "perk",
            "perk_text",
            "brief",
            "seats",
            "seats_taken",
            "starts_on",
            "ends_on",
            "topics",
            "places",
            "score_min",
            "score_max",
            "invited",
            "accepted",
            "waiting",
            "declined",
        ]


class ByCreation(Pages):
    ordering = ("-created_at", "-pk")


@extend_schema(tags=["Campaigns"])
@extend_schema_view(
    list=extend_schema(summary="List your campaigns"), retrieve=extend_schema(summary="Read one of your campaigns")
)
class CampaignViewSet(KnownParameters, viewsets.ReadOnlyModelViewSet[Campaign]):
    """Campaigns of the key's brand."""

    serializer_class = CampaignSerializer
    pagination_class = ByCreation
    queryset = Campaign.objects.none()
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[Campaign]:
        campaigns = Campaign.objects.visible_to(self.request.user)
        return with_answers(campaigns.select_related("brand").prefetch_related("topics", "places"))
