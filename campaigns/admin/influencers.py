"""The list of influencers: where a manager looks for people, shortlists them and takes them home as CSV."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.views import ChangeList

from accounts.admin.export import Cell, csv_response, in_batches
from campaigns import actions, queries
from campaigns.admin.acting import too_many
from campaigns.admin.base import (
    ReadOnlyAdmin,
    person_link,
    run_of,
    score_badge,
    staff_of,
)
from campaigns.admin.comparing import compare_view
from campaigns.admin.counting import Matching, PeoplePaginator
from campaigns.admin.filters import (
    ClaimedFilter,
    LanguageFilter,
    LiftFilter,
    NetworkFilter,
    PlaceFilter,
    RadiusFilter,
    TopicFilter,
    passed_over,
    topics_of,
)
from campaigns.admin.influencers_file import CSV_COLUMNS, change_of, csv_row, followers_of
from campaigns.admin.own_filters import ForCampaignFilter, LikeFilter, PastFilter, WithoutFilter, alike_of
from campaigns.admin.ranges import GrowthFilter, ReachFilter, ScoreFilter, TakenFilter, WidthFilter, run_before
from campaigns.admin.segments import save_view, segments_bar
from campaigns.models import Brand, Campaign
from scoring.models import Influencer, InfluencerQuerySet, Topic
from scoring.queries import (
    ENOUGH_SUPPORTERS,
    InfluencerFilters,
    by_indexes,
    influencers,
    narrowed,
    shown_percentile,
)
from scoring.queries.alike import Alike


class InfluencerList(ChangeList):  # type: ignore[misc]  # unfold publishes no types
    """Reads what stands beside the scores for the page shown, and for no other."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        run = run_of(request)
        with by_indexes():
            people: list[Influencer] = list(self.result_list)
        queries.fill_in(people, run, run_before(request))
        self.result_list = people


class Counted(InfluencerList):
    """Counts whom the list would hold, and reads none of them."""

    def get_results(self, request: HttpRequest) -> None:
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)


