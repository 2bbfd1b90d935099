"""Campaigns: what is offered, whom it looks for, and how it goes."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import Case, Exists, F, OuterRef, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from accounts.models import Person
from campaigns import actions, queries
from campaigns.admin.audit import AuditedMixin
from campaigns.admin.base import STATE_LABELS, VisibleAdmin, run_of, staff_of
from campaigns.admin.campaign_forms import DETAILS, OFFER, RETURN, WHEN, WHOM, CampaignForm, PlaceForm
from campaigns.admin.choosing import choose_view
from campaigns.admin.handovers import handovers_of
from campaigns.admin.invitations import HIDDEN, TO_SEND, copyable, link_to_send
from campaigns.admin.inviting import ask, invite_listed
from campaigns.admin.mailing import MailingMixin, mailing_of
from campaigns.admin.mails import MailsMixin
from campaigns.admin.overlaps import overlap_view
from campaigns.admin.posts import PostsMixin, posts_of
from campaigns.admin.returns import return_view
from campaigns.admin.roles import RolesMixin, is_managed
from campaigns.admin.stock import CodesMixin, codes_of
from campaigns.models import Brand, Campaign, CampaignPlace, Invitation, Notice, Shortlisting, ShortlistingQuerySet
from scoring.queries import topic_tree

# Rows of the lists on a campaign's own page; the whole lists are a click away.
ROWS = 10


class PlaceInline(TabularInline):  # type: ignore[misc]  # unfold publishes no types
    model = CampaignPlace
    form = PlaceForm
    fields = ["name", "radius_km"]
    extra = 0
    hide_title = True
    verbose_name = "city"
    verbose_name_plural = "Cities to look in"

    def get_extra(self, request: HttpRequest, obj: Campaign | None = None, **kwargs: Any) -> int:
        return 0 if obj else 1


@admin.register(Campaign)
class CampaignAdmin(AuditedMixin, CodesMixin, MailingMixin, MailsMixin, PostsMixin, RolesMixin, VisibleAdmin):
    form = CampaignForm
    inlines = [PlaceInline]
    list_display = ["name", "brand", "period", "seats_filled", "shortlisted", "invited", "accepted"]
    list_select_related = ["brand"]
    search_fields = ["name"]
    search_help_text = "Search by name"
    ordering = ["-starts_on", "name", "pk"]
    show_add_link = False
    actions_list = ["new_campaign"]
    # Folded where more would leave the campaign's name no room.
    actions_detail = [
        "choose_group",
        "invite_shortlist",
        {
            "title": "More",
            "icon": "more_horiz",
            "items": ["find_influencers", "compare_audiences", "mails", "add_codes", "posts", "campaign_return"],
        },
    ]
    change_form_outer_before_template = "admin/campaigns/campaign_before.html"
    warn_unsaved_form = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return queries.with_counts(rows, request.user)

    def get_list_display(self, request: HttpRequest) -> list[str]:
        one = self._only_brand(request) is not None
        return [column for column in self.list_display if not (one and column == "brand")]

    def get_fieldsets(self, request: HttpRequest, obj: Campaign | None = None) -> list[tuple[str | None, Any]]:
        whose = [] if obj or self._only_brand(request) else ["brand"]
        return [
            ("What is offered", {"fields": [*whose, *OFFER]}),
            ("How many, and when", {"fields": WHEN}),
            ("What it needs to know of who accepts", {"fields": DETAILS}),
            ("Whom it looks for", {"fields": WHOM}),
            ("What it brought", {"fields": RETURN}),
        ]

    def get_form(self, request: HttpRequest, obj: Campaign | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.brand = self._only_brand(request)
        return form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "brand":
            kwargs["queryset"] = Brand.objects.managed_by(request.user).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != "topics":
            return super().formfield_for_manytomany(db_field, request, **kwargs)
        # All of them at once, a few hundred: the box then finds a topic by those above it too.
        widget = UnfoldAdminSelect2MultipleWidget(attrs={"data-placeholder": "Type a topic"})
        classes = widget.attrs["class"]
        field = super().formfield_for_manytomany(db_field, request, **kwargs, widget=widget)
        # Unfold dresses it as a plain list.
        field.widget.attrs["class"] = classes
        field.choices = topic_tree().paths()
        # Django tells to hold down a key, as in a plain list.
        field.help_text = kwargs.get("help_text", "")
        return field

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in {"brief", "purpose", "tags"} and field is not None:
            field.widget.attrs["rows"] = 5
        if db_field.name in {"brand", "topics"} and field is not None:
            # Managers choose among brands and topics, they don't add any here.
            for right in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{right}_related", False)
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"starts_on": timezone.now().date(), **super().get_changeform_initial_data(request)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and bool(self._own_brands(request))

    def has_change_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        if not super().has_change_permission(request, obj):
            return False
        return obj is None or is_managed(request, str(obj.pk))

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        if not change:
            obj.brand = obj.brand if obj.brand_id else form.brand
            obj.created_by, obj.created_at = staff_of(request), timezone.now()
            super().save_model(request, obj, form, change)
            return
        # Only what the form shows: whoever accepts meanwhile counts `seats_taken` up.
        obj.save(update_fields=[name for name in form.fields if name != "topics"])
        if "details_kind" in form.changed_data:
            actions.announce_details(campaign=obj, by=staff_of(request), now=timezone.now())
        # There may be more seats, or more days.
        actions.serve_waiting(campaign=obj, by=staff_of(request), now=timezone.now())

    def response_add(self, request: HttpRequest, obj: Campaign, post_url_continue: str | None = None) -> HttpResponse:
        if "_addanother" in request.POST or "_popup" in request.POST:
            answer: HttpResponse = super().response_add(request, obj, post_url_continue)
            return answer
        messages.success(request, f"{obj} is saved. Next: find people for it.")
        return HttpResponseRedirect(reverse("admin:campaigns_campaign_change", args=[obj.pk]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        context = {**(extra_context or {}), **(self._around(request, found) if found else {})}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        if found and found.is_over(timezone.now()) and isinstance(response, TemplateResponse):
            shown = response.context_data or {}
            main = reverse("admin:campaigns_campaign_campaign_return", args=[found.pk])
            shown["actions_detail"] = _once_over(shown.get("actions_detail", []), main)
        return response

    def _around(self, request: HttpRequest, campaign: Any) -> dict[str, Any]:
        """Return what stands before and after the form."""
        visible = Person.objects.visible_to(request.user).filter(pk=OuterRef("person"))
        managed = Campaign.objects.managed_by(request.user).filter(pk=OuterRef("campaign"))
        invitations: list[Any] = list(
            Invitation.objects.filter(campaign=campaign)
            .select_related("person")
            .annotate(is_shown=Exists(visible), is_managed=Exists(managed))
            .annotate(waits_for_you=Case(When(TO_SEND, is_shown=True, then=1), default=0))
            .order_by("-waits_for_you", F("answered_at").desc(nulls_last=True), "-invited_at", "-pk")[:ROWS]
        )
        return {
            "title": campaign.name,
            "subtitle": None,
            "campaign": campaign,
            "is_managed": is_managed(request, str(campaign.pk)),
            "is_over": campaign.is_over(timezone.now()),
            "rows": ROWS,
            "codes": codes_of(request, campaign),
            "mailing": mailing_of(campaign),
            "posts": posts_of(request, campaign),
            "handovers": handovers_of(request, campaign) if is_managed(request, str(campaign.pk)) else None,
            "shortlist": queries.shortlist_of(campaign, request.user, run_of(request), ROWS),
            "invitations": [
                {
                    "name": row.person.display_name if row.is_shown else HIDDEN,
                    "profile": reverse("profile", args=[row.person.handle]) if row.is_shown else "",
                    "state": row.state,
                    "label": STATE_LABELS[Invitation.State(row.state)],
                    "delivery": row.get_delivery_display(),
                    "link": copyable(url) if (url := link_to_send(row)) else "",
                    "answered_at": row.answered_at,
                }
                for row in invitations
            ],
            "find_url": find_url(campaign),
            "choose_url": reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk]),
            "declined_since": queries.declined_since_chosen(campaign),
            "new": _waiting(request, campaign).count(),
            "held_back": queries.held_back_from(campaign, request.user),
            "invite_url": reverse("admin:campaigns_campaign_invite_shortlist", args=[campaign.pk]),
            "mails_url": reverse("admin:campaigns_campaign_mails", args=[campaign.pk]),
            "list_url": f"{reverse('admin:campaigns_shortlisting_changelist')}?campaign={campaign.pk}",
            "to_tell": Notice.objects.to_tell().filter(invitation__campaign=campaign).count(),
            "sent_url": f"{reverse('admin:campaigns_invitation_changelist')}?campaign={campaign.pk}",
        }

    @admin.display(description="period", ordering="starts_on")
    def period(self, campaign: Campaign) -> str:
        return _period(campaign.starts_on, campaign.ends_on)

    @admin.display(description="seats taken", ordering="seats_taken")
    def seats_filled(self, campaign: Campaign) -> SafeString:
        return format_html(
            '<span class="sway-seats">{} of {}'
            '<progress value="{}" max="{}" aria-label="seats taken"></progress></span>',
            campaign.seats_taken,
            campaign.seats,
            campaign.seats_taken,
            campaign.seats,
        )

    @admin.display(description="shortlisted", ordering="shortlisted")
    def shortlisted(self, campaign: Any) -> int:
        return int(campaign.shortlisted)

    @admin.display(description="invited", ordering="invited")
    def invited(self, campaign: Any) -> int:
        return int(campaign.invited)

    @admin.display(description="accepted", ordering="accepted")
    def accepted(self, campaign: Any) -> int:
        return int(campaign.accepted)

    @action(description="New campaign", url_path="new", icon="add", permissions=["add"], variant=ActionVariant.PRIMARY)  # type: ignore[untyped-decorator]
    def new_campaign(self, request: HttpRequest) -> HttpResponse:
        """Lead to the form. Unfold's own link to it is a bare plus sign."""
        return HttpResponseRedirect(reverse("admin:campaigns_campaign_add"))

    @action(description="Choose the group", url_path="choose", icon="hub", variant=ActionVariant.PRIMARY)  # type: ignore[untyped-decorator]
    def choose_group(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask how to choose the people who together reach the most; with the answer, have them chosen."""
        return choose_view(self, request, self._managed(request, object_id))

    @action(description="Find influencers", url_path="find", icon="person_search")  # type: ignore[untyped-decorator]
    def find_influencers(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the influencer list with the campaign's topics, places and bounds filled in."""
        return HttpResponseRedirect(find_url(self._managed(request, object_id)))

    @action(description="Compare audiences", url_path="overlap", icon="join_inner")  # type: ignore[untyped-decorator]
    def compare_audiences(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show how far the audiences of the shortlist overlap."""
        return overlap_view(self, request, self._seen(request, object_id))

    @action(description="Invite shortlist", url_path="invite", icon="send")  # type: ignore[untyped-decorator]
    def invite_shortlist(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask first; with the answer, invite who is on the shortlist and wasn't invited yet."""
        campaign = self._managed(request, object_id)
        back = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
        new = _waiting(request, campaign)
        if request.method == "POST":
            invite_listed(request, new)
            return HttpResponseRedirect(back)
        if not new.exists():
            messages.info(request, _nobody(campaign))
            return HttpResponseRedirect(back)
        return ask(request, self, new, hidden=[], back=back) or HttpResponseRedirect(back)

    @action(description="Return", url_path="return", icon="monitoring")  # type: ignore[untyped-decorator]
    def campaign_return(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what the campaign brought; with a POST, have it measured."""
        return return_view(self, request, self._seen(request, object_id))

    def _only_brand(self, request: HttpRequest) -> Brand | None:
        """Return the brand of a user who manages just one."""
        brands = self._own_brands(request)
        return brands[0] if len(brands) == 1 else None

    def _own_brands(self, request: HttpRequest) -> list[Brand]:
        """Return the first two brands that the user manages, asking the database once a request."""
        if not hasattr(request, "_own_brands"):
            request._own_brands = list(Brand.objects.managed_by(request.user).order_by("pk")[:2])  # type: ignore[attr-defined]
        brands: list[Brand] = request._own_brands  # type: ignore[attr-defined]
        return brands


def _once_over(buttons: list[dict[str, Any]], main: str) -> list[dict[str, Any]]:
    """Return a page's buttons with the one that leads to `main` first, and all others under "More"."""
    each = [button for shown in buttons for button in shown.get("items", [shown])]
    first = [{**button, "variant": ActionVariant.PRIMARY} for button in each if button["path"] == main]
    rest = [{**button, "variant": ActionVariant.DEFAULT} for button in each if button["path"] != main]
    more = {"title": "More", "icon": "more_horiz", "variant": ActionVariant.DEFAULT, "items": rest}
    return first + ([more] if rest else [])


def find_url(campaign: Campaign) -> str:
    """Return the influencer list's address with the campaign's topics, places and score bounds as filters."""
    asked: list[tuple[str, str]] = [("for", str(campaign.pk))]
    asked += [("topic", topic.slug) for topic in campaign.topics.all()]
    asked += [("near", f"c{place.pk}") for place in campaign.places.all()]
    bounds = (("score_from", campaign.score_min), ("score_to", campaign.score_max))
    asked += [(name, f"{bound:g}") for name, bound in bounds if bound is not None]
    return f"{reverse('admin:scoring_influencer_changelist')}?{urlencode(asked)}"


def _waiting(request: HttpRequest, campaign: Campaign) -> ShortlistingQuerySet:
    """Return who is on the shortlist and can be invited: not yet, or not any more, and approved where that is asked."""
    invited = Invitation.objects.standing().filter(campaign=campaign, person=OuterRef("person"))
    listed = Shortlisting.objects.visible_to(request.user).filter(queries.approved_here(), campaign=campaign)
    ever = Invitation.objects.filter(campaign=campaign, person=OuterRef("person"))
    return listed.exclude(Exists(invited)).exclude(Exists(queries.held_back_here()) & ~Exists(ever)).order_by("pk")


def _nobody(campaign: Campaign) -> str:
    if campaign.brand.approval_required:
        return "Nobody on the shortlist is in an approved group and waits for an invitation."
    return "Nobody on the shortlist waits for an invitation. Find influencers first."


def _period(starts: date, ends: date) -> str:
    year = "" if starts.year == ends.year else " %Y"
    return f"{starts:%-d %b{year}} to {ends:%-d %b %Y}"
