"""Forgetting people who are erased where they stand by handle alone: in what groups were asked for with."""

from django.db import models, transaction
from django.db.models import Q

from accounts.models import Person
from campaigns.actions.choosing import without_handles
from campaigns.actions.costs import without_cost_of
from campaigns.models import Selection

_TEXTS = ("kept", "left_out", "costs")


@transaction.atomic
def forget_in_groups(person: Person) -> None:
    """Take somebody's handle out of all that groups were asked for with; the groups stay as they were chosen."""
    handle = person.handle.lower()
    named = Q(*((f"{name}__icontains", person.handle) for name in _TEXTS), _connector=Q.OR)
    # In one order, and not against whoever adds people to a group.
    for row in Selection.objects.filter(named).order_by("pk").select_for_update(no_key=True):
        row.kept, row.left_out = without_handles({handle}, row.kept), without_handles({handle}, row.left_out)
        row.costs = without_cost_of(handle, row.costs)
        row.save(update_fields=_TEXTS)


def forget_before_delete(sender: type[models.Model], instance: Person, **_: object) -> None:
    """Receive `pre_delete` of a person: those merged into who is erased are deleted with them."""
    forget_in_groups(instance)
