"""Topics, which operators edit; runs and scores, which are looked at. The influencer list is in campaigns."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.admin import ModelAdmin, StackedInline
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin.base import ListAdmin, ReadOnly, span, staff_of
from accounts.admin.merges import FACTS
from accounts.models import Person, User
from accounts.queries import with_handle
from scoring.models import Appeal, Backtest, Score, ScoreRun, Topic
from scoring.queries import KLOUT, KLOUT_LICENCE
from scoring.queries.progress import is_run_going_on, run_progress


class LinesField(forms.CharField):
    """A list of texts, edited as lines."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = (" ".join(line.split()) for line in (super().to_python(value) or "").splitlines())
        return list(dict.fromkeys(line for line in lines if line))


class TopicForm(forms.ModelForm[Topic]):
    aliases = LinesField(
        required=False, help_text="Other names, one a line. One that begins with # is found as a hashtag only."
    )

    class Meta:
        model = Topic
        fields = ["name", "slug", "parent", "aliases", "words_in_text", "names"]


@admin.register(Topic)
class TopicAdmin(ModelAdmin):  # type: ignore[misc]  # unfold publishes no types
    form = TopicForm
    list_display = ["name", "slug", "parent", "other_names"]
    list_filter = ["source", ("parent", admin.RelatedOnlyFieldListFilter)]
    list_before_template = "admin/scoring/topics_before.html"
    readonly_fields = ["source", "external_id"]
    list_select_related = ["parent"]
    search_fields = ["name", "slug", "aliases"]
    autocomplete_fields = ["parent"]
    prepopulated_fields = {"slug": ["name"]}
    ordering = ["name", "pk"]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        has_imported = Topic.objects.filter(source=KLOUT).exists()
        given = {"licence": KLOUT_LICENCE if has_imported else ""}
        return super().changelist_view(request, {**given, **(extra_context or {})})

    @admin.display(description="aliases")
    def other_names(self, topic: Topic) -> str:
        return ", ".join(topic.aliases)


class BacktestInline(ReadOnly, StackedInline):  # type: ignore[misc]  # unfold publishes no types
    """How the forecast of a horizon before did, on the page of the run."""

    model = Backtest
    verbose_name_plural = "Forecast of a horizon before, against what then happened"
    fields = [
        *("cut", "people", ("spearman", "best_baseline"), ("ndcg", "overlap"), ("coverage", "coverage_large"), "large"),
        *("others", "by_size"),
    ]
    readonly_fields = ["others", "by_size"]

    @admin.display(description="Spearman, nDCG@100, overlap@100 of plain counts")
    def others(self, found: Backtest) -> str:
        return _rows(
            (f"{each['name']}: {each['spearman']:.3f}, {each['ndcg']:.3f}, {each['overlap']:.2f}",)
            for each in found.baselines
        )

    @admin.display(description="by size of the forecast")
    def by_size(self, found: Backtest) -> str:
        return _rows(
            (
                f"{each['people']:,} people: {each['forecast']:,.1f} expected, {each['outcome']:,.1f} came, "
                f"band {each['low']:,.1f} to {each['high']:,.1f}",
            )
            for each in found.bins
        )


def _rows(lines: Iterable[tuple[str]]) -> str:
    return format_html_join("", "{}<br>", lines) or "–"


@admin.register(Backtest)
class BacktestAdmin(ReadOnly, ListAdmin):
    """How forecasts did over time, with a chart of what the list shows."""

    list_display = [
        *("as_of", "formula", "people", "score", "best_count", "first_hundred", "hits", "within", "within_large"),
    ]
    list_select_related = ["run__formula"]
    list_filter = ["run__formula"]
    date_hierarchy = "run__as_of"
    ordering = ["-run__as_of", "-pk"]
    list_before_template = "admin/scoring/backtests_before.html"
    fields = [*BacktestInline.fields]
    readonly_fields = [*BacktestInline.readonly_fields]
    others, by_size = BacktestInline.others, BacktestInline.by_size
    # Nights in the chart.
    charted = 200

    @admin.display(description="as of", ordering="run__as_of")
    def as_of(self, found: Backtest) -> str:
        return format_html(
            '<a class="sway-link" href="{}">{}</a>',
            reverse("admin:scoring_scorerun_change", args=[found.run_id]),
            f"{found.run.as_of:%Y-%m-%d %H:%M}",
        )

    @admin.display(description="Spearman", ordering="spearman")
    def score(self, found: Backtest) -> str:
        return f"{found.spearman:.3f}"

    @admin.display(description="best plain count", ordering="best_baseline")
    def best_count(self, found: Backtest) -> str:
        return f"{found.best_baseline:.3f}"

    @admin.display(description="nDCG@100", ordering="ndcg")
    def first_hundred(self, found: Backtest) -> str:
        return f"{found.ndcg:.3f}"

    @admin.display(description="overlap@100", ordering="overlap")
    def hits(self, found: Backtest) -> str:
        return f"{found.overlap:.2f}"

    @admin.display(description="within the band", ordering="coverage")
    def within(self, found: Backtest) -> str | None:
        return None if found.coverage is None else f"{found.coverage:.1%}"

    @admin.display(description="from 20 people on", ordering="coverage_large")
    def within_large(self, found: Backtest) -> str | None:
        return None if found.coverage_large is None else f"{found.coverage_large:.1%}"

    @admin.display(ordering="run__formula__version")
    def formula(self, found: Backtest) -> str:
        return found.run.formula.version

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            context["trend"] = json.dumps(_trend(context["cl"].queryset.order_by("-run__as_of")[: self.charted]))
        return response


