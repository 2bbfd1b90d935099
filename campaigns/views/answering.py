"""The answer of an invited person, from whichever page it is given."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from campaigns.actions import CampaignError, accept, counter_offer, decline, give_feedback
from campaigns.models import Invitation


def give_answer(request: HttpRequest, invitation: Invitation, *, by: User | None) -> None:
    """Do what the form says, and leave a message of what came of it. Other words change nothing."""
    campaign = invitation.campaign
    try:
        match request.POST.get("answer"):
            case "accept" if by is not None:
                accept(invitation, by=by, now=timezone.now())
                said = _("You accepted. %(brand)s sees your answer now.")
                if invitation.state == Invitation.State.WAITING:
                    said = _("You are on the waiting list. %(brand)s sees your answer now.")
                messages.success(request, said % {"brand": campaign.brand.name})
            case "counter_offer" if by is not None:
                counter_offer(invitation, text=request.POST.get("text", ""), by=by, now=timezone.now())
                said = _("%(brand)s sees your counter-offer now. You can still accept or decline.")
                messages.success(request, said % {"brand": campaign.brand.name})
            case "feedback" if by is not None:
                rating = request.POST.get("rating", "")
                give_feedback(
                    invitation,
                    text=request.POST.get("text", ""),
                    rating=int(rating) if rating.isascii() and rating.isdecimal() else None,
                    by=by,
                    now=timezone.now(),
                )
                messages.success(request, _("Thank you. %(brand)s sees it now.") % {"brand": campaign.brand.name})
            case "decline":
                was_waiting = invitation.state == Invitation.State.WAITING
                decline(invitation, by=by, now=timezone.now())
                said = _("You declined. %(brand)s sees your answer now.")
                if was_waiting:
                    said = _("You left the waiting list. %(brand)s sees your answer now.")
                messages.success(request, said % {"brand": campaign.brand.name})
    except CampaignError as error:
        messages.error(request, str(error))