@admin.register(Influencer)
class InfluencerAdmin(ReadOnlyAdmin):
    """People by their current score. One row leads to the person's profile page; there is nothing to edit."""

    list_display = ["who", "score", "percentile", "reach", "top_topics", "city", "change", "followers"]
    list_display_links = None
    list_filter = [
        *(Matching, TopicFilter, LiftFilter, PlaceFilter, RadiusFilter),
        *(ScoreFilter, ReachFilter, GrowthFilter, WidthFilter, TakenFilter),
        *(NetworkFilter, LanguageFilter, ClaimedFilter, ForCampaignFilter, PastFilter, WithoutFilter, LikeFilter),
    ]
    list_filter_submit = True
    list_fullwidth = True
    list_before_template = "admin/campaigns/influencers_before.html"
    search_fields = ["handle", "name"]
    search_help_text = "Search by name or handle"
    paginator = PeoplePaginator
    actions = ["shortlist_for", "compare", "export_csv"]

    def get_queryset(self, request: HttpRequest) -> InfluencerQuerySet:
        return influencers(staff_of(request), InfluencerFilters(), run_of(request))

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """Return the list's order where no heading was clicked: by reach on the topics asked for, else by score.

        The index on scores gives the latter, the one on reach the former of one topic, so that neither list is sorted.
        Look-alikes stand by their likeness.
        """
        if alike_of(request):
            return ["likeness_rank", "pk"]
        return ["-reach_on_topics" if topics_of(request) else "-current__score", "pk"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns: list[Any] = list(self.list_display)
        if topics := topics_of(request):
            # Django asks twice, and a heading sorts only if both answers hold the same column.
            if not hasattr(request, "_reach_on_topics"):
                request._reach_on_topics = _reach_on(topics)  # type: ignore[attr-defined]  # ours
            columns.insert(1, request._reach_on_topics)  # type: ignore[attr-defined]
        if found := alike_of(request):
            columns.insert(1, _likeness({each.person: each for each in found[1]}))
        return columns

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], per_page: int, *args: Any) -> Any:
        return PeoplePaginator(queryset, per_page, *args, run=run_of(request))

    def get_urls(self) -> list[Any]:
        own = [
            path("count/", self.admin_site.admin_view(self.count_view), name="scoring_influencer_count"),
            path("segment/", self.admin_site.admin_view(self.segment_view), name="scoring_influencer_segment"),
        ]
        return [*own, *super().get_urls()]

    def count_view(self, request: HttpRequest) -> HttpResponse:
        """Say how many people the address's filters leave: a text for HTMX."""
        return HttpResponse(self.counted(request).paginator.said, content_type="text/plain; charset=utf-8")

    def segment_view(self, request: HttpRequest) -> HttpResponse:
        """Keep the address's filters under a name."""
        return save_view(self, request)

    def counted(self, request: HttpRequest) -> Counted:
        """Return the list that the address asks for, without its rows."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        request._only_counted = True  # type: ignore[attr-defined]  # ours
        try:
            found: Counted = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            raise BadRequest("No such filter.") from None
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: InfluencerQuerySet, search_term: str
    ) -> tuple[InfluencerQuerySet, bool]:
        return narrowed(queryset, InfluencerFilters(search=search_term), run_of(request)), False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[InfluencerList]:
        return Counted if getattr(request, "_only_counted", False) else InfluencerList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        asked = request.GET.get("for", "")
        own = Campaign.objects.managed_by(request.user)
        context = {
            **(extra_context or {}),
            "title": "Influencers",
            "run": run_of(request),
            "columns": CSV_COLUMNS,
            "chosen_campaign": own.filter(pk=asked).first() if asked.isdecimal() else None,
        }
        response: HttpResponse = super().changelist_view(request, context)
        if isinstance(response, TemplateResponse) and response.context_data and "cl" in response.context_data:
            found = response.context_data["cl"]
            response.context_data["chips"] = [
                (text, found.get_query_string(remove=[name for name in spec.expected_parameters() if name]))
                for spec in found.filter_specs
                if (text := spec.describe())
            ]
            response.context_data["passed_over"] = passed_over(self.list_filter, found.filter_specs, request)
            response.context_data["segments"] = segments_bar(request, found)
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the profile page."""
        people = Influencer.objects.visible_to(request.user)
        person = get_object_or_404(people, pk=object_id if object_id.isdecimal() else None)
        return HttpResponseRedirect(reverse("profile", args=[person.handle]))

    def has_shortlist_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("campaigns.add_shortlisting"))

    @admin.display(description="who")
    def who(self, person: Influencer) -> SafeString:
        address = f"{reverse('admin:scoring_influencer_changelist')}?{urlencode({'like': person.handle})}"
        return format_html(
            '{}<a class="sway-aside" href="{}" title="People whom the same supporters support">look-alikes</a>',
            person_link(person),
            address,
        )

    @admin.display(description="score", ordering="current__score")
    def score(self, person: Any) -> SafeString:
        return score_badge(person.score, person.supporters >= ENOUGH_SUPPORTERS)

    # A score is reach on another scale, and a percentile its place in line: one order serves all three.
    @admin.display(description="percentile", ordering="current__score")
    def percentile(self, person: Any) -> str:
        return f"{shown_percentile(person.percentile):.1f}"

    @admin.display(description="people reached", ordering="current__score")
    def reach(self, person: Any) -> SafeString:
        return format_html(
            '<span class="sway-reach">{}<small title="80 % of outcomes lie in this band">{} to {}</small></span>',
            _people(person.reach),
            _people(person.low),
            _people(person.high),
        )

    @admin.display(description="top topics")
    def top_topics(self, person: Any) -> SafeString:
        tags = format_html_join(
            " ", '<span class="sway-tag">{}</span>', ((row.topic.shown_name,) for row in person.top_topics)
        )
        return format_html('<span class="sway-tags">{}</span>', tags) if tags else SafeString("–")

    @admin.display(description="city")
    def city(self, person: Any) -> str:
        return person.place.name if person.place else "–"

    @admin.display(description="28 days")
    def change(self, person: Any) -> str:
        change = change_of(person)
        return "–" if change is None else f"{change:+.1f}"

    @admin.display(description="followers, not part of the score")
    def followers(self, person: Any) -> str:
        followers = followers_of(person)
        return "–" if followers is None else f"{followers:,}"

    @admin.action(description="Shortlist for a campaign…", permissions=["shortlist"])
    def shortlist_for(self, request: HttpRequest, queryset: QuerySet[Influencer]) -> HttpResponse | None:
        """Ask which campaign; with the answer, shortlist."""
        if too_many(request, queryset):
            return None
        count = queryset.order_by().count()
        now = timezone.now()
        campaigns = Campaign.objects.managed_by(request.user).select_related("brand").order_by("ends_on", "name")
        choices = [campaign for campaign in campaigns if not campaign.is_over(now)]
        picked = request.POST.get("campaign")
        for campaign in choices:
            if str(campaign.pk) == picked:
                self._shortlist(request, campaign, queryset, count)
                return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Shortlist for a campaign",
            "opts": self.opts,
            "campaigns": choices,
            "picked": request.GET.get("for") if len(choices) != 1 else str(choices[0].pk),
            "unanswered": picked is not None or "confirmed" in request.POST,
            "count": count,
            "names": [person.display_name for person in queryset[:12]],
            "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "select_across": request.POST.get("select_across", "0"),
            "checkbox": ACTION_CHECKBOX_NAME,
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/campaigns/choose_campaign.html", context)

    def _shortlist(self, request: HttpRequest, campaign: Campaign, people: QuerySet[Influencer], count: int) -> None:
        try:
            added = actions.shortlist(campaign=campaign, people=people, by=staff_of(request), now=timezone.now())
        except actions.CampaignError as error:
            messages.error(request, str(error))
            return
        were = f" {count - added} {_were(count - added)} on it already." if added < count else ""
        messages.success(
            request,
            format_html(
                '{} put on the shortlist of <a class="sway-link" href="{}">{}</a>.{}',
                "1 person was" if added == 1 else f"{added} people were",
                reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
                campaign.name,
                were,
            ),
        )

    @admin.action(description="Compare side by side", permissions=["view"])
    def compare(self, request: HttpRequest, queryset: QuerySet[Influencer]) -> HttpResponse | None:
        """Show a few people beside each other."""
        return compare_view(self, request, queryset)

    @admin.action(description="Export CSV", permissions=["shortlist"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Influencer]) -> HttpResponse:
        """Send the people chosen as a file of `CSV_COLUMNS`."""
        run = run_of(request)
        before = run_before(request)
        as_of = f"{run.as_of:%Y-%m-%d}" if run else ""
        topics = ";".join(topic.name for topic in topics_of(request))

        def rows() -> Iterator[list[Cell]]:
            for people in in_batches(queryset.iterator(chunk_size=2000), 2000):
                queries.fill_in(people, run, before)
                yield from (csv_row(person, as_of, topics) for person in people)

        own = Brand.objects.managed_by(request.user) if not request.user.is_superuser else Brand.objects.none()
        actions.record_export(by=staff_of(request), what="influencers", brands=own)
        response: HttpResponse = csv_response("influencers.csv", list(CSV_COLUMNS), rows())  # type: ignore[assignment]
        return response


