"""What a campaign's own page shows to whom: managers work there, viewers look."""

from typing import Any, Final

from django.http import Http404, HttpRequest

from campaigns.models import Campaign

# Pages that only show; what there is to press on them is a manager's.
FOR_VIEWERS: Final = frozenset({"compare_audiences", "campaign_return"})


class RolesMixin:
    """Finds the campaign of a page for whoever may see it, or may change it."""

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer a viewer what they may open."""
        found: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold's
        if is_managed(request, str(object_id)):
            return found
        return [action for action in found if action.method.__name__ in FOR_VIEWERS]

    def _managed(self, request: HttpRequest, object_id: str) -> Campaign:
        """Return a campaign that the user may change; 404 for any other."""
        campaign = self._seen(request, object_id)
        if not is_managed(request, object_id):
            raise Http404
        return campaign

    def _seen(self, request: HttpRequest, object_id: str) -> Campaign:
        """Return a campaign that the user may look at; 404 for any other."""
        rows = Campaign.objects.visible_to(request.user).prefetch_related("topics", "places")
        campaign = rows.filter(pk=object_id).first() if object_id.isdecimal() else None
        if campaign is None or not request.user.has_perm("campaigns.view_campaign"):
            raise Http404
        return campaign


def is_managed(request: HttpRequest, object_id: str) -> bool:
    """Return whether the user may change a campaign, asking the database once a request."""
    known: dict[str, bool] = request.__dict__.setdefault("_managed_campaigns", {})
    if object_id not in known:
        known[object_id] = (
            object_id.isdecimal()
            and request.user.has_perm("campaigns.change_campaign")
            and Campaign.objects.managed_by(request.user).filter(pk=object_id).exists()
        )
    return known[object_id]
