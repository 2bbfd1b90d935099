from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("scoring", "0004_backtest")]

    operations = [
        migrations.AddField(
            "topic",
            "names",
            models.JSONField(
                "names in other languages",
                blank=True,
                default=dict,
                help_text="By code of the language: de, fr, pt-br.",
            ),
        ),
        migrations.AddField(
            "topic",
            "words_in_text",
            models.BooleanField(
                "names of one word count in texts",
                default=True,
                help_text="Otherwise they are found as hashtags only: for imported topics, whose names nobody looked through.",
            ),
        ),
        migrations.AddField(
            "topic",
            "source",
            models.CharField(blank=True, default="", help_text="Where it was imported from.", max_length=40),
            preserve_default=False,
        ),
        migrations.AddField(
            "topic",
            "external_id",
            models.CharField(blank=True, default="", help_text="Its id there, as a text.", max_length=40),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            "topic",
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=~Q(source=""), name="topic_once_per_source"
            ),
        ),
        migrations.AddConstraint(
            "topic",
            models.CheckConstraint(
                condition=Q(source="", external_id="") | (~Q(source="") & ~Q(external_id="")),
                name="topic_source_has_id",
            ),
        ),
        migrations.RemoveIndex("topicreach", "topic_reach_rank"),
        migrations.RemoveConstraint("topicreach", "topic_reach_in_range"),
        migrations.AlterField(
            "topicreach",
            "reach",
            models.FloatField(
                help_text="The topic's part of the reach, which is parted evenly over a post's topics."
            ),
        ),
        migrations.AddField(
            "topicreach",
            "reach_with_below",
            models.FloatField(
                default=0.0, help_text="By posts on the topic or on any below it, each reaction once."
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "topicreach",
            "lift",
            models.FloatField(help_text="How many times what the topic has of everybody else's reach.", null=True),
        ),
        migrations.AddField(
            "topicreach",
            "rank",
            models.PositiveSmallIntegerField(
                help_text="Among the person's own topics, from 1; empty: it isn't one of them.", null=True
            ),
        ),
        # What lies below comes with the next run, and with it the rows of topics that no post names.
        migrations.RunSQL("UPDATE scoring_topicreach SET reach_with_below = reach", migrations.RunSQL.noop),
        # The references' checks wait for the end of the transaction, and a table can't be altered while they do.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL IMMEDIATE"),
        migrations.AddConstraint(
            "topicreach",
            models.CheckConstraint(
                condition=Q(reach__gte=0, reach_with_below__gte=F("reach"), score__range=(1, 100)),
                name="topic_reach_in_range",
            ),
        ),
        migrations.AddConstraint(
            "topicreach",
            models.CheckConstraint(
                condition=Q(rank__isnull=True) | Q(rank__gte=1, lift__isnull=False, lift__gt=0), name="topic_reach_own_has_lift"
            ),
        ),
        migrations.AddIndex(
            "topicreach", models.Index(fields=["run", "topic", "-reach_with_below"], name="topic_reach_rank")
        ),
    ]
