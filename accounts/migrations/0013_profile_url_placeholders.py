import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0012_indexes_without_nobody'),
    ]

    operations = [
        migrations.AlterField(
            model_name='network',
            name='profile_url',
            field=models.CharField(blank=True, help_text='Where a profile is, with {handle} or {id}; empty where there is no such page.', max_length=200, validators=[django.core.validators.RegexValidator('^https?://[^{}\\s]*(?:\\{(?:handle|id)\\}[^{}\\s]*)+$', 'An address from https:// on, with {handle} or {id} in it and no other braces.')]),
        ),
    ]
