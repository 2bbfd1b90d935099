"""Groups chosen for campaigns: what was asked for, who was chosen, and what they reach together."""

from typing import Self

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Person, User, Viewer
from campaigns.models.campaigns import Campaign
from campaigns.models.segments import ExclusionList
from scoring.models import ScoreRun


class SelectionQuerySet(models.QuerySet["Selection"]):
    def visible_to(self, user: Viewer) -> Self:
        return self.filter(campaign__in=Campaign.objects.visible_to(user))


class Selection(models.Model):
    """A group that a manager asked for. Once chosen it stays as it is, with the scores of then."""

    class State(models.TextChoices):
        WAITING = "waiting"
        CHOOSING = "choosing"
        DONE = "done"
        FAILED = "failed"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="selections")
    seats = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    budget = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    cost_each = models.DecimalField(
        "cost per person", max_digits=12, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0.01)]
    )
    costs = models.TextField(
        "who costs something else",
        blank=True,
        max_length=1_000_000,
        help_text="Lines of a handle and what it costs.",
    )
    most_per_city = models.PositiveIntegerField(
        "at most per city", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    most_per_band = models.PositiveIntegerField(
        "at most per ten points of score", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    least_small = models.PositiveIntegerField("at least", null=True, blank=True, validators=[MinValueValidator(1)])
    small_reach = models.FloatField("with a reach below", null=True, blank=True, validators=[MinValueValidator(0.1)])
    keeps_shortlist = models.BooleanField("keep everybody who is on the shortlist", default=False)
    kept = models.TextField("keep these people", blank=True, max_length=100_000)
    left_out = models.TextField("leave out", blank=True, max_length=100_000)
    without = models.ManyToManyField(
        ExclusionList, verbose_name="leave out who is on", related_name="selections", blank=True
    )
    state = models.CharField(max_length=10, choices=State, default=State.WAITING, editable=False)
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=500, blank=True, editable=False)
    run = models.ForeignKey(ScoreRun, models.SET_NULL, null=True, related_name="+", editable=False)
    candidates = models.PositiveIntegerField(default=0, editable=False, help_text="People to choose from.")
    listed = models.PositiveIntegerField(
        null=True, editable=False, help_text="Of these, who stood on a list that was left out; empty: not chosen."
    )
    reached = models.FloatField(default=0, editable=False, help_text="Different people expected to be reached.")
    most_possible = models.FloatField(default=0, editable=False, help_text="No group could reach more.")
    by_score = models.FloatField(
        default=0, editable=False, help_text="Different people whom as many of the highest scores reach."
    )
    one_more = models.FloatField(default=0, editable=False, help_text="People whom one seat more would add.")

    objects = SelectionQuerySet.as_manager()

    class Meta:
        verbose_name = "chosen group"
        constraints = [
            models.CheckConstraint(condition=Q(seats__gte=1), name="selection_has_seats"),
            models.CheckConstraint(
                condition=Q(budget__isnull=True) | Q(budget__gte=0, cost_each__isnull=False),
                name="selection_budget_has_cost",
            ),
            models.CheckConstraint(
                condition=Q(cost_each__isnull=True, costs="") | Q(cost_each__gt=0, cost_each__isnull=False),
                name="selection_costs_beside_one_for_all",
            ),
            models.CheckConstraint(
                condition=Q(least_small__isnull=True, small_reach__isnull=True)
                | Q(least_small__gte=1, small_reach__gt=0, least_small__isnull=False, small_reach__isnull=False),
                name="selection_small_has_reach",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["done", "failed"], finished_at__isnull=False)
                | (~Q(state__in=["done", "failed"]) & Q(finished_at__isnull=True)),
                name="selection_end_has_time",
            ),
            models.CheckConstraint(
                condition=Q(most_possible__gte=F("reached"), reached__gte=0), name="selection_reached_is_possible"
            ),
        ]
        indexes = [
            models.Index(fields=["state"], name="selection_waiting", condition=Q(state__in=["waiting", "choosing"]))
        ]

    def __str__(self) -> str:
        return f"{self.seats} for {self.campaign_id}, asked {self.asked_at:%Y-%m-%d %H:%M:%S} ({self.pk})"

    @property
    def proved(self) -> float:
        """Return which part of the best possible the group is proved to reach, 0 to 1."""
        return self.reached / self.most_possible if self.most_possible else 1.0

    @property
    def is_over(self) -> bool:
        """Return whether nothing more will come of it."""
        return self.state in (self.State.DONE, self.State.FAILED)


class SelectedQuerySet(models.QuerySet["Selected"]):
    def visible_to(self, user: Viewer) -> Self:
        return self.filter(selection__in=Selection.objects.visible_to(user), person__in=Person.objects.visible_to(user))

    def approved(self) -> Self:
        """Keep those of groups that a second person approved."""
        return self.filter(selection__approval__answer="approved")


class Selected(models.Model):
    """Somebody chosen. What each adds to those before, in people, sums up to what the group reaches."""

    selection = models.ForeignKey(Selection, models.CASCADE, related_name="people", db_index=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="selected")
    rank = models.PositiveIntegerField()
    score = models.FloatField(null=True)
    reach = models.FloatField(help_text="Alone, on the campaign's topics.")
    adds = models.FloatField(help_text="People not reached by those before.")
    cost = models.DecimalField(max_digits=12, decimal_places=2, null=True, help_text="Empty where nobody said.")
    is_kept = models.BooleanField(default=False, help_text="In whatever they add: invited already, or kept.")

    objects = SelectedQuerySet.as_manager()

    class Meta:
        verbose_name = "chosen person"
        verbose_name_plural = "chosen people"
        constraints = [
            models.UniqueConstraint(fields=["selection", "rank"], name="selected_rank_once"),
            models.UniqueConstraint(fields=["selection", "person"], name="selected_once"),
            models.CheckConstraint(condition=Q(rank__gte=1, adds__gte=0, reach__gte=0), name="selected_in_range"),
            models.CheckConstraint(condition=Q(cost__isnull=True) | Q(cost__gte=0), name="selected_cost_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.rank}: {self.person_id} of {self.selection_id}"
