"""What the pages of this app share: rows through `visible_to`, lists that stay quick, people as links."""

import logging
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from kombu.exceptions import OperationalError

from accounts.admin.base import ListAdmin, ReadOnly
from accounts.admin.base import staff_of as staff_of  # the pages of this app find it here, beside the rest
from accounts.models import Person
from campaigns.models import Brand, Invitation
from scoring.models import ScoreRun
from scoring.queries import NOT_ENOUGH_SEEN

log = logging.getLogger(__name__)

# An action on more people than this is taken for a slip.
MOST_AT_ONCE = 10_000

# In which colour unfold shows each answer.
STATE_LABELS = {
    Invitation.State.INVITED: "info",
    Invitation.State.SEEN: "info",
    Invitation.State.WAITING: "warning",
    Invitation.State.ACCEPTED: "success",
    Invitation.State.DECLINED: "warning",
    Invitation.State.EXPIRED: "default",
    Invitation.State.WITHDRAWN: "default",
}


class CappedPaginator(Paginator[Any]):
    """Pages of a list that is counted exactly to 10,000 and no further: counting a million rows takes a second."""

    template_name = "admin/campaigns/pagination.html"  # unfold asks a paginator for its template
    most = MOST_AT_ONCE

    @cached_property
    def found(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # the admin gives nothing else
        return rows.order_by().values("pk")[: self.most + 1].count()

    @cached_property
    def count(self) -> int:
        return min(self.found, self.most)

    @property
    def has_more(self) -> bool:
        """Return whether there are rows beyond those that the pages show."""
        return self.found > self.most


# How Django's and unfold's filters end the parameters that they ask by.
_ASKED = (
    *("", "_from", "_to", "__exact", "__id__exact", "__in", "__isnull"),
    *("__gte", "__lt", "__year", "__month", "__day"),
)


class VisibleAdmin(ListAdmin):
    """Lists and opens what `visible_to` lets the user see, and nothing else."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = self.model._default_manager.visible_to(request.user)
        ordering = self.get_ordering(request)
        return rows.order_by(*ordering) if ordering else rows  # type: ignore[no-any-return]  # any of our QuerySets

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Admit what the list's own filters ask, and nothing else.

        Django admits lookups on any field of the model: a list that never shows an e-mail address would tell it,
        letter by letter, by how many rows are left.
        """
        filters = self.get_list_filter(request)
        names = [entry[0] if isinstance(entry, tuple) else getattr(entry, "parameter_name", entry) for entry in filters]
        return lookup in {f"{name}{ending}" for name in [*names, self.date_hierarchy] for ending in _ASKED}


class ReadOnlyAdmin(ReadOnly, VisibleAdmin):
    """Shows visible rows that only the actions write."""


class OfOwnedBrandsAdmin(VisibleAdmin):
    """Rows that owners make for a brand of theirs: no other can be chosen, and an only one is chosen already."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "brand":
            kwargs["queryset"] = Brand.objects.owned_by(request.user).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "brand" and field is not None and not request.user.is_superuser:
            for right in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{right}_related", False)
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        own = list(Brand.objects.owned_by(request.user)[:2])
        return {"brand": own[0].pk if len(own) == 1 else None, **super().get_changeform_initial_data(request)}


class OfInvitationsAdmin(ReadOnlyAdmin):
    """Shows what came of invitations, to whoever sees these; managers act on it."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("campaigns.view_invitation"))

    def has_manage_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("campaigns.change_campaign"))


def run_of(request: HttpRequest) -> ScoreRun | None:
    """Return the run whose scores this request shows, asking the database once."""
    if not hasattr(request, "_score_run"):
        request._score_run = ScoreRun.objects.current()  # type: ignore[attr-defined]
    run: ScoreRun | None = request._score_run  # type: ignore[attr-defined]
    return run


def start_soon(task: Any) -> None:
    """Ask a worker to do a task. Where no broker answers, beat finds what is due within a minute of being back."""
    try:
        task.apply_async(retry=False)
    except OperationalError as error:
        log.warning("%s waits for beat: the broker doesn't answer (%s)", task.name, type(error).__name__)


def day(moment: datetime | None) -> str:
    """Return a moment's day as a list shows it."""
    return f"{moment:%-d %b %Y}" if moment else "–"


def person_link(person: Person) -> SafeString:
    """Return a person's name and handle, leading to their profile."""
    return format_html(
        '<a class="sway-person" href="{}"><b>{}</b><span>@{}</span></a>',
        reverse("profile", args=[person.handle]),
        person.name or person.handle,
        person.handle,
    )


def score_badge(score: float, enough_seen: bool = True) -> SafeString:
    """Return a score as a badge; words in its place where too little was seen for it to say much."""
    if enough_seen:
        return format_html('<span class="sway-score">{}</span>', f"{score:.1f}")
    return format_html(
        '<span class="sway-score sway-pale" title="{}">{}</span>',
        f"Too few people reacted for the score of {score:.1f} to say much: see the band of people reached.",
        NOT_ENOUGH_SEEN,
    )
