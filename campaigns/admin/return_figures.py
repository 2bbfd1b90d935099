"""What the page of a campaign's return shows: figures, or why they can't be known."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, Self

from django.utils.safestring import SafeString

from campaigns.admin.base import person_link
from campaigns.models import CampaignReturn, Participant, PerkCode

HORIZON_DAYS: Final = 28
NO_COST: Final = "No cost per person is known: give one where the group is chosen, and measure again."
OLDER: Final = "Measured before posts, codes and bands of forecasts were: measure again to know them."
NO_CODES: Final = "The campaign gives no codes, so nobody knows who used the perk."
NO_TAGS: Final = "The campaign names nothing that counts as a mention, so no post is known to be about it."
NOT_LOOKED: Final = "Posts weren't looked for when this was measured; that is done every five minutes."
NO_REACTION: Final = "nobody reacted to a post so far"
NOT_REDEEMED: Final = "no code was redeemed so far"
_KINDS: Final = {"like": "likes", "reply": "replies", "repost": "reposts", "quote": "quotes", "click": "clicks"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with what it is, in digits as the template filter floatformat takes them; None, and why."""

    label: str
    value: float | None
    digits: str = "0g"
    why: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """What some participants brought together, a person's or a topic's. None is what can't be known."""

    who: SafeString | str
    topic: str
    people: int
    forecast: float | None
    low: float | None
    high: float | None
    came: int | None
    posts: int | None
    reached: int | None
    reactions: int | None
    cost: float | None
    issued: int | None
    redeemed: int | None
    code: str = ""
    before: float | None = None
    after: float | None = None

    @property
    def cost_per_person(self) -> float | None:
        """Return what each person reached cost."""
        return self.cost / self.reached if self.cost is not None and self.reached else None

    @property
    def cost_per_reaction(self) -> float | None:
        """Return what each reaction cost."""
        return self.cost / self.reactions if self.cost is not None and self.reactions else None

    @property
    def cost_per_redemption(self) -> float | None:
        """Return what each redeemed code cost."""
        return self.cost / self.redeemed if self.cost is not None and self.redeemed else None

    @classmethod
    def of_all(cls, measured: CampaignReturn) -> Self:
        """Return that of everybody who accepted."""
        knows = measured.forecast_low is not None or measured.is_older
        return cls(
            who="All",
            topic="",
            people=measured.accepted,
            forecast=measured.forecast if knows else None,
            low=measured.forecast_low,
            high=measured.forecast_high,
            came=measured.came,
            posts=measured.posts,
            reached=measured.reached,
            reactions=_sum(measured.reactions, measured.posts),
            cost=_cost(measured, measured.accepted, measured.cost),
            issued=measured.issued,
            redeemed=measured.redeemed,
        )

    @classmethod
    def of_person(cls, measured: CampaignReturn, row: Participant) -> Self:
        """Return that of somebody who accepted."""
        has_codes = measured.issued is not None
        return cls(
            who=person_link(row.person),
            topic=row.topic.shown_name if row.topic is not None else "",
            people=1,
            forecast=row.reach,
            low=row.low,
            high=row.high,
            came=row.came,
            posts=row.posts,
            reached=row.reached,
            reactions=_sum(row.reactions, row.posts),
            cost=_cost(measured, 1, row.cost),
            issued=int(bool(row.code)) if has_codes else None,
            redeemed=int(row.code == PerkCode.State.REDEEMED) if has_codes else None,
            code=PerkCode.State(row.code).label if row.code else "",
            before=row.own_before + row.audience_before if row.is_compared else None,
            after=row.own_after + row.audience_after if row.is_compared else None,
        )

    @classmethod
    def of_topic(cls, measured: CampaignReturn, row: Mapping[str, Any]) -> Self:
        """Return that of those who reach most on a topic."""
        same = ("people", "forecast", "low", "high", "came", "posts", "reached", "issued", "redeemed")
        return cls(
            who="",
            topic=row["name"] or "On none of its topics",
            reactions=_sum(row["reactions"], row["posts"]),
            cost=_cost(measured, row["people"], row.get("cost")),
            before=row["before"],
            after=row["after"],
            **{name: row[name] for name in same},
        )


def _sum(reactions: Mapping[str, int], posts: int | None) -> int | None:
    return None if posts is None else sum(reactions.values())


def _cost(measured: CampaignReturn, people: int, own: Decimal | float | None) -> float | None:
    if measured.cost_each is None:
        return None
    # Of before people could cost something else each.
    return float(measured.cost_each) * people if own is None else float(own)


