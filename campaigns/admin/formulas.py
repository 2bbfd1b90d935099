"""What another formula would do to campaigns, on the page that shows whom it moves."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from campaigns import queries
from scoring.admin.formulas import PREVIEW_PARTS
from scoring.comparison import Pair


def moved(request: HttpRequest, pair: Pair) -> dict[str, Any]:
    """Return the running campaigns that the user sees, and who enters and leaves by their score."""
    return {"rows": queries.campaigns_moved(pair, request.user, timezone.now()), "most": queries.MOST_MOVED}


PREVIEW_PARTS.append(("admin/campaigns/formula_moves.html", moved))
