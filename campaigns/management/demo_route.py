"""The demo's campaign that is over: opened some weeks ago, with a group, a holdout, codes, posts, and its return."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from django.db import transaction

from accounts.actions import claim_person, import_activity
from accounts.models import Identity, Person, User
from accounts.sample.talk import talk
from campaigns.actions import (
    accept,
    ask_for_group,
    ask_for_return,
    choose_group,
    decline,
    expire_invitations,
    find_posts,
    generate_codes,
    invite,
    mark_seen,
    measure_return,
    redeem,
    shortlist_group,
)
from campaigns.management.demo import HOME, TOPICS, Made, cast_handles
from campaigns.models import Brand, Campaign, CampaignReturn, Invitation, PerkCode, Selection
from scoring.models import ScoreRun, Topic

pc: Any = pyarrow.compute

ROUTE: Final = "Toronto route, 40 seats"
TAG: Final = "#NonstopToronto"
SEATS: Final = 40
# Chosen, so that with a fifth kept back there are as many to invite as there are seats.
CHOSEN: Final = 50
KEPT_BACK: Final = 20
_EACH: Final = Decimal(380)
_SEED: Final = 2018
# Characters who aren't to be flown anywhere.
_LEFT_OUT: Final = ("absent_author", "nonsense", "pod", "like_for_like")
_DAY: Final = timedelta(days=1)
# Days of the world before the campaign by which it is known who reads whom.
_SEEN: Final = timedelta(days=42)


def open_route(
    brand: Brand, made: Made, folder: Path, *, manager: User, by: User, progress: Callable[[str], None]
) -> None:
    """Let the airline open a campaign as of the current run: choose, keep back, invite, be answered, be talked about.

    Whatever is said up to the end of the world is written into the log at once: runs read what lies before them. Where
    nobody can be chosen there is no such campaign.
    """
    run = ScoreRun.objects.current()
    campaign = Campaign.objects.filter(brand=brand, name=ROUTE).first()
    if run is None or (campaign is not None and campaign.returns.exists()):
        return
    progress("opening a campaign")
    start = min(run.as_of, made.end - 13 * _DAY) + timedelta(hours=10)
    campaign = campaign or _opened(brand, made, start, manager)
    if campaign is not None:
        _answer(campaign, campaign.created_at, by)
        _talk(campaign, made, folder, campaign.created_at)


def close_route(brand: Brand, *, manager: User, now: datetime) -> None:
    """Let codes be used, find the posts, and measure the return."""
    campaign = Campaign.objects.filter(brand=brand, name=ROUTE).first()
    if campaign is None or CampaignReturn.objects.filter(campaign=campaign).exists():
        return
    _use_codes(campaign, manager, now)
    expire_invitations(now=now)
    find_posts(now=now)
    measure_return(pk=ask_for_return(campaign=campaign, by=manager, now=now).pk, now=now)


@transaction.atomic
def _opened(brand: Brand, made: Made, start: datetime, manager: User) -> Campaign | None:
    """Return the campaign with its group invited, or None where nobody could be chosen; then nothing is there."""
    campaign = Campaign.objects.create(
        brand=brand,
        name=ROUTE,
        perk=Campaign.Perk.FLIGHT,
        perk_text="A return flight to Toronto, on one of the first forty seats of the new route",
        brief="We fly to Toronto nonstop from now on. See the city, eat well, and tell or don't tell: nothing is owed.",
        purpose="Choose whom to offer a flight, so that people who like food and cities hear of the new route.",
        seats=SEATS,
        starts_on=start.date(),
        ends_on=(made.end - 2 * _DAY).date(),
        tags=TAG.lower(),
        holdout_percent=KEPT_BACK,
        created_at=start,
        created_by=manager,
    )
    campaign.topics.set(Topic.objects.filter(slug__in=TOPICS))
    handles = cast_handles(made)
    group = ask_for_group(
        selection=Selection(
            campaign=campaign,
            seats=CHOSEN,
            budget=CHOSEN * _EACH,
            cost_each=_EACH,
            left_out=" ".join(handles[role] for role in _LEFT_OUT if role in handles),
        ),
        by=manager,
        now=start,
    )
    choose_group(pk=group.pk, now=start)
    group.refresh_from_db()
    if group.state != Selection.State.DONE or not group.people.exists():
        transaction.set_rollback(True)
        return None
    shortlist_group(selection=group, by=manager, now=start + timedelta(hours=1))
    generate_codes(campaign=campaign, number=SEATS, expires_on=(made.end + 90 * _DAY).date(), by=manager, now=start)
    people = Person.objects.filter(shortlistings__campaign=campaign)
    invite(campaign=campaign, people=people, by=manager, now=start + timedelta(hours=2))
    # Nobody reads the sample world's mail: what was due went out.
    due = Invitation.objects.filter(campaign=campaign, delivery=Invitation.Delivery.DUE)
    due.update(delivery=Invitation.Delivery.SENT, sent_at=start + timedelta(hours=3))
    return campaign


def _answer(campaign: Campaign, start: datetime, by: User) -> None:
    """Let the invited answer within four days: most say yes, by a login of their own, some no, some nothing."""
    rng = np.random.default_rng(_SEED)
    rows = Invitation.objects.filter(campaign=campaign).select_related("person").order_by("person__handle")
    for invitation in rows:
        at = start + timedelta(hours=4 + 92 * rng.random())
        chance = rng.random()
        if chance > 0.95 or invitation.state != Invitation.State.INVITED:
            continue
        mark_seen(invitation, now=at)
        if chance > 0.88:
            continue
        if chance > 0.8:
            decline(invitation, by=None, now=at)
            continue
        person = invitation.person
        if person.user is None:
            user = User.objects.filter(username=person.handle).first() or User.objects.create_user(
                person.handle, email=person.email
            )
            claim_person(person, user=user, via=Person.ClaimedVia.INVITATION, by=by, now=at)
            invitation.refresh_from_db()
        login = Person.objects.select_related("user").get(pk=invitation.person_id).user
        if login is not None:
            accept(invitation, by=login, now=at)


def _talk(campaign: Campaign, made: Made, folder: Path, start: datetime) -> None:
    """Import what participants post about it, and what the readers of all compared do."""
    accepted = Invitation.objects.filter(campaign=campaign, state=Invitation.State.ACCEPTED)
    begins = {row.person_id: row.answered_at + _DAY for row in accepted if row.answered_at is not None}
    compared = {*campaign.invitations.values_list("person_id", flat=True)}
    compared |= {*campaign.holdouts.values_list("person_id", flat=True)}
    rows = Identity.objects.filter(network=HOME, person__in=compared).order_by("pk")
    account_of = dict(rows.values_list("person_id", "external_id"))
    posts, acts = talk(
        {account_of[person]: int(at.timestamp()) for person, at in begins.items() if person in account_of},
        _readers(folder, sorted(account_of.values()), start),
        tag=TAG,
        network=HOME,
        begin=int(start.timestamp()),
        end=int(made.end.timestamp()),
    )
    said = folder / "route"
    said.mkdir(exist_ok=True)
    pq.write_table(posts, said / "posts.parquet")
    pq.write_table(acts, said / "interactions.parquet")
    report = import_activity(said, format="dataset", now=start)
    if report.rejected:
        raise RuntimeError(f"{report.rejected} rows of the sample campaign were rejected: {report.rejects_file}")


def _readers(folder: Path, accounts: list[str], start: datetime) -> dict[str, list[str]]:
    """Return who acted on each account in the weeks before the campaign."""
    acts = pq.read_table(folder / "interactions.parquet", columns=["at", "actor", "target", "network"])
    end, begin = int(start.timestamp()), int((start - _SEEN).timestamp())
    is_then = np.asarray(acts["at"].to_numpy())
    mine = pc.is_in(acts["target"], value_set=pa.array(accounts, pa.string())).to_numpy(zero_copy_only=False)
    mine &= np.asarray(pc.equal(acts["network"], HOME).to_numpy(zero_copy_only=False))
    pairs = acts.filter(pa.array(mine & (is_then >= begin) & (is_then < end))).select(["actor", "target"])
    found: dict[str, list[str]] = {account: [] for account in accounts}
    for row in pairs.group_by(["actor", "target"]).aggregate([]).sort_by("actor").to_pylist():
        if row["actor"] != row["target"]:
            found[row["target"]].append(row["actor"])
    return found


def _use_codes(campaign: Campaign, manager: User, now: datetime) -> None:
    """Let three of four who have a code use it, some days after they got it."""
    rng = np.random.default_rng(_SEED)
    for code in PerkCode.objects.filter(campaign=campaign, state=PerkCode.State.ISSUED).order_by("issued_at", "pk"):
        at = (code.issued_at or now) + timedelta(days=2 + 12 * rng.random())
        if rng.random() < 0.75 and at < now:
            redeem(code, by=manager, now=at, note="Flown")
