"""People, their identities, networks and places."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import actions
from accounts.admin import erasing
from accounts.admin.base import OperatorsAdmin, ReadOnly, YesNoFilter, staff_of
from accounts.admin.merges import PERMISSION, ask_for
from accounts.models import Identity, Network, Person, Place, Rest, User


class ClaimedFilter(YesNoFilter):
    title = "claimed"
    parameter_name = "claimed"
    field = "user"


class ProvedFilter(YesNoFilter):
    title = "proved"
    parameter_name = "proved"
    field = "proved_at"


class PersonForm(forms.ModelForm[Person]):
    claim_for = forms.CharField(
        required=False,
        label="Join to the login",
        widget=UnfoldAdminTextInputWidget(),
        help_text="The username of whom this is, if you know: they can then see and steer their profile.",
    )

    class Meta:
        model = Person
        fields = ["handle", "name", "bio", "location", "place", "email", "is_hidden", "is_seed"]

    def clean_claim_for(self) -> User | None:
        username = self.cleaned_data["claim_for"].strip()
        if not username:
            return None
        user = User.objects.filter(username=username).first()
        if user is None:
            raise forms.ValidationError(f"There is no login {username}.")
        if user.is_service:
            raise forms.ValidationError("A service user can't be a person.")
        if Person.objects.filter(user=user).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(f"{username} already holds another profile.")
        return user


class IdentityInline(TabularInline):  # type: ignore[misc]  # unfold publishes no types
    model = Identity
    fields = ["account", "network", "handle", "followers", "verified", "proved_at"]
    readonly_fields = fields
    ordering = ["network", "external_id"]
    extra = 0
    can_delete = False
    hide_title = True
    verbose_name_plural = "Identities"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Identity]:
        rows: QuerySet[Identity] = super().get_queryset(request)
        return rows.select_related("network")

    # Unfold's own link stands in the title, and shows only under a mouse.
    @admin.display(description="id")
    def account(self, identity: Identity) -> str:
        address = reverse("admin:accounts_identity_change", args=[identity.pk])
        return format_html('<a href="{}">{}</a>', address, identity.external_id)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RestInline(ReadOnly, TabularInline):  # type: ignore[misc]  # unfold publishes no types
    """Time off: its person declares it, on their own page."""

    model = Rest
    fields = ["first_day", "last_day", "created_at", "created_by"]
    readonly_fields = fields
    ordering = ["-first_day", "-pk"]
    extra = 0
    hide_title = True
    verbose_name_plural = "Declared breaks"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rest]:
        rows: QuerySet[Rest] = super().get_queryset(request)
        return rows.select_related("created_by")


@admin.register(Person)
class PersonAdmin(OperatorsAdmin):
    """People come from activity and profiles, so nobody is added or deleted here."""

    form = PersonForm
    inlines = [IdentityInline, RestInline]
    list_display = ["handle", "name", "place", "user", "claimed_at", "is_hidden", "is_seed"]
    list_select_related = ["place", "user"]
    list_filter = [ClaimedFilter, "is_hidden", "is_seed"]
    search_fields = ["handle", "name"]
    search_help_text = "Search by handle or name"
    autocomplete_fields = ["place"]
    readonly_fields = ["user", "claimed_at", "claimed_via", "created_at"]
    ordering = ["handle", "pk"]
    actions = ["merge_with", "erase"]

    @admin.action(description="Merge with…", permissions=["merge"])
    def merge_with(self, request: HttpRequest, queryset: QuerySet[Person]) -> HttpResponse | None:
        """Lead to the page that asks who the person chosen is, or whether the two chosen are one."""
        people = list(queryset[:3])
        if len(people) > 2:
            messages.error(request, "Two people at a time: choose one or two.")
            return None
        return HttpResponseRedirect(ask_for(people))

    @admin.action(description="Erase…", permissions=["erase"])
    def erase(self, request: HttpRequest, queryset: QuerySet[Person]) -> HttpResponse | None:
        """Lead to the page that says what goes."""
        people = list(queryset[:2])
        if len(people) > 1:
            messages.error(request, "One person at a time: it can't be undone.")
            return None
        return HttpResponseRedirect(reverse("admin:accounts_person_erase", args=[people[0].pk]))

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(erasing.PERMISSION)

    def get_urls(self) -> list[URLPattern]:
        erase = path("<int:pk>/erase/", self.admin_site.admin_view(self.erase_view), name="accounts_person_erase")
        return [erase, *super().get_urls()]

    def erase_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return erasing.erase_view(self, request, pk)

    def has_merge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSION)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Person]:
        rows = Person.objects.visible_to(request.user)
        return rows.order_by(*self.get_ordering(request))

    def get_fieldsets(self, request: HttpRequest, obj: Person | None = None) -> list[tuple[str | None, Any]]:
        claimed = obj is not None and obj.user_id is not None
        return [
            ("Profile", {"fields": ["handle", "name", "bio", "location", "place", "email"]}),
            ("Here", {"fields": ["is_hidden", "is_seed", "created_at"]}),
            ("Claim", {"fields": ["user", "claimed_at", "claimed_via"] if claimed else ["claim_for"]}),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:
        # What isn't in the form was read before and may have changed meanwhile.
        obj.save(update_fields=[name for name in form.changed_data if name != "claim_for"])
        user = form.cleaned_data.get("claim_for")
        if user is not None:
            try:
                actions.claim_person(
                    obj, user=user, via=Person.ClaimedVia.OPERATOR, by=staff_of(request), now=timezone.now()
                )
            except actions.ClaimRefused as error:
                messages.error(request, str(error))


@admin.register(Identity)
class IdentityAdmin(OperatorsAdmin):
    """Identities come from activity and profiles; an operator can say whose one is, and that this was proved."""

    list_display = ["handle_or_id", "network", "person", "followers", "verified", "proved_at"]
    list_select_related = ["person", "network"]
    list_filter = ["network", "verified", ProvedFilter]
    search_fields = ["handle", "external_id"]
    search_help_text = "Search by handle or id"
    autocomplete_fields = ["person"]
    fields = [
        "network", "external_id", "key", "handle", "person", "proved_at", "name", "bio", "location", "website",
        "followers", "following", "verified", "created_at",
    ]  # fmt: skip
    readonly_fields = [name for name in fields if name not in {"person", "proved_at"}]
    ordering = ["network", "external_id"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="identity", ordering="handle")
    def handle_or_id(self, identity: Identity) -> str:
        return identity.handle or identity.external_id

    def save_model(self, request: HttpRequest, obj: Identity, form: Any, change: bool) -> None:
        obj.save(update_fields=[name for name in form.changed_data if name != "person"])
        if "person" in form.changed_data:
            actions.move_identity(obj, person=obj.person, by=staff_of(request), now=timezone.now())


@admin.register(Network)
class NetworkAdmin(OperatorsAdmin):
    list_display = ["slug", "name", "profile_url"]
    ordering = ["slug"]

    def get_readonly_fields(self, request: HttpRequest, obj: Network | None = None) -> list[str]:
        # Keys of accounts are made from the slug.
        return ["slug"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Place)
class PlaceAdmin(ReadOnly, OperatorsAdmin):
    """Here so that a person's place is found by typing; places come from profiles."""

    list_display = ["name", "region", "country", "population"]
    search_fields = ["name"]
    ordering = ["-population", "geoname_id"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False
