"""Time off that people declare."""

from datetime import date, timedelta
from typing import Final, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models.merges import FollowsMerge
from accounts.models.people import Person, User, Viewer

# Days of rest, and rests, in any 365 days: whoever rested without end would keep a score for ever.
MOST_DAYS: Final = 42
MOST_RESTS: Final = 6


class RestQuerySet(FollowsMerge["Rest"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep what the user may see: operators all, others their own."""
        if user.is_superuser:
            return self.all()
        return self.filter(person__user=user.pk) if user.is_authenticated else self.none()


class Rest(models.Model):
    """Days in UTC, both ends among them, of which a person said that they are off: they cost no score.

    `accounts.actions.declare_rest` keeps rests of one person apart. After a merge two may overlap, since each of the
    two may have rested, and undoing gives both back; so the database doesn't insist. Such days are days of rest once.
    """

    person = models.ForeignKey(Person, models.CASCADE, related_name="rests")
    first_day = models.DateField()
    last_day = models.DateField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = RestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="rest_ends_after_it_begins"),
            models.CheckConstraint(
                condition=Q(last_day__lt=F("first_day") + timedelta(days=MOST_DAYS)), name="rest_of_days_allowed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} from {self.first_day} to {self.last_day}"

    @property
    def days(self) -> int:
        """How many days it lasts."""
        return (self.last_day - self.first_day).days + 1

    def is_over(self, today: date) -> bool:
        return self.last_day < today
