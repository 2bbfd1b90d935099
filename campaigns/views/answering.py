"""The answer of an invited person, from whichever page it is given."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from campaigns.actions import CampaignError, accept, decline
from campaigns.models import Invitation


def give_answer(request: HttpRequest, invitation: Invitation, *, by: User | None) -> None:
    """Accept or decline as the form says, and leave a message of what came of it. Other words change nothing."""
    campaign = invitation.campaign
    try:
        match request.POST.get("answer"):
            case "accept" if by is not None:
                accept(invitation, by=by, now=timezone.now())
                said = _("You accepted. %(brand)s sees your answer now.")
                if invitation.state == Invitation.State.WAITING:
                    said = _("You are on the waiting list. %(brand)s sees your answer now.")
                messages.success(request, said % {"brand": campaign.brand.name})
            case "decline":
                was_waiting = invitation.state == Invitation.State.WAITING
                decline(invitation, by=by, now=timezone.now())
                said = _("You declined. %(brand)s sees your answer now.")
                if was_waiting:
                    said = _("You left the waiting list. %(brand)s sees your answer now.")
                messages.success(request, said % {"brand": campaign.brand.name})
    except CampaignError as error:
        messages.error(request, str(error))
