"""That two people turned out to be one: the ledger, and which rows go along."""

from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models
from django.db.models import F, Q

if TYPE_CHECKING:
    from accounts.models.people import Person, Viewer

Row = TypeVar("Row", bound=models.Model)


class FollowsMerge(models.QuerySet[Row]):
    """Rows about a person that go to whoever the person is merged into, and come back when that is undone.

    A model whose manager is made from this takes part, in whichever app; rows of other models stay where they are.
    """

    def moving(self, kept: "Person", merged: "Person") -> Self:
        """Keep the rows that change hands."""
        return self.filter(person=merged)

    def in_the_way(self, kept: "Person", merged: "Person") -> list[str]:
        """Say, a sentence each, why these rows of the two can't be one person's."""
        return []


class MergeQuerySet(models.QuerySet["Merge"]):
    def visible_to(self, user: "Viewer") -> Self:
        """Keep what the user may see: operators all, others who may merge those between people whom they see."""
        from accounts.models.people import Person

        if user.is_superuser:
            return self.all()
        if not user.has_perm("accounts.merge_people"):
            return self.none()
        return self.filter(kept__in=Person.objects.visible_to(user), merged__is_hidden=False)

    def standing(self) -> Self:
        """Keep those that weren't undone."""
        return self.filter(undone_at__isnull=True)


class Merge(models.Model):
    """That one person was found to be another: a ledger, of which only the undoing is written later.

    `moved` says which rows changed hands, as ids by model; the columns after it what the kept person was before, where
    the merge changed it. Nothing else about the two stands here: their handles, names and addresses stay in their rows.
    """

    kept = models.ForeignKey("accounts.Person", models.CASCADE, related_name="merges")
    merged = models.ForeignKey("accounts.Person", models.CASCADE, related_name="merged_by")
    at = models.DateTimeField()
    by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    note = models.TextField(blank=True, help_text="How it is known that they are one.")
    moved: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    claim_of = models.ForeignKey(
        "accounts.User",
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="The login that came to the kept person with the merged one's claim.",
    )
    kept_was_hidden = models.BooleanField()
    kept_was_seed = models.BooleanField()
    kept_claimed_at = models.DateTimeField(null=True)
    kept_claimed_via = models.CharField(max_length=20, blank=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")

    objects = MergeQuerySet.as_manager()

    class Meta:
        permissions = [("merge_people", "Can merge two people into one, and undo it")]
        indexes = [models.Index(fields=["-at"], name="merge_by_time")]
        constraints = [
            models.CheckConstraint(condition=~Q(kept=F("merged")), name="merge_of_two"),
            models.UniqueConstraint(
                fields=["merged"], condition=Q(undone_at__isnull=True), name="merge_one_standing_per_person"
            ),
            # A deleted login leaves the time alone.
            models.CheckConstraint(
                condition=Q(undone_by__isnull=True) | Q(undone_at__isnull=False), name="merge_undone_by_and_at"
            ),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True) | Q(undone_at__gte=F("at")), name="merge_undone_after"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.merged_id} into {self.kept_id} at {self.at:%Y-%m-%d %H:%M:%S}"
