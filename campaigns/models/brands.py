"""Brands, and who works for them."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils import timezone

from accounts.models import User, Viewer


def brands_of(user: Viewer) -> models.QuerySet["Membership"]:
    if isinstance(user, AnonymousUser):
        return Membership.objects.none()
    return Membership.objects.filter(user__pk=user.pk)


def brands_managed_by(user: Viewer) -> models.QuerySet["Membership"]:
    return brands_of(user).filter(role=Membership.Role.MANAGER)


class BrandQuerySet(models.QuerySet["Brand"]):
    def visible_to(self, user: Viewer) -> Self:
        if user.is_superuser:
            return self.all()
        return self.filter(pk__in=brands_of(user).values("brand"))

    def managed_by(self, user: Viewer) -> Self:
        """Keep the brands that the user may change things for; partners only see."""
        if user.is_superuser:
            return self.all()
        return self.filter(pk__in=brands_managed_by(user).values("brand"))


class Brand(models.Model):
    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = BrandQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A login that works for a brand; partners' service users too."""

    class Role(models.TextChoices):
        MANAGER = "manager"
        PARTNER = "partner", "partner (API)"

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MANAGER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["brand", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.brand_id} as {self.role}"
