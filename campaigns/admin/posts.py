"""Posts by participants: what says that it is an ad, who was reminded, and the chain of it as a file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RadioFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.admin.export import Cell, csv_response
from campaigns import actions, tasks
from campaigns.admin.acting import MOST_CODES_AT_ONCE, act_on_each, too_many
from campaigns.admin.base import CappedPaginator, OfInvitationsAdmin, person_link, staff_of, start_soon
from campaigns.admin.shortlists import CampaignFilter
from campaigns.models import Brand, Campaign, CampaignPost

State = CampaignPost.LabelState
Reminder = CampaignPost.Reminder
LABEL_LABELS = {State.UNREAD: "default", State.MISSING: "danger", State.FOUND: "success", State.BY_HAND: "success"}
REMINDER_LABELS = {
    Reminder.NONE: "default",
    Reminder.DUE: "info",
    Reminder.SENDING: "info",
    Reminder.SENT: "success",
    Reminder.FAILED: "danger",
    Reminder.TO_DO: "warning",
    Reminder.BY_HAND: "success",
}
# What the invited read before they answer: templates/campaigns/_stage.html.
ASKED: Final = "Nothing need be posted. If you do, say that {brand} invited you."
CSV_COLUMNS: Final = [
    *("campaign", "handle", "name", "asked", "invited_at", "invitation_sent_at", "invitation_seen_at", "accepted_at"),
    *("network", "post", "posted_at", "found_at", "label", "label_found", "remark", "labelled_later_at", "labelled_by"),
    *("reminder", "reminded_at", "reminded_by", "taken_out_at", "taken_out_why"),
]


class PostsCampaignFilter(CampaignFilter):
    path = "invitation__campaign"


class AboutFilter(RadioFilter):  # type: ignore[misc]  # unfold publishes no types
    title = "about the campaign"
    parameter_name = "about"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "About it"), ("no", "Taken out")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"yes", "no"}:
            return queryset
        return queryset.filter(taken_out_at__isnull=self.value() == "yes")


class WhyForm(forms.Form):
    """Why a post is taken out."""

    why = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Such as: the word means something else there. It stands in the exported chain.",
    )


_TAKE_OUT: Final = {
    "title": "Take out",
    "what": "Nobody is reminded of them, and their authors don't see them any more. They stay here as taken out.",
}


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of posts for which something was done."""

    one: str
    many: str


