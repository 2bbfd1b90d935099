"""The definition of the score in plain Python, slow and without arrays, to hold the engine against.

Only the chance to be there is the engine's own function: test_alive holds it against the differential equations.
"""

import math
import re
import unicodedata
from collections import defaultdict
from itertools import combinations
from typing import Any

from scoring.engine import Parameters
from scoring.engine.alive import Presence, alive
from tests.scoring.engine.worlds import DAY, UNTIL, World

SCORED = ("like", "reply", "repost", "quote", "click", "mention", "link")
OWN_WORDS = ("reply", "quote", "mention", "link")
REASONS = ("unvouched", "exchange", "indiscriminate", "repetition", "absence")


def score(world: World, p: Parameters) -> dict[int, dict[str, Any]]:
    """Return forecast, reach, what was taken off and the factors, by person."""

    def person(account: int) -> int:
        return world.owners.get(account, account)

    events = {event for event in world.acts if event[0] < UNTIL}
    posts, by_account = {}, {}
    for number, at, author, kind, text in sorted(world.posted, key=str):
        if at < UNTIL and number not in posts:
            posts[number] = (at, person(author), kind, text)
            by_account[number] = author
    people = {person(a) for _, _, a, _, _, _ in events} | {person(t) for _, _, _, t, _, _ in events}
    people |= {author for _, author, _, _ in posts.values()} | set(world.owners.values())
    if not people:
        return {}

    # Acts: scored kinds between two persons, without mentions that accompany a reaction of the same two accounts.
    scored = [event for event in events if event[1] in SCORED and event[2] != event[3]]
    reacting = {(a, t, at) for at, kind, a, t, _, _ in scored if kind not in ("mention", "link")}
    counted = [e for e in scored if e[1] not in ("mention", "link") or (e[2], e[3], e[0]) not in reacting]
    written = {(person(a), at // DAY) for at, kind, a, _, _, _ in counted if kind in OWN_WORDS}
    counted = [event for event in counted if person(event[2]) != person(event[3])]
    # Whether a reply is talk is told by posts of the account that it answers.
    acts = [
        (at, kind, person(a), person(t), post if by_account.get(post or 0) == t else None)
        for at, kind, a, t, post, _ in counted
    ]

    halves = ((1 - p.burst_share, p.half_life_days), (p.burst_share, p.burst_half_life_days))

    pairs = sorted({(a, b) for _, _, a, b, _ in acts})
    rate, free_rate, walk_rate = {}, {}, {}
    held: dict[tuple[int, int], float] = {}

    def on(x: int, y: int, day: int) -> list[int]:
        # Between accounts.
        return [at for at, _, a, t, _, _ in counted if (a, t) == (x, y) and at // DAY == day]

    for a, b in pairs:
        held[a, b] = 0.0
        came: list[tuple[int, int, float]] = []  # moments, and how much of each is free
        days = {(x, y, at // DAY) for at, _, x, y, _, _ in counted if (person(x), person(y)) == (a, b)}
        for x, y, day in days:
            given, back = on(x, y, day), on(y, x, day)
            free_acts = len(given) if not back or min(given) < min(back) else max(0, len(given) - len(back))
            # What the evening before left unreturned.
            before = on(y, x, day - 1)
            owed = max(0, len(before) - len(on(x, y, day - 1)))
            if before and min(given) - max(before) <= p.return_hours * 3600:
                free_acts = max(0, free_acts - owed)
            free = free_acts / len(given)
            held[a, b] += sum(2 ** (-(UNTIL - at) / DAY / p.half_life_days) for at in given)
            came += [(day, at, free) for at in given]
        rests = _spells(world, b)
        taken_out = [set(some) for many in range(len(rests) + 1) for some in combinations(rests, many)]
        rate[a, b] = free_rate[a, b] = walk_rate[a, b] = 0.0
        for share, half in halves:
            # Whichever rests are taken out of time, what came in them isn't there, and what came before is younger.
            sums = [
                [
                    sum(
                        (free if only_free else 1.0) * _per_day(at, share, half, _rested_after(day, some))
                        for day, at, free in came
                        if not any(first <= day < end for first, end in some)
                    )
                    for some in taken_out
                ]
                for only_free in (False, True)
            ]
            rate[a, b] += max(sums[0])
            free_rate[a, b] += max(sums[1])
            walk_rate[a, b] += sums[1][0]

    mutual = {(a, b): _mutual(a, b, acts, posts, p) for a, b in pairs}
    exchange = {(a, b): _exchange(a, b, mutual, p) for a, b in pairs}
    selective = {}
    for a in people:
        count = sum(1 for act in acts if act[2] == a)
        different = len({act[3] for act in acts if act[2] == a})
        slack = p.selectivity_slack
        selective[a] = min(1.0, p.selectivity_slope * (count - different + slack) / (count + slack))

    edges = {pair: walk_rate[pair] * exchange[pair] for pair in pairs if walk_rate[pair] * exchange[pair] > 0}
    trust, firm = _trust(world, people, edges, exchange, selective, p)
    credible = {b: _credibility(b, posts, p) for b in people}
    there = {b: _alive(world, b, posts, written, p) for b in people}

    acted = {(a, b): sum(1 for act in acts if (act[2], act[3]) == (a, b)) for a, b in pairs}

    def brings(rates: dict[tuple[int, int], float], pair: tuple[int, int]) -> float:
        acts_now = rates[pair] * p.half_life_days / math.log(2)
        newcomers = p.newcomers * p.horizon_days / 28 * (1 - math.exp(-acts_now / p.newcomers_weight))
        return 1 - math.exp(-p.horizon_days * rates[pair]) + newcomers

    ordinary = {}
    for b in people:
        # Of givers who act on others too.
        telling = [
            (trust[a], selective[a] * exchange[a, b] * brings(walk_rate, (a, b)))
            for a, receiver in pairs
            if receiver == b and sum(1 for giver, _ in pairs if giver == a) > 1
        ]
        vouched_for = sum(trusted * part for trusted, part in telling)
        others = sum((1 - trusted) * part for trusted, part in telling)
        ordinary[b] = min(1.0, p.ordinary_ratio * vouched_for / others) if others else 1.0
    broad = {(a, b): _broad(a, b, held, acted, ordinary, p) for a, b in pairs}

    result = {}
    for b in people:
        givers = [a for a, receiver in pairs if receiver == b]

        def value(on: frozenset[str], b: int = b, givers: list[int] = givers) -> float:
            vouched = readers = others = 0.0
            for a in givers:
                part = brings(rate, (a, b))
                if "exchange" in on:
                    part = exchange[a, b] * brings(free_rate, (a, b))
                if "indiscriminate" in on:
                    part *= selective[a]
                trusted = trust[a] * (firm[a] + (1 - firm[a]) * broad[a, b])
                reading = (1 - trust[a]) * broad[a, b]
                vouched += trusted * part
                readers += reading * part
                others += (1 - trusted - reading) * part
            found = vouched + readers + others
            if "unvouched" in on:
                found = vouched + min(readers, p.kappa_broad * (p.broad_people + vouched))
                found += min(others, p.kappa * found)
            if "repetition" in on:
                found *= credible[b]
            if "absence" in on:
                found = (1 + found) ** there[b] - 1
            return found

        row: dict[str, Any] = {
            "forecast": value(frozenset()),
            "reach": value(frozenset(REASONS)),
            "trust": trust[b],
            "credibility": credible[b],
            "alive": there[b],
            "supporters": len(givers),
            "actions": sum(1 for act in acts if act[3] == b),
            "posts": sum(1 for _, author, _, _ in posts.values() if author == b),
        }
        for reason in REASONS:
            row[f"taken_{reason}"] = _shapley(reason, value)
        result[b] = row
    return result


def _shapley(reason: str, value: Any) -> float:
    others = [other for other in REASONS if other != reason]
    total = 0.0
    for size in range(len(REASONS)):
        share = math.factorial(size) * math.factorial(len(REASONS) - size - 1) / math.factorial(len(REASONS))
        for some in combinations(others, size):
            total += share * (value(frozenset(some)) - value(frozenset([*some, reason])))
    return total


def _broad(
    a: int,
    b: int,
    held: dict[tuple[int, int], float],
    acted: dict[tuple[int, int], int],
    ordinary: dict[int, float],
    p: Parameters,
) -> float:
    given = {receiver: weight for (giver, receiver), weight in held.items() if giver == a}
    acts = sum(count for (giver, _), count in acted.items() if giver == a)
    prior = p.breadth_prior * sum(given.values()) / acts
    well = sum(weight * ordinary[receiver] for receiver, weight in given.items() if receiver != b)
    breadth = (well + prior) / (sum(given.values()) + prior)
    return min(1.0, max(0.0, (breadth - p.breadth_from) / (p.breadth_to - p.breadth_from)))


def _exchange(a: int, b: int, mutual: dict[tuple[int, int], float], p: Parameters) -> float:
    m = mutual[a, b]
    factor = min(1.0, max(0.0, (p.exchange_to - m) / (p.exchange_to - p.exchange_from)))
    if m <= p.exchange_from / 2:
        return factor
    most = max(sum(rate for (x, _), rate in mutual.items() if x == one) for one in (a, b))
    return factor * min(1.0, p.exchange_partners / most) ** 2


def _mutual(a: int, b: int, acts: list[Any], posts: dict[int, Any], p: Parameters) -> float:
    def naming(kind: str) -> bool:
        return kind in ("mention", "link")

    def talk(at: int, kind: str, post: int | None) -> bool:
        if kind != "reply" or post not in posts or posts[post][2] != "reply":
            return False
        return bool(0 <= at // DAY - posts[post][0] // DAY <= 28)

    acted = {(s, t) for _, _, s, t, _ in acts}

    def known(x: int) -> int:
        own = sum(1 for _, author, kind, _ in posts.values() if author == x and kind != "reshare")
        told: dict[tuple[str, int], int] = defaultdict(int)
        for at, kind, s, t, post in acts:
            if t == x and not naming(kind) and not talk(at, kind, post) and (x, s) in acted:
                told["from", s] += 1
            if s == x and naming(kind):
                told["to", t] += 1
        return max(own, *told.values(), 0)

    def response(x: int, y: int) -> float:
        mine = [(at, kind, post) for at, kind, s, t, post in acts if (s, t) == (x, y)]
        reactions = sum(1 for at, kind, post in mine if not naming(kind) and not talk(at, kind, post))
        namings = sum(1 for _, kind, _ in mine if naming(kind))
        return reactions / (known(y) + 1) + namings / (known(x) + 1)

    if sum(1 for _, _, s, t, _ in acts if {s, t} == {a, b}) < p.exchange_actions:
        return 0.0
    return math.sqrt(response(a, b) * response(b, a))


def _trust(
    world: World,
    people: set[int],
    edges: dict[tuple[int, int], float],
    exchange: dict[tuple[int, int], float],
    selective: dict[int, float],
    p: Parameters,
) -> tuple[dict[int, float], dict[int, float]]:
    proved = set(world.seeds) & people
    if world.seeds:
        everybody = people | set(world.seeds)
        walk = _walk(everybody, edges, {x: 1.0 * (x in world.seeds) for x in everybody}, p)
        led = sum(1 for x in people - proved if walk[x] > 0)
        answered = len({b for _, b in edges} - proved)
        if led >= min(p.seeds_reach, answered / 2):
            return _trust_of_walk(walk, p.trust_scale, p), _trust_of_walk(walk, p.firm_scale, p)
    answered_people = {b for _, b in edges}
    say = {(a, b): exchange[a, b] * selective[a] for a, b in edges}
    strength = {x: sum(say[a, b] for a, b in edges if b == x and a in answered_people) for x in people}
    count = {x: sum(1 for a, b in edges if b == x and a in answered_people) for x in people}
    received = {x: sum(say[a, b] for a, b in edges if b == x) for x in people}
    choices = ({x: strength[x] if count[x] >= 2 else 0.0 for x in people}, strength, received)
    chosen = next((weights for weights in choices if any(weights.values())), dict.fromkeys(people, 1.0))
    seeds = {x: math.sqrt(weight) for x, weight in chosen.items()}
    if proved:
        total = sum(seeds.values())
        seeds = {x: seeds[x] / total + (x in proved) / len(proved) for x in people}
    trusted = _trust_of_walk(_walk(people, edges, seeds, p), p.trust_scale, p)
    trusted = {x: p.trust_unproved + (1 - p.trust_unproved) * trusted[x] for x in people}
    return trusted, dict.fromkeys(people, 1.0)


def _walk(people: set[int], edges: dict[tuple[int, int], float], seeds: dict[int, float], p: Parameters) -> Any:
    total = sum(seeds.values())
    start = {x: seeds[x] / total for x in people}
    given = {x: sum(rate for (a, _), rate in edges.items() if a == x) for x in people}
    walk = start
    for _ in range(400):
        resting = sum(walk[x] for x in people if given[x] == 0)
        following = {x: p.damping * resting * start[x] + (1 - p.damping) * start[x] for x in people}
        for (a, b), rate in edges.items():
            following[b] += p.damping * walk[a] * rate / given[a]
        walk = following
    return walk


def _trust_of_walk(walk: dict[int, float], scale: float, p: Parameters) -> dict[int, float]:
    wanted = p.trust_core * sum(walk.values())
    held, people = 0.0, 0.0
    for share in sorted(walk.values(), reverse=True):
        if share <= 0 or held >= wanted:
            break
        part = min(1.0, (wanted - held) / share)
        held += part * share
        people += part
    mean = wanted / people
    return {x: 1 - math.exp(-((share / (scale * mean)) ** 2)) for x, share in walk.items()}


def _credibility(b: int, posts: dict[int, Any], p: Parameters) -> float:
    texts = [
        _words(text)
        for at, author, kind, text in posts.values()
        if author == b and kind != "reshare" and text is not None and at >= UNTIL - p.credibility_days * DAY
    ]
    if len(texts) < p.credibility_texts:
        return 1.0
    return min(1.0, p.credibility_slope * len(set(texts)) / len(texts))


def _words(text: str) -> Any:
    plain = unicodedata.normalize("NFKC", text).lower()
    bare = re.sub(r"(https?://|www\.)\S+|@[\w.@-]+", " ", plain)
    words = "".join(c if unicodedata.category(c)[0] in "LM" else " " for c in bare).split()
    return frozenset(words) or plain.strip()


def _per_day(at: int, share: float, half: float, rested: float) -> float:
    # So that two rates add up.
    age = (UNTIL - at) / DAY - rested
    return share * math.log(2) / half * math.exp(-math.log(2) * age / half)


def _rested_after(day: int, spells: set[tuple[int, int]]) -> float:
    return sum(min(end, UNTIL / DAY) - first for first, end in spells if first > day)


def _spells(world: World, b: int) -> list[tuple[int, int]]:
    """Whole days of rest in a row, between which no rest begins or ends."""
    rested = _rest_hours(world, b)
    ends = {at // 3600 for who, *both in world.rests if who == b and both[0] < both[1] for at in both}
    spells: list[tuple[int, int]] = []
    for day in sorted({hour // 24 for hour in rested}):
        if not set(range(day * 24, min((day + 1) * 24, UNTIL // 3600))) <= rested:
            continue
        touches = any((day - 1) * 24 < hour < (day + 1) * 24 for hour in ends)
        if spells and spells[-1][1] == day and not touches:
            spells[-1] = spells[-1][0], day + 1
        else:
            spells.append((day, day + 1))
    return spells


def _rest_hours(world: World, b: int) -> set[int]:
    # Rests in the worlds begin and end at full hours.
    hours = {hour for who, start, end in world.rests if who == b for hour in range(start // 3600, end // 3600)}
    return {hour for hour in hours if hour * 3600 < UNTIL}


def _alive(world: World, b: int, posts: dict[int, Any], written: set[tuple[int, int]], p: Parameters) -> float:
    days = {at // DAY for at, author, kind, _ in posts.values() if author == b and kind != "reshare"}
    days |= {day for author, day in written if author == b}
    if not days:
        return 1.0
    first, last, now = min(days), max(days), UNTIL // DAY
    rested = _rest_hours(world, b)
    span = last - first
    gap = max(0, now - last - 1) - sum(1 for hour in rested if hour >= (last + 1) * 24) / 24
    presence = Presence(
        p.break_every_days,
        p.break_length_days,
        p.break_value,
        p.quit_half_life_days,
        p.posting_prior_days,
        p.silent_prior_days,
    )
    return float(alive([len(days)], [span], [gap], presence)[0])


def topics(world: World, supports: list[dict[str, Any]]) -> dict[tuple[int, int], float]:
    """Split each supporter's part, as the engine gave it, over topics. For worlds without owners and mentions."""
    events = {event for event in world.acts if event[0] < UNTIL and event[1] in SCORED and event[2] != event[3]}
    of_post = defaultdict(set)
    for post, topic in world.topics:
        of_post[post].add(topic)
    written = {number: (at // DAY, author) for number, at, author, *_ in world.posted if at < UNTIL}
    result: dict[tuple[int, int], float] = defaultdict(float)
    for support in supports:
        mine = [
            (e[0], e[4] if _counts(e, written) else None)
            for e in events
            if (e[2], e[3]) == (support["supporter"], support["supported"])
        ]
        weights = [2.0 ** (-(UNTIL - at) / DAY / Parameters().half_life_days) for at, _ in mine]
        for (_, number), weight in zip(mine, weights, strict=True):
            found = of_post.get(number, set()) if number is not None else set()
            for topic in found:
                share = weight / sum(weights) / len(found)
                result[support["supported"], topic] += support["reach"] * share
    return result


def _counts(event: tuple[Any, ...], written: dict[int, tuple[int, int]]) -> bool:
    """Say whether the post of a reaction is recent and by whom it is for, or nobody knows when it was written."""
    at, _, _, target, post, _ = event
    return post not in written or (0 <= at // DAY - written[post][0] <= 28 and written[post][1] == target)
