"""What the invited have to say beside yes and no."""

from typing import Final, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Viewer
from campaigns.models.invitations import Invitation


class RemarkQuerySet(models.QuerySet["Remark"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep those on invitations that the user sees: a brand's own, and what they wrote themselves."""
        return self.filter(invitation__in=Invitation.objects.visible_to(user))


class Remark(models.Model):
    """One thing that somebody invited wrote to the brand; writing again takes its place."""

    class Kind(models.TextChoices):
        COUNTER_OFFER = "counter_offer", "counter-offer"
        FEEDBACK = "feedback"

    LONGEST: Final = 2000
    BEST: Final = 5

    invitation = models.ForeignKey(Invitation, models.CASCADE, related_name="remarks")
    kind = models.CharField(max_length=20, choices=Kind)
    text = models.TextField(blank=True, max_length=LONGEST)
    rating = models.PositiveSmallIntegerField(null=True, blank=True, help_text="1 to 5, the best; of feedback alone.")
    written_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = RemarkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invitation", "kind"], name="remark_once_per_kind"),
            models.CheckConstraint(condition=Q(kind__in=["counter_offer", "feedback"]), name="remark_kind_is_known"),
            models.CheckConstraint(
                condition=Q(rating__isnull=True) | Q(kind="feedback", rating__range=(1, 5)),
                name="remark_rating_is_of_feedback",
            ),
            models.CheckConstraint(condition=~Q(text="") | Q(rating__isnull=False), name="remark_says_something"),
        ]

    def __str__(self) -> str:
        # Not what it says: this gets into histories and logs.
        return f"{self.kind} on invitation {self.invitation_id}"
