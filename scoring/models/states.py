"""What runs keep on disk from night to night: which folders count."""

from django.db import models
from django.db.models import Q


class ScoreState(models.Model):
    """The sums of all days up to a midnight, by account (`engine.state.State`), and what they were made of.

    Formulas that sum up alike share one: `key` is a fingerprint of what goes into the sums. The folder is written first
    and named here afterwards; a folder that no row names is swept.
    """

    key = models.CharField(max_length=64, unique=True)
    until = models.DateTimeField(help_text="A midnight in UTC; only activity before it is in the sums.")
    folder = models.CharField(max_length=200, help_text="Below the folder of the states.")
    added = models.PositiveBigIntegerField(help_text="The log's files up to this number (LogFile.added) are in it.")
    networks = models.JSONField(help_text="Networks by the numbers that the sums give them.")
    events = models.PositiveBigIntegerField(help_text="Interactions of any kind.")
    began = models.IntegerField(null=True, help_text="The first day with an act, in days since 1970.")
    files = models.JSONField(help_text="Bytes of each file in the folder.")
    made_at = models.DateTimeField(help_text="When it was made from the whole log, or last took in a night.")
    rebuilt_at = models.DateTimeField(help_text="When it was last made from the whole log.")

    objects = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(made_at__gte=models.F("rebuilt_at")), name="state_made_after_rebuilt")
        ]

    def __str__(self) -> str:
        return f"{self.key[:8]} until {self.until:%Y-%m-%d}"


class StateDay(models.Model):
    """What a state holds of one of its last days, so that it can be taken back when something comes late for it."""

    state = models.ForeignKey(ScoreState, models.CASCADE, related_name="days")
    day = models.DateField()
    folder = models.CharField(max_length=200, help_text="Below the folder of the states.")
    files = models.JSONField(
        default=dict,
        # For a process of the release before, which may go on while this one is being put in place.
        db_default=models.Value({}, models.JSONField()),
        help_text="Bytes of each file of the day; none: written before they counted.",
    )

    objects = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["state", "day"], name="state_day_once")]

    def __str__(self) -> str:
        return f"{self.day} of {self.state_id}"
