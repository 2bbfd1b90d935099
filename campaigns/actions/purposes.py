"""People are chosen by scores only for what a campaign has said in writing."""

from campaigns.actions.errors import NoPurpose
from campaigns.models import Campaign


def refuse_without_purpose(campaign: Campaign) -> None:
    """Raise NoPurpose unless somebody has written down what the campaign uses scores for."""
    if not campaign.purpose:
        raise NoPurpose(
            f"Write down on the page of {campaign.name} what it uses scores for; then people can be chosen."
        )
