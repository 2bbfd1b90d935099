"""The second person's word on a group."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User, Viewer
from campaigns.models.selections import Selection


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def visible_to(self, user: Viewer) -> Self:
        return self.filter(selection__in=Selection.objects.visible_to(user))


class Approval(models.Model):
    """A group that was sent for approval, and what a second person answered: once, and for good.

    The database refuses another answer, and changes to a group that was approved (migration 0011).
    """

    class Answer(models.TextChoices):
        WAITING = "waiting", "waits for approval"
        APPROVED = "approved"
        SENT_BACK = "sent_back", "sent back"

    selection = models.OneToOneField(Selection, models.CASCADE, related_name="approval")
    answer = models.CharField(max_length=10, choices=Answer, default=Answer.WAITING)
    remark = models.TextField(blank=True, max_length=1_000)
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    answered_at = models.DateTimeField(null=True, editable=False)
    answered_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(answer="waiting", answered_at__isnull=True, answered_by__isnull=True)
                | Q(answer__in=["approved", "sent_back"], answered_at__isnull=False),
                name="approval_answer_has_time",
            ),
            models.CheckConstraint(
                condition=Q(asked_by__isnull=True) | Q(answered_by__isnull=True) | ~Q(asked_by=F("answered_by")),
                name="approval_by_a_second_person",
            ),
            models.CheckConstraint(
                condition=~Q(answer="sent_back") | ~Q(remark=""), name="approval_sent_back_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"group {self.selection_id}: {self.answer}"
