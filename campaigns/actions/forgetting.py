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
    """Take the filters that name somebody out of saved segments; a segment without any other goes."""
    names = _handles_of(person) | {_bare(person.name)} - {""}
    naming = Segment.objects.filter(query__has_any_keys=["like", "q"])
    for row in naming.order_by("pk").select_for_update(no_key=True):
        meant = {key: [text for text in row.query.get(key, []) if _bare(text) in names] for key in ("like", "q")}
        if not any(meant.values()):
            continue
        left = {key: [text for text in texts if text not in meant.get(key, [])] for key, texts in row.query.items()}
        row.query = {key: texts for key, texts in left.items() if texts}
        searched = {f"named “{text}”" for text in meant["q"]}
        row.described = [
            text for text in row.described if text not in searched and not (meant["like"] and text.startswith("like @"))
        ]
        if row.query:
            row.save(update_fields=["query", "described"])
        else:
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
