"""How many people the influencer list holds: exactly while they are few, about when they are many."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import ListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from campaigns.admin.base import CappedPaginator
from scoring.models import ScoreRun
from scoring.queries import by_indexes, estimated


class PeoplePaginator(CappedPaginator):
    """Pages of people of a run, who beyond 10,000 are estimated."""

    def __init__(self, *args: Any, run: ScoreRun | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.run = run

    @cached_property
    def found(self) -> int:
        with by_indexes():
            return super().found

    @cached_property
    def about(self) -> int | None:
        """Return about how many there are; None where that is known exactly."""
        if not self.has_more or self.run is None:
            return None
        with by_indexes():
            return max(estimated(self.object_list, self.run), self.most)  # type: ignore[arg-type]  # of people

    @property
    def said(self) -> str:
        """Return how many there are, as pages say it."""
        return f"{self.found:,}" if self.about is None else f"about {self.about:,}"


class Matching(ListFilter):
    """No filter: says at the head of the panel how many are left, anew whenever one of the filters is changed."""

    title = "people left"
    template = "admin/campaigns/filter_count.html"
    parameter_name = None

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return []

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        yield {"said": changelist.paginator.said}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset

    def describe(self) -> str | None:
        return None
