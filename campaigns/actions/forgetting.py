"""Forgetting people who are erased where they stand in words alone: in what groups and segments were asked for with."""

from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models import Person
from campaigns.actions.choosing import without_handles
from campaigns.actions.costs import without_cost_of
from campaigns.models import Segment, Selection

_TEXTS = ("kept", "left_out", "costs")


@transaction.atomic
def forget_in_groups(person: Person) -> None:
    """Take somebody's handles out of all that groups were asked for with; the groups stay as they were chosen."""
    handles = _handles_of(person)
    named = Q(*((f"{name}__icontains", handle) for name in _TEXTS for handle in sorted(handles)), _connector=Q.OR)
    # In one order, and not against whoever adds people to a group.
    for row in Selection.objects.filter(named).order_by("pk").select_for_update(no_key=True):
        row.kept, row.left_out = without_handles(handles, row.kept), without_handles(handles, row.left_out)
        for handle in handles:
            row.costs = without_cost_of(handle, row.costs)
        row.save(update_fields=_TEXTS)


@transaction.atomic
def forget_in_segments(person: Person) -> None:
    """Delete the saved segments that look for people like somebody: without that filter they would hold anybody.

    What was searched for by words stays, for words are many people's. Nothing goes with a person who has neither an
    account nor became another one: nobody is erased there.
    """
    if person.merged_into_id is None and not person.identities.exists():
        return
    names = _handles_of(person)
    for row in Segment.objects.filter(query__has_key="like").order_by("pk").select_for_update(no_key=True):
        if any(_bare(text) in names for text in row.query["like"]):
            row.delete()


def forget_before_delete(sender: type[models.Model], instance: Person, **_: object) -> None:
    """Receive `pre_delete` of a person: those merged into who is erased are deleted with them."""
    forget_in_groups(instance)
    forget_in_segments(instance)


def _handles_of(person: Person) -> set[str]:
    """Return by what handles somebody goes or went, bare: before an account's handle was known, its id served.

    What is somebody else's handle by now is left out.
    """
    own = {_bare(person.handle)}
    accounts = person.identities.values_list("network", "external_id", "handle")
    once = {_bare(f"{name}@{network}") for network, *names in accounts for name in names if name} - own
    lowered = Person.objects.exclude(pk=person.pk).annotate(lower=Lower("handle"))
    return own | once - set(lowered.filter(lower__in=once).values_list("lower", flat=True))


def _bare(text: str) -> str:
    """Return a handle as groups compare it: in lower case, without an @ or quotes around it."""
    return text.strip(" @\"'").lower()
