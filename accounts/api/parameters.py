"""Which parameters an address takes."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.settings import api_settings
from rest_framework.views import APIView


class KnownParameters(APIView):
    """Refuses parameters that an operation doesn't take: a filter with a slip in its name would hold everybody."""

    # The serializer that reads an operation's parameters, by its action; those of pages go without saying.
    parameters: ClassVar[Mapping[str, type[Serializer[Any]]]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        known = self._known()
        unknown = [name for name in request.query_params if name not in {*known, api_settings.URL_FORMAT_OVERRIDE}]
        if unknown:
            raise ValidationError({name: [ErrorDetail(_refusal(name, known), code="unknown")] for name in unknown})

    def _known(self) -> set[str]:
        view: Any = self
        known: set[str] = set()
        if view.action in self.parameters:
            known |= self.parameters[view.action]().fields.keys()
        if view.action == "list":
            known |= {each["name"] for each in view.paginator.get_schema_operation_parameters(self)}
        return known


def _refusal(name: str, known: Collection[str]) -> str:
    """Say that there is no such parameter, and which one was probably meant; words may be in another order."""
    nearest = {_arranged(each): each for each in known}
    close = get_close_matches(_arranged(name), nearest, 1)
    return f"There is no such parameter; {nearest[close[0]]} is one." if close else "There is no such parameter."


def _arranged(name: str) -> str:
    return "_".join(sorted(name.lower().replace("-", "_").split("_")))
