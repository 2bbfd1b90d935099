from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("scoring", "0016_rows_without_numbers"),
    ]

    operations = [
        migrations.AddField(
            model_name="stateday",
            name="files",
            field=models.JSONField(
                default=dict, help_text="Bytes of each file of the day; none: written before they counted."
            ),
        ),
    ]
