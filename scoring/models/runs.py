"""The ledger of runs, how the forecast of a horizon before each did, and how its figures are spread."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from scoring.models.formulas import Formula


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
    progress = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="Of the step: since when, how many rows it has, and how many are done.",
    )
    error = models.TextField(blank=True)
    notes = models.JSONField(default=dict, blank=True)
    forecast = models.CharField(
        max_length=200, blank=True, editable=False, help_text="Folder of what it foretold, below that of the states."
    )

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


class RunFigures(models.Model):
    """How a run's scores are spread over those whom nobody hid when it was published.

    `histograms` are by measure (score, reach, growth, width, taken: see `scoring.queries.InfluencerFilters` for their
    units): `from`, the lower ends of bins, ascending, the last bin being open; and `people` in each. The first bin
    takes in what lies below it. `topics` says by a topic's id how many have reach on it or on what lies below it,
    `networks` by slug how many have an account there, `languages` by code how many wrote in it.
    """

    run = models.OneToOneField(ScoreRun, models.CASCADE, related_name="figures", primary_key=True)
    people = models.PositiveIntegerField(help_text="With a score, and not hidden.")
    histograms = models.JSONField(default=dict)
    topics = models.JSONField(default=dict)
    networks = models.JSONField(default=dict)
    languages = models.JSONField(default=dict)

    objects = models.Manager()

    def __str__(self) -> str:
        return f"figures of run {self.run_id}"
