"""One's own page: the score, invitations to answer, posts about them, and breaks."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.actions import RestRefused, declare_rest, end_rest
from accounts.models import Person, Rest, User
from accounts.models.rests import MOST_DAYS, MOST_RESTS
from accounts.views import post_signed_in
from campaigns import queries
from campaigns.actions import mark_all_seen
from campaigns.models import Invitation
from campaigns.queries.posts import posts_of
from campaigns.views.answering import give_answer
from campaigns.views.forms import RestForm
from scoring.views import identities_of, sheet_of

# Breaks that are over stand on the page as long as their days count.
_SHOWN: Final = timedelta(days=365)


@never_cache
@login_required
@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """Show what the signed-in person's profile shows, and their invitations; without a profile, how to get one."""
    person = Person.objects.filter(user=request.user.pk).select_related("place").first()
    if person is None:
        return render(request, "campaigns/unclaimed.html")
    now = timezone.now()
    return _page(request, person, RestForm(now=now), now)


def _page(request: HttpRequest, person: Person, form: RestForm, now: datetime) -> HttpResponse:
    today = now.astimezone(UTC).date()
    own = Invitation.objects.filter(person=person).select_related("campaign__brand")
    invitations: list[Any] = list(
        queries.with_room(own.prefetch_related("remarks"), now).order_by("-invited_at", "-pk")
    )
    for row in invitations:
        row.said = {remark.kind: remark for remark in row.remarks.all()}
    unanswered = {Invitation.State.INVITED, Invitation.State.SEEN}
    waiting = [row for row in invitations if row.state in unanswered and not row.campaign.is_over(now)]
    mark_all_seen(waiting, now=now)
    said_yes = queries.answered_by(person, request.user, now)
    in_line = [row for row in said_yes.values() if row.is_waiting and not row.invitation.campaign.is_over(now)]
    accepted = [row for row in invitations if row.state == Invitation.State.ACCEPTED]
    elsewhere = {row.pk for row in waiting} | {row.invitation.pk for row in in_line}
    elsewhere |= {row.pk for row in accepted if not row.campaign.is_over(now)}
    context = {
        "person": person,
        "identities": identities_of(person),
        "sheet": sheet_of(person, viewer=request.user),
        "waiting": waiting,
        "in_line": in_line,
        "accepted": accepted,
        "perks": [row for row in said_yes.values() if row.code or row.follows or row.asks],
        "posts": posts_of(person),
        "past": [row for row in invitations if row.pk not in elsewhere],
        "form": form,
        "today": today,
        # Those that somebody else declared, who held the profile before, are no business of whoever holds it now.
        "rests": list(
            Rest.objects.filter(person=person, created_by=request.user.pk, last_day__gt=today - _SHOWN).order_by(
                "-first_day", "-pk"
            )
        ),
        "most_days": MOST_DAYS,
        "most_rests": MOST_RESTS,
    }
    return render(request, "campaigns/me.html", context)


@post_signed_in("me")
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a yes or no to one of the signed-in person's own invitations."""
    own = Invitation.objects.filter(person__user=request.user.pk).select_related("campaign__brand")
    assert isinstance(request.user, User)  # post_signed_in sees to it
    give_answer(request, get_object_or_404(own, pk=pk), by=request.user)
    return redirect("me")


@never_cache
@post_signed_in("me")
def rest(request: HttpRequest) -> HttpResponse:
    """Declare days off of the signed-in person; show the page with what is wrong with them, or lead back to it."""
    now = timezone.now()
    person = get_object_or_404(Person.objects.select_related("place"), user=request.user.pk)
    assert isinstance(request.user, User)  # post_signed_in sees to it
    form = RestForm(request.POST, now=now)
    if form.is_valid():
        try:
            days = form.cleaned_data
            declare_rest(
                person=person, first_day=days["first_day"], last_day=days["last_day"], by=request.user, now=now
            )
        except RestRefused as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Your break is noted. It counts from the next nightly run on."))
            return redirect("me")
    return _page(request, person, form, now)


@post_signed_in("me")
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what is still to come of one of the signed-in person's own breaks."""
    assert isinstance(request.user, User)  # post_signed_in sees to it
    own = get_object_or_404(Rest.objects.filter(person__user=request.user.pk), pk=pk)
    try:
        left = end_rest(rest=own, by=request.user, now=timezone.now())
    except RestRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, _("Your break is taken back.") if left is None else _("Welcome back: your break ended yesterday.")
        )
    return redirect("me")