@admin.register(CampaignPost)
class CampaignPostAdmin(OfInvitationsAdmin):
    """Posts are found by the look; managers say what they saw."""

    list_display = [
        "which",
        "who",
        "campaign",
        "written",
        "label_state_label",
        "found_label",
        "reminder_label",
        "notes",
    ]
    list_display_links = None
    list_filter = [
        PostsCampaignFilter,
        ("label_state", ChoicesDropdownFilter),
        ("reminder", ChoicesDropdownFilter),
        AboutFilter,
    ]
    list_filter_submit = True
    list_fullwidth = True
    list_before_template = "admin/campaigns/posts_before.html"
    search_fields = ["post_id", "invitation__person__handle", "invitation__person__name"]
    search_help_text = "Search by post, name or handle"
    ordering = ["-at", "-pk"]
    paginator = CappedPaginator
    actions = ["remind_now", "reminded_by_hand", "label_seen", "not_about", "about_after_all", "export_csv"]
    fields = ["which", "who", "campaign", "written", "label_state", "found_label", "reminder", "notes"]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[CampaignPost]:
        rows: QuerySet[CampaignPost] = super().get_queryset(request)
        managed = Campaign.objects.managed_by(request.user).filter(pk=OuterRef("invitation__campaign"))
        return rows.select_related(
            "invitation__campaign__brand", "invitation__person", "identity__network", "labelled_by", "reminded_by"
        ).annotate(is_managed=Exists(managed))

    def get_list_display(self, request: HttpRequest) -> list[str]:
        one = PostsCampaignFilter.parameter_name in request.GET
        return [column for column in self.list_display if not (one and column == "campaign")]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "title": "Posts"})
        return response

    @admin.display(description="post")
    def which(self, row: CampaignPost) -> SafeString | str:
        if row.post_id.startswith(("https://", "http://")):
            return format_html(
                '<a class="sway-link" href="{}" title="{}" rel="noreferrer">{}</a>',
                row.post_id,
                row.post_id,
                _short(row.post_id.partition("://")[2]),
            )
        if row.post_id:
            return format_html('<span title="{}">{}</span>', row.post_id, _short(row.post_id))
        profile = row.identity.url
        if not profile:
            return f"not named yet, on {row.identity.network_id}"
        return format_html('not named yet: <a class="sway-link" href="{}" rel="noreferrer">the account</a>', profile)

    @admin.display(description="who", ordering="invitation__person__handle")
    def who(self, row: CampaignPost) -> SafeString:
        return person_link(row.invitation.person)

    @admin.display(description="campaign", ordering="invitation__campaign__name")
    def campaign(self, row: CampaignPost) -> Campaign:
        return row.invitation.campaign

    @admin.display(description="written, UTC", ordering="at")
    def written(self, row: CampaignPost) -> str:
        return f"{row.at:%-d %b %Y, %H:%M}"

    @display(description="label", label=LABEL_LABELS, ordering="label_state")  # type: ignore[untyped-decorator]
    def label_state_label(self, row: CampaignPost) -> tuple[str, str]:
        return row.label_state, row.get_label_state_display()

    @admin.display(description="which")
    def found_label(self, row: CampaignPost) -> str:
        return ", ".join(part for part in (row.label, row.get_remark_display()) if part) or "–"

    @display(description="reminder", label=REMINDER_LABELS, ordering="reminder")  # type: ignore[untyped-decorator]
    def reminder_label(self, row: CampaignPost) -> tuple[str, str]:
        when = f", {row.reminded_at:%-d %b}" if row.reminded_at else ""
        return row.reminder, f"{row.get_reminder_display()}{when}"

    @admin.display(description="notes")
    def notes(self, row: Any) -> str:
        said = []
        if row.taken_out_at:
            said.append(f"taken out: {row.taken_out_why}" if row.is_managed else "taken out")
        if row.labelled_at:
            by = f" by {row.labelled_by}" if row.labelled_by and row.is_managed else ""
            said.append(f"label seen {row.labelled_at:%-d %b}{by}")
        return "; ".join(said) or "–"

    @admin.action(description="Remind now", permissions=["manage"])
    def remind_now(self, request: HttpRequest, queryset: QuerySet[CampaignPost]) -> None:
        """Have those without a label reminded of by e-mail."""
        if self._each(request, queryset, actions.remind, _Said("reminder is", "reminders are"), "on the way"):
            transaction.on_commit(lambda: start_soon(tasks.send_due_reminders))

    @admin.action(description="Reminded by hand", permissions=["manage"])
    def reminded_by_hand(self, request: HttpRequest, queryset: QuerySet[CampaignPost]) -> None:
        """Note that somebody was reminded in another way."""
        self._each(request, queryset, actions.note_reminded, _Said("post is", "posts are"), "noted as reminded of")

    @admin.action(description="Label seen", permissions=["manage"])
    def label_seen(self, request: HttpRequest, queryset: QuerySet[CampaignPost]) -> None:
        """Note a label that the text doesn't show."""
        self._each(request, queryset, actions.note_label, _Said("post is", "posts are"), "noted as labelled")

    @admin.action(description="Not about this campaign…", permissions=["manage"])
    def not_about(self, request: HttpRequest, queryset: QuerySet[CampaignPost]) -> HttpResponse | None:
        """Ask why; with the answer, take them out."""
        form = WhyForm(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            self._each(
                request, queryset, actions.take_out, _Said("post is", "posts are"), "taken out", **form.cleaned_data
            )
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Not about this campaign",
            "act": _TAKE_OUT,
            "noun": "post",
            "opts": self.opts,
            "number": _managed(queryset).count(),
            "form": form,
            "hidden": [
                ("action", "not_about"),
                ("select_across", request.POST.get("select_across", "0")),
                *((ACTION_CHECKBOX_NAME, pk) for pk in request.POST.getlist(ACTION_CHECKBOX_NAME)),
            ],
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/campaigns/codes_act.html", context)

    @admin.action(description="About it after all", permissions=["manage"])
    def about_after_all(self, request: HttpRequest, queryset: QuerySet[CampaignPost]) -> None:
        """Take posts in again."""
        self._each(request, queryset, actions.put_back, _Said("post is", "posts are"), "about the campaign again")

    @admin.action(description="Export the chain as CSV", permissions=["manage"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        """Send what was asked, posted, labelled and reminded of, a row for each post that the user manages."""
        queryset = _managed(queryset)
        brands = Brand.objects.filter(campaigns__in=queryset.order_by().values("invitation__campaign")).distinct()
        actions.record_export(by=staff_of(request), what="posts", brands=brands)
        response: HttpResponse = csv_response(  # type: ignore[assignment]  # a streaming one
            "posts.csv", CSV_COLUMNS, (_csv_row(row) for row in queryset.iterator(chunk_size=2000))
        )
        return response

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        act: Callable[..., None],
        what: _Said,
        done: str,
        **given: Any,
    ) -> int:
        """Do something to each post that the user manages, say to how many, and why not to the others."""
        rows = _managed(queryset)
        if too_many(request, rows, MOST_CODES_AT_ONCE, "posts"):
            return 0
        return act_on_each(
            request,
            rows.order_by("pk"),
            act,
            done=lambda number: f"{number} {what.one if number == 1 else what.many} {done}.",
            **given,
        )


def _managed(queryset: QuerySet[Any]) -> QuerySet[Any]:
    return queryset.filter(is_managed=True)


def _csv_row(row: Any) -> list[Cell]:
    invitation, person = row.invitation, row.invitation.person
    by = {name: str(getattr(row, name) or "") if row.is_managed else "" for name in ("labelled_by", "reminded_by")}
    return [
        *(invitation.campaign.name, person.handle, person.name),
        ASKED.format(brand=invitation.campaign.brand.name),
        *(_time(at) for at in (invitation.invited_at, invitation.sent_at, invitation.seen_at, invitation.answered_at)),
        *(row.identity.network_id, row.post_id or str(row.post), _time(row.at), _time(row.found_at)),
        *(row.get_label_state_display(), row.label, row.get_remark_display()),
        *(_time(row.labelled_at), by["labelled_by"], row.get_reminder_display(), _time(row.reminded_at)),
        *(by["reminded_by"], _time(row.taken_out_at), row.taken_out_why if row.is_managed else ""),
    ]


def _short(text: str) -> str:
    """Return the two ends of a long text."""
    return text if len(text) <= 30 else f"{text[:15]}…{text[-12:]}"


def _time(moment: Any) -> str:
    return moment.isoformat() if moment else ""


class PostsMixin:
    """What a campaign's own page has of posts."""

    @action(description="Posts", url_path="posts", icon="article")  # type: ignore[untyped-decorator]
    def posts(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the posts that were found by people who accepted."""
        return HttpResponseRedirect(_list_url(self._managed(request, object_id)))  # type: ignore[attr-defined]


def _list_url(campaign: Campaign) -> str:
    """Return where a campaign's posts are listed."""
    return f"{reverse('admin:campaigns_campaignpost_changelist')}?campaign={campaign.pk}"


def posts_of(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    """Return what the section of posts on a campaign's page shows. One query."""
    rows = CampaignPost.objects.visible_to(request.user).about().filter(invitation__campaign=campaign)
    labelled = ~Q(label_state__in=CampaignPost.NOT_SEEN)
    counted = rows.order_by().aggregate(
        found=Count("pk"),
        labelled=Count("pk", filter=labelled),
        missing=Count("pk", filter=Q(label_state=State.MISSING)),
        unread=Count("pk", filter=Q(label_state=State.UNREAD)),
        by_hand=Count("pk", filter=~labelled & Q(reminder__in=[Reminder.TO_DO, Reminder.FAILED])),
    )
    return {**counted, "list_url": _list_url(campaign)}