def _reach_on(topics: list[Topic]) -> Callable[[Any], SafeString]:
    """Return the column of people's reach on these topics together."""
    names = " or ".join(topic.name for topic in topics) if len(topics) < 3 else f"{len(topics)} topics"

    @admin.display(description=f"reach on {names}", ordering="reach_on_topics")
    def reach_on_topics(person: Any) -> SafeString:
        return format_html(
            '<span class="sway-reach">{}<small>score {}</small></span>',
            _people(person.reach_on_topics),
            f"{person.score_on_topics:.1f}",
        )

    return reach_on_topics


def _likeness(found: dict[int, Alike]) -> Callable[[Any], SafeString]:
    """Return the column of how like people are to whom look-alikes are looked for."""

    @admin.display(description="alike")
    def likeness(person: Any) -> SafeString:
        alike = found[person.pk]
        return format_html(
            '<span class="sway-reach">{} %<small>{} supporter{} shared</small></span>',
            f"{100 * alike.likeness:.0f}",
            alike.shared,
            "" if alike.shared == 1 else "s",
        )

    return likeness


def _people(number: float) -> str:
    """Return a number of people as one reads it: 3.4, 27, 1,250."""
    return f"{number:.1f}" if 0 < number < 9.95 else f"{number:,.0f}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
