"""What a workspace writes is what was computed."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scoring.engine.tables import Workspace


def test_sums_of_whole_numbers_are_whole_in_files(tmp_path: Path) -> None:
    """A word of posting days has up to 60 bits, of which a double keeps the first 53."""
    bits = [1 << place for place in range(60)]
    rows = pa.table({"account": [7] * 60, "bits": bits})
    with Workspace() as workspace:
        table = workspace.read(rows, rows.schema, "words")
        summed = table.group_by("account").aggregate(bits=table.bits.sum())
        workspace.write(summed, tmp_path / "words.parquet")
        workspace.write(summed, tmp_path / "by", by="account")
        found = pq.ParquetFile(tmp_path / "words.parquet").read()
        [part] = (tmp_path / "by" / "account=7").glob("*.parquet")

    assert found.to_pylist() == [{"account": 7, "bits": 2**60 - 1}]
    assert found.schema == rows.schema
    assert pq.ParquetFile(part).read().to_pylist() == found.to_pylist()
