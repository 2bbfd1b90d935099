"""Campaigns: a perk with seats, and where it looks for people."""

from datetime import UTC, date, datetime, timedelta
from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User, Viewer
from accounts.purposes import LONGEST
from campaigns.models.brands import Brand, brands_managed_by, brands_of
from scoring.models import Topic


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def visible_to(self, user: Viewer) -> Self:
        if user.is_superuser:
            return self.all()
        return self.filter(brand__in=brands_of(user).values("brand"))

    def managed_by(self, user: Viewer) -> Self:
        """Keep the campaigns that the user may change, shortlist for and invite to."""
        if user.is_superuser:
            return self.all()
        return self.filter(brand__in=brands_managed_by(user).values("brand"))

    def over(self, now: datetime) -> Self:
        """Keep those whose last day, in UTC, has passed."""
        return self.filter(ends_on__lt=now.astimezone(UTC).date())


class Campaign(models.Model):
    """A perk with seats, offered for a period to people chosen for it."""

    class Perk(models.TextChoices):
        FLIGHT = "flight", "a free flight"
        STAY = "stay", "a stay"
        EVENT = "event", "an event"
        PRODUCT = "product", "a product"
        OTHER = "other", "something else"

    class Details(models.TextChoices):
        """What has to be known of who accepts, for the perk to reach them."""

        NONE = "none", "nothing"
        ADDRESS = "address", "a postal address, to send something"
        BOOKING = "booking", "a name and days, to book something"

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="campaigns")
    name = models.CharField(max_length=120)
    perk = models.CharField(max_length=10, choices=Perk, default=Perk.FLIGHT)
    perk_text = models.CharField("the perk in words", max_length=200, help_text="As the invited read it.")
    brief = models.TextField(blank=True, help_text="What it is about. Nothing need be posted in return.")
    purpose = models.TextField(
        "what scores are used for",
        blank=True,
        max_length=LONGEST,
        help_text="In writing, and for this alone. The invited read it.",
    )
    seats = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    seats_taken = models.PositiveIntegerField(default=0, editable=False)
    starts_on = models.DateField()
    ends_on = models.DateField()
    topics = models.ManyToManyField(Topic, blank=True, related_name="campaigns")
    score_min = models.FloatField(
        "lowest score", null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    score_max = models.FloatField(
        "highest score", null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    holdout_percent = models.PositiveSmallIntegerField(
        "held back, in percent",
        default=0,
        blank=True,
        validators=[MaxValueValidator(50)],
        help_text="Of those to be invited so many by lot aren't: against them the return is measured.",
    )
    tags = models.TextField(
        "what counts as a mention",
        blank=True,
        max_length=5_000,
        help_text="#hashtags, @handles and links, one per line.",
    )
    details_kind = models.CharField(
        "what it needs to know",
        max_length=10,
        choices=Details,
        default=Details.NONE,
        help_text="Who accepts is asked for it on their page.",
    )
    details_kept_days = models.PositiveSmallIntegerField(
        "kept after the end, in days",
        default=60,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text="Then what people gave is deleted.",
    )
    holdout_seed = models.CharField(
        max_length=32, blank=True, editable=False, help_text="What the lot is drawn by; made with the first draw."
    )
    # So that over several batches the share holds. It starts anywhere: who invites one by one doesn't know whose turn
    # it is.
    holdout_carry = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="Hundredths of a person that are due from earlier draws."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["brand", "name"], name="campaign_name_once_per_brand"),
            models.CheckConstraint(condition=Q(seats__gte=1), name="campaign_has_seats"),
            models.CheckConstraint(condition=Q(seats_taken__lte=F("seats")), name="campaign_seats_not_exceeded"),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="campaign_ends_after_start"),
            models.CheckConstraint(condition=Q(holdout_percent__range=(0, 50)), name="campaign_holdout_up_to_half"),
            models.CheckConstraint(
                condition=Q(details_kind__in=["none", "address", "booking"]), name="campaign_details_kind_is_known"
            ),
            models.CheckConstraint(
                condition=Q(details_kept_days__range=(1, 365)), name="campaign_details_kept_up_to_a_year"
            ),
            models.CheckConstraint(condition=Q(holdout_carry__lt=100), name="campaign_holdout_carry_below_one"),
            models.CheckConstraint(
                condition=Q(score_min__isnull=True) | Q(score_max__isnull=True) | Q(score_min__lte=F("score_max")),
                name="campaign_score_bounds_in_order",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def seats_left(self) -> int:
        """Return how many can still accept."""
        return self.seats - self.seats_taken

    @property
    def details_kept_until(self) -> date:
        """Return the last day, in UTC, on which what people give now is there."""
        return self.after_end(timedelta(days=self.details_kept_days))

    def after_end(self, period: timedelta) -> date:
        """Return the day that is so long after the last one, or the last that there is: 31 December 9999."""
        return self.ends_on + min(period, date.max - self.ends_on)

    def is_over(self, now: datetime) -> bool:
        """Return whether the last day, in UTC, has passed."""
        return self.ends_on < now.astimezone(UTC).date()


class CampaignPlace(models.Model):
    """A circle that a campaign looks for people in."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="places")
    name = models.CharField("city", max_length=200)
    latitude = models.FloatField()
    longitude = models.FloatField()
    radius_km = models.PositiveIntegerField(
        "radius in km", default=50, validators=[MinValueValidator(1), MaxValueValidator(2000)]
    )

    objects = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="campaign_place_on_earth",
            ),
            models.CheckConstraint(condition=Q(radius_km__range=(1, 2000)), name="campaign_place_radius"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.radius_km} km ({self.pk})"
