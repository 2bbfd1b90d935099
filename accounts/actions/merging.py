"""Merging two people who turned out to be one, and undoing that."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.db import models, transaction
from django.db.models import Q

from accounts.actions.locks import lock_people
from accounts.models import FollowsMerge, Identity, Merge, Person, User

logger = logging.getLogger(__name__)


class MergeRefused(Exception):
    """Say in a sentence each, for an operator, why a merge or its undoing can't be."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


def merge_people(*, kept: Person, merged: Person, by: User, now: datetime, note: str = "") -> Merge:
    """Let one person take over another's identities, claim and invitations; return the ledger's line.

    The merged person stays as a row that keeps the history, but isn't scored, listed or seen any more. Where either is
    hidden the kept person is, and where an operator vouched for either they vouch for the kept person; profiles aren't
    mixed. The next run computes the kept person from all identities.

    One transaction. Merges, imports and moved identities go one after the other; the logins' rows are locked, then the
    two people's, each in the order of their ids, so of two merges at once the second sees what the first did.

    Raises
    ------
    MergeRefused
        One of the two isn't `by`'s to see, is merged already, or `reasons_against` them.
    """
    with transaction.atomic():
        lock_people()
        kept, merged = _locked(kept, merged, by)
        reasons = reasons_against(kept=kept, merged=merged, by=by)
        if reasons:
            raise MergeRefused(*reasons)
        (merge,) = _merge([(kept, merged)], by, now, note)
    logger.info("person %s merged into %s by user %s", merged.pk, kept.pk, by.pk)
    return merge


def merge_found(found: Iterable[tuple[Identity, int]], *, now: datetime) -> None:
    """Merge people known by a handle alone, given by number, into those whose account turned out to have the handle.

    Nobody's word stands behind it, so a pair is left alone where somebody claimed the one known by the handle
    meanwhile, where rows of the two are in each other's way, and where either is in a pair before it. Whoever is named
    after the account's id gets the handle, and the other one that name, so that both addresses lead there. To be called
    in a transaction that has locked people (`lock_people`). Some ten queries, and three or more for each pair.
    """
    found = list(found)
    ids = {account.person_id for account, _ in found} | {merged for _, merged in found}
    # No login changes hands, so none is locked: claims lock theirs before the people whom an import has locked already.
    people = {row.pk: row for row in Person.objects.select_for_update().filter(pk__in=ids).order_by("pk")}
    held = [(rows, _holders(rows, field, people.values())) for _, field, rows in _rows_about_people()]
    pairs: dict[int, tuple[Person, Person]] = {}
    taken = set[int]()
    for account, pk in found:
        kept, merged = people[account.person_id], people[pk]
        if taken & {kept.pk, merged.pk} or kept.merged_into_id is not None or merged.merged_into_id is not None:
            continue
        if merged.claimed_at is not None or any(
            rows.in_the_way(kept, merged) for rows, holders in held if merged.pk in holders
        ):
            continue
        taken |= {kept.pk, merged.pk}
        pairs[account.pk] = kept, merged
    if not pairs:
        return
    _merge(list(pairs.values()), None, now, "A file gave an account of the kept person the handle of the other.")
    swapped = []
    for account, _ in found:
        if account.pk in pairs:
            kept, merged = pairs[account.pk]
            name = f"{account.external_id}@{account.network_id}"
            if kept.user_id is None and kept.handle == name and merged.handle.lower() == account.handle.lower():
                swapped.append((kept, merged))
    _swap_handles(swapped)
    logger.info("%d people were merged into those whose accounts have their handles", len(pairs))


