"""Brands, the people who work for them, their campaigns, and the invitations that they send."""

import secrets
from datetime import UTC, datetime
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import FollowsMerge, Person, User, Viewer
from scoring.models import Topic


def _brands_of(user: Viewer) -> models.QuerySet["Membership"]:
    if isinstance(user, AnonymousUser):
        return Membership.objects.none()
    return Membership.objects.filter(user__pk=user.pk)


def _brands_managed_by(user: Viewer) -> models.QuerySet["Membership"]:
    return _brands_of(user).filter(role=Membership.Role.MANAGER)


class BrandQuerySet(models.QuerySet["Brand"]):
    def visible_to(self, user: Viewer) -> Self:
        if user.is_superuser:
            return self.all()
        return self.filter(pk__in=_brands_of(user).values("brand"))

    def managed_by(self, user: Viewer) -> Self:
        """Keep the brands that the user may change things for; partners only see."""
        if user.is_superuser:
            return self.all()
        return self.filter(pk__in=_brands_managed_by(user).values("brand"))


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


def _count(rows: models.QuerySet[models.Model]) -> Coalesce:
    # Grouping by what the filter holds fixed gives one row, or none where there is nothing to count.
    counted = rows.order_by().values("campaign").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=models.IntegerField()), 0)


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def visible_to(self, user: Viewer) -> Self:
        if user.is_superuser:
            return self.all()
        return self.filter(brand__in=_brands_of(user).values("brand"))

    def managed_by(self, user: Viewer) -> Self:
        """Keep the campaigns that the user may change, shortlist for and invite to."""
        if user.is_superuser:
            return self.all()
        return self.filter(brand__in=_brands_managed_by(user).values("brand"))

    def over(self, now: datetime) -> Self:
        """Keep those whose last day, in UTC, has passed."""
        return self.filter(ends_on__lt=now.astimezone(UTC).date())

    def with_answers(self) -> Self:
        """Annotate `invited`: how many were, whatever became of it; and `seen`, `accepted`, `declined`, `expired`.

        Subqueries, since joining two lists of n rows each would count over n² of them, and grouping would count for
        campaigns that the page doesn't show.
        """
        invitations = Invitation.objects.filter(campaign=OuterRef("pk"))
        states = [state for state in Invitation.State if state != Invitation.State.INVITED]
        return self.annotate(
            invited=_count(invitations), **{state.value: _count(invitations.filter(state=state)) for state in states}
        )

    def with_counts(self, user: Viewer) -> Self:
        """Annotate those and `shortlisted`: how many people the user can see on the campaign's shortlist."""
        shortlist = Shortlisting.objects.visible_to(user).filter(campaign=OuterRef("pk"))
        return self.with_answers().annotate(shortlisted=_count(shortlist))


class Campaign(models.Model):
    """A perk with seats, offered for a period to people chosen for it."""

    class Perk(models.TextChoices):
        FLIGHT = "flight", "a free flight"
        STAY = "stay", "a stay"
        EVENT = "event", "an event"
        PRODUCT = "product", "a product"
        OTHER = "other", "something else"

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="campaigns")
    name = models.CharField(max_length=120)
    perk = models.CharField(max_length=10, choices=Perk, default=Perk.FLIGHT)
    perk_text = models.CharField("the perk in words", max_length=200, help_text="As the invited read it.")
    brief = models.TextField(blank=True, help_text="What it is about. Nothing need be posted in return.")
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
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["brand", "name"], name="campaign_name_once_per_brand"),
            models.CheckConstraint(condition=Q(seats__gte=1), name="campaign_has_seats"),
            models.CheckConstraint(condition=Q(seats_taken__lte=F("seats")), name="campaign_seats_not_exceeded"),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="campaign_ends_after_start"),
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


class ShortlistingQuerySet(FollowsMerge["Shortlisting"]):
    def visible_to(self, user: Viewer) -> Self:
        return self.filter(campaign__in=Campaign.objects.visible_to(user), person__in=Person.objects.visible_to(user))

    def moving(self, kept: Person, merged: Person) -> Self:
        """Keep the rows of the merged person for campaigns that don't consider the kept one already."""
        return self.filter(person=merged).exclude(campaign__in=self.filter(person=kept).values("campaign"))