def headline(measured: CampaignReturn) -> list[Figure]:
    """Return the few figures that stand first."""
    every = Row.of_all(measured)
    if measured.is_older:
        return [
            Figure("different people forecast to be reached by those who accepted", every.forecast),
            Figure("cost of those who accepted", every.cost, "2g", NO_COST),
        ]
    looked = _not_looked(measured)
    reached = f"different people reached by {_counted(every.posts or 0, 'post')} about it"
    redeemed = f"of {_counted(every.issued or 0, 'code')} redeemed"
    share = 100 * every.redeemed / every.issued if every.issued and every.redeemed is not None else None
    return [
        Figure("different people reached" if looked else reached, every.reached, why=looked),
        Figure("reactions to these posts", every.reactions, why=looked),
        Figure("cost per person reached", every.cost_per_person, "2g", _no_cost(every, looked, NO_REACTION)),
        Figure(
            redeemed if share is None else f"{redeemed}, {share:.0f} %",
            every.redeemed,
            why=_no_codes(measured),
        ),
    ]


def costs(measured: CampaignReturn) -> list[Figure]:
    """Return the cost of those who accepted, in all and for what came of it."""
    every = Row.of_all(measured)
    looked = _not_looked(measured)
    return [
        Figure("in all, of those who accepted", every.cost, "2g", NO_COST),
        Figure("per person reached", every.cost_per_person, "2g", _no_cost(every, looked, NO_REACTION)),
        Figure("per reaction", every.cost_per_reaction, "2g", _no_cost(every, looked, NO_REACTION)),
        Figure(
            "per code redeemed", every.cost_per_redemption, "2g", _no_cost(every, _no_codes(measured), NOT_REDEEMED)
        ),
    ]


def reactions(measured: CampaignReturn) -> list[Figure]:
    """Return the reactions to posts about the campaign, by kind, those first that there are most of.

    Kinds that nobody was seen to use aren't there: a network that tells of no clicks isn't one without any.
    """
    ordered = sorted(measured.reactions.items(), key=lambda pair: -pair[1])
    return [Figure(_KINDS.get(kind, kind), count) for kind, count in ordered]


def days(measured: CampaignReturn) -> list[tuple[date, int]]:
    """Return the days on which codes were redeemed."""
    return [(date.fromisoformat(day), count) for day, count in measured.redeemed_days]


@dataclass(frozen=True, slots=True)
class Held:
    """The forecast held against what came: what a drawing of it needs, in hundredths of its width, and words."""

    verdict: str
    why: str
    low: float = 0.0
    width: float = 0.0
    forecast: float = 0.0
    came: float | None = None


def held(measured: CampaignReturn) -> Held:
    """Return how what came compares with the forecast."""
    if measured.is_older:
        return Held("", OLDER)
    every = Row.of_all(measured)
    if every.forecast is None or every.low is None or every.high is None:
        if not measured.accepted:
            return Held("", "Nobody has accepted: there is nothing to forecast.")
        return Held("", "Nobody who accepted had a score when the first was invited: there is no forecast.")
    most = max(every.high, every.came or 0, 1.0) / 96
    drawn = {"low": every.low / most, "width": (every.high - every.low) / most, "forecast": every.forecast / most}
    if every.came is None:
        since = measured.begun or measured.since
        on = f" on {since + timedelta(days=HORIZON_DAYS):%-d %B %Y}" if since is not None else ""
        why = f"It is a forecast of {HORIZON_DAYS} days, which are over{on}: till then nothing is held against it."
        return Held("", why, **drawn)
    if every.came < every.low:
        verdict = "Fewer came than its band foretold"
    elif every.came > every.high:
        verdict = "More came than its band foretold"
    else:
        verdict = "As many came as its band foretold"
    return Held(verdict, "", came=every.came / most, **drawn)


def _no_codes(measured: CampaignReturn) -> str:
    """Say why nothing is known of codes."""
    if measured.issued is not None:
        return ""
    return OLDER if measured.is_older else NO_CODES


def _not_looked(measured: CampaignReturn) -> str:
    if measured.posts is not None:
        return ""
    if measured.is_older:
        return OLDER
    return NOT_LOOKED if measured.tags else NO_TAGS


def _no_cost(every: Row, looked: str, nothing: str) -> str:
    """Say why there is no cost of something."""
    return NO_COST if every.cost is None else looked or f"Can't be said: {nothing}."


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def unknown(rows: Iterable[Row], measured: CampaignReturn) -> list[str]:
    """Say what the dashes in a table stand for, each reason once."""
    listed = list(rows)
    reasons = {
        "Forecast: no score when the first was invited.": any(row.forecast is None for row in listed),
        f"Came: the {HORIZON_DAYS} days aren't over.": any(row.came is None for row in listed),
        f"Posts, reached and reactions: {_not_looked(measured)}": any(row.posts is None for row in listed),
        f"Cost: {NO_COST}": measured.cost_each is None,
        f"Cost per person reached: {NO_REACTION}.": measured.cost_each is not None
        and any(row.posts is not None and not row.reached for row in listed),
        f"Codes: {NO_CODES}": measured.issued is None,
        "Mentions: nobody of them is compared.": any(not row.who and row.before is None for row in listed),
    }
    return [reason for reason, holds in reasons.items() if holds and listed]
