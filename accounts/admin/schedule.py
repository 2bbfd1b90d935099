"""What runs by itself and what came of it: Celery's schedule and results, in unfold's clothes."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat.admin import (
    ClockedScheduleAdmin,
    CrontabScheduleAdmin,
    IntervalScheduleAdmin,
    PeriodicTaskAdmin,
    PeriodicTaskForm,
    PeriodicTaskInline,
    SolarScheduleAdmin,
    TaskSelectWidget,
)
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from django_celery_results.admin import GroupResultAdmin, TaskResultAdmin
from django_celery_results.models import GroupResult, TaskResult
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.admin.base import SuperusersOnly

for model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule, PeriodicTask, GroupResult, TaskResult):
    admin.site.unregister(model)


class _TaskWidget(UnfoldAdminSelectWidget, TaskSelectWidget):  # type: ignore[misc]  # these libraries publish no types
    pass


class _TaskForm(PeriodicTaskForm):  # type: ignore[misc]  # the same
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = _TaskWidget()


@admin.register(PeriodicTask)
class ScheduledTaskAdmin(SuperusersOnly, PeriodicTaskAdmin, ModelAdmin):  # type: ignore[misc]  # the same
    form = _TaskForm
    ordering = ["name"]


class _TaskInline(PeriodicTaskInline, TabularInline):  # type: ignore[misc]  # the same
    hide_title = True


@admin.register(ClockedSchedule)
class ClockedAdmin(SuperusersOnly, ClockedScheduleAdmin, ModelAdmin):  # type: ignore[misc]  # the same
    inlines = [_TaskInline]


@admin.register(CrontabSchedule)
class CrontabAdmin(SuperusersOnly, CrontabScheduleAdmin, ModelAdmin):  # type: ignore[misc]  # the same
    inlines = [_TaskInline]


@admin.register(IntervalSchedule)
class IntervalAdmin(SuperusersOnly, IntervalScheduleAdmin, ModelAdmin):  # type: ignore[misc]  # the same
    inlines = [_TaskInline]


@admin.register(SolarSchedule)
class SolarAdmin(SuperusersOnly, SolarScheduleAdmin, ModelAdmin):  # type: ignore[misc]  # the same
    inlines = [_TaskInline]


@admin.register(TaskResult)
class ResultAdmin(SuperusersOnly, TaskResultAdmin, ModelAdmin):  # type: ignore[misc]  # the same
    show_full_result_count = False
    ordering = ["-date_done", "-pk"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(GroupResult)
class GroupAdmin(SuperusersOnly, GroupResultAdmin, ModelAdmin):  # type: ignore[misc]  # the same
    ordering = ["-date_done", "-pk"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
