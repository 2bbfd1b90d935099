from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0011_teams")]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="purpose",
            field=models.TextField(
                blank=True,
                help_text="In writing, and for this alone. The invited read it.",
                max_length=1000,
                verbose_name="what scores are used for",
            ),
        ),
    ]
