"""Know rows of topics, supports, parts and languages by what they are of, and let the database erase a person's rows.

A number of a row, its index and an index of nothing but the run cost every night, and nobody looks rows up by them. A
run's tables get their foreign keys before readers see them (`actions.filling`): who is erased in that minute then
takes their rows there along, of which Django doesn't know. Foreign keys of tables that are there are checked anew.
"""

from django.db import migrations, models
import django.db.models.deletion

# What rows are known by, and by which unique constraint they were until now.
KEYS = {
    "scoring_topicreach": ("person_id, run_id, topic_id", "topic_reach_once"),
    "scoring_support": ("supported_id, run_id, supporter_id", "support_once"),
    "scoring_reachpart": ("person_id, run_id, kind, network", "reach_part_once"),
    "scoring_writtenlanguage": ("person_id, run_id, language", "written_language_once"),
}
TABLES = ("scoring_score", *KEYS)
# Partitions of small runs hold many runs each, of which one's rows are deleted at a time.
BY_RUN = ("scoring_support", "scoring_reachpart")


def go(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, (key, once) in KEYS.items():
            cursor.execute(f"ALTER TABLE {table} DROP COLUMN id")
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {once}")
            cursor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({key})")
        for table in BY_RUN:
            for name in _indexes_of_run(cursor, table):
                cursor.execute(f'DROP INDEX "{name}"')
            cursor.execute(f"CREATE INDEX {table}_others_by_run ON {table}_others (run_id)")
        for table in TABLES:
            _refer_again(cursor, table, "ON DELETE CASCADE")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def back(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, (key, once) in KEYS.items():
            cursor.execute(f"CREATE SEQUENCE {table}_id_seq AS bigint")
            cursor.execute(f"ALTER TABLE {table} ADD COLUMN id bigint NOT NULL DEFAULT nextval('{table}_id_seq')")
            cursor.execute(f"ALTER SEQUENCE {table}_id_seq OWNED BY {table}.id")
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
            cursor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (id, run_id)")
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {once} UNIQUE ({key})")
        for table, name in zip(BY_RUN, ("scoring_support_run_id", "reach_part_by_run"), strict=True):
            cursor.execute(f"DROP INDEX {table}_others_by_run")
            cursor.execute(f"CREATE INDEX {name} ON {table} (run_id)")
        for table in TABLES:
            _refer_again(cursor, table, "")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _indexes_of_run(cursor, table):
    cursor.execute(
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_attribute a"
        " ON a.attrelid = i.indrelid AND a.attname = 'run_id' AND i.indkey::text = a.attnum::text"
        " WHERE i.indrelid = %s::regclass",
        [table],
    )
    return [name for (name,) in cursor.fetchall()]


def _refer_again(cursor, table, when_deleted):
    cursor.execute(
        "SELECT k.conname, a.attname, k.confrelid::regclass FROM pg_constraint k"
        " JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]"
        " WHERE k.conrelid = %s::regclass AND k.contype = 'f' AND k.conparentid = 0 ORDER BY k.oid",
        [table],
    )
    for name, column, referred in cursor.fetchall():
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(
            f'ALTER TABLE {table} ADD CONSTRAINT "{name}" FOREIGN KEY ({column}) REFERENCES {referred} (id)'
            f" {when_deleted} DEFERRABLE INITIALLY DEFERRED"
        )


class Migration(migrations.Migration):

    dependencies = [
        ('scoring', '0015_written_languages_by_run'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(go, back)],
            state_operations=[
                migrations.RemoveConstraint(model_name='reachpart', name='reach_part_once'),
                migrations.RemoveConstraint(model_name='support', name='support_once'),
                migrations.RemoveConstraint(model_name='topicreach', name='topic_reach_once'),
                migrations.RemoveConstraint(model_name='writtenlanguage', name='written_language_once'),
                migrations.RemoveIndex(model_name='reachpart', name='reach_part_by_run'),
                migrations.AlterField(
                    model_name='support',
                    name='run',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='supports', to='scoring.scorerun'),
                ),
                migrations.RemoveField(model_name='reachpart', name='id'),
                migrations.RemoveField(model_name='support', name='id'),
                migrations.RemoveField(model_name='topicreach', name='id'),
                migrations.RemoveField(model_name='writtenlanguage', name='id'),
                migrations.AddField(
                    model_name='reachpart',
                    name='pk',
                    field=models.CompositePrimaryKey('person', 'run', 'kind', 'network', blank=True, editable=False, primary_key=True, serialize=False),
                ),
                migrations.AddField(
                    model_name='support',
                    name='pk',
                    field=models.CompositePrimaryKey('supported', 'run', 'supporter', blank=True, editable=False, primary_key=True, serialize=False),
                ),
                migrations.AddField(
                    model_name='topicreach',
                    name='pk',
                    field=models.CompositePrimaryKey('person', 'run', 'topic', blank=True, editable=False, primary_key=True, serialize=False),
                ),
                migrations.AddField(
                    model_name='writtenlanguage',
                    name='pk',
                    field=models.CompositePrimaryKey('person', 'run', 'language', blank=True, editable=False, primary_key=True, serialize=False),
                ),
            ],
        ),
    ]
