"""The characters of the review of Klout, each in a small world."""

from typing import Any

import pytest

from tests.scoring.engine.worlds import World, community

HONEST = range(1, 41)
CONSULTANT, NONSENSE, AUTHOR, CURATOR, LINKER = 100, 200, 300, 400, 500
BOTS = range(10_000, 10_300)

# Once with proved identities, and once where nobody's is.
proved = pytest.mark.parametrize("seeds", [[1, 5, 9, 13], []], ids=["proved", "nobody-proved"])


def honest_world(seeds: list[int]) -> World:
    world = World(seeds=seeds)
    community(world, HONEST)
    return world


def consult(world: World) -> None:
    """Let the consultant post, be answered by fifteen people, and talk on with them."""
    for ago in range(1, 31):
        post = world.post(
            CONSULTANT, ago + 0.5, text=f"On case {chr(64 + ago % 26)}{ago}, what the client learned {ago}"
        )
        giver = 1 + ago % 15
        world.act("reply", giver, CONSULTANT, ago + 0.4, post)
        answer = world.post(CONSULTANT, ago + 0.3, "reply", f"good point number {chr(64 + ago % 26)}, because {ago}")
        world.act("reply", CONSULTANT, giver, ago + 0.3, world.post(giver, ago + 0.4, "reply", f"I wonder {ago}"))
        world.act("like", giver, CONSULTANT, ago + 0.2, answer)


def spout(world: World, texts: list[str], *, befriended: bool) -> None:
    """Let the nonsense account post all day, and be reposted by bots, which may like each other as well."""
    for ago in range(1, 31):
        for i, text in enumerate(texts):
            post = world.post(NONSENSE, ago + 0.1 * (i + 1), text=text)
            for bot in list(BOTS)[ago % 10 :: 10]:
                world.act("repost", bot, NONSENSE, ago + 0.05, post)
        for bot in BOTS:
            if befriended and bot % 3 == ago % 3:
                world.act("like", bot, BOTS[(bot + ago * 17) % len(BOTS)], ago + 0.01)


def score(people: dict[int, dict[str, Any]], person: int) -> float:
    return float(people[person]["score"])


@proved
def test_nonsense_with_bots_ends_below_the_consultant(seeds: list[int]) -> None:
    world = honest_world(seeds)
    consult(world)
    # Where nobody is proved, bots that answer each other can't be told from people who do; see docs/scoring.md.
    spout(world, ["nut", "jump jump jump"], befriended=bool(seeds))

    people = world.people()

    assert score(people, NONSENSE) < score(people, CONSULTANT)
    assert people[NONSENSE]["forecast"] > 10 * people[CONSULTANT]["forecast"]
    assert people[NONSENSE]["credibility"] == pytest.approx(2 * 2 / 54, rel=0.05)
    assert people[NONSENSE]["taken_repetition"] > 10
    assert people[NONSENSE]["taken_unvouched"] > 10
    # Talking with people costs the consultant nothing that shows.
    assert people[CONSULTANT]["taken_exchange"] < 0.05 * people[CONSULTANT]["forecast"]
    assert people[CONSULTANT]["credibility"] == 1


def test_nonsense_with_varied_texts_is_still_unvouched() -> None:
    world = honest_world([1, 5, 9, 13])
    consult(world)
    spout(world, ["nut", "jump", "tree", "acorn", "squeak", "branch", "leaf", "bark"], befriended=True)

    people = world.people()

    assert people[NONSENSE]["reach"] < 0.1
    assert score(people, NONSENSE) < score(people, CONSULTANT)


@proved
def test_author_who_never_posts_has_a_score_from_mentions_and_links(seeds: list[int]) -> None:
    world = honest_world(seeds)
    website = 301
    world.owners = {website: AUTHOR}
    for ago in range(1, 26):
        world.act("mention" if ago % 2 else "link", ago, AUTHOR if ago % 2 else website, ago, world.post(ago, ago))

    author = world.people()[AUTHOR]

    assert author["posts"] == 0
    assert author["supporters"] == 25
    assert author["alive"] == 1
    assert author["score"] > 10
    assert author["original_share"] is None


@proved
def test_two_who_only_repost_each_other_end_below_one_whom_ten_strangers_answered(seeds: list[int]) -> None:
    world = honest_world(seeds)
    for ago in range(1, 31):
        for mine, yours in ((600, 601), (601, 600)):
            # Half of the time on the same day, half of the time on the next.
            post = world.post(mine, ago + 0.5, text=f"{mine} has {ago} thoughts of {chr(64 + ago % 26)}")
            world.act("repost", yours, mine, ago + (0.4 if ago % 2 else -0.3), post)
    post = world.post(700, 3, text="a question")
    for stranger in range(1, 11):
        world.act("reply", stranger, 700, 2, post)

    people = world.people()

    assert max(score(people, 600), score(people, 601)) < score(people, 700)
    assert score(people, 600) == 1
    assert people[600]["taken_exchange"] > 0.3


@proved
def test_volume_without_an_answer_earns_nothing_and_with_answers_costs_nothing(seeds: list[int]) -> None:
    world = honest_world(seeds)
    for ago in range(1, 21):
        for i in range(20):
            world.post(LINKER, ago + i / 40, text=f"read this {chr(65 + i)} https://example.org/{ago}/{i}")
            title = f"{chr(65 + i)} on {chr(96 + ago)}x https://example.org/{ago}/{i}"
            link = world.post(CURATOR, ago + i / 40, text=title)
            if i % 4 == 0:
                world.act("repost", 1 + (ago * 5 + i) % 40, CURATOR, ago - 0.5, link)

    people = world.people()

    assert score(people, LINKER) == 1
    assert people[CURATOR]["supporters"] >= 20
    assert people[CURATOR]["credibility"] == 1
    assert score(people, CURATOR) > 10


def test_who_only_reposts_others_is_not_scored_for_it() -> None:
    world = honest_world([1, 5, 9, 13])
    for ago in range(1, 31):
        world.post(800, ago, "reshare", "RT something")
        world.act("repost", 800, 1 + ago % 40, ago, 999_000 + ago)

    people = world.people()

    assert score(people, 800) == 1
    assert people[800]["original_share"] == 0


def test_seeds_that_lead_nowhere_do_not_leave_everybody_at_one() -> None:
    world = honest_world([77_777])
    world.post(77_777, 3)

    result = world.run()

    assert result.notes["seeded_from"] == "data"
    assert result.notes["seeds"] == 1
    assert min(row["score"] for row in result.scores.to_pylist() if row["person"] in HONEST) > 5


def test_a_farm_cannot_make_the_proved_too_few() -> None:
    world = honest_world([1, 5, 9, 13])
    spout(world, ["nut", "tree", "leaf", "bark", "acorn"], befriended=True)

    assert world.run().notes["seeded_from"] == "proved"
