"""Recent activity, and the files of the activity log."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import actions
from accounts.admin.base import OperatorsAdmin, ReadOnly, YesNoFilter, staff_of
from accounts.intake.columns import LATEST
from accounts.intake.rows import checked_id
from accounts.keys import account_key
from accounts.models import Activity, ErasedAccount, Identity, LogFile

_WHOM = "The account's id on the network, or @ and its handle."


class IdField(forms.CharField):
    """An account's or post's id as its network gives it; a handle, marked by @, in lower case."""

    widget = UnfoldAdminTextInputWidget

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if not text:
            return text
        try:
            text = checked_id(text, "It")
        except ValueError as error:
            raise forms.ValidationError(f"{error}.") from error
        return text.lower() if text.startswith("@") else text


class ActivityForm(forms.ModelForm[Activity]):
    who = IdField(help_text=f"Who acted. {_WHOM}")
    whom = IdField(label="On whom", help_text=f"Whose post it was, or who was named. {_WHOM}")
    post = IdField(required=False, help_text="The network's id of the post acted on; empty where none.")

    class Meta:
        model = Activity
        fields = ["network", "kind", "who", "whom", "post", "at"]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        at = data.get("at")
        if at is not None and not 0 <= at.timestamp() <= LATEST:
            self.add_error("at", "It is outside the years 1970 to 2100.")
        for side in ("who", "whom"):
            if not (data.get(side) and data.get("network")):
                continue
            network, account = data["network"].pk, data[side]
            if _is_taken(network, account):
                self.add_error(side, "Another account has this account's key, so it can't be kept.")
            elif _is_erased(network, account):
                self.add_error(side, "This account was erased: nothing that it does or receives is kept.")
        return data


def _is_taken(network: str, account: str) -> bool:
    holders = Identity.objects.filter(pk=account_key(network, account))
    return holders.exclude(network=network, external_id=account).exists()


def _is_erased(network: str, account: str) -> bool:
    return ErasedAccount.objects.filter(pk=account_key(network, account)).exists()


class InLogFilter(YesNoFilter):
    title = "in the log"
    parameter_name = "in_log"
    field = "log_file"


@admin.register(Activity)
class ActivityAdmin(OperatorsAdmin):
    """Rows can be added by hand. Events don't change: a mistyped one can be deleted until the log has it."""

    form = ActivityForm
    list_display = ["at", "kind", "actor", "target", "post", "network", "in_log"]
    list_select_related = ["actor", "target", "network"]
    list_filter = ["kind", "network", InLogFilter]
    search_fields = ["actor__handle", "target__handle"]
    search_help_text = "Search by handle"
    date_hierarchy = "at"
    ordering = ["-at", "-pk"]

    def get_fields(self, request: HttpRequest, obj: Activity | None = None) -> list[str]:
        if obj is None:
            return ["network", "kind", "who", "whom", "post", "at"]
        return ["network", "kind", "actor", "target", "post", "at", "recorded_by", "created_at", "log_file"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Activity | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.log_file_id is None)

    @admin.display(description="in the log", boolean=True, ordering="log_file")
    def in_log(self, activity: Activity) -> bool:
        return activity.log_file_id is not None

    def save_model(self, request: HttpRequest, obj: Activity, form: Any, change: bool) -> None:
        data = form.cleaned_data
        row = actions.NewActivity(
            network=data["network"].pk,
            kind=data["kind"],
            actor=data["who"],
            target=data["whom"],
            at=data["at"],
            post=data["post"],
        )
        recorded = actions.record_activity([row], by=staff_of(request), now=timezone.now())
        if not recorded:
            messages.warning(request, "This event is here already: it is kept once.")
        saved = Activity.objects.get(
            _is("actor", data["who"]),
            _is("target", data["whom"]),
            network=data["network"],
            kind=data["kind"],
            post=data["post"],
            at=data["at"].replace(microsecond=0),
        )
        obj.pk, obj.actor, obj.target = saved.pk, saved.actor, saved.target

    def delete_model(self, request: HttpRequest, obj: Activity) -> None:
        self.delete_queryset(request, Activity.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Activity]) -> None:
        asked = queryset.count()
        deleted, _ = queryset.filter(log_file__isnull=True).delete()
        if deleted < asked:
            messages.warning(request, f"{asked - deleted} went into the log meanwhile and stay.")


def _is(side: str, account: str) -> Q:
    """Return that an account is the one of this id, or the one that this handle was taken for."""
    made = Identity.objects.filter(external_id=account, alias_of__isnull=False)
    return Q(**{f"{side}__external_id": account}) | Q(**{f"{side}__in": made.values("alias_of")})


class ReplacedFilter(YesNoFilter):
    title = "replaced"
    parameter_name = "replaced"
    field = "replaced_at"


@admin.register(LogFile)
class LogFileAdmin(ReadOnly, OperatorsAdmin):
    list_display = ["day", "table", "rows", "size", "path", "created_at", "replaced_at"]
    list_filter = ["table", ReplacedFilter]
    date_hierarchy = "day"
    ordering = ["-day", "table", "-pk"]
