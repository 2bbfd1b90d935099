"""The influencer list as a file: its columns, and a person's row."""

from typing import Any

from accounts.admin.export import Cell
from scoring.queries import ENOUGH_SUPPORTERS, NOT_ENOUGH_SEEN, shown_percentile

# Name of the file's column, and what stands in it.
CSV_COLUMNS = {
    "handle": "name of the profile here",
    "name": "as written in the profile",
    "city": "where the profile places the person",
    "country": "two letters, ISO 3166",
    "score": "1 to 100, on an absolute scale",
    "seen": f"{NOT_ENOUGH_SEEN}, where too few people acted for the score to say much; else empty",
    "percentile": "0 to 100, among everybody scored",
    "reach": "different people expected to act in the next 28 days, after what was taken off",
    "low": "lower end of the band that holds 80 % of outcomes, in people",
    "high": "upper end of that band",
    "change_28_days": "score now less score 28 days ago; empty where there was none",
    "topics": "up to three of the person's own, on which they reach more than their share; separated by semicolons",
    "filtered_topics": "what the list was filtered by, topics below these included; empty where it wasn't",
    "reach_on_topics": "the part of the reach that came by posts on these topics, at least, where they are several",
    "score_on_topics": "that reach on the scale of scores",
    "networks": "where the person has accounts, separated by semicolons",
    "followers": "on all networks together; not part of the score",
    "claimed": "yes once the person has claimed the profile",
    "as_of": "day of the scores",
}


def csv_row(person: Any, as_of: str, topics: str) -> list[Cell]:
    """Return a person's row of `CSV_COLUMNS`, filled in by `queries.fill_in`."""
    change = change_of(person)
    return [
        person.handle,
        person.name,
        person.place.name if person.place else "",
        person.place.country if person.place else "",
        round(person.score, 2),
        "" if person.supporters >= ENOUGH_SUPPORTERS else NOT_ENOUGH_SEEN,
        shown_percentile(person.percentile),
        round(person.reach, 1),
        round(person.low, 1),
        round(person.high, 1),
        None if change is None else round(change, 2),
        ";".join(row.topic.shown_name for row in person.top_topics),
        topics,
        round(person.reach_on_topics, 1) if topics else None,
        round(person.score_on_topics, 2) if topics else None,
        ";".join(sorted({identity.network_id for identity in person.shown_identities})),
        followers_of(person),
        "yes" if person.user_id else "no",
        as_of,
    ]


def followers_of(person: Any) -> int | None:
    """Return the followers on all networks together; None where none is known."""
    known = [identity.followers for identity in person.shown_identities if identity.followers is not None]
    return sum(known) if known else None


def change_of(person: Any) -> float | None:
    """Return the score now less that of four weeks before; None where there was none."""
    before = getattr(person, "score_before", [])
    return person.score - before[0].score if before else None
