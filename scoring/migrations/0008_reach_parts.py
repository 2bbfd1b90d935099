import django.db.models.deletion
from django.db import migrations, models

SUMS = {
    "vouchers": "Supporters whom the vouched attention stands for.",
    "vouched": "People, before caps, repetition and absence.",
    "broad": "The same, from readers of many whom nobody answers.",
    "narrow": "The same, from accounts that act on hardly anybody else.",
    "vouched_exchanged": "Vouched, as if no exchange were discounted.",
    "broad_exchanged": "",
    "narrow_exchanged": "",
}
TAKEN = ("unvouched", "exchange", "indiscriminate", "repetition", "absence")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_handles_fit_addresses"), ("scoring", "0007_formula_of_this_engine")]

    operations = [
        *(migrations.AddField("score", name, models.FloatField(help_text=said, null=True)) for name, said in SUMS.items()),
        migrations.AddField(
            "support",
            "expected",
            models.FloatField(
                default=0, help_text="People whom the supporter stands for, before anything is taken off."
            ),
        ),
        *(migrations.AddField("support", f"taken_{reason}", models.FloatField(default=0)) for reason in TAKEN),
        # Of runs that are there, what was taken off single supporters isn't known: nothing is said to be.
        migrations.RunSQL("UPDATE scoring_support SET expected = reach", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="ReachPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=10)),
                (
                    "network",
                    models.CharField(blank=True, help_text="Slug; empty: the activity names none.", max_length=50),
                ),
                ("reach", models.FloatField()),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reach_parts",
                        to="accounts.person",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reach_parts",
                        to="scoring.scorerun",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["run"], name="reach_part_by_run")],
                "constraints": [
                    models.UniqueConstraint(fields=("person", "run", "kind", "network"), name="reach_part_once"),
                    models.CheckConstraint(condition=models.Q(("reach__gt", 0)), name="reach_part_above_zero"),
                ],
            },
        ),
    ]
