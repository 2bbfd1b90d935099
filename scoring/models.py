"""What a score is made of, as rows: formulas, runs, scores, topics."""

import math
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, FilteredRelation, Max, OuterRef, Q, Sum
from django.db.models.functions import Cast, Greatest, Least, Ln
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import Person, PersonQuerySet, User, Viewer


class Topic(models.Model):
    """Something that people post about. Matched by hashtag and by name or alias in the text."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=80)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    aliases = models.JSONField(default=list, blank=True, help_text="Other names and hashtags, as a list of texts.")
    names = models.JSONField(
        "names in other languages", default=dict, blank=True, help_text="By code of the language: de, fr, pt-br."
    )
    words_in_text = models.BooleanField(
        "names of one word count in texts",
        default=True,
        help_text="Otherwise they are found as hashtags only: for imported topics, whose names nobody looked through.",
    )
    source = models.CharField(max_length=40, blank=True, help_text="Where it was imported from.")
    external_id = models.CharField(max_length=40, blank=True, help_text="Its id there, as a text.")

    objects = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(parent=F("id")), name="topic_not_its_own_parent"),
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=~Q(source=""), name="topic_once_per_source"
            ),
            models.CheckConstraint(
                condition=Q(source="", external_id="") | (~Q(source="") & ~Q(external_id="")),
                name="topic_source_has_id",
            ),
        ]

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        """Return the name in the language that is active, the plain one where there is none in it."""
        language = get_language() or ""
        return str(self.names.get(language) or self.names.get(language.partition("-")[0]) or self.name)

    def clean(self) -> None:
        seen, above = {self.pk}, self.parent
        while above is not None:
            if above.pk in seen:
                raise ValidationError({"parent": "This topic is above that one already."})
            seen.add(above.pk)
            above = above.parent


class FormulaQuerySet(models.QuerySet["Formula"]):
    def shadows(self) -> Self:
        """Keep the versions that are asked to run beside the current one."""
        return self.filter(is_shadow=True)


class Formula(models.Model):
    """A version of the score's parameters. Never changed once a run has used it.

    Which version counts is one flag, `is_current`; from when on, and who said so, is the ledger of `Activation`.
    """

    version = models.CharField(max_length=40, unique=True)
    parameters = models.JSONField(help_text="As scoring.engine.Parameters.to_dict() gives them.")
    fingerprint = models.CharField(max_length=64, editable=False)
    note = models.TextField(blank=True, help_text="What this version changes, and why.")
    is_current = models.BooleanField("current", default=False)
    is_shadow = models.BooleanField(
        "in shadow", default=False, help_text="Computed each night beside the current one, for nobody but the admin."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = FormulaQuerySet.as_manager()

    class Meta:
        permissions = [("activate_formula", "Can say from when on a formula is the current one")]
        constraints = [
            models.UniqueConstraint(fields=["is_current"], condition=Q(is_current=True), name="formula_one_current"),
            models.CheckConstraint(condition=~Q(is_current=True, is_shadow=True), name="formula_current_is_no_shadow"),
        ]

    def __str__(self) -> str:
        return self.version

    def clean(self) -> None:
        # The engine and its libraries take a second to load: not in every process that only reads rows.
        from scoring.engine import InputError, Parameters

        if not isinstance(self.parameters, dict):
            raise ValidationError({"parameters": "Give one JSON object: names of parameters and their numbers."})
        try:
            parameters = Parameters.from_dict(self.parameters | {"version": self.version})
        except InputError as error:
            raise ValidationError({"parameters": str(error)}) from error
        self.parameters = parameters.to_dict()
        self.fingerprint = parameters.fingerprint()


class ActivationQuerySet(models.QuerySet["Activation"]):
    def begun(self) -> Self:
        return self.filter(begun_at__isnull=False)

    def planned(self) -> Self:
        """Keep the one, if any, that waits for its date."""
        return self.filter(begun_at__isnull=True)


class Activation(models.Model):
    """That a formula is the current one from a moment on: until the next row's moment. A ledger, never changed.

    Planned until the first run as of that moment or a later one takes the formula up (`begun_at`); until then it can be
    withdrawn. The same formula can come back by a row of its own.
    """

    formula = models.ForeignKey(Formula, models.PROTECT, related_name="activations")
    current_from = models.DateTimeField(unique=True, help_text="Runs as of this moment and later ones use the formula.")
    begun_at = models.DateTimeField(null=True, blank=True, help_text="When a run first took it up.")
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", help_text="Empty where the program did it."
    )
    note = models.TextField(blank=True, help_text="What changes and why, as the public page says it.")
    unseen = models.BooleanField(default=False, help_text="Nobody could see before whom it moves: it ran in no shadow.")

    objects = ActivationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["begun_at"],
                condition=Q(begun_at__isnull=True),
                nulls_distinct=False,
                name="activation_one_planned",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.formula_id} from {self.current_from:%Y-%m-%d %H:%M}"


class ScoreRunQuerySet(models.QuerySet["ScoreRun"]):
    def done(self) -> Self:
        return self.filter(state=ScoreRun.State.DONE)

    def current(self) -> "ScoreRun | None":
        """Return the run whose scores readers see, or None before the first."""
        return self.filter(is_current=True).select_related("formula").first()


class ScoreRun(models.Model):
    """One computation of all scores, as known at `as_of` under a formula. The ledger of what was published when.

    A line that is done stays done while it is computed again: its old rows are what readers see until the new ones
    take their place.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    as_of = models.DateTimeField(help_text="Only activity before this moment counts.")
    formula = models.ForeignKey(Formula, models.PROTECT, related_name="runs")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    is_current = models.BooleanField("current", default=False)
    is_shadow = models.BooleanField(
        "shadow", default=False, help_text="Made by a formula that didn't count at that moment: no part of the history."
    )
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(
        default=1, help_text="Starts since it was last done, or since somebody asked for it."
    )
    retry_at = models.DateTimeField(
        "next try", null=True, blank=True, help_text="When it is started again by itself; empty: it isn't."
    )
    people = models.PositiveIntegerField(default=0)
    interactions = models.PositiveBigIntegerField(default=0)
    step = models.CharField(max_length=80, blank=True, help_text="What it is at, or was at when it stopped.")
    error = models.TextField(blank=True)
    notes = models.JSONField(default=dict, blank=True)

    objects = ScoreRunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["is_current"], condition=Q(is_current=True), name="run_one_current"),
            models.UniqueConstraint(fields=["as_of", "formula"], name="run_once_per_moment_and_formula"),
            models.CheckConstraint(condition=Q(is_current=False) | Q(state="done"), name="run_current_is_done"),
            models.CheckConstraint(condition=~Q(is_current=True, is_shadow=True), name="run_current_is_no_shadow"),
            models.CheckConstraint(
                condition=Q(state="running", finished_at__isnull=True)
                | (~Q(state="running") & Q(finished_at__isnull=False)),
                name="run_finished_has_time",
            ),
            models.CheckConstraint(condition=Q(retry_at__isnull=True) | Q(state="failed"), name="run_retry_of_failed"),
        ]

    def __str__(self) -> str:
        return f"{self.as_of:%Y-%m-%d %H:%M} ({self.formula_id})"


