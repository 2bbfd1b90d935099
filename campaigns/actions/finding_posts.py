"""The look through what participants posted: found posts are stored, and labels that came later noted."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction

from accounts.actions import days_at_rest
from accounts.models import Identity, Person
from accounts.queries import LogDay
from campaigns.models import CampaignPost, Invitation, PostLook
from campaigns.queries.posts import FoundPost, names_of_posts, posts_in_activity, posts_in_log, watched

State = CampaignPost.LabelState
Reminder = CampaignPost.Reminder

# Nobody is written to, unasked, about a post that is older: a campaign may get its tags late.
REMINDED_WITHIN: Final = timedelta(days=14)
_AHEAD: Final = timedelta(days=1)  # the log may know posts of clocks that are fast


def find_posts(*, now: datetime) -> int:
    """Look through what came in since the last look for posts about the campaigns of who wrote them.

    Returns how many are new. Any number of processes may look at once, and again: a post is stored once, and a look
    that was killed is made again from where the last one ended.
    """
    watches = watched(now)
    days: dict[date, LogDay] = {}
    last: int | None = None
    if watches.are_behind:
        days, last = days_at_rest(now + _AHEAD)
        # Who accepted since may have posted into the files that are read now.
        watches = watched(now)
    found = _each_once([*posts_in_log(watches, days), *posts_in_activity(watches)])
    new = _save(found, now) if found else 0
    for watch in watches.campaigns:
        # Another look may have come further: what is read again changes nothing.
        values = {"added": watch.added if last is None else last, "looked_at": now, "tags": watch.tags}
        PostLook.objects.update_or_create(campaign_id=watch.campaign, defaults=values)
    _name(now)
    return new


def _each_once(found: Iterable[FoundPost]) -> list[FoundPost]:
    """Return each post once, as the best reading of it has it, and with its name if any gives one."""
    order = [State.FOUND, State.MISSING, State.UNREAD]
    best: dict[tuple[int, int], FoundPost] = {}
    names: dict[tuple[int, int], str] = {}
    for post in found:
        key = (post.invitation, post.post)
        names[key] = names.get(key) or post.post_id
        if key not in best or order.index(post.state) < order.index(best[key].state):
            best[key] = post
    return [replace(post, post_id=names[key]) for key, post in best.items()]


@transaction.atomic
def _save(found: list[FoundPost], now: datetime) -> int:
    found = _still_there(found)
    known = {
        (row.invitation_id, row.post): row
        for row in CampaignPost.objects.filter(
            invitation__in={post.invitation for post in found}, post__in={post.post for post in found}
        )
    }
    for post in found:
        if (row := known.get((post.invitation, post.post))) is not None:
            _read_again(row, post, now)
    new = [_row(post, now) for post in found if (post.invitation, post.post) not in known]
    CampaignPost.objects.bulk_create(new, batch_size=1000, ignore_conflicts=True)
    return len(new)


def _still_there(found: list[FoundPost]) -> list[FoundPost]:
    """Keep the posts of people who weren't erased meanwhile; who is being erased waits for this transaction to end."""
    invited = dict(Invitation.objects.filter(pk__in={post.invitation for post in found}).values_list("pk", "person_id"))
    people = Person.objects.filter(pk__in=set(invited.values())).order_by("pk")
    locked = set(people.select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))
    accounts = dict(Identity.objects.filter(key__in={post.identity for post in found}).values_list("key", "person_id"))
    there = dict(Invitation.objects.filter(pk__in=invited, person__in=locked).values_list("pk", "person_id"))
    return [
        post for post in found if post.invitation in there and there[post.invitation] == accounts.get(post.identity)
    ]


def _row(post: FoundPost, now: datetime) -> CampaignPost:
    return CampaignPost(
        invitation_id=post.invitation,
        identity_id=post.identity,
        post=post.post,
        post_id=post.post_id,
        at=post.at,
        language=post.language,
        found_at=now,
        **_said(post),
        reminder=_reminder(post.state, post.at, now),
    )


def _said(post: FoundPost) -> dict[str, Any]:
    verdict = post.verdict
    return {
        "label_state": post.state,
        "label": verdict.label if verdict else "",
        "remark": verdict.remark.value if verdict else "",
    }


def _reminder(state: str, at: datetime, now: datetime) -> Reminder:
    return Reminder.DUE if state == State.MISSING and at > now - REMINDED_WITHIN else Reminder.NONE


def _read_again(row: CampaignPost, post: FoundPost, now: datetime) -> None:
    """Note what a later reading adds: the text of a post that was known by name alone, or a label that came since."""
    same = CampaignPost.objects.filter(pk=row.pk)
    if not row.post_id and post.post_id:
        same.update(post_id=post.post_id)
    if post.state == State.UNREAD:
        return
    said = {**_said(post), "language": post.language}
    if row.label_state == State.UNREAD:
        unread = same.filter(label_state=State.UNREAD)
        first = unread.filter(reminder=Reminder.NONE, taken_out_at__isnull=True)
        reminder = _reminder(post.state, row.at, now)
        if not first.update(**said, reminder=reminder):
            unread.update(**said)
    elif row.label_state == State.MISSING and post.state == State.FOUND:
        same.filter(label_state=State.MISSING).update(**said, labelled_at=now)
        same.filter(label_state=State.FOUND, reminder__in=CampaignPost.TO_REMIND).update(reminder=Reminder.NONE)


def _name(now: datetime) -> None:
    for post, name in names_of_posts(now).items():
        CampaignPost.objects.filter(post=post, post_id="").update(post_id=name)
