"""What the API's document says of errors."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Why a request isn't answered, as RFC 9457 has it.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "`about:blank`: nothing more than the status has to be known."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what to do about it."},
        "errors": {
            "type": "array",
            "description": "Where parameters can't be used: which, and why.",
            "items": {
                "type": "object",
                "required": ["parameter", "detail", "code"],
                "properties": {
                    "parameter": {"type": "string", "nullable": True},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                },
            },
        },
    },
}


@dataclass(frozen=True, slots=True)
class _Answer:
    name: str
    status: HTTPStatus
    description: str
    detail: str
    errors: tuple[dict[str, str], ...] = ()
    headers: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        example = {"type": "about:blank", "title": self.status.phrase, "status": int(self.status)}
        example |= {"detail": self.detail, **({"errors": list(self.errors)} if self.errors else {})}
        content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
        headers = {"headers": self.headers} if self.headers else {}
        return {"description": self.description, **headers, "content": {"application/problem+json": content}}


_ANSWERS: Final = (
    _Answer(
        "BadRequest",
        HTTPStatus.BAD_REQUEST,
        "A parameter can't be used, or a cursor is of another list.",
        "Some parameters can't be used; `errors` says which and why.",
        ({"parameter": "score_min", "detail": "A valid number is required.", "code": "invalid"},),
    ),
    _Answer(
        "Unauthorized",
        HTTPStatus.UNAUTHORIZED,
        "No key came along, or one that is unknown or was revoked.",
        "Authentication credentials were not provided.",
    ),
    _Answer(
        "NotFound",
        HTTPStatus.NOT_FOUND,
        "There is none of this address, or none that this key may see. Nobody is there who has no current score.",
        "Nothing here that this key may see.",
    ),
    _Answer(
        "NotAcceptable",
        HTTPStatus.NOT_ACCEPTABLE,
        "`Accept` leaves no room for JSON.",
        "Could not satisfy the request Accept header.",
    ),
    _Answer(
        "Conflict",
        HTTPStatus.CONFLICT,
        "The current run doesn't hold what the answer needs.",
        "Nobody who is vouched for has acted yet, so what one more would bring isn't known.",
    ),
    _Answer(
        "Gone",
        HTTPStatus.GONE,
        "The cursor is of scores that aren't current any more.",
        "Scores have changed since the list was begun; begin again without cursor.",
    ),
    _Answer(
        "TooManyRequests",
        HTTPStatus.TOO_MANY_REQUESTS,
        "More requests came than are answered in such a time.",
        "Request was throttled. Expected available in 12 seconds.",
        headers={"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}},
    ),
    _Answer(
        "ServerError",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "A fault of ours.",
        "Something went wrong on our side. It was noted.",
    ),
)

# What any operation may answer, and what those with parameters in some place may.
_ALWAYS: Final = {"401", "406", "429", "500"}
_BY_PLACE: Final = {"query": "400", "path": "404"}


def complete(result: dict[str, Any], **unused: Any) -> dict[str, Any]:
    """Add to the finished document how requests are refused: drf-spectacular knows of answers that go well alone.

    An operation that names more of these errors itself, by status, gets what is said of them here. Defaults that are
    empty go: they say that a parameter wasn't given, and given as such they are refused.
    """
    named = {str(int(answer.status)): answer.name for answer in _ANSWERS}
    result["components"]["schemas"]["Problem"] = _PROBLEM
    result["components"]["responses"] = {answer.name: answer.document() for answer in _ANSWERS}
    for operation in (operation for path in result["paths"].values() for operation in path.values()):
        parameters = operation.get("parameters", ())
        places = {parameter["in"] for parameter in parameters}
        refused = _ALWAYS | {_BY_PLACE[place] for place in places} | (named.keys() & operation["responses"].keys())
        references = {status: {"$ref": f"#/components/responses/{named[status]}"} for status in refused}
        operation["responses"] = dict(sorted({**operation["responses"], **references}.items()))
        for parameter in parameters:
            if parameter["schema"].get("default") == "":
                del parameter["schema"]["default"]
    return result
