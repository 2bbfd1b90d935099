"""Cursor pages."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import reduce
from operator import or_
from typing import Any, Final

from django.core import signing
from django.db.models import Q, QuerySet
from rest_framework import exceptions, status
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

CURSOR: Final = "cursor"
PAGE_SIZE: Final = "page_size"
# The salt keeps apart what else is signed by the same key.
_signer: Final = signing.Signer(salt="accounts.api.pages")


class BadCursor(exceptions.APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "This cursor is none of this list under these filters; begin again without it."


class ListChanged(exceptions.APIException):
    status_code = status.HTTP_410_GONE
    default_detail = "Scores have changed since the list was begun; begin again without cursor."


class Pages(BasePagination):
    """Pages by cursor: each row once while others come and go, and as quick on the thousandth page as on the first.

    A cursor says where a page ends: by the values there of what the list is ordered by, the last of which is unique.
    It is good for the filters and the version of the list that it was made of. It is signed, so that none comes back
    but those that were given out, and nothing in it needs a check of its own.
    """

    page_size = 50
    max_page_size = 200
    ordering: tuple[str, ...] = ()
    # Columns of joined tables that hold the same as a part of the order: the database looks a place up by theirs too.
    twins: Mapping[str, str] = {}

    def get_ordering(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return self.ordering

    def get_version(self, view: Any) -> str:
        """Return what changes whenever all rows do, so that a walk begun before can't go on."""
        return ""

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """Return a page. One query, one more for each part of the order where the page goes beyond equals."""
        size = self._size(request)
        ordering = self.get_ordering(queryset)
        made_of = [_fingerprint(request, ordering), self.get_version(view)]
        place, backwards = self._read(request, made_of)
        rows = _rows_after(queryset, _reversed(ordering) if backwards else ordering, place, self.twins, size + 1)
        more, page = len(rows) > size, rows[:size]
        if backwards:
            page.reverse()
        names = [name.lstrip("-") for name in ordering]

        def link(row: Any, *, backwards: bool) -> str:
            # A text keeps what JSON would round or not know, such as the microseconds of a moment.
            values = (getattr(row, name) for name in names)
            place = [value if isinstance(value, int | float) else str(value) for value in values]
            return replace_query_param(
                request.build_absolute_uri(), CURSOR, _signer.sign_object([*made_of, place, backwards])
            )

        self._next = link(page[-1], backwards=False) if page and (more or backwards) else None
        self._previous = link(page[0], backwards=True) if page and (more if backwards else place) else None
        return page

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next, "previous": self._previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": {**link, "description": "Where the list goes on; null on the last page."},
                "previous": {**link, "description": "The page before; null on the first."},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[Any]:
        return [
            {
                "name": CURSOR,
                "in": "query",
                "required": False,
                "schema": {"type": "string"},
                "description": "Stands in `next` and `previous`; good for the filters it was given out with.",
            },
            {
                "name": PAGE_SIZE,
                "in": "query",
                "required": False,
                "schema": {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": self.page_size},
                "description": f"How many a page holds: {self.page_size} unless said, {self.max_page_size} at most.",
            },
        ]

    def _size(self, request: Request) -> int:
        with suppress(KeyError, ValueError):
            asked = int(request.query_params[PAGE_SIZE])
            if asked > 0:
                return min(asked, self.max_page_size)
        return self.page_size

    def _read(self, request: Request, made_of: list[str]) -> tuple[list[Any] | None, bool]:
        """Return where the page begins, and whether it goes backwards from there."""
        if CURSOR not in request.query_params:
            return None, False
        try:
            fingerprint, version, place, backwards = _signer.unsign_object(request.query_params[CURSOR])
        except signing.BadSignature as error:
            raise BadCursor from error
        if fingerprint != made_of[0]:
            raise BadCursor
        if version != made_of[1]:
            raise ListChanged
        return place, backwards


def _fingerprint(request: Request, ordering: Sequence[str]) -> str:
    """Return what stands for an address with its filters, in whatever order these are given, and for its order."""
    filters = sorted(
        (name, value)
        for name, values in request.query_params.lists()
        if name not in {CURSOR, PAGE_SIZE}
        for value in values
    )
    return hashlib.sha256(repr((request.path, filters, ordering)).encode()).hexdigest()[:16]


def _reversed(ordering: Sequence[str]) -> tuple[str, ...]:
    return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in ordering)


def _rows_after(
    queryset: QuerySet[Any], ordering: Sequence[str], place: Sequence[Any] | None, twins: Mapping[str, str], limit: int
) -> list[Any]:
    """Return the rows that follow a place: those that equal it in all but the last part of the order, then the others.

    Asked for one after the other, each is one range of an index. In one condition the database would walk through all
    equals before the place on each page, and of the lowest score there are most. What is ordered by a sum has no index,
    and is asked for at once: each time all sums would be made.
    """
    queryset = queryset.order_by(*ordering)
    if place is None:
        return list(queryset[:limit])
    names = [name.lstrip("-") for name in ordering]
    conditions = []
    for same in reversed(range(len(names))):
        comparison = "lt" if ordering[same].startswith("-") else "gt"
        equal = dict(zip(names[:same], place, strict=False))
        columns = {names[same], twins.get(names[same], names[same])}
        conditions.append(Q(**equal, **{f"{name}__{comparison}": place[same] for name in columns}))
    annotations = queryset.query.annotations
    if any(name in annotations and annotations[name].contains_aggregate for name in names):
        conditions = [reduce(or_, conditions)]
    found: list[Any] = []
    for condition in conditions:
        found += queryset.filter(condition)[: limit - len(found)]
        if len(found) == limit:
            break
    return found
