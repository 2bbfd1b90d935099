"""A small made-up world as a data set's folder."""

import csv
import random
from datetime import UTC, datetime
from pathlib import Path

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = 86_400
# What posts are about, by the topic that the starter table finds in them.
SUBJECTS = {
    "jazz": "An evening of jazz and a long drive home, number {n}",
    "data-science": "What I learnt about data science today, part {n} #datascience",
    "": "Good morning to all {n} of you",
}


def write_world(folder: Path, *, people: int = 30, days: int = 40, seed: int = 1) -> Path:
    """Write a world in which a few are answered by many: account 0 most, then 1, and so on.

    Account 0 and 1 are verified; account 0 names a website that others link to; account 2 has only one reader.
    """
    dice = random.Random(seed)
    start = int(START.timestamp())
    folder.mkdir(parents=True, exist_ok=True)
    posts: list[tuple[object, ...]] = []
    interactions: list[tuple[object, ...]] = []
    for day in range(days):
        for author in range(people):
            if dice.random() > 0.4:
                continue
            at = start + day * DAY + dice.randrange(DAY // 2)
            post = f"p{day}-{author}"
            subject = list(SUBJECTS)[author % len(SUBJECTS)]
            link = "https://www.zero.example/essay" if author > 20 and day % 5 == 0 else ""
            text = SUBJECTS[subject].format(n=dice.random()) + (", by the old mill" if day % 3 == 0 else "")
            posts.append((post, at, f"a{author}", "original", text, link))
            for reader in range(people):
                if reader != author and dice.random() < 0.5 / (author + 1):
                    kind = dice.choice(["like", "reply", "repost", "quote"])
                    interactions.append((at + dice.randrange(1, DAY // 3), kind, f"a{reader}", f"a{author}", post))
    interactions.sort()
    _write(folder / "posts.csv", ["post", "at", "author", "kind", "text", "links"], posts)
    _write(folder / "interactions.csv", ["at", "kind", "actor", "target", "post"], interactions)
    _write(
        folder / "accounts.csv",
        ["account", "handle", "name", "followers", "verified", "website"],
        [
            (f"a{n}", f"handle{n}", f"Name {n}", 10 * n, n < 2, "https://zero.example" if n == 0 else "")
            for n in range(people)
        ],
    )
    return folder


def _write(path: Path, header: list[str], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
