"""Errors as RFC 9457 problem details."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.urls import resolve
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback


class ProblemRenderer(JSONRenderer):
    media_type = "application/problem+json"


def problem_details(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer with RFC 9457 problem details; faults of ours stay exceptions and become a 500 elsewhere."""
    if isinstance(error, Http404):
        error = exceptions.NotFound("Nothing here that this key may see.")
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    if isinstance(error, exceptions.ValidationError):
        problem = _problem(error.status_code, "Some parameters can't be used; `errors` says which and why.")
        problem["errors"] = list(_errors(error.detail))
    else:
        problem = _problem(error.status_code, str(error.detail))
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    request = context["request"]
    request.accepted_renderer = ProblemRenderer()
    request.accepted_media_type = ProblemRenderer.media_type
    return Response(problem, status=error.status_code, headers=headers, content_type=ProblemRenderer.media_type)


def _errors(detail: Any, parameter: str | None = None) -> Iterator[dict[str, str | None]]:
    """Flatten what a serializer says, whose shape differs by field; of a list, each value counts as its parameter."""
    if isinstance(detail, dict):
        for name, part in detail.items():
            yield from _errors(part, parameter or name)
    elif isinstance(detail, list):
        for part in detail:
            yield from _errors(part, parameter)
    else:
        yield {"parameter": parameter, "detail": str(detail), "code": detail.code}


def plain_problem(status: HTTPStatus, detail: str) -> HttpResponse:
    """Answer where no view of the API does: for what Django refuses, and for faults of ours."""
    content = ProblemRenderer().render(_problem(status, detail))
    return HttpResponse(content, status=status, content_type=ProblemRenderer.media_type)


def _problem(status: int, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status), "detail": detail}


class UnknownAddress(APIView):
    """Answers what is asked at an address that the API doesn't have, with a key or without, by whatever method."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    schema = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead to the address with a slash at its end where that one is known, as Django does outside the API."""
        if request.method in {"GET", "HEAD"} and not request.path.endswith("/"):
            known = getattr(resolve(f"{request.path_info}/").func, "cls", UnknownAddress) is not UnknownAddress
            if known:
                return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True))
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise exceptions.NotFound("The API has no such address; /api/docs/ lists those that it has.")