class BacktestQuerySet(models.QuerySet["Backtest"]):
    def of_formula(self, formula: Formula) -> Self:
        """Keep those of finished runs under a formula, in the order of time: of two formulas they don't compare."""
        return self.filter(run__formula=formula, run__state=ScoreRun.State.DONE).order_by("run__as_of")


class Backtest(models.Model):
    """The forecast made a horizon before a run, by the run's formula, against what then happened up to the run.

    Rankings are measured by the plain number of different people who then freely acted; bands by the count that the
    forecast is about, each by bands learned from other people. `baselines` are what others would rank by: name and the
    same three measures; `bins` are people by size of the forecast, ascending: people, forecast, outcome, low, high (all
    but the first are means).
    """

    run = models.OneToOneField(ScoreRun, models.CASCADE, related_name="backtest", primary_key=True)
    cut = models.DateTimeField(help_text="Only what was known before this moment made the forecast.")
    horizon_days = models.FloatField(help_text="How far the forecast looked ahead.")
    people = models.PositiveIntegerField(help_text="On whom anybody had acted before.")
    spearman = models.FloatField("Spearman", help_text="Rank correlation of forecast and outcome, -1 to 1.")
    ndcg = models.FloatField("nDCG@100", help_text="Discounted gain of the first hundred, of the best possible.")
    overlap = models.FloatField("overlap@100", help_text="Share of the true first hundred among those foretold.")
    best_baseline = models.FloatField(
        "Spearman of the best baseline", help_text="The highest rank correlation that plain counts reach."
    )
    coverage = models.FloatField(null=True, help_text="Share of outcomes within the band; empty: no band was learned.")
    coverage_large = models.FloatField(
        "coverage from 20", null=True, help_text="The same where 20 people or more were forecast."
    )
    large = models.PositiveIntegerField("forecasts from 20", help_text="How many these are.")
    baselines = models.JSONField(default=list)
    bins = models.JSONField(default=list)

    objects = BacktestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(spearman__range=(-1, 1), best_baseline__range=(-1, 1)), name="backtest_spearman_in_range"
            ),
            models.CheckConstraint(
                condition=Q(ndcg__range=(0, 1), overlap__range=(0, 1)), name="backtest_shares_in_range"
            ),
            models.CheckConstraint(
                condition=(Q(coverage__isnull=True) | Q(coverage__range=(0, 1)))
                & (Q(coverage_large__isnull=True) | Q(coverage_large__range=(0, 1))),
                name="backtest_coverage_in_range",
            ),
            models.CheckConstraint(condition=Q(people__gte=2, large__lte=F("people")), name="backtest_of_people"),
            models.CheckConstraint(condition=Q(horizon_days__gt=0), name="backtest_looks_ahead"),
        ]

    def __str__(self) -> str:
        return f"backtest of run {self.run_id}"


