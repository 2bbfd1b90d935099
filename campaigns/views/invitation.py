"""The page behind an invitation's personal link: read, claim the profile, answer."""

from enum import StrEnum

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth import login
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.actions import ClaimRefused, claim_person
from accounts.models import Person, User
from campaigns import queries
from campaigns.actions import mark_seen
from campaigns.models import Campaign, Invitation
from campaigns.views.answering import give_answer
from campaigns.views.details import asked_of, take_details
from campaigns.views.forms import NewLoginForm
from scoring.views import sheet_of


class Stage(StrEnum):
    """Where somebody who opened the link stands."""

    PREVIEW = "preview"  # works for the brand, or is an operator
    ANSWER = "answer"  # signed in as the person invited, and may still say yes or no
    ACCEPTED = "accepted"
    WAITING = "waiting"  # said yes, and there was no seat or no code
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"  # the brand took back what was accepted
    OVER = "over"
    SIGN_IN = "sign_in"  # the profile is claimed; whoever did has to sign in
    TAKEN = "taken"  # signed in, but somebody else holds the profile
    OTHER = "other"  # signed in, but holds another profile, and nobody holds this one
    CLAIM = "claim"  # signed in, and nobody holds the profile
    NEW = "new"  # nobody holds the profile, and nobody is signed in


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show an invitation to whoever holds its link, and take what they say.

    Opening the page claims nothing, since mail scanners open links too: it only notes that the link was opened. Every
    change takes a POST, and those are limited by address.
    """
    response = _invitation(request, token)
    # The address is a secret. With "no-referrer" browsers send `Origin: null` with the form, which Django's protection
    # against forged requests refuses; this one keeps the path to ourselves and to nobody else.
    response["Referrer-Policy"] = "strict-origin"
    response["X-Robots-Tag"] = "noindex"
    return response


def _invitation(request: HttpRequest, token: str) -> HttpResponse:
    found = queries.invitation_of(token)
    if found is None:
        return render(request, "campaigns/invitation_unknown.html", status=404)
    stage = _stage(request, found)
    form = NewLoginForm()
    wrong_details = None
    if request.method == "POST":
        if not ratelimit.consume(request, action="signup"):
            refused: HttpResponse = ratelimit.respond_429(request)
            return refused
        if stage is Stage.ACCEPTED and request.POST.get("answer") == "details" and isinstance(request.user, User):
            wrong_details = take_details(request, found, request.user)
            if wrong_details is None:
                return redirect("invitation", token)
        else:
            form = NewLoginForm(request.POST)
            if _take(request, found, stage, form):
                return redirect("invitation", token)
    elif request.method == "GET" and stage is not Stage.PREVIEW:
        mark_seen(found, now=timezone.now())
    context = {
        "invitation": found,
        "campaign": found.campaign,
        "brand": found.campaign.brand,
        "person": found.person,
        "stage": stage.value,
        "is_over": found.campaign.is_over(timezone.now()),
        "is_full": queries.is_full(found, timezone.now()),
        "form": form,
        "answered": queries.answered_by(found.person, request.user, timezone.now()).get(found.pk),
        "is_theirs": found.person.user_id is not None and found.person.user_id == request.user.pk,
        "details": asked_of(found, request, wrong_details) if stage is Stage.ACCEPTED else None,
        "remarks": {row.kind: row for row in found.remarks.filter(invitation__person__user=request.user.pk)},
        "sheet": sheet_of(found.person, viewer=request.user) if _shows_score(found.person, stage) else None,
    }
    return render(request, "campaigns/invitation.html", context)


def _shows_score(person: Person, stage: Stage) -> bool:
    """Return whether the score stands on the page: for the invited, and for a brand that could see it anyway."""
    if stage is Stage.PREVIEW:
        return not person.is_hidden
    return stage in {Stage.NEW, Stage.CLAIM, Stage.ANSWER, Stage.ACCEPTED, Stage.WAITING}


def _stage(request: HttpRequest, invitation: Invitation) -> Stage:
    person, user = invitation.person, request.user
    if user.is_authenticated and person.user_id == user.pk:
        return _answered(invitation) or Stage.ANSWER
    # A manager who tries the link before sending it must not end up with the profile.
    if user.is_authenticated and Campaign.objects.visible_to(user).filter(pk=invitation.campaign_id).exists():
        return Stage.PREVIEW
    if person.user_id is not None:
        return Stage.TAKEN if user.is_authenticated else Stage.SIGN_IN
    if answered := _answered(invitation):
        return answered
    if not user.is_authenticated:
        return Stage.NEW
    return Stage.OTHER if Person.objects.filter(user=user).exists() else Stage.CLAIM


def _answered(invitation: Invitation) -> Stage | None:
    match invitation.state:
        case Invitation.State.ACCEPTED:
            return Stage.ACCEPTED
        case Invitation.State.DECLINED:
            return Stage.DECLINED
        case Invitation.State.WITHDRAWN:
            return Stage.WITHDRAWN
        case Invitation.State.EXPIRED:
            return Stage.OVER
    if invitation.campaign.is_over(timezone.now()):
        return Stage.OVER
    return Stage.WAITING if invitation.state == Invitation.State.WAITING else None


def _take(request: HttpRequest, invitation: Invitation, stage: Stage, form: NewLoginForm) -> bool:
    """Do what was asked as far as the stage allows it; return False where the form has to be shown again."""
    user = request.user
    match stage, request.POST.get("answer"):
        case Stage.NEW, "join":
            return form.is_valid() and _join(request, invitation, form)
        case ((Stage.NEW | Stage.CLAIM | Stage.OTHER), "decline"):
            # Nobody holds the profile: the link alone says no, whichever login is signed in, and claims nothing.
            give_answer(request, invitation, by=None)
        case (Stage.CLAIM, "claim") if user.is_authenticated:
            try:
                _claim(invitation, user)
            except ClaimRefused as error:
                messages.error(request, str(error))
        case (
            (Stage.ANSWER | Stage.ACCEPTED | Stage.WAITING | Stage.DECLINED | Stage.WITHDRAWN | Stage.OVER),
            _,
        ) if user.is_authenticated:
            give_answer(request, invitation, by=user)
    return True


def _join(request: HttpRequest, invitation: Invitation, form: NewLoginForm) -> bool:
    """Make a login that holds the profile: both, or neither."""
    try:
        with transaction.atomic():
            user = form.save(request)
            _claim(invitation, user)
    except ClaimRefused as error:
        messages.error(request, str(error))
        return True
    except IntegrityError:  # sent twice at the same moment, or somebody took the name meanwhile
        form.add_error("username", _("This name was taken just now. Sign in if it was by you, or choose another."))
        return False
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return True


def _claim(invitation: Invitation, user: User) -> None:
    claim_person(invitation.person, user=user, via=Person.ClaimedVia.INVITATION, by=user, now=timezone.now())
