"""Invitations: what became of each, and the personal links that are for the manager to send."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RadioFilter
from unfold.decorators import display

from accounts.admin.export import Cell, csv_response
from accounts.admin.merges import FACTS
from accounts.models import Person, User
from campaigns import actions
from campaigns.admin.acting import MOST_CODES_AT_ONCE, act_on_each, too_many
from campaigns.admin.base import STATE_LABELS, CappedPaginator, ReadOnlyAdmin, day, person_link, staff_of
from campaigns.admin.shortlists import CampaignFilter
from campaigns.links import invitation_url
from campaigns.models import Brand, Campaign, Invitation, Notice, Remark

OPEN = {Invitation.State.INVITED, Invitation.State.SEEN}
FOR_YOU_TO_SEND = set(Invitation.UNDELIVERED)
TO_SEND = Q(state__in=OPEN, delivery__in=FOR_YOU_TO_SEND)
DELIVERY_LABELS = {
    "e-mail due": "info",
    "e-mail on its way": "info",
    "e-mail sent": "success",
    "e-mail failed": "danger",
    "e-mail came back": "danger",
    "by hand": "warning",
}
CSV_COLUMNS = [
    *("campaign", "handle", "name", "state", "said", "delivery", "invited_at", "seen_at", "answered_at", "link"),
]
HIDDEN = "somebody who hid their profile"


class ForYouFilter(RadioFilter):  # type: ignore[misc]  # unfold publishes no types
    """What no e-mail does, and so is the manager's."""

    title = "for you to do"
    parameter_name = "for_you"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("send", "A link to send"), ("tell", "Something to tell them"), ("ask", "Details to ask for")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "send":
                return queryset.filter(TO_SEND)
            case "tell":
                return queryset.filter(Exists(Notice.objects.to_tell().filter(invitation=OuterRef("pk"))))
            case "ask":
                # What people gave, and who hasn't, is their brand's managers' business alone.
                return queryset.filter(
                    is_managed=True, pk__in=Invitation.objects.owing_details(timezone.now()).values("pk")
                )
        return queryset


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Invitations are made from shortlists and answered by the invited."""

    list_display = ["who", "campaign", "state_label", "said", "delivery_label", "link", "invited", "seen", "answered"]
    list_display_links = None
    list_filter = [
        CampaignFilter,
        ("state", ChoicesDropdownFilter),
        ("delivery", ChoicesDropdownFilter),
        ("remarks__kind", ChoicesDropdownFilter),
        ForYouFilter,
    ]
    list_filter_submit = True
    list_fullwidth = True
    search_fields = ["person__handle", "person__name"]
    search_help_text = "Search by name or handle"
    ordering = ["-invited_at", "-pk"]
    paginator = CappedPaginator
    actions = ["export_csv", "renew_links", "hold_codes", "told_by_hand"]
    fields = ["who", "campaign", "state", "said", "delivery", "link", "told"]
    fields += ["invited_at", "sent_at", "seen_at", "answered_at"]

    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        # `visible_to` also keeps what the user was sent; that is shown at /me, not among what the brand sends.
        rows: QuerySet[Invitation] = super().get_queryset(request)
        return (
            rows.filter(campaign__in=Campaign.objects.visible_to(request.user))
            .select_related("campaign", "person")
            .prefetch_related("remarks")
            .annotate(
                is_shown=Exists(Person.objects.visible_to(request.user).filter(pk=OuterRef("person"))),
                is_managed=Exists(Campaign.objects.managed_by(request.user).filter(pk=OuterRef("campaign"))),
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if search_term:
            # Or a name could be guessed by whether it finds the row that doesn't show it.
            queryset = queryset.filter(is_shown=True)
        found: tuple[QuerySet[Any], bool] = super().get_search_results(request, queryset, search_term)
        return found

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "title": "Invitations"})
        return response

    def has_renew_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("campaigns.add_shortlisting"))

    @admin.display(description="who")
    def who(self, row: Any) -> SafeString | str:
        return person_link(row.person) if row.is_shown else HIDDEN

    @display(description="answer", label=STATE_LABELS, ordering="state")  # type: ignore[untyped-decorator]
    def state_label(self, row: Invitation) -> str:
        return row.state

    @admin.display(description="wrote to you")
    def said(self, row: Any) -> SafeString | str:
        return format_html_join("", '<p class="sway-wrote" dir="auto"><b>{}</b> {}</p>', _remarks(row)) or "–"

    @display(description="delivery", label=DELIVERY_LABELS, ordering="delivery")  # type: ignore[untyped-decorator]
    def delivery_label(self, row: Invitation) -> str:
        return row.get_delivery_display()

    @admin.display(description="told since")
    def told(self, row: Any) -> SafeString | str:
        lines = Notice.objects.filter(invitation=row.pk).order_by("pk")
        said = [
            (
                line.get_kind_display(),
                line.get_delivery_display(),
                f", {line.sent_at:%-d %b %Y}" if line.sent_at else "",
            )
            for line in lines
        ]
        return format_html_join("", "<p>{}: {}{}</p>", said) or "–"

    @admin.display(description="link for you to send")
    def link(self, row: Any) -> SafeString | str:
        url = link_to_send(row)
        return copyable(url) if url else "–"

    @admin.display(description="invited", ordering="invited_at")
    def invited(self, row: Invitation) -> str:
        return day(row.invited_at)

    @admin.display(description="seen", ordering="seen_at")
    def seen(self, row: Invitation) -> str:
        return day(row.seen_at)

    @admin.display(description="answered", ordering="answered_at")
    def answered(self, row: Invitation) -> str:
        return day(row.answered_at)

    @admin.action(description="Export CSV", permissions=["renew"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> HttpResponse:
        """Send the invitations chosen as a file, with the links that are to be sent by hand.

        Those of brands that one only looks at stay out of it: a viewer takes no people home.
        """
        annotated: QuerySet[Any] = queryset
        rows = annotated.filter(is_managed=True)
        brands = Brand.objects.filter(campaigns__in=rows.order_by().values("campaign")).distinct()
        actions.record_export(by=staff_of(request), what="invitations", brands=brands)
        response: HttpResponse = csv_response(  # type: ignore[assignment]  # a streaming one
            "invitations.csv", CSV_COLUMNS, (_csv_row(row) for row in rows.iterator(chunk_size=2000))
        )
        return response

    @admin.action(description="Replace the personal links", permissions=["renew"])
    def renew_links(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        """Make the links given out so far worthless."""
        if too_many(request, queryset):
            return
        renewed = 0
        for row in queryset:
            try:
                actions.renew_link(row, by=staff_of(request))
            except actions.CampaignError as error:
                messages.warning(request, f"{row.person if row.is_shown else HIDDEN}: {error}")  # type: ignore[attr-defined]
            else:
                renewed += 1
        if renewed:
            messages.success(request, f"{renewed} replaced. Links sent before open nothing now.")

    @admin.action(description="Hold a code for each", permissions=["renew"])
    def hold_codes(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        """Put a code aside for each who hasn't answered yet."""
        if too_many(request, queryset, MOST_CODES_AT_ONCE):
            return
        act_on_each(
            request,
            queryset.order_by("pk"),
            actions.hold,
            done=lambda held: f"A code is held for {held}. It is theirs as soon as they accept.",
            left=lambda others: f"{others} without a code held.",
        )

    @admin.action(description="Told of their seat by hand", permissions=["renew"])
    def told_by_hand(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        """Note that the manager told those whom no e-mail could tell."""
        if too_many(request, queryset, MOST_CODES_AT_ONCE):
            return
        act_on_each(
            request,
            queryset.order_by("pk"),
            actions.note_told,
            done=lambda told: f"{told} {'is' if told == 1 else 'are'} noted as told.",
        )


def _remarks(row: Any) -> list[tuple[str, str]]:
    """Return what somebody wrote, each with what it is; nothing of somebody who hid since."""
    return [
        (f"{remark.get_kind_display()}{f', {remark.rating} of {Remark.BEST}' if remark.rating else ''}:", remark.text)
        for remark in (row.remarks.all() if row.is_shown else ())
    ]


def link_to_send(row: Any) -> str:
    """Return the link that a manager has to send, empty where an e-mail does, nobody may see it or it is too late.

    Whoever holds it can claim the profile, so who only reads for the brand doesn't get it.
    """
    wanted = row.is_managed and row.is_shown and row.state in OPEN and row.delivery in FOR_YOU_TO_SEND
    return invitation_url(row, settings.PUBLIC_URL) if wanted else ""


def copyable(url: str) -> SafeString:
    """Return a link as a field to copy from, with a button that does."""
    return format_html(
        '<span class="sway-copy" x-data="{{copied: false}}">'
        '<input readonly aria-label="personal link" value="{}" x-ref="link" x-on:focus="$el.select()">'
        "<button type=\"button\" x-text=\"copied ? 'Copied' : 'Copy'\" "
        'x-on:click="navigator.clipboard.writeText($refs.link.value); copied = true">Copy</button></span>',
        url,
    )


def _csv_row(row: Any) -> list[Cell]:
    return [
        row.campaign.name,
        row.person.handle if row.is_shown else "",
        row.person.name if row.is_shown else HIDDEN,
        row.state,
        " ".join(" ".join(said) for said in _remarks(row)),
        row.get_delivery_display(),
        *(time.isoformat() if time else "" for time in (row.invited_at, row.seen_at, row.answered_at)),
        link_to_send(row),
    ]


def _invited_to(person: Person, user: User) -> Iterator[tuple[str, str]]:
    """Yield what a person is invited to, as far as the user sees it, for the page that merges."""
    rows = Invitation.objects.visible_to(user).filter(person=person).select_related("campaign").order_by("pk")
    yield "Invitations", ", ".join(f"{row.campaign} ({row.state})" for row in rows) or "none"


FACTS.append(_invited_to)
