"""Forms that only whoever is signed in can send."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def post_signed_in(page: str) -> Callable[[View[P]], View[P]]:
    """Let a view take nothing but what somebody signed in posts.

    Whoever isn't, any more, signs in and is led to the page that the form stands on, named by its `next` or else by
    `page`, for the view's own address shows nothing. What was sent is lost, and they are told so.
    """

    def decorate(view: View[P]) -> View[P]:
        @require_POST
        @wraps(view)
        def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if request.user.is_authenticated:
                return view(request, *args, **kwargs)
            messages.warning(request, _("You weren’t signed in any more, so nothing was sent. Please send it again."))
            then = request.POST.get("next", "")
            is_here = url_has_allowed_host_and_scheme(then, {request.get_host()}, require_https=request.is_secure())
            return redirect_to_login(then if is_here else reverse(page))

        return wrapped

    return decorate
