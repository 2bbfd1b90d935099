"""The Higgs data set's acts: one act that stands twice, bad lines, and the real file."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from accounts.intake import Batch, NotThisFormat, open_source
from accounts.intake import rows as gathered
from tests.accounts.intake.reading import lines, read


def written(folder: Path, text: str | bytes, name: str = "higgs-activity_time.txt.gz") -> Path:
    path = folder / name
    content = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def actions(found: Batch) -> list[tuple[int, str, str, str]]:
    return [(row["at"], row["kind"], row["actor"], row["target"]) for row in found.interactions.to_pylist()]


def test_one_act_that_stands_twice_is_the_more_telling_of_the_two(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "1 2 100 MT\n1 2 100 RE\n"  # a reply names whom it answers
        "1 2 100 RT\n"
        "3 2 100 RT\n3 2 100 MT\n"
        "2 1 100 MT\n"  # the other way round is another act
        "1 2 101 MT\n",
    )

    found = read(path, "higgs")

    assert actions(found) == [
        (100, "reply", "1", "2"),
        (100, "repost", "3", "2"),
        (100, "mention", "2", "1"),
        (101, "mention", "1", "2"),
    ]
    assert (found.rows, found.rejects) == (7, [])
    assert found.bytes_read == path.stat().st_size
    assert {row["network"] for row in found.interactions.to_pylist()} == {"twitter"}


def test_a_folder_an_open_file_and_another_network_are_taken(tmp_path: Path) -> None:
    written(tmp_path, "1 2 100 MT", "higgs-activity_time.txt")
    for path in (tmp_path, tmp_path / "higgs-activity_time.txt"):
        found = read(path, "higgs", network="chirps")
        assert actions(found) == [(100, "mention", "1", "2")]
        assert found.interactions["network"].to_pylist() == ["chirps"]


def test_bad_lines_are_left_out_with_their_number_and_reason(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        b"1 2 100 MT\n\n1 2 x MT\n1 2 100\n1 2 99999999999 MT\n1 2 200 LIKE\n"
        b"1 2 150 RT\n1 2 149 RT\n\xff 2 160 RT\n" + b"9" * 300 + b" 2 160 RT\n" + b"1" * 20_000 + b"\n1 2 170 RE\n",
    )

    found = read(path, "higgs")

    assert actions(found) == [(100, "mention", "1", "2"), (150, "repost", "1", "2"), (170, "reply", "1", "2")]
    assert lines(found.rejects) == [
        (3, "epoch 'x' is no whole number of seconds"),
        (4, "3 values where there should be 4: actor target epoch kind"),
        (5, "epoch '99999999999' is outside the years 1970 to 2100"),
        (6, "kind 'LIKE' is none of RE, RT, MT"),
        (8, "149 comes after 150: the file should go by time"),
        (9, "not UTF-8 text"),
        (10, "actor is longer than 255 characters"),
        (11, "1 values where there should be 4: actor target epoch kind"),
    ]
    assert found.rows == 11


def test_batches_end_between_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathered, "BATCH_ROWS", 2)
    path = written(tmp_path, "1 2 100 MT\n3 2 100 MT\n1 2 100 RE\n1 2 200 MT\n1 2 200 RT\n4 2 300 RT\n")

    batches = list(open_source(path, "higgs").batches())

    assert [actions(batch) for batch in batches] == [
        [(100, "reply", "1", "2"), (100, "mention", "3", "2")],
        [(200, "repost", "1", "2")],
        [(300, "repost", "4", "2")],
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("status_id,created_at\n1,2\n", "it begins: 'status_id,created_at'"),
        ("1 2 MT 100\n", "it begins: '1 2 MT 100'"),
        ("\0\0", "binary"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(NotThisFormat, match=told):
        open_source(written(tmp_path, text), "higgs")


def test_a_folder_without_the_file_and_a_file_that_breaks_off_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotThisFormat, match=r"holds no higgs-activity_time\.txt\.gz and no higgs"):
        open_source(tmp_path, "higgs")
    path = written(tmp_path, "".join(f"{n} {n * 7919} {n} MT\n" for n in range(50_000)))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(NotThisFormat, match=r"is damaged after line \d+"):
        read(path, "higgs")


def test_the_announcement(shared_data: Path) -> None:
    folder = shared_data / "higgs"
    if not folder.exists():
        pytest.skip(f"no real data at {folder}")

    found = read(folder, "higgs")

    assert (found.rows, found.rejects) == (563_069, [])
    kinds = Counter(found.interactions["kind"].to_pylist())
    # Of the file's 36,902 RE, 354,930 RT and 171,237 MT: one RT is a reply's second row, 40,450 MT are second rows.
    assert kinds == {"reply": 36_902, "repost": 354_929, "mention": 130_787}
    people = set(found.interactions["actor"].to_pylist()) | set(found.interactions["target"].to_pylist())
    assert len(people) == 304_691
