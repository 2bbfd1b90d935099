"""The pictures of the README: there, small, and none left over."""

import re
import struct
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHOWN = re.findall(r"!\[[^\]]+\]\((docs/pictures/[^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
STORY = [path for path in SHOWN if re.match(r"\d-", Path(path).name)]


def test_every_picture_is_shown_and_every_shown_one_is_there() -> None:
    assert sorted(SHOWN) == sorted(f"docs/pictures/{path.name}" for path in (ROOT / "docs/pictures").glob("*.png"))
    assert [int(Path(path).name[0]) for path in STORY] == list(range(1, 9))


@pytest.mark.parametrize("path", STORY)
def test_a_picture_of_the_story_is_small(path: str) -> None:
    picture = (ROOT / path).read_bytes()

    assert picture.startswith(b"\x89PNG")
    assert len(picture) <= 150 * 1024
    width, height = struct.unpack(">II", picture[16:24])
    assert width == 1440
    assert 500 <= height <= 1300
