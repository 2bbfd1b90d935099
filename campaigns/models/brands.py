"""Brands, and who works for them."""

from typing import Final, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User, Viewer


def brands_of(user: Viewer) -> models.QuerySet["Membership"]:
    if isinstance(user, AnonymousUser):
        return Membership.objects.none()
    return Membership.objects.filter(user__pk=user.pk)


def brands_managed_by(user: Viewer) -> models.QuerySet["Membership"]:
    return brands_of(user).filter(role__in=Membership.MANAGING)


class BrandQuerySet(models.QuerySet["Brand"]):
    def visible_to(self, user: Viewer) -> Self:
        if user.is_superuser:
            return self.all()
        return self.filter(pk__in=brands_of(user).values("brand"))

    def managed_by(self, user: Viewer) -> Self:
        """Keep the brands that the user may change things for; viewers and partners only see."""
        if user.is_superuser:
            return self.all()
        return self.filter(pk__in=brands_managed_by(user).values("brand"))

    def owned_by(self, user: Viewer) -> Self:
        """Keep the brands whose people and settings the user may change."""
        if user.is_superuser:
            return self.all()
        return self.filter(pk__in=brands_of(user).filter(role=Membership.Role.OWNER).values("brand"))


class Brand(models.Model):
    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    approval_required = models.BooleanField(
        "groups need approval",
        default=False,
        help_text="Before anybody of a chosen group is shortlisted with it or invited, a second manager or owner has "
        "to approve the group.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = BrandQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep those of the brands that the user owns: who works for a brand is its owners' business."""
        return self.filter(brand__in=Brand.objects.owned_by(user))


class Membership(models.Model):
    """A login that works for a brand; partners' service users too."""

    class Role(models.TextChoices):
        """An owner does what a manager does, and says who works for the brand; a viewer only looks."""

        OWNER = "owner"
        MANAGER = "manager"
        VIEWER = "viewer"
        PARTNER = "partner", "partner (API)"

    MANAGING: Final = (Role.OWNER, Role.MANAGER)
    # Who comes into the admin site.
    STAFF: Final = (*MANAGING, Role.VIEWER)

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MANAGER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["brand", "user"], name="membership_once"),
            models.CheckConstraint(
                condition=Q(role__in=["owner", "manager", "viewer", "partner"]), name="membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.brand_id} as {self.role}"
