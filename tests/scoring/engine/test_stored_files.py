"""Files that come with the file system that opens them, which no path leads to."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs
import pyarrow.parquet as pq
import pytest

from scoring.engine import INTERACTIONS, POSTS, InputError, Inputs, compute
from tests.scoring.engine.worlds import UNTIL, World, assert_equal, community


@pytest.fixture
def files(tmp_path: Path) -> pyarrow.fs.FileSystem:
    """Return a file system whose names are no paths of this machine."""
    return pyarrow.fs.SubTreeFileSystem(str(tmp_path), pyarrow.fs.LocalFileSystem())


def stored(table: pa.Table, name: str, files: pyarrow.fs.FileSystem) -> Any:
    pq.write_table(table, name, filesystem=files)
    return ds.ParquetFileFormat().make_fragment(name, filesystem=files)


def test_they_give_what_tables_give(files: pyarrow.fs.FileSystem) -> None:
    world = World(seeds=[1])
    community(world, range(1, 9))
    inputs = world.inputs()
    fragments: dict[str, list[Any]] = {}
    for name, table in (("interactions", inputs.interactions), ("posts", inputs.posts)):
        assert isinstance(table, pa.Table)
        # Other column order, and a column more.
        shuffled = table.select(table.column_names[::-1]).append_column("lang", pa.nulls(table.num_rows, pa.string()))
        half = table.num_rows // 2
        parts = (shuffled.slice(0, half), shuffled.slice(half))
        fragments[name] = [stored(part, f"{name}-{i}", files) for i, part in enumerate(parts)]

    found = compute(Inputs(fragments["interactions"], fragments["posts"], UNTIL, seeds=inputs.seeds))

    expected = compute(inputs)
    assert expected.scores.num_rows
    assert_equal(found.scores, expected.scores)
    assert_equal(found.supports, expected.supports)


def test_one_that_lacks_a_column_is_refused(files: pyarrow.fs.FileSystem) -> None:
    broken = stored(INTERACTIONS.empty_table().drop_columns(["target"]), "broken", files)
    with pytest.raises(InputError, match="interactions: no column target; there are at, kind, actor, post, network"):
        compute(Inputs([broken], POSTS.empty_table(), UNTIL))
