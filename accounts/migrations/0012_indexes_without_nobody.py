"""Three indexes leave out who has nothing there: nearly everybody. People are read and written meanwhile."""

import django.db.models.deletion
from django.db import migrations, models


def _replaced(table, column, old, new):
    """Return the operation that makes an index anew; one that a failed try left half made goes first."""
    return migrations.RunSQL(
        [
            f"DROP INDEX CONCURRENTLY IF EXISTS {new}",
            f"CREATE INDEX CONCURRENTLY {new} ON {table} ({column}) WHERE {column} IS NOT NULL",
            f"DROP INDEX CONCURRENTLY IF EXISTS {old}",
        ],
        [
            f"DROP INDEX CONCURRENTLY IF EXISTS {old}",
            f"CREATE INDEX CONCURRENTLY {old} ON {table} ({column})",
            f"DROP INDEX CONCURRENTLY IF EXISTS {new}",
        ],
    )


class Migration(migrations.Migration):

    # An index can't be made concurrently in a transaction.
    atomic = False

    dependencies = [
        ('accounts', '0011_api_key_purpose'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            # Django would drop each foreign key, and check all rows as it makes it again.
            database_operations=[
                _replaced("accounts_identity", "alias_of_id", "accounts_identity_alias_of_id_db3e21ed", "identity_alias_of"),
                _replaced("accounts_person", "place_id", "accounts_person_place_id_d3ec8971", "person_place"),
                _replaced("accounts_person", "merged_into_id", "accounts_person_merged_into_id_420ee5f6", "person_merged_into"),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='identity',
                    name='alias_of',
                    field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text="Only of an id made from a handle (@handle): rows that name it are taken as this account's.", null=True, on_delete=django.db.models.deletion.CASCADE, related_name='aliases', to='accounts.identity'),
                ),
                migrations.AlterField(
                    model_name='person',
                    name='merged_into',
                    field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Who this person turned out to be; the ledger of `Merge` says since when.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='absorbed', to='accounts.person'),
                ),
                migrations.AlterField(
                    model_name='person',
                    name='place',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='people', to='accounts.place'),
                ),
                migrations.AddIndex(
                    model_name='identity',
                    index=models.Index(condition=models.Q(('alias_of__isnull', False)), fields=['alias_of'], name='identity_alias_of'),
                ),
                migrations.AddIndex(
                    model_name='person',
                    index=models.Index(condition=models.Q(('place__isnull', False)), fields=['place'], name='person_place'),
                ),
                migrations.AddIndex(
                    model_name='person',
                    index=models.Index(condition=models.Q(('merged_into__isnull', False)), fields=['merged_into'], name='person_merged_into'),
                ),
            ],
        ),
    ]
