"""What campaigns brought: the figures as they were measured, and those of each person."""

from typing import Final, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Person, User, Viewer
from campaigns.models.campaigns import Campaign
from scoring.models import ScoreRun, Topic


class CampaignReturnQuerySet(models.QuerySet["CampaignReturn"]):
    def visible_to(self, user: Viewer) -> Self:
        return self.filter(campaign__in=Campaign.objects.visible_to(user))


class CampaignReturn(models.Model):
    """A campaign's return that a manager asked for. Once measured it stays as it is, with the posts and scores of then.

    `compared` are those of the invited who can be held against the holdout. Mentions are by people and their audiences.
    """

    # The figures that are measured now; 1 knew of no posts, codes and bands, nor when the forecast's days are over.
    FIGURES: Final = 2

    class State(models.TextChoices):
        WAITING = "waiting"
        MEASURING = "measuring"
        DONE = "done"
        FAILED = "failed"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="returns")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING, editable=False)
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=500, blank=True, editable=False)
    run = models.ForeignKey(ScoreRun, models.SET_NULL, null=True, related_name="+", editable=False)
    figures = models.PositiveSmallIntegerField(default=1, editable=False, help_text="Which of them were measured.")
    tags = models.TextField(blank=True, editable=False, help_text="What counted as a mention.")
    begun = models.DateTimeField(null=True, help_text="When the first person was invited, of those compared or not.")
    since = models.DateTimeField(null=True, editable=False, help_text="The first invitation of those compared.")
    days = models.PositiveSmallIntegerField(default=0, editable=False, help_text="Of each window.")
    invited = models.PositiveIntegerField(default=0, editable=False)
    accepted = models.PositiveIntegerField(default=0, editable=False)
    compared = models.PositiveIntegerField(default=0, editable=False)
    held_back = models.PositiveIntegerField(default=0, editable=False)
    forecast = models.FloatField(
        default=0,
        editable=False,
        help_text="Different people whom those who accepted were expected to reach in 28 days, by whatever they post.",
    )
    forecast_low = models.FloatField(null=True, editable=False, help_text="Lower end of its band; empty: no forecast.")
    forecast_high = models.FloatField(null=True, editable=False)
    forecast_of = models.DateTimeField(null=True, editable=False, help_text="The scores that it was made with.")
    came = models.PositiveIntegerField(
        null=True, editable=False, help_text="Different people who then acted; empty: the 28 days aren't over."
    )
    group_people = models.PositiveIntegerField(null=True, editable=False, help_text="Of the group as it was chosen.")
    group_reach = models.FloatField(
        null=True, editable=False, help_text="Different people whom it was to reach on the campaign's topics."
    )
    looked_at = models.DateTimeField(
        null=True, editable=False, help_text="When posts were last looked for; empty: never, and their figures too."
    )
    posts = models.PositiveIntegerField(null=True, editable=False, help_text="About the campaign.")
    reached = models.PositiveIntegerField(null=True, editable=False, help_text="Different people who reacted to them.")
    reactions = models.JSONField(default=dict, editable=False, help_text="How many there were, by kind.")
    issued = models.PositiveIntegerField(null=True, editable=False, help_text="Codes; empty: it gives none.")
    redeemed = models.PositiveIntegerField(null=True, editable=False)
    redeemed_days = models.JSONField(default=list, editable=False, help_text="Days and how many.")
    topics = models.JSONField(default=list, editable=False, help_text="The same figures of participants by topic.")
    cost_each = models.DecimalField(max_digits=12, decimal_places=2, null=True, editable=False)
    cost = models.DecimalField(
        max_digits=16,
        decimal_places=2,
        null=True,
        editable=False,
        help_text="Of those who accepted, each by their own.",
    )
    before = models.FloatField(default=0, editable=False, help_text="Mentions by those compared, before.")
    after = models.FloatField(default=0, editable=False)
    held_back_before = models.FloatField(default=0, editable=False)
    held_back_after = models.FloatField(default=0, editable=False)
    in_both = models.FloatField(
        default=0, editable=False, help_text="Part of the audiences that is those of both groups, 0 to 1."
    )
    expected = models.FloatField(null=True, editable=False, help_text="Mentions per person without the campaign.")
    per_person = models.FloatField(null=True, editable=False, help_text="Mentions beyond that, per person compared.")
    low = models.FloatField(null=True, editable=False, help_text="Lower end of the 90 % interval of that.")
    high = models.FloatField(null=True, editable=False)
    why = models.CharField(max_length=300, blank=True, editable=False, help_text="Why the lift can't be told.")

    objects = CampaignReturnQuerySet.as_manager()

    class Meta:
        verbose_name = "return"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["done", "failed"], finished_at__isnull=False)
                | (~Q(state__in=["done", "failed"]) & Q(finished_at__isnull=True)),
                name="return_end_has_time",
            ),
            models.CheckConstraint(
                condition=Q(low__isnull=True, high__isnull=True)
                | Q(low__isnull=False, high__isnull=False, per_person__isnull=False, low__lte=F("high")),
                name="return_interval_has_ends",
            ),
            models.CheckConstraint(
                condition=Q(days__lte=28, forecast__gte=0, in_both__range=(0, 1)),
                name="return_in_range",
            ),
            models.CheckConstraint(
                condition=Q(forecast_low__isnull=True, forecast_high__isnull=True)
                | Q(
                    forecast_low__isnull=False,
                    forecast_high__isnull=False,
                    forecast_low__lte=F("forecast"),
                    forecast_high__gte=F("forecast"),
                ),
                name="return_band_holds_forecast",
            ),
            models.CheckConstraint(
                condition=Q(issued__isnull=True, redeemed__isnull=True)
                | Q(issued__isnull=False, redeemed__isnull=False, redeemed__lte=F("issued")),
                name="return_redeemed_of_issued",
            ),
            # Nothing is known of posts that nobody looked for.
            models.CheckConstraint(
                condition=Q(looked_at__isnull=True, posts__isnull=True, reached__isnull=True)
                | Q(looked_at__isnull=False, posts__isnull=False, reached__isnull=False),
                name="return_posts_were_looked_for",
            ),
            # A lift is told by an interval on one side of nothing, or it is said why not.
            models.CheckConstraint(
                condition=~Q(state="done")
                | ~Q(why="")
                | Q(low__gt=0, low__isnull=False)
                | Q(high__lt=0, high__isnull=False),
                name="return_told_or_why",
            ),
        ]
        indexes = [
            models.Index(fields=["state"], name="return_waiting", condition=Q(state__in=["waiting", "measuring"]))
        ]

    def __str__(self) -> str:
        return f"return of {self.campaign_id}, asked {self.asked_at:%Y-%m-%d %H:%M:%S} ({self.pk})"

    @property
    def is_over(self) -> bool:
        """Return whether nothing more will come of it."""
        return self.state in (self.State.DONE, self.State.FAILED)

    @property
    def is_older(self) -> bool:
        """Return whether it was measured when fewer figures were: what is empty then says nothing."""
        return self.figures < self.FIGURES


