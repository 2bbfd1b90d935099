"""What a run says of people: scores, reach by topic, supporter, kind and network.

In the database these tables are parted by run: see migrations 0011 and 0016 and `actions.publishing`. So the keys hold
the run, that of scores there being (id, run), and a foreign key has no index of its own where a key or a constraint
begins with its column. Whoever is deleted there takes their rows along (ON DELETE CASCADE), also in tables of a run
that isn't published yet.
"""

import math
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, FilteredRelation, Max, Q, Sum
from django.db.models.functions import Cast, Greatest, Least, Ln

from accounts.models import Person, PersonQuerySet
from scoring.models.runs import ScoreRun
from scoring.models.topics import Topic


class InfluencerQuerySet(PersonQuerySet):
    def with_score(self, run: ScoreRun | None) -> Self:
        """Join each person's row of a run as `current`, and keep those who have one.

        Filter by `current_score` and so on, not by `current__score`: of a relation to many rows, Django joins them once
        more for each call of `filter`.
        """
        rows = self.alias(current=FilteredRelation("scores", condition=Q(scores__run=run.pk if run else None)))
        columns = ("score", "reach", "forecast", "low", "high", "person_id")
        return rows.filter(current__isnull=False).alias(
            **{f"current_{name}": F(f"current__{name}") for name in columns}
        )

    def on_topics(self, run: ScoreRun | None, topic_ids: list[int]) -> Self:
        """Keep those with reach on any of the topics or of what lies below, annotated with how much.

        `reach_on_topics` and `score_on_topics` of one topic are read from the index `topic_reach_rank` in its order:
        what lies below it is in its row. Reach on several overlaps in posts that name more than one, and rows don't say
        how far: it is at least the most on any one, and at least the sum of the even parts of all topics in question,
        in which a reaction counts once at most. The larger of these is given. `topic_ids` are the topics asked for
        and, where they are several, all below them. Parts are summed as decimals, since a sum of floats depends on the
        order in which the database meets them, and cursors need the same sum on every page.
        """
        within = Q(topic_reach__run=run.pk if run else None, topic_reach__topic__in=topic_ids)
        rows = self.alias(topical=FilteredRelation("topic_reach", condition=within))
        rows = rows.filter(topical__reach_with_below__gt=0).alias(lift_on_topic=F("topical__lift"))
        if run is None or len(topic_ids) == 1:
            return rows.annotate(reach_on_topics=F("topical__reach_with_below"), score_on_topics=F("topical__score"))
        exact = Cast("topical__reach", models.DecimalField(max_digits=30, decimal_places=9))
        rows = rows.annotate(
            reach_on_topics=Greatest(Cast(Sum(exact), models.FloatField()), Max("topical__reach_with_below"))
        )
        return rows.annotate(score_on_topics=_score(F("reach_on_topics"), float(run.formula.parameters["scale_top"])))


def _score(reach: F, top: float) -> models.expressions.Combinable:
    """Return the expression of the score that a reach stands for, as `scoring.engine.score` has it."""
    return 1.0 + 99.0 * Least(Ln(1.0 + reach) / math.log1p(top), 1.0)


class Influencer(Person):
    """A person, seen by their score."""

    objects: ClassVar = InfluencerQuerySet.as_manager()

    class Meta:
        proxy = True


class Score(models.Model):
    """A person's row of a run. Times are the run's; people are counts of different accounts in the horizon."""

    run = models.ForeignKey(ScoreRun, models.CASCADE, db_index=False, related_name="scores")
    person = models.ForeignKey(Person, models.CASCADE, db_index=False, related_name="scores")
    score = models.FloatField(help_text="1 to 100.")
    reach = models.FloatField(help_text="People expected to act in the next 28 days, less what was taken off.")
    forecast = models.FloatField(help_text="People expected to act, before anything is taken off.")
    low = models.FloatField(help_text="Lower end of the band that holds 80 % of outcomes.")
    high = models.FloatField(help_text="Upper end of that band.")
    percentile = models.FloatField(help_text="0 to 100, among all scored people.")
    taken_unvouched = models.FloatField(default=0)
    taken_exchange = models.FloatField(default=0)
    taken_indiscriminate = models.FloatField(default=0)
    taken_repetition = models.FloatField(default=0)
    taken_absence = models.FloatField(default=0)
    trust = models.FloatField(default=0, help_text="0 to 1: how far this person's own attention counts as vouched.")
    alive = models.FloatField(default=1, help_text="Chance that the person is still there.")
    credibility = models.FloatField(default=1, help_text="0 to 1, from repeated text.")
    supporters = models.PositiveIntegerField(default=0, help_text="Different people who acted.")
    actions = models.PositiveIntegerField(default=0, help_text="What they did, counted.")
    posts = models.PositiveIntegerField(default=0)
    original_share = models.FloatField(null=True, help_text="Share of the posts that are the person's own words.")
    vouchers = models.FloatField(null=True, help_text="Supporters whom the vouched attention stands for.")
    vouched = models.FloatField(null=True, help_text="People, before caps, repetition and absence.")
    broad = models.FloatField(null=True, help_text="The same, from readers of many whom nobody answers.")
    narrow = models.FloatField(null=True, help_text="The same, from accounts that act on hardly anybody else.")
    vouched_exchanged = models.FloatField(null=True, help_text="Vouched, as if no exchange were discounted.")
    broad_exchanged = models.FloatField(null=True)
    narrow_exchanged = models.FloatField(null=True)

    objects = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "run"], name="score_once_per_run"),
            models.CheckConstraint(condition=Q(score__range=(1, 100)), name="score_in_range"),
            models.CheckConstraint(condition=Q(percentile__range=(0, 100)), name="score_percentile_in_range"),
            models.CheckConstraint(
                condition=Q(low__gte=0, low__lte=F("reach"), high__gte=F("reach")),
                name="score_band_holds_reach",
            ),
        ]
        indexes = [models.Index(fields=["run", "-score", "person"], name="score_by_rank")]

    def __str__(self) -> str:
        return f"person {self.person_id}, run {self.run_id}: {self.score:.1f}"