class Shortlisting(models.Model):
    """Somebody whom a manager considers for a campaign."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="shortlist")
    person = models.ForeignKey(Person, models.CASCADE, related_name="shortlistings")
    added_at = models.DateTimeField(default=timezone.now, editable=False)
    added_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = ShortlistingQuerySet.as_manager()

    class Meta:
        verbose_name = "shortlisted person"
        verbose_name_plural = "shortlisted people"
        constraints = [models.UniqueConstraint(fields=["campaign", "person"], name="shortlisting_once")]

    def __str__(self) -> str:
        return f"{self.person_id} for {self.campaign_id}"


def new_nonce() -> str:
    """Return what makes an invitation's link its own."""
    return secrets.token_urlsafe(9)


class InvitationQuerySet(FollowsMerge["Invitation"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep a brand's own, and those that the user was sent."""
        if user.is_superuser:
            return self.all()
        own = Q(campaign__in=Campaign.objects.visible_to(user))
        if user.is_authenticated:
            own |= Q(person__user_id=user.pk)
        return self.filter(own)

    def open(self) -> Self:
        return self.filter(state__in=[Invitation.State.INVITED, Invitation.State.SEEN])

    def standing(self) -> Self:
        """Keep what is open or answered: an expired one doesn't keep its person from being invited again."""
        return self.exclude(state=Invitation.State.EXPIRED)

    def expired(self) -> Self:
        return self.filter(state=Invitation.State.EXPIRED)

    def moving(self, kept: Person, merged: Person) -> Self:
        """Keep the merged person's invitations to campaigns that the kept one isn't invited to.

        One that was declined or has expired beside the kept person's own stays with the merged person's row.
        """
        return self.filter(person=merged).exclude(campaign__in=self.filter(person=kept).values("campaign"))

    def in_the_way(self, kept: Person, merged: Person) -> list[str]:
        """Say to which campaigns both are invited, unless the merged person's part in it is over."""
        both = self.filter(person=merged, campaign__in=self.filter(person=kept).values("campaign"))
        ended = [Invitation.State.DECLINED, Invitation.State.EXPIRED]
        mine = {row.campaign_id: row.state for row in self.filter(person=kept)}
        return [
            f"Both are invited to {row.campaign}. "
            + (
                "Merge the other way round: that invitation of the person kept is over."
                if mine[row.campaign_id] in ended
                else "One of the two has to decline first, or the campaign to end."
            )
            for row in both.exclude(state__in=ended).select_related("campaign").order_by("campaign")
        ]


class Invitation(models.Model):
    """The offer of a campaign's perk to one person.

    `invited` → `seen` → `accepted` or `declined`; `expired` when the campaign's last day passes unanswered, and back
    to `invited` when the campaign got a later last day and its manager invites the person again. The personal link is
    signed, not stored: `campaigns.links`.
    """

    class State(models.TextChoices):
        INVITED = "invited"
        SEEN = "seen"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        EXPIRED = "expired"

    class Delivery(models.TextChoices):
        DUE = "due", "e-mail due"
        SENDING = "sending", "e-mail on its way"
        SENT = "sent", "e-mail sent"
        FAILED = "failed", "e-mail failed"
        BY_HAND = "by_hand", "by hand"

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="invitations")
    person = models.ForeignKey(Person, models.CASCADE, related_name="invitations")
    state = models.CharField(max_length=10, choices=State, default=State.INVITED)
    delivery = models.CharField(max_length=10, choices=Delivery, default=Delivery.BY_HAND)
    invited_at = models.DateTimeField(default=timezone.now, editable=False)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    sending_since = models.DateTimeField(null=True, blank=True, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    answered_at = models.DateTimeField(null=True, blank=True, editable=False)
    nonce = models.CharField(
        max_length=16,
        default=new_nonce,
        editable=False,
        help_text="Part of the personal link: a new one makes every link given out before worthless.",
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "person"], name="invitation_once"),
            models.CheckConstraint(
                condition=Q(state__in=["accepted", "declined"], answered_at__isnull=False)
                | (~Q(state__in=["accepted", "declined"]) & Q(answered_at__isnull=True)),
                name="invitation_answer_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="seen") | Q(seen_at__isnull=False), name="invitation_seen_has_time"
            ),
        ]
        indexes = [
            models.Index(fields=["delivery"], name="invitation_due", condition=Q(delivery__in=["due", "sending"]))
        ]

    def __str__(self) -> str:
        return f"{self.person_id} to {self.campaign_id}: {self.state}"
