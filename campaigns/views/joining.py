"""The page behind the link by which a colleague joins a brand."""

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from campaigns.actions import CampaignError, join_brand
from campaigns.models import ColleagueInvitation
from campaigns.queries.colleagues import colleague_invited_by
from campaigns.views.forms import NewLoginForm


class ColleagueLoginForm(NewLoginForm):
    """A new login with the address that the link was sent to: whoever opened it reads mail there."""

    exists = gettext_lazy("A login with this address exists: sign in with it.")

    def __init__(self, data: QueryDict | None = None, *, email: str) -> None:
        super().__init__(None if data is None else {**data.dict(), "email": email})
        self.fields["email"].widget = forms.HiddenInput()

    def clean(self) -> Any:
        cleaned = super().clean()
        # The address isn't theirs to change, so what is wrong with it isn't said beside a field.
        if self.errors.pop("email", None):
            self.add_error(None, str(self.exists))
        return cleaned


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Show who invites to which brand, and let whoever holds the link join, with the login they have or a new one.

    Opening it changes nothing, since mail scanners open links too. A link that was used, replaced, taken back or never
    ours gets the same page.
    """
    response = _join(request, token)
    # As an invitation's address: a secret.
    response["Referrer-Policy"] = "strict-origin"
    response["X-Robots-Tag"] = "noindex"
    return response


def _join(request: HttpRequest, token: str) -> HttpResponse:
    invited = colleague_invited_by(token, now=timezone.now())
    if invited is None:
        return render(request, "campaigns/join_unknown.html", status=404)
    form = ColleagueLoginForm(email=invited.email)
    if request.method == "POST":
        if not ratelimit.consume(request, action="signup"):
            refused: HttpResponse = ratelimit.respond_429(request)
            return refused
        form = ColleagueLoginForm(request.POST, email=invited.email)
        if _take(request, invited, form):
            return redirect("admin:index")
    context = {"invited": invited, "brand": invited.brand, "form": form}
    return render(request, "campaigns/join.html", context)


def _take(request: HttpRequest, invited: ColleagueInvitation, form: ColleagueLoginForm) -> bool:
    """Let them join; False where the page has to be shown again."""
    try:
        if isinstance(request.user, User):
            join_brand(invited, user=request.user, now=timezone.now())
        elif form.is_valid():
            _join_new(request, invited, form)
        else:
            return False
    except CampaignError as error:
        messages.error(request, str(error))
        return False
    except IntegrityError:  # sent twice at the same moment, or somebody took the name meanwhile
        form.add_error("username", _("This name was taken just now. Sign in if it was by you, or choose another."))
        return False
    messages.success(request, _("You work for %(brand)s now.") % {"brand": invited.brand.name})
    return True


def _join_new(request: HttpRequest, invited: ColleagueInvitation, form: ColleagueLoginForm) -> None:
    """Make a login that works for the brand: both, or neither."""
    with transaction.atomic():
        user = form.save(request)
        EmailAddress.objects.filter(user=user, email__iexact=invited.email).update(verified=True)
        join_brand(invited, user=user, now=timezone.now())
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    # They just chose the password: nothing asks for it again on the way to a second factor.
    record_authentication(request, user, method="password", username=user.username)
