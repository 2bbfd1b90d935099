from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_log_upkeep_erasure")]

    operations = [
        migrations.AddField("logfile", "added", models.PositiveBigIntegerField(editable=False, null=True)),
        migrations.RunSQL("UPDATE accounts_logfile SET added = id", migrations.RunSQL.noop),
        migrations.AlterField(
            "logfile",
            "added",
            models.PositiveBigIntegerField(
                editable=False, help_text="When rows were last added, as a rising number."
            ),
        ),
        migrations.RunSQL(
            "CREATE SEQUENCE accounts_logfile_added;"
            "SELECT setval('accounts_logfile_added', (SELECT coalesce(max(id), 0) + 1 FROM accounts_logfile))",
            "DROP SEQUENCE accounts_logfile_added",
        ),
    ]
