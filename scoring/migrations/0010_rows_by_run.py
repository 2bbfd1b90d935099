"""Part scores, topics, supports and parts by run, so that publishing a run is attaching a table.

A table that becomes a partition is filled without indexes and foreign keys, which are then made at once, and a run that
no page shows any more is dropped with its table. Rows that are there stay where they are: their table becomes the
partition of their runs, and only its indexes are made anew. A key of a parted table holds what it is parted by.
"""

from django.db import migrations, models
import django.db.models.deletion

TABLES = ("scoring_score", "scoring_topicreach", "scoring_support", "scoring_reachpart")


def part_by_run(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in TABLES:
            _part(cursor, table)


def _part(cursor, table):
    before = f"{table}_before"
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid), contype FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype IN ('p', 'u', 'f') ORDER BY oid",
        [table],
    )
    constraints = cursor.fetchall()
    cursor.execute(
        "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = %s::regclass AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)"
        " ORDER BY i.indexrelid",
        [table],
    )
    indexes = cursor.fetchall()
    cursor.execute(f"ALTER TABLE {table} RENAME TO {before}")
    # Names of indexes are taken as long as these are there.
    for name, _, kind in constraints:
        if kind in "pu":
            cursor.execute(f'ALTER TABLE {before} DROP CONSTRAINT "{name}"')
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    # A partition's numbers come from its table's sequence; identity columns of parted tables are new in PostgreSQL 17.
    cursor.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {before}")
    (first,) = cursor.fetchone()
    cursor.execute(f"ALTER TABLE {before} ALTER COLUMN id DROP IDENTITY")
    cursor.execute(f"CREATE SEQUENCE {table}_id_seq AS bigint START WITH {first}")
    cursor.execute(f"ALTER TABLE {before} ALTER COLUMN id SET DEFAULT nextval('{table}_id_seq')")
    cursor.execute(
        f"CREATE TABLE {table} (LIKE {before} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY LIST (run_id)"
    )
    cursor.execute(f"ALTER SEQUENCE {table}_id_seq OWNED BY {table}.id")
    for name, definition, kind in constraints:
        definition = "PRIMARY KEY (id, run_id)" if kind == "p" else definition
        cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    for name, definition in indexes:
        how = definition.partition(" USING ")[2]
        cursor.execute(f'CREATE INDEX "{name}" ON {table} USING {how}')
    cursor.execute(f"SELECT DISTINCT run_id FROM {before} ORDER BY run_id")
    runs = ", ".join(str(run) for (run,) in cursor.fetchall())
    if runs:
        cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {before} FOR VALUES IN ({runs})")
    else:
        cursor.execute(f"DROP TABLE {before}")
    cursor.execute(f"CREATE TABLE {table}_others PARTITION OF {table} DEFAULT")


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_log_upkeep_erasure'),
        ('scoring', '0009_appeals'),
    ]

    operations = [
        migrations.AlterField(
            model_name='reachpart',
            name='person',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='reach_parts', to='accounts.person'),
        ),
        migrations.AlterField(
            model_name='reachpart',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='reach_parts', to='scoring.scorerun'),
        ),
        migrations.AlterField(
            model_name='score',
            name='person',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='scores', to='accounts.person'),
        ),
        migrations.AlterField(
            model_name='score',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='scores', to='scoring.scorerun'),
        ),
        migrations.AlterField(
            model_name='support',
            name='supported',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='supports_received', to='accounts.person'),
        ),
        migrations.AlterField(
            model_name='support',
            name='supporter',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='supports_given', to='accounts.person'),
        ),
        migrations.AlterField(
            model_name='topicreach',
            name='person',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='topic_reach', to='accounts.person'),
        ),
        migrations.AlterField(
            model_name='topicreach',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='topic_reach', to='scoring.scorerun'),
        ),
        migrations.RunPython(part_by_run),
    ]