def _trend(found: Iterable[Backtest]) -> dict[str, Any]:
    """Return what unfold's line chart draws: the score and the best plain count, oldest first."""
    nights = list(found)[::-1]
    lines = {
        "Spearman of the score": ("spearman", "var(--color-primary-600)"),
        "of the best plain count": ("best_baseline", "#d97706"),
        "within the band": ("coverage", "#0d9488"),
    }
    return {
        "labels": [f"{night.run.as_of:%Y-%m-%d}" for night in nights],
        "datasets": [
            {
                "label": label,
                "data": [getattr(night, name) for night in nights],
                "borderColor": colour,
                "displayYAxis": True,
            }
            for label, (name, colour) in lines.items()
        ],
    }


@admin.register(ScoreRun)
class ScoreRunAdmin(ReadOnly, ListAdmin):
    list_display = [
        *(
            "as_of",
            "formula",
            "state",
            "is_current",
            "is_shadow",
            "scored",
            "read",
            "duration",
            "attempts",
            "retry_at",
        ),
        *("going_on", "error"),
    ]
    fields = [
        *("as_of", "formula", ("state", "is_current", "is_shadow"), "going_on", "error"),
        *(("started_at", "finished_at"), ("attempts", "retry_at"), ("people", "interactions"), "notes"),
    ]
    readonly_fields = ["going_on"]
    list_filter = ["state", "is_current", "is_shadow", "formula"]
    list_select_related = ["formula"]
    date_hierarchy = "as_of"
    ordering = ["-as_of", "-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScoreRun]:
        rows: QuerySet[ScoreRun] = super().get_queryset(request)
        took = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
        return rows.annotate(took=took)

    def get_inlines(self, request: HttpRequest, obj: ScoreRun | None) -> list[Any]:
        # Of none Django would show an empty form, whoever may add one.
        return [BacktestInline] if obj is not None and hasattr(obj, "backtest") else []

    @admin.display(description="people", ordering="people")
    def scored(self, run: ScoreRun) -> str:
        """Return how many people the run scored, as a link to their scores."""
        if run.state != ScoreRun.State.DONE:
            return "–"
        return format_html(
            '<a class="text-primary-600 underline" href="{}?run={}">{}</a>',
            reverse("admin:scoring_score_changelist"),
            run.pk,
            f"{run.people:,}",
        )

    @admin.display(description="interactions", ordering="interactions")
    def read(self, run: ScoreRun) -> str:
        return f"{run.interactions:,}"

    @admin.display(description="took", ordering="took", empty_value="still going")
    def duration(self, run: Any) -> str | None:
        return None if run.took is None else f"{run.took.total_seconds():.1f} s"

    @admin.display(description="at")
    def going_on(self, run: ScoreRun) -> str:
        """Return where a run is: the step, its rows, how fast it goes and how long it will take."""
        found = run_progress(run, timezone.now())
        if found is None or run.state == ScoreRun.State.FAILED:
            return run.step or "–"
        if not is_run_going_on():
            return f"{found.step}: stopped here"
        said = [found.step]
        if found.rows:
            said.append(f"{found.done:,} of {found.rows:,} rows" if found.done else f"{found.rows:,} rows")
        if found.rate:
            said.append(f"{'' if found.done else 'about '}{found.rate:,.0f} a second")
        said.append(f"since {span(found.seconds)}")
        said.append("no run to go by yet" if found.seconds_left is None else f"about {span(found.seconds_left)} left")
        return ", ".join(said)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return _again_while_running(super().changelist_view(request, extra_context))

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        return _again_while_running(super().changeform_view(request, *args, **options))


def _again_while_running(page: HttpResponse) -> HttpResponse:
    """Let a page be loaded again every few seconds as long as a run goes on."""
    if is_run_going_on():
        page.headers["Refresh"] = "5"
    return page


class RunFilter(admin.SimpleListFilter):
    """One run at a time: the current one unless another is chosen, so that a list stays a walk along an index."""

    title = "run"
    parameter_name = "run"
    shown = 30

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        runs = ScoreRun.objects.done().select_related("formula").order_by("-as_of", "-pk")[: self.shown]
        return [
            (str(run.pk), f"{run.as_of:%Y-%m-%d %H:%M}, {run.formula.version}{', shadow' if run.is_shadow else ''}")
            for run in runs
        ]

    def choices(self, changelist: Any) -> Iterator[Any]:
        current, *others = super().choices(changelist)
        yield current | {"display": "the current one"}
        yield from others

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Score]) -> QuerySet[Score]:
        chosen = self.value() or ""
        return queryset.filter(run=int(chosen)) if chosen.isdecimal() else queryset.filter(run__is_current=True)