def undo_merge(*, merge: Merge, by: User, now: datetime) -> Merge:
    """Give back what a merge moved, and return its line as it stands then; undoing twice is undoing once.

    Rows that came to the kept person later stay there, and rows that an operator gave to somebody else since stay
    with them. Who hid after the merge stays hidden, on both sides.

    Merges that build on each other are undone in reverse order. Raises `MergeRefused` where a later one stands, or
    where `by` may not see it.
    """
    with transaction.atomic():
        lock_people()
        merge = Merge.objects.select_for_update().get(pk=merge.pk)
        if merge.undone_at is not None:
            return merge
        kept, merged = _locked(merge.kept, merge.merged, by)
        reasons = reasons_against_undoing(merge, by=by)
        if reasons:
            raise MergeRefused(*reasons)
        fields = {label: field for label, field, _ in _rows_about_people()} | {"accounts.person": "merged_into"}
        for label, ids in merge.moved.items():
            field = fields[label]
            rows = apps.get_model(label)._base_manager.filter(**{"pk__in": ids, field: kept})
            _hand_over(rows, field, merged)
        # A file's merge gave the kept one the handle.
        if merge.by_id is None and kept.user_id is None and merged.handle in _named_after_accounts(kept):
            _swap_handles([(kept, merged)])
        # An id made from a handle that was found to be a moved account's has come since.
        Identity.objects.filter(alias_of__person=merged).update(person=merged)
        if merge.claim_of_id is not None and kept.user_id == merge.claim_of_id:
            kept.user, kept.claimed_at, kept.claimed_via = None, merge.kept_claimed_at, merge.kept_claimed_via
            kept.save(update_fields=["user", "claimed_at", "claimed_via"])
            merged.user_id = merge.claim_of_id
        hidden_since = kept.is_hidden and not (merge.kept_was_hidden or merged.is_hidden)
        kept.is_hidden = merge.kept_was_hidden or hidden_since
        merged.is_hidden = merged.is_hidden or hidden_since
        if merged.is_seed and kept.is_seed:
            kept.is_seed = merge.kept_was_seed
        merged.merged_into = None
        kept.regrouped_at = merged.regrouped_at = now
        merged.save(update_fields=["user", "is_hidden", "merged_into", "regrouped_at"])
        kept.save(update_fields=_KEPT)
        # The clock may have been set back since.
        merge.undone_at, merge.undone_by = max(now, merge.at), by
        merge.save(update_fields=["undone_at", "undone_by"])
    logger.info("merge of person %s into %s undone by user %s", merged.pk, kept.pk, by.pk)
    return merge


def _merge(pairs: Sequence[tuple[Person, Person]], by: User | None, now: datetime, note: str) -> list[Merge]:
    """Merge the second of each pair into the first; nobody is `by` for a file.

    All are locked, in one pair each, and nothing speaks against any.
    """
    everybody = [merged for _, merged in pairs]
    moved: dict[int, dict[str, list[int]]] = {merged.pk: {} for merged in everybody}
    for label, field, rows in _rows_about_people():
        holders = _holders(rows, field, everybody)
        for kept, merged in pairs:
            if merged.pk in holders:
                moved[merged.pk][label] = _hand_over(rows.moving(kept, merged), field, kept)
    # Who was merged into the merged person is the kept one's now, so that an old address leads on in one step.
    holders = _holders(Person.objects.all(), "merged_into", everybody)
    for kept, merged in pairs:
        if merged.pk in holders:
            absorbed = Person.objects.filter(merged_into=merged)
            moved[merged.pk]["accounts.person"] = _hand_over(absorbed, "merged_into", kept)
    merges = Merge.objects.bulk_create(
        Merge(
            kept=kept,
            merged=merged,
            at=now,
            by=by,
            note=note,
            moved={label: ids for label, ids in moved[merged.pk].items() if ids},
            claim_of_id=merged.user_id,
            kept_was_hidden=kept.is_hidden,
            kept_was_seed=kept.is_seed,
            kept_claimed_at=kept.claimed_at,
            kept_claimed_via=kept.claimed_via,
        )
        for kept, merged in pairs
    )
    for kept, merged in pairs:
        login, merged.user = merged.user, None
        merged.merged_into, merged.regrouped_at = kept, now
        if login is not None:
            kept.user, kept.claimed_at, kept.claimed_via = login, merged.claimed_at, merged.claimed_via
        kept.is_hidden |= merged.is_hidden
        kept.is_seed |= merged.is_seed
        kept.regrouped_at = now
    # The merged first: a login has one person.
    Person.objects.bulk_update(everybody, ["user", "merged_into", "regrouped_at"], batch_size=500)
    Person.objects.bulk_update([kept for kept, _ in pairs], _KEPT, batch_size=500)
    return merges


def _holders(rows: "models.QuerySet[Any]", field: str, people: Iterable[Person]) -> set[int]:
    """Return which of the people rows point to. One query."""
    found = rows.filter(**{f"{field}__in": [person.pk for person in people]}).order_by()
    return set(found.values_list(field, flat=True).distinct())


