import re
from typing import Any

from django.db import migrations, models
from django.db.models.functions import Length, Lower

# The same in PostgreSQL's spelling and in Python's.
CONTROL = r"[\u0001-\u001f\u007f-\u009f]"
SPACE = r"[\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
UNFIT = rf"{CONTROL}|^{SPACE}|{SPACE}$"
MESSAGE = "A handle is part of an address: no line breaks or other control characters, no spaces at its ends."
LONGEST_OF_PERSON, LONGEST_OF_IDENTITY = 320, 255


def clean(apps: Any, schema_editor: Any) -> None:
    """Mend what was stored before intake refused it: people keep a handle of their own, accounts lose theirs."""
    Person, Identity = (apps.get_model("accounts", name) for name in ("Person", "Identity"))
    _unfit(Identity, LONGEST_OF_IDENTITY).update(handle="")
    for person in _unfit(Person, LONGEST_OF_PERSON).order_by("pk"):
        # Room for the number of one that is taken.
        plain = re.sub(CONTROL, "", person.handle).strip()[: LONGEST_OF_PERSON - 20].rstrip() or f"person-{person.pk}"
        person.handle, number = plain, 1
        others = Person.objects.exclude(pk=person.pk).alias(lower=Lower("handle"))
        while others.filter(lower=Lower(models.Value(person.handle))).exists():
            number += 1
            person.handle = f"{plain}-{number}"
        person.save(update_fields=["handle"])


def _unfit(model: Any, longest: int) -> Any:
    rows = model.objects.alias(length=Length("handle"))
    return rows.filter(models.Q(handle__regex=UNFIT) | models.Q(length__gt=longest))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_network_slug_plain")]

    operations = [
        migrations.RunPython(clean, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="identity",
            name="handle",
            field=models.CharField(blank=True, max_length=LONGEST_OF_IDENTITY),
        ),
        migrations.AlterField(
            model_name="person",
            name="handle",
            field=models.CharField(
                help_text="Unique, case aside: the address of the profile page.", max_length=LONGEST_OF_PERSON
            ),
        ),
        migrations.AddConstraint(
            model_name="identity",
            constraint=models.CheckConstraint(
                condition=~models.Q(handle__regex=UNFIT),
                name="identity_handle_fits_address",
                violation_error_message=MESSAGE,
            ),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.CheckConstraint(
                condition=~models.Q(handle__regex=UNFIT),
                name="person_handle_fits_address",
                violation_error_message=MESSAGE,
            ),
        ),
    ]