@admin.register(Score)
class ScoreAdmin(ReadOnly, ListAdmin):
    """Every row that a run published, of whoever stands for themselves now. Of people who hide, operators see them."""

    list_display = ["person", "score", "reach", "low", "high", "percentile", "supporters", "posts", "as_of"]
    list_select_related = ["person", "run"]
    list_filter = [RunFilter]
    search_fields = ["person__handle"]
    search_help_text = "A handle, in full"
    ordering = ["-score", "person"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Score]:
        rows: QuerySet[Score] = super().get_queryset(request)
        if request.user.is_superuser:
            return rows.filter(person__merged_into=None)
        return rows.filter(Exists(Person.objects.visible_to(request.user).filter(pk=OuterRef("person"))))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Score], search_term: str
    ) -> tuple[QuerySet[Score], bool]:
        # The whole handle, by the index that keeps it unique.
        handle = search_term.strip().removeprefix("@")
        return (queryset.filter(person__in=with_handle(Person.objects.all(), handle)) if handle else queryset), False

    @admin.display(ordering="run__as_of")
    def as_of(self, score: Score) -> str:
        return f"{score.run.as_of:%Y-%m-%d %H:%M}"


class AnswerForm(forms.ModelForm[Appeal]):
    """An answer: accepted or refused, and why."""

    # Nothing is chosen to begin with, so that no answer is given by mistake.
    state = forms.ChoiceField(choices=[("", "---------"), *Appeal.State.choices[1:]])
    answer = forms.CharField(widget=UnfoldAdminTextareaWidget, max_length=2000, help_text="The person reads it.")

    class Meta:
        model = Appeal
        fields = ["state", "answer"]


@admin.register(Appeal)
class AppealAdmin(ListAdmin):
    """What people object to. Whoever has the permission answers, once; an answer stays as it is."""

    form = AnswerForm
    list_display = ["person", "reason", "taken", "state", "made_at", "answered_at"]
    list_filter = ["state", "reason"]
    list_select_related = ["person"]
    ordering = ["-made_at", "-pk"]
    fields = ["person", "reason", "taken", "text", "run", "made_at", "state", "answer", "answered_by", "answered_at"]
    readonly_fields = ["person", "reason", "taken", "text", "run", "made_at", "answered_by", "answered_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Appeal]:
        rows: QuerySet[Appeal] = super().get_queryset(request)
        return rows.filter(pk__in=Appeal.objects.visible_to(staff_of(request)))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        waiting = obj is None or obj.state == Appeal.State.OPEN
        return waiting and request.user.has_perm("scoring.answer_appeal")

    @admin.display(description="people taken off", ordering="people")
    def taken(self, found: Appeal) -> str:
        return f"{found.people:,.2f}"

    def save_model(self, request: HttpRequest, obj: Appeal, form: Any, change: bool) -> None:
        from scoring.actions.appeals import AppealRefused, answer_appeal  # loads the engine with the other actions

        given = form.cleaned_data
        try:
            answer_appeal(
                obj,
                accepted=given["state"] == Appeal.State.ACCEPTED,
                answer=given["answer"],
                by=staff_of(request),
                now=timezone.now(),
            )
        except AppealRefused as error:
            messages.error(request, str(error))


def _score_of(person: Person, user: User) -> Iterator[tuple[str, str]]:
    """Yield a person's current score, as the page that merges shows it."""
    row = Score.objects.filter(person=person, run__is_current=True).first()
    yield "Score", f"{row.score:.1f}, from {row.supporters:,} people who acted" if row else "none yet"


FACTS.append(_score_of)
