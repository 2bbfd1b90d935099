"""What the sample world says about a campaign."""

from typing import Any

from accounts.intake import INTERACTIONS, POSTS
from accounts.sample.talk import talk

DAY = 86_400
BEGIN, END = 100 * DAY, 140 * DAY
READERS = {name: [f"{name}-{number}" for number in range(30)] for name in ("ann", "bob", "cid")}


def said(*taking_part: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    since = dict.fromkeys(taking_part, BEGIN + DAY)
    posts, acts = talk(since, READERS, tag="#route", network="agora", begin=BEGIN, end=END)
    assert (posts.schema, acts.schema) == (POSTS, INTERACTIONS)
    return posts.to_pylist(), acts.to_pylist()


def test_participants_post_and_their_readers_react_and_post_too() -> None:
    posts, acts = said("ann", "bob")

    own = [row for row in posts if row["author"] in {"ann", "bob"}]
    assert {row["author"] for row in own} == {"ann", "bob"}
    assert all(BEGIN + DAY <= row["at"] < END for row in own)
    assert all("#route" in row["text"] and row["topics"] == ["route"] for row in posts)
    assert {row["post"] for row in acts} <= {row["post"] for row in own}
    assert all(row["actor"] in READERS[row["target"]] for row in acts)
    assert len({row["post"] for row in posts}) == len(posts)
    assert all(BEGIN - 28 * DAY <= row["at"] < END for row in (*posts, *acts))


def test_what_ones_readers_do_doesnt_depend_on_who_else_takes_part() -> None:
    def of_ann(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if row.get("author", row.get("actor", "")).startswith("ann")]

    alone, together = said("ann"), said("ann", "bob")

    assert of_ann(alone[0]) == of_ann(together[0])
    assert of_ann(alone[1]) == of_ann(together[1])
    # Without the campaign readers mention it as well, only less; nobody posts for it.
    nobody, acts = said()
    assert 0 < len(nobody) < len(alone[0]) < len(together[0])
    assert not acts
    assert not {row["author"] for row in nobody} & set(READERS)
