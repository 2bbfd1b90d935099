"""What a brand keeps of its searches: named filters, and lists of people to leave out."""

from typing import Self, TypeVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models import FollowsMerge, Person, User, Viewer
from campaigns.models.brands import Brand

Row = TypeVar("Row", bound=models.Model)


class OfBrandQuerySet(models.QuerySet[Row]):
    """Rows with a `brand`, which its staff see and its managers change."""

    def visible_to(self, user: Viewer) -> Self:
        return self.filter(brand__in=Brand.objects.visible_to(user))

    def managed_by(self, user: Viewer) -> Self:
        return self.filter(brand__in=Brand.objects.managed_by(user))


class Segment(models.Model):
    """Named filters of the influencer list.

    `query` holds the list's own parameters, each a list of texts. They are read anew whenever the segment is opened, so
    that what its opener may not see, or what is gone, filters nothing and is told. `described` says what they meant
    when it was saved.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, db_index=False, related_name="segments")
    name = models.CharField(max_length=80)
    query = models.JSONField(default=dict)
    described = models.JSONField("filters", default=list)
    created_at = models.DateTimeField("saved", default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = OfBrandQuerySet["Segment"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("brand", Lower("name"), name="segment_name_once_per_brand"),
            models.CheckConstraint(condition=~Q(name=""), name="segment_has_name"),
        ]

    def __str__(self) -> str:
        return self.name


class ExclusionList(models.Model):
    """People whom a brand leaves out: its customers, its staff, who asked not to be written to."""

    brand = models.ForeignKey(Brand, models.CASCADE, db_index=False, related_name="exclusion_lists")
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField("made", default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = OfBrandQuerySet["ExclusionList"].as_manager()

    class Meta:
        verbose_name = "list of people to leave out"
        verbose_name_plural = "lists of people to leave out"
        constraints = [
            models.UniqueConstraint("brand", Lower("name"), name="exclusion_list_name_once_per_brand"),
            models.CheckConstraint(condition=~Q(name=""), name="exclusion_list_has_name"),
        ]

    def __str__(self) -> str:
        return self.name


class ExclusionQuerySet(FollowsMerge["Exclusion"]):
    def visible_to(self, user: Viewer) -> Self:
        lists = ExclusionList.objects.visible_to(user)
        return self.filter(exclusion_list__in=lists, person__in=Person.objects.visible_to(user))

    def moving(self, kept: Person, merged: Person) -> Self:
        """Keep the rows of the merged person in lists that don't hold the kept one already."""
        lists = self.filter(person=kept).values("exclusion_list")
        return self.filter(person=merged).exclude(exclusion_list__in=lists)


class Exclusion(models.Model):
    """Somebody in a list of people to leave out."""

    exclusion_list = models.ForeignKey(ExclusionList, models.CASCADE, db_index=False, related_name="people")
    person = models.ForeignKey(Person, models.CASCADE, related_name="exclusions")

    objects = ExclusionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["exclusion_list", "person"], name="exclusion_once")]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.exclusion_list_id}"
