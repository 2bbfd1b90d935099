import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q


def fill(apps, schema_editor):
    """Say since when the formula counts by which readers see scores, and which runs were made beside such a one."""
    Formula = apps.get_model("scoring", "Formula")
    ScoreRun = apps.get_model("scoring", "ScoreRun")
    Activation = apps.get_model("scoring", "Activation")
    counting = Formula.objects.filter(Q(is_current=True) | Q(runs__is_current=True)).distinct().order_by("created_at")
    for number, formula in enumerate(counting):
        moments = [formula.created_at]
        if number == 0:
            # Days may have been scored in hindsight.
            moments += ScoreRun.objects.filter(formula=formula).order_by("as_of").values_list("as_of", flat=True)[:1]
        Activation.objects.get_or_create(
            current_from=min(moments),
            defaults={"formula": formula, "begun_at": formula.created_at, "made_at": formula.created_at},
        )
    newest = counting.last()
    if newest is not None:
        # As the history on the profile pages had it until now.
        younger = ScoreRun.objects.filter(is_current=False, formula__created_at__gt=newest.created_at)
        younger.update(is_shadow=True)


class Migration(migrations.Migration):
    dependencies = [
        ("scoring", "0005_topic_lift"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="formula",
            options={"permissions": [("activate_formula", "Can say from when on a formula is the current one")]},
        ),
        migrations.AddField(
            model_name="formula",
            name="is_shadow",
            field=models.BooleanField(
                default=False,
                help_text="Computed each night beside the current one, for nobody but the admin.",
                verbose_name="in shadow",
            ),
        ),
        migrations.AddField(
            model_name="formula",
            name="note",
            field=models.TextField(blank=True, help_text="What this version changes, and why.", default=""),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="formula",
            constraint=models.CheckConstraint(
                condition=~Q(is_current=True, is_shadow=True), name="formula_current_is_no_shadow"
            ),
        ),
        migrations.AddField(
            model_name="scorerun",
            name="is_shadow",
            field=models.BooleanField(
                default=False,
                help_text="Made by a formula that didn't count at that moment: no part of the history.",
                verbose_name="shadow",
            ),
        ),
        migrations.AddConstraint(
            model_name="scorerun",
            constraint=models.CheckConstraint(
                condition=~Q(is_current=True, is_shadow=True), name="run_current_is_no_shadow"
            ),
        ),
        migrations.CreateModel(
            name="Activation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "current_from",
                    models.DateTimeField(
                        help_text="Runs as of this moment and later ones use the formula.", unique=True
                    ),
                ),
                (
                    "begun_at",
                    models.DateTimeField(blank=True, help_text="When a run first took it up.", null=True),
                ),
                ("made_at", models.DateTimeField()),
                (
                    "note",
                    models.TextField(blank=True, help_text="What changes and why, as the public page says it."),
                ),
                (
                    "unseen",
                    models.BooleanField(
                        default=False, help_text="Nobody could see before whom it moves: it ran in no shadow."
                    ),
                ),
                (
                    "formula",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="activations", to="scoring.formula"
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty where the program did it.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(begun_at__isnull=True),
                        fields=("begun_at",),
                        name="activation_one_planned",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        # Since when which formula counted is history once a run has taken it up. A login that goes takes its name along.
        migrations.RunSQL(
            """
            CREATE FUNCTION scoring_activation_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'activation % has begun and can''t be changed', OLD.id
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'activation_fixed_once_begun';
            END $$;
            CREATE TRIGGER activation_fixed_once_begun BEFORE UPDATE ON scoring_activation FOR EACH ROW
                WHEN (OLD.begun_at IS NOT NULL AND
                      (OLD.formula_id, OLD.current_from, OLD.begun_at, OLD.made_at, OLD.note, OLD.unseen)
                      IS DISTINCT FROM
                      (NEW.formula_id, NEW.current_from, NEW.begun_at, NEW.made_at, NEW.note, NEW.unseen))
                EXECUTE FUNCTION scoring_activation_fixed();
            CREATE TRIGGER activation_kept_once_begun BEFORE DELETE ON scoring_activation FOR EACH ROW
                WHEN (OLD.begun_at IS NOT NULL) EXECUTE FUNCTION scoring_activation_fixed();
            """,
            """
            DROP TRIGGER activation_fixed_once_begun ON scoring_activation;
            DROP TRIGGER activation_kept_once_begun ON scoring_activation;
            DROP FUNCTION scoring_activation_fixed;
            """,
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
