"""Part the languages by run, as scores, topics, supports and parts are."""

from importlib import import_module

from django.db import migrations

TABLE = "scoring_writtenlanguage"


def part_by_run(apps, schema_editor):
    by_run = import_module("scoring.migrations.0011_rows_by_run")
    with schema_editor.connection.cursor() as cursor:
        by_run._part(cursor, TABLE)


def make_whole(apps, schema_editor):
    by_run = import_module("scoring.migrations.0011_rows_by_run")
    with schema_editor.connection.cursor() as cursor:
        by_run._make_whole(cursor, TABLE)


class Migration(migrations.Migration):

    dependencies = [("scoring", "0014_written_languages")]

    operations = [migrations.RunPython(part_by_run, make_whole)]