class InfluencerQuerySet(PersonQuerySet):
    def with_score(self, run: ScoreRun | None) -> Self:
        """Join each person's row of a run as `current`, and keep those who have one."""
        return self.alias(current=FilteredRelation("scores", condition=Q(scores__run=run.pk if run else None))).filter(
            current__isnull=False
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
        rows = rows.filter(topical__reach_with_below__gt=0)
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

    run = models.ForeignKey(ScoreRun, models.CASCADE, related_name="scores")
    person = models.ForeignKey(Person, models.CASCADE, related_name="scores")
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

    run = models.ForeignKey(ScoreRun, models.CASCADE, related_name="topic_reach")
    person = models.ForeignKey(Person, models.CASCADE, related_name="topic_reach")
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
            models.UniqueConstraint(fields=["person", "run", "topic"], name="topic_reach_once"),
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

    run = models.ForeignKey(ScoreRun, models.CASCADE, related_name="supports")
    supporter = models.ForeignKey(Person, models.CASCADE, related_name="supports_given")
    supported = models.ForeignKey(Person, models.CASCADE, related_name="supports_received")
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
            models.UniqueConstraint(fields=["supported", "run", "supporter"], name="support_once"),
            models.CheckConstraint(condition=~Q(supporter=F("supported")), name="support_not_of_oneself"),
        ]
        indexes = [models.Index(fields=["supporter", "run"], name="support_by_supporter")]

    def __str__(self) -> str:
        return f"{self.supporter_id} → {self.supported_id}, run {self.run_id}: {self.reach:.2f}"


class ReachPart(models.Model):
    """How much of somebody's reach came by one kind of act in one network; a person's rows add up to the reach."""

    run = models.ForeignKey(ScoreRun, models.CASCADE, related_name="reach_parts")
    person = models.ForeignKey(Person, models.CASCADE, related_name="reach_parts")
    kind = models.CharField(max_length=10)
    network = models.CharField(max_length=50, blank=True, help_text="Slug; empty: the activity names none.")
    reach = models.FloatField()

    objects = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "run", "kind", "network"], name="reach_part_once"),
            models.CheckConstraint(condition=Q(reach__gt=0), name="reach_part_above_zero"),
        ]
        # Rows are dropped by run.
        indexes = [models.Index(fields=["run"], name="reach_part_by_run")]

    def __str__(self) -> str:
        return f"person {self.person_id}, {self.kind} in {self.network or 'no network'}, run {self.run_id}"


class AppealQuerySet(models.QuerySet["Appeal"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep those of people whom the user may see."""
        return self.filter(Exists(Person.objects.visible_to(user).filter(pk=OuterRef("person"))))


class Appeal(models.Model):
    """A person's objection to what a reason took off their forecast, and what was answered."""

    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        REFUSED = "refused"

    class Reason(models.TextChoices):
        UNVOUCHED = "unvouched", _("Attention that nobody vouches for")
        EXCHANGE = "exchange", _("Favours returned")
        INDISCRIMINATE = "indiscriminate", _("Attention given to everyone")
        REPETITION = "repetition", _("The same text again and again")
        ABSENCE = "absence", _("The chance of having stopped posting")

    person = models.ForeignKey(Person, models.CASCADE, related_name="appeals")
    run = models.ForeignKey(ScoreRun, models.PROTECT, related_name="appeals", help_text="Whose figures are contested.")
    reason = models.CharField(max_length=20, choices=Reason)
    people = models.FloatField(help_text="What was taken off then.")
    text = models.TextField(max_length=2000)
    made_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    answer = models.TextField(max_length=2000, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    objects = AppealQuerySet.as_manager()

    class Meta:
        permissions = [("answer_appeal", "Can answer appeals")]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "reason"], condition=Q(state="open"), name="appeal_one_open_per_reason"
            ),
            models.CheckConstraint(
                condition=Q(state="open", answered_at__isnull=True, answered_by__isnull=True, answer="")
                | (Q(state__in=["accepted", "refused"], answered_at__isnull=False) & ~Q(answer="")),
                name="appeal_answered_has_all",
            ),
            models.CheckConstraint(condition=~Q(text=""), name="appeal_has_text"),
        ]
        indexes = [models.Index(fields=["state", "made_at"], name="appeal_by_state")]

    def __str__(self) -> str:
        return f"appeal of person {self.person_id} against {self.reason}, {self.made_at:%Y-%m-%d}"
