"""The document of the API: OpenAPI, as YAML and as JSON."""

from functools import cache
from typing import Any

from django.http import HttpResponse
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class DocumentView(SpectacularAPIView):
    """Serves the document, which is the same for everybody and as long as the process lives.

    The library's own view takes a language and a version from the address: Django keeps translations of every language
    that it is asked for, known or not, the version went into a header, and the document was made anew each time.
    """

    schema = None

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer = request.accepted_renderer
        charset = f"; charset={renderer.charset}" if renderer.charset else ""
        return HttpResponse(
            _rendered(type(renderer)),  # type: ignore[arg-type]  # mypy takes classes for unhashable
            content_type=f"{renderer.media_type}{charset}",
            headers={"Content-Disposition": f'inline; filename="{spectacular_settings.TITLE}.{renderer.format}"'},
        )


@cache
def _rendered(renderer: type[BaseRenderer]) -> str | bytes:
    generator: Any = DocumentView.generator_class(urlconf=DocumentView.urlconf)
    return renderer().render(generator.get_schema(request=None, public=True))
