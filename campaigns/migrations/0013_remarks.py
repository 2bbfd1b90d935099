import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0012_purposes")]

    operations = [
        migrations.CreateModel(
            name="Remark",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("counter_offer", "counter-offer"), ("feedback", "Feedback")], max_length=20
                    ),
                ),
                ("text", models.TextField(blank=True, max_length=2000)),
                (
                    "rating",
                    models.PositiveSmallIntegerField(
                        blank=True, help_text="1 to 5, the best; of feedback alone.", null=True
                    ),
                ),
                ("written_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "invitation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="remarks", to="campaigns.invitation"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("invitation", "kind"), name="remark_once_per_kind"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["counter_offer", "feedback"])), name="remark_kind_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("rating__isnull", True),
                            models.Q(("kind", "feedback"), ("rating__range", (1, 5))),
                            _connector="OR",
                        ),
                        name="remark_rating_is_of_feedback",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("text", ""), _negated=True), ("rating__isnull", False), _connector="OR"
                        ),
                        name="remark_says_something",
                    ),
                ],
            },
        ),
    ]
