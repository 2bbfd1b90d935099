"""Views."""

from allauth.core import ratelimit
from django.contrib import messages
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_cookie

from accounts.models import Identity, Person, User
from accounts.queries import with_handle
from accounts.views import post_signed_in
from scoring import queries
from scoring.models import Formula, ScoreRun, Topic
from scoring.queries import changes, explanations
from scoring.queries.reactions import reactions as reactions_of
from scoring.views.explanation import PAGE, WhatIfForm, acts, moved, narrowing, opened
from scoring.views.figures import number, scale_rows, sheet_of
from scoring.views.how_it_works import explanation_of


@require_safe
def profile(request: HttpRequest, handle: str) -> HttpResponse:
    """Show a person's score; lead from the handle of somebody who was merged into another person to that one's page.

    Whom the viewer may not see doesn't exist: the answer is the same page as for a handle that nobody has.
    """
    person = _visible(request, handle) or _merged(request, handle)
    if person is None:
        raise Http404
    address = reverse("profile", args=[person.handle])
    if person.handle != handle:
        return redirect(address)
    context = {
        "person": person,
        "identities": identities_of(person),
        "sheet": sheet_of(person, viewer=request.user),
        "address": request.build_absolute_uri(address),
        "is_own": person.user_id is not None and person.user_id == request.user.pk,
    }
    return render(request, "scoring/profile.html", context)


@require_safe
def explanation(request: HttpRequest, handle: str) -> HttpResponse:
    """Show where a person's reach comes from, what was taken off, why the score changed, and what it would be."""
    person = _visible(request, handle)
    if person is None:
        raise Http404
    run = queries.current_run()
    found = explanations.explanation(person, run, viewer=request.user) if run else None
    context: dict[str, object] = {"person": person, "found": found}
    if run is not None and found is not None:
        form = WhatIfForm(request.GET or None)
        context |= {
            "run": run,
            "opened": opened(found),
            "moved": moved(changes.change(person, run)),
            "form": form,
            "is_own": person.user_id is not None and person.user_id == request.user.pk,
        }
        if context["is_own"]:
            context["appeals"] = explanations.appeals_of(person)
        if form.is_bound and form.is_valid():
            given = form.cleaned_data
            try:
                context["asked"] = explanations.what_if(
                    person,
                    run,
                    supporters=given["supporters"] or 0,
                    rested=given["rested"],
                    exchanged=given["exchanged"],
                )
            except explanations.CannotSay as error:
                context["cannot_say"] = str(error)
    return render(request, "scoring/explanation.html", context)


@post_signed_in("home")
def appeal(request: HttpRequest) -> HttpResponse:
    """Take the signed-in person's objection to what a reason takes off."""
    # The package of actions loads the engine: not in every web process.
    from scoring.actions.appeals import AppealRefused
    from scoring.actions.appeals import appeal as make_appeal

    person = get_object_or_404(Person, user=request.user.pk)
    assert isinstance(request.user, User)  # post_signed_in sees to it
    given = {name: request.POST.get(name, "") for name in ("reason", "text")}
    try:
        make_appeal(person=person, **given, by=request.user, now=timezone.now())
        messages.success(request, _("Your appeal is noted; the answer will stand on this page."))
    except AppealRefused as error:
        messages.error(request, str(error))
    return redirect("explanation", person.handle)


@require_safe
def reactions(request: HttpRequest, handle: str) -> HttpResponse:
    """List the single reactions behind a person's reach, of one supporter, kind, network or topic.

    Each page costs a pass over the activity log, so visitors get a limited number of them, and logins some more.
    """
    person, run = _visible(request, handle), queries.current_run()
    if person is None or run is None:
        raise Http404
    if any("\0" in value for value in request.GET.values()):
        raise Http404  # what PostgreSQL can't store is nothing's name
    limit = "reactions_signed_in" if request.user.is_authenticated else "reactions"
    refused: HttpResponse | None = ratelimit.consume_or_429(request, action=limit, limit_get=True)
    if refused is not None:
        return refused
    given = {name: request.GET[name] for name in ("supporter", "kind", "network") if name in request.GET}
    start = request.GET.get("offset", "0")
    offset = int(start) if start.isdecimal() and len(start) < 9 else 0
    slug = request.GET.get("topic", "")
    topic = get_object_or_404(Topic, slug=slug) if slug else None
    found = reactions_of(person, run, viewer=request.user, topic=topic, offset=offset, limit=PAGE, **given)
    shown = acts(found, offset=offset, narrowed=given | ({"topic": slug} if slug else {}))
    context = {"person": person, "shown": shown, "narrowed": narrowing(given, topic), "topic": topic}
    return render(request, "scoring/reactions.html", context)


def identities_of(person: Person) -> QuerySet[Identity]:
    """Return a person's accounts with their networks, those with most followers first."""
    own = person.identities.accounts().select_related("network")
    return own.order_by(F("followers").desc(nulls_last=True), "network", "key")


def _visible(request: HttpRequest, handle: str) -> Person | None:
    return with_handle(Person.objects.visible_to(request.user), handle).select_related("place").first()


def _merged(request: HttpRequest, handle: str) -> Person | None:
    """Return whom the person with this handle turned out to be, where the viewer may see that one."""
    merged = Person.objects.filter(merged_into__in=Person.objects.visible_to(request.user))
    found = with_handle(merged, handle).select_related("merged_into").first()
    return found and found.merged_into


@require_safe
def find_profile(request: HttpRequest) -> HttpResponse:
    """Lead from the look-up form to the profile's address."""
    # Line breaks and the like stand in no handle, and in no address either.
    text = "".join(filter(str.isprintable, request.GET.get("handle", ""))).strip()[:600]
    handle = text.removeprefix("@")
    if text != handle and _visible(request, text):
        handle = text
    return redirect("profile", handle=handle) if handle else redirect("home")


def _formula_of(run: ScoreRun | None) -> Formula | None:
    """Return the formula that readers see the scores of, before the first run the one that will be."""
    return run.formula if run else Formula.objects.filter(is_current=True).first()


@require_safe
@vary_on_cookie
@cache_control(private=True, max_age=300)
def how_it_works(request: HttpRequest) -> HttpResponse:
    """Show the formula with its parameters, and how its forecasts did; that changes once a night."""
    formula = _formula_of(queries.current_run())
    return render(request, "scoring/how_it_works.html", {"shown": formula and explanation_of(formula)})


@require_safe
def about_the_score(request: HttpRequest) -> HttpResponse:
    """State the definition and its limits, with the figures of the formula that readers see the scores of."""
    run = queries.current_run()
    formula = _formula_of(run)
    context: dict[str, object] = {"run": run, "formula": formula, "versions": queries.formula_versions()}
    if formula is not None:
        parameters = formula.parameters
        context |= {
            "days": number(parameters["horizon_days"]),
            "half_life": number(parameters["half_life_days"]),
            "unvouched": number(parameters["kappa"] * 100),
            # Formulas of before 2026-12 had no such readers.
            "readers": number(parameters.get("kappa_broad", 0)),
            "coverage": number(parameters["band_coverage"] * 100),
            "top": number(parameters["scale_top"]),
            "enough": queries.ENOUGH_SUPPORTERS,
            "scale": scale_rows(parameters["scale_top"]),
        }
    return render(request, "scoring/about.html", context)