class ParticipantQuerySet(models.QuerySet["Participant"]):
    def visible_to(self, user: Viewer) -> Self:
        return self.filter(
            measured__in=CampaignReturn.objects.visible_to(user), person__in=Person.objects.visible_to(user)
        )


class Participant(models.Model):
    """Somebody invited or held back, as a return found them. Mentions of who shares an audience are parts of some."""

    measured = models.ForeignKey(CampaignReturn, models.CASCADE, related_name="people", db_index=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="returns")
    is_held_back = models.BooleanField(default=False)
    is_compared = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Whether mentions are known: not of who accepted and was invited before anybody was kept back.",
    )
    cost = models.DecimalField(max_digits=12, decimal_places=2, null=True, help_text="Of who accepted, where known.")
    answer = models.CharField(max_length=10, blank=True, help_text="State of the invitation; empty: held back.")
    reach = models.FloatField(
        null=True, help_text="Different people expected in the 28 days, of who accepted and had a score then."
    )
    low = models.FloatField(null=True, help_text="Lower end of the band of that.")
    high = models.FloatField(null=True)
    came = models.PositiveIntegerField(null=True, help_text="Different people who then acted.")
    posts = models.PositiveIntegerField(null=True, help_text="About the campaign.")
    reached = models.PositiveIntegerField(null=True, help_text="Different people who reacted to them.")
    reactions = models.JSONField(default=dict, help_text="How many there were, by kind.")
    code = models.CharField(max_length=10, blank=True, help_text="State of the code; empty: none was issued.")
    topic = models.ForeignKey(
        Topic, models.SET_NULL, null=True, related_name="+", help_text="Of the campaign's, where they reach most."
    )
    own_before = models.FloatField(default=0)
    own_after = models.FloatField(default=0)
    audience_before = models.FloatField(default=0)
    audience_after = models.FloatField(default=0)

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["measured", "person"], name="participant_once"),
            models.CheckConstraint(
                condition=Q(own_before__gte=0, own_after__gte=0, audience_before__gte=0, audience_after__gte=0),
                name="participant_in_range",
            ),
            models.CheckConstraint(
                condition=Q(is_compared=True)
                | Q(is_held_back=False, own_before=0, own_after=0, audience_before=0, audience_after=0),
                name="participant_not_compared_has_no_mentions",
            ),
            models.CheckConstraint(
                condition=Q(is_held_back=True, answer="") | (Q(is_held_back=False) & ~Q(answer="")),
                name="participant_invited_or_held_back",
            ),
            models.CheckConstraint(
                condition=Q(low__isnull=True, high__isnull=True)
                | Q(low__isnull=False, high__isnull=False, low__lte=F("reach"), high__gte=F("reach")),
                name="participant_band_holds_reach",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} in return {self.measured_id}"
