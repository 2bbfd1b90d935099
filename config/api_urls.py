"""Every address of the partner API."""

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularSwaggerView
from rest_framework.routers import SimpleRouter

from accounts.api.document import DocumentView
from accounts.api.errors import UnknownAddress
from campaigns.api import CampaignViewSet
from scoring.api import InfluencerViewSet, TopicViewSet

router = SimpleRouter()
router.register("influencers", InfluencerViewSet, "api-influencer")
router.register("topics", TopicViewSet, "api-topic")
router.register("campaigns", CampaignViewSet, "api-campaign")

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/", include(router.urls)),
    path("schema/", DocumentView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-docs"),
    re_path("", UnknownAddress.as_view()),
]
