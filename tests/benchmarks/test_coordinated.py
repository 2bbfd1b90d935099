"""The table of accounts that act together says what was found and what was missed."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from benchmarks.score.coordinated import CREW, CREWS, FILE, Shares, judged, part, read, with_crews


def shares(seed: int, *, people: int = 500, posts: int = 300, acts: int = 3000) -> Shares:
    dice = np.random.default_rng(seed)
    actor, post, at = (dice.integers(0, end, acts) for end in (people, posts, 86_400 * 30))
    return Shares(actor, post, at, np.full(acts, False))


def test_crews_are_found_and_honest_people_are_left_alone() -> None:
    honest = shares(1)
    mixed = with_crews(honest, np.random.default_rng(1))

    found = judged([mixed, shares(2)], 60)

    assert np.unique(mixed.actor[mixed.together]).size == CREWS * CREW
    assert np.isin(mixed.post[mixed.together], honest.post).all()
    assert found.recall > 0.9
    assert found.precision > 0.9
    assert found.largest <= CREW + 1


def test_who_is_missed_lowers_recall_and_who_is_honest_precision() -> None:
    mixed = with_crews(shares(1), np.random.default_rng(1))
    crew = np.unique(mixed.actor[mixed.together])
    half = mixed._replace(together=mixed.together & (mixed.actor < crew[crew.size // 2]))
    # As many again who do nothing together, on one post each.
    idle = Shares(np.arange(200), np.arange(200) % 7, np.arange(200) * 86_400, np.full(200, True))

    found, fewer, more = (judged(some, 60) for some in ([mixed], [half], [mixed, idle]))

    assert fewer.precision == pytest.approx(found.precision / 2, abs=0.02)
    assert fewer.accounts == found.accounts
    assert more.recall == pytest.approx(found.recall / 2, abs=0.01)
    # Those with one post alone can't be found, and aren't asked for.
    assert more.recall_repeated == pytest.approx(found.recall_repeated, abs=0.01)


def test_the_file_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.parent.mkdir()
    with gzip.open(path, "wt") as file:
        file.write("object_id,account_id,content_id,timestamp_share\no2,b,c1,20.0\no1,a,c2,10.0\no2,a,c3,21.0\n")

    found = read(path)

    assert (found.actor.tolist(), found.post.tolist(), found.at.tolist()) == ([1, 0, 0], [1, 0, 1], [20, 10, 21])
    assert found.together.all()


@pytest.mark.slow
def test_the_campaign_is_found_among_honest_people(shared_data: Path) -> None:
    if not (shared_data / FILE).exists():
        pytest.skip(f"no coordinated shares at {shared_data}")

    campaign, found = read(shared_data / FILE), part(shared_data)

    assert campaign.at.size == 35_125
    assert np.unique(campaign.actor).size == 9509
    assert all(bound.holds for bound in found.bounds), found.lines
