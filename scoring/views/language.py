"""In which language topics are named."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language_from_request

from scoring.models import readers_language


class TopicNamesMiddleware:
    """Lets topics be named in the language that the browser asks for; the API gives their plain names.

    All else is English, with its dates and numbers, and says so: unlike Django's own LocaleMiddleware this makes no
    language active, for nothing here is translated but what libraries bring along.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Until the next request, since files are written after this has returned.
        if request.path_info.startswith("/api/"):
            readers_language.set("")
            return self.get_response(request)
        readers_language.set(get_language_from_request(request))
        response = self.get_response(request)
        patch_vary_headers(response, ("Accept-Language",))
        return response
