"""One's own page: the score, and invitations to answer."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Person, User
from campaigns.actions import mark_all_seen
from campaigns.models import Invitation
from campaigns.views.answering import give_answer
from scoring.views import identities_of, sheet_of


@never_cache
@login_required
@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """Show what the signed-in person's profile shows, and their invitations; without a profile, how to get one."""
    person = Person.objects.filter(user=request.user.pk).select_related("place").first()
    if person is None:
        return render(request, "campaigns/unclaimed.html")
    now = timezone.now()
    invitations = list(
        Invitation.objects.filter(person=person).select_related("campaign__brand").order_by("-invited_at", "-pk")
    )
    unanswered = {Invitation.State.INVITED, Invitation.State.SEEN}
    waiting = [row for row in invitations if row.state in unanswered and not row.campaign.is_over(now)]
    mark_all_seen(waiting, now=now)
    context = {
        "person": person,
        "identities": identities_of(person),
        "sheet": sheet_of(person, viewer=request.user),
        "waiting": waiting,
        "past": [row for row in invitations if row not in waiting],
    }
    return render(request, "campaigns/me.html", context)


@login_required
@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a yes or no to one of the signed-in person's own invitations."""
    own = Invitation.objects.filter(person__user=request.user.pk).select_related("campaign__brand")
    assert isinstance(request.user, User)  # login_required sees to it
    give_answer(request, get_object_or_404(own, pk=pk), by=request.user)
    return redirect("me")
