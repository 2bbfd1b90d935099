"""What people object to in what was taken off their score."""

from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import FollowsMerge, Person, User, Viewer
from scoring.models.runs import ScoreRun


class AppealQuerySet(FollowsMerge["Appeal"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep those of people whom the user may see, and of whoever was merged into one of these."""
        seen = Person.objects.visible_to(user)
        of_seen = Exists(seen.filter(pk=OuterRef("person")))
        return self.filter(of_seen | Exists(seen.filter(pk=OuterRef("person__merged_into"))))

    def moving(self, kept: Person, merged: Person) -> Self:
        """Keep the merged person's open ones, which go to whom the answer is for; what was answered is history.

        Of two against one reason the kept person's stays the open one.
        """
        waiting = self.filter(state=Appeal.State.OPEN)
        asked = waiting.filter(person=kept).values("reason")
        return waiting.filter(person=merged).exclude(reason__in=asked)


class Appeal(models.Model):
    """A person's objection to what a reason took off their forecast, and what was answered."""

    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        REFUSED = "refused"

    class Reason(models.TextChoices):
        UNVOUCHED = "unvouched", _("Attention that nobody vouches for")
        EXCHANGE = "exchange", _("Favours returned")
        INDISCRIMINATE = "indiscriminate", _("Attention given to everyone")
        REPETITION = "repetition", _("The same text again and again")
        ABSENCE = "absence", _("The chance of having stopped posting")

    person = models.ForeignKey(Person, models.CASCADE, related_name="appeals")
    run = models.ForeignKey(ScoreRun, models.PROTECT, related_name="appeals", help_text="Whose figures are contested.")
    reason = models.CharField(max_length=20, choices=Reason)
    people = models.FloatField(help_text="What was taken off then.")
    text = models.TextField(max_length=2000)
    made_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    answer = models.TextField(max_length=2000, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    objects = AppealQuerySet.as_manager()

    class Meta:
        permissions = [("answer_appeal", "Can answer appeals")]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "reason"], condition=Q(state="open"), name="appeal_one_open_per_reason"
            ),
            models.CheckConstraint(
                condition=Q(state="open", answered_at__isnull=True, answered_by__isnull=True, answer="")
                | (Q(state__in=["accepted", "refused"], answered_at__isnull=False) & ~Q(answer="")),
                name="appeal_answered_has_all",
            ),
            models.CheckConstraint(condition=~Q(text=""), name="appeal_has_text"),
        ]
        indexes = [models.Index(fields=["state", "made_at"], name="appeal_by_state")]

    def __str__(self) -> str:
        return f"appeal of person {self.person_id} against {self.reason}, {self.made_at:%Y-%m-%d}"
