"""Shared by the tests of the readers."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    def make(**files: str | bytes) -> Path:
        """Write files given as name_csv="…" into a folder."""
        path = tmp_path / "data"
        path.mkdir(exist_ok=True)
        for name, content in files.items():
            (path / name.replace("_", ".")).write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make