def _named_after_accounts(person: Person) -> set[str]:
    return {f"{account}@{network}" for account, network in person.identities.values_list("external_id", "network")}


def _swap_handles(pairs: Sequence[tuple[Person, Person]]) -> None:
    """Give each of two people the other's handle. Three queries for every five hundred pairs."""
    handles = [(one.handle, other.handle) for one, other in pairs]
    ones, others = [one for one, _ in pairs], [other for _, other in pairs]
    # Each is unique at any moment, so the first go by names that nobody has meanwhile.
    _rename(ones, [uuid4().hex for _ in pairs])
    _rename(others, [first for first, _ in handles])
    _rename(ones, [second for _, second in handles])


def _rename(people: Sequence[Person], handles: Sequence[str]) -> None:
    for person, handle in zip(people, handles, strict=True):
        person.handle = handle
    Person.objects.bulk_update(people, ["handle"], batch_size=500)


# What a merge and its undoing write to the kept person.
_KEPT = ["user", "claimed_at", "claimed_via", "is_hidden", "is_seed", "regrouped_at"]


def reasons_against(*, kept: Person, merged: Person, by: User) -> list[str]:
    """Say, a sentence each, why the two can't be merged by this user; nothing where they can."""
    if kept.pk == merged.pk:
        return ["These are one person already."]
    if not by.has_perm("accounts.merge_people"):
        return ["You may not merge people."]
    found = []
    for person in (kept, merged):
        if person.merged_into is not None:
            found.append(f"{person.handle} was merged into {person.merged_into.handle} already.")
    if found:
        return found
    if Person.objects.visible_to(by).filter(pk__in=[kept.pk, merged.pk]).count() < 2:
        return ["You may not see one of these people."]
    if kept.user_id is not None and merged.user_id is not None:
        found.append("Each is claimed by a login of its own: one of the two has to be given up first.")
    for _, _, rows in _rows_about_people():
        found += rows.in_the_way(kept, merged)
    return found


def reasons_against_undoing(merge: Merge, *, by: User) -> list[str]:
    """Say, a sentence each, why a standing merge can't be undone by this user; nothing where it can."""
    if not Merge.objects.visible_to(by).filter(pk=merge.pk).exists():
        return ["You may not undo this merge."]
    if merge.merged.merged_into_id != merge.kept_id:
        into = merge.kept.merged_into
        return [f"{merge.kept.handle} was merged into {into.handle if into else 'somebody'} since: undo that first."]
    # By their numbers, which the lock of `merge_people` gives out in order: clocks may differ.
    later = Merge.objects.standing().filter(kept=merge.kept_id, pk__gt=merge.pk).order_by("-pk").first()
    if later is not None:
        return [f"{later.merged.handle} was merged into {merge.kept.handle} since: undo that first."]
    return []


def _locked(kept: Person, merged: Person, by: User) -> tuple[Person, Person]:
    """Return the two as the database has them; nobody else changes them or points a row at them until the end."""
    ids = {kept.pk, merged.pk}
    # Before the people, as claims do.
    logins = User.objects.filter(Q(person__in=ids) | Q(pk=by.pk))
    list(User.objects.select_for_update().filter(pk__in=list(logins.values_list("pk", flat=True))).order_by("pk"))
    rows = {row.pk: row for row in Person.objects.select_for_update().filter(pk__in=ids).order_by("pk")}
    if rows.keys() != ids:
        raise MergeRefused("One of these people isn't there any more.")
    return rows[kept.pk], rows[merged.pk]


def _hand_over(rows: "models.QuerySet[Any]", field: str, person: Person) -> list[int]:
    """Point rows to a person and return their ids, ascending."""
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    rows.model._base_manager.filter(pk__in=ids).update(**{field: person})
    return ids


def _rows_about_people() -> Iterator[tuple[str, str, FollowsMerge[Any]]]:
    """Yield label, name of the field that points to the person, and all rows of each model that follows a merge."""
    for relation in Person._meta.related_objects:
        model = relation.related_model
        rows = model._default_manager.all()
        if isinstance(rows, FollowsMerge):
            yield model._meta.label_lower, relation.field.name, rows