class TopicReachQuerySet(models.QuerySet["TopicReach"]):
    def own_first(self) -> Self:
        """Order by rank among the person's own topics, then the others by reach."""
        return self.order_by(F("rank").asc(nulls_last=True), "-reach_with_below", "topic__slug")


class TopicReach(models.Model):
    """A person's reach on a topic in a run.

    Rows are there for the topics that posts name and for those above them. `score` is that of `reach_with_below`.
    """

    pk = models.CompositePrimaryKey("person", "run", "topic")
    run = models.ForeignKey(ScoreRun, models.CASCADE, db_index=False, related_name="topic_reach")
    person = models.ForeignKey(Person, models.CASCADE, db_index=False, related_name="topic_reach")
    topic = models.ForeignKey(Topic, models.CASCADE, related_name="reach")
    reach = models.FloatField(help_text="The topic's part of the reach, which is parted evenly over a post's topics.")
    reach_with_below = models.FloatField(help_text="By posts on the topic or on any below it, each reaction once.")
    score = models.FloatField()
    lift = models.FloatField(null=True, help_text="How many times what the topic has of everybody else's reach.")
    rank = models.PositiveSmallIntegerField(
        null=True, help_text="Among the person's own topics, from 1; empty: it isn't one of them."
    )

    objects = TopicReachQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(reach__gte=0, reach_with_below__gte=F("reach"), score__range=(1, 100)),
                name="topic_reach_in_range",
            ),
            models.CheckConstraint(
                condition=Q(rank__isnull=True) | Q(rank__gte=1, lift__isnull=False, lift__gt=0),
                name="topic_reach_own_has_lift",
            ),
        ]
        indexes = [models.Index(fields=["run", "topic", "-reach_with_below"], name="topic_reach_rank")]

    def __str__(self) -> str:
        return f"person {self.person_id}, topic {self.topic_id}, run {self.run_id}: {self.reach_with_below:.1f}"


class Support(models.Model):
    """How much of somebody's reach came by one supporter; only each person's largest, both ways, are kept."""

    pk = models.CompositePrimaryKey("supported", "run", "supporter")
    run = models.ForeignKey(ScoreRun, models.CASCADE, db_index=False, related_name="supports")
    supporter = models.ForeignKey(Person, models.CASCADE, db_index=False, related_name="supports_given")
    supported = models.ForeignKey(Person, models.CASCADE, db_index=False, related_name="supports_received")
    reach = models.FloatField()
    actions = models.PositiveIntegerField(default=0)
    expected = models.FloatField(
        default=0, help_text="People whom the supporter stands for, before anything is taken off."
    )
    # Below 0 where what was taken off others left room under a cap.
    taken_unvouched = models.FloatField(default=0)
    taken_exchange = models.FloatField(default=0)
    taken_indiscriminate = models.FloatField(default=0)
    taken_repetition = models.FloatField(default=0)
    taken_absence = models.FloatField(default=0)

    objects = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(supporter=F("supported")), name="support_not_of_oneself"),
        ]
        indexes = [models.Index(fields=["supporter", "run"], name="support_by_supporter")]

    def __str__(self) -> str:
        return f"{self.supporter_id} → {self.supported_id}, run {self.run_id}: {self.reach:.2f}"


class ReachPart(models.Model):
    """How much of somebody's reach came by one kind of act in one network; a person's rows add up to the reach."""

    pk = models.CompositePrimaryKey("person", "run", "kind", "network")
    run = models.ForeignKey(ScoreRun, models.CASCADE, db_index=False, related_name="reach_parts")
    person = models.ForeignKey(Person, models.CASCADE, db_index=False, related_name="reach_parts")
    kind = models.CharField(max_length=10)
    network = models.CharField(max_length=50, blank=True, help_text="Slug; empty: the activity names none.")
    reach = models.FloatField()

    objects = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(reach__gt=0), name="reach_part_above_zero"),
        ]

    def __str__(self) -> str:
        return f"person {self.person_id}, {self.kind} in {self.network or 'no network'}, run {self.run_id}"


class WrittenLanguage(models.Model):
    """A language in which somebody wrote in the 28 days before a run, as their networks named it."""

    pk = models.CompositePrimaryKey("person", "run", "language")
    run = models.ForeignKey(ScoreRun, models.CASCADE, db_index=False, related_name="written_languages")
    person = models.ForeignKey(Person, models.CASCADE, db_index=False, related_name="written_languages")
    language = models.CharField(max_length=3, help_text="ISO 639, without script and country.")

    objects = models.Manager()

    class Meta:
        # Whoever writes in one is found by it, and rows are dropped by run.
        indexes = [models.Index(fields=["run", "language", "person"], name="written_language_of_run")]

    def __str__(self) -> str:
        return f"person {self.person_id} in {self.language}, run {self.run_id}"
