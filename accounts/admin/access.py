"""Who may come in: logins, groups, e-mail addresses, API keys."""

from typing import Any

from allauth.account.admin import EmailAddressAdmin as AllauthEmailAddressAdmin
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import actions
from accounts.admin.base import OperatorsAdmin, SuperusersOnly, staff_of
from accounts.models import ApiKey, User
from accounts.purposes import PurposeRefused, purpose_in

admin.site.unregister(Group)
admin.site.unregister(EmailAddress)
# Nobody has to see these, and the list would show their secrets: what there is to do with one is to reset it.
admin.site.unregister(Authenticator)


class NewUserForm(UserCreationForm):  # type: ignore[misc]  # unfold publishes no types
    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("is_service") and data.get("set_usable_password"):
            self.add_error("usable_password", "A service user can't sign in: choose Disabled.")
        return data


class ChangedUserForm(UserChangeForm):  # type: ignore[misc]  # unfold publishes no types
    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("is_service"):
            if self.instance.has_usable_password():
                self.add_error("is_service", "This login has a password, so somebody signs in with it.")
            if data.get("is_superuser"):
                self.add_error("is_superuser", "A service user can't have all rights.")
        elif self.instance.api_keys.live().exists():
            self.add_error("is_service", "Keys act as this login, which would end them: revoke them first.")
        return data


@admin.register(User)
class UserAdmin(SuperusersOnly, DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]  # the same
    form = ChangedUserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "email", "is_active", "is_staff", "is_superuser", "is_service", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser", "is_service", "groups"]
    ordering = ["username"]
    show_full_result_count = False
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password", "email", "first_name", "last_name"]}),
        ("Rights", {"fields": ["is_active", "is_service", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["username", "is_service", "usable_password", "password1", "password2"]})]
    actions = ["reset_second_factor"]

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        user = self.get_object(request, id)
        if user is not None and user.is_service:
            raise PermissionDenied("A service user has no password.")
        return super().user_change_password(request, id, form_url)

    def has_reset_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    @admin.action(description="Reset second factor", permissions=["reset"])
    def reset_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Take the second factors of logins away, and write it down in the history of each."""
        done = [user for user in queryset if actions.reset_second_factor(user, by=staff_of(request))]
        for user in done:
            self.log_change(request, user, "Second factor reset.")
        if done:
            names = ", ".join(user.username for user in done)
            messages.success(request, f"Reset: {names}. They set up another one when they next sign in.")
        if len(done) < len(queryset):
            messages.info(request, "Who had none wasn't changed.")


@admin.register(Group)
class GroupAdmin(SuperusersOnly, DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]  # the same
    pass


@admin.register(EmailAddress)
class EmailAddressAdmin(SuperusersOnly, AllauthEmailAddressAdmin, ModelAdmin):  # type: ignore[misc]  # nor does allauth
    list_select_related = ["user"]
    ordering = ["email"]


class PurposeFilter(admin.SimpleListFilter):
    title = "purpose"
    parameter_name = "purpose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("stated", "Stated"), ("lacking", "Says nothing")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        match self.value():
            case "stated":
                return queryset.exclude(purpose="")
            case "lacking":
                return queryset.filter(purpose="")
        return queryset


class ApiKeyForm(forms.ModelForm[ApiKey]):
    class Meta:
        model = ApiKey
        fields = ["name", "purpose", "user"]
        help_texts = {
            "name": "Whose key it is.",
            "purpose": "In writing, such as: show our team whom people in Toronto listen to, to plan whom to invite. "
            "The key is for this alone, and that is settled. Decisions about work, credit, insurance or housing "
            "are refused.",
            "user": "The service user as whom the partner reads.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "purpose" in self.fields:
            self.fields["purpose"].required = True
            self.fields["purpose"].error_messages["required"] = "Say what this key uses people's scores for."

    def clean_purpose(self) -> str:
        try:
            return purpose_in(self.cleaned_data["purpose"])
        except PurposeRefused as error:
            raise forms.ValidationError(str(error)) from None


@admin.register(ApiKey)
class ApiKeyAdmin(OperatorsAdmin):
    """A key is shown once, when it is made; later it can only be revoked."""

    form = ApiKeyForm
    list_display = ["name", "used_for", "prefix", "user", "created_at", "created_by", "last_used_at", "revoked_at"]
    list_select_related = ["user", "created_by"]
    search_fields = ["name", "prefix", "purpose"]
    list_filter = [PurposeFilter]
    ordering = ["-created_at", "-pk"]
    actions = ["revoke"]

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        if obj is None:
            return ["name", "purpose", "user"]
        return ["name", "purpose", "prefix", "user", "created_at", "created_by", "last_used_at", "revoked_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        return [name for name in self.get_fields(request, obj) if name != "purpose"] if obj else []

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        # One of before, whose purpose is asked for; once that is said, it stays.
        return super().has_change_permission(request, obj) and (obj is None or (not obj.purpose and not obj.revoked_at))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user":
            kwargs["queryset"] = User.objects.filter(is_service=True, is_active=True).order_by("username")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        by, now = staff_of(request), timezone.now()
        if change:
            actions.state_purpose(obj, purpose=obj.purpose, by=by, now=now)
            return
        made, text = actions.create_api_key(name=obj.name, purpose=obj.purpose, user=obj.user, by=by, now=now)
        obj.pk, obj.prefix = made.pk, made.prefix
        messages.warning(
            request,
            format_html("The key, shown this once: <code>{}</code> Copy it now; it can't be shown again.", text),
        )

    @admin.display(description="used for", ordering="purpose")
    def used_for(self, key: ApiKey) -> str:
        return Truncator(key.purpose).chars(80) if key.purpose else "says nothing: open it and say what it is for"

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        now = timezone.now()
        revoked = [key for key in queryset if actions.revoke_api_key(key, by=staff_of(request), now=now)]
        for key in revoked:
            self.log_change(request, key, "Revoked.")
        messages.success(request, f"{len(revoked)} revoked. They open nothing any more.")
