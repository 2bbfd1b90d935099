from django.db import migrations
from django.db.models import Q


def retire(apps, schema_editor):
    """Let no formula count, run or wait that was stored for an engine with another definition.

    Its runs and its history stay. The next run stores the engine's own formula and makes it current from then on; whoever
    had parameters of their own copies them as a candidate.
    """
    Formula = apps.get_model("scoring", "Formula")
    Activation = apps.get_model("scoring", "Activation")
    former = Formula.objects.filter(~Q(parameters__has_key="kappa_broad"))
    Activation.objects.filter(formula__in=former, begun_at=None).delete()
    former.update(is_current=False, is_shadow=False)


class Migration(migrations.Migration):
    dependencies = [("scoring", "0006_formula_shadow")]

    operations = [migrations.RunPython(retire, migrations.RunPython.noop, elidable=True)]
