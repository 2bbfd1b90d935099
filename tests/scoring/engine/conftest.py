"""Fixtures of the engine's tests."""

import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _ibis_on_duckdb_2() -> Iterator[None]:
    # ibis 12 reads a table's schema by a method that DuckDB 2 calls deprecated; warnings are errors here.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"fetch_arrow_table\(\)", category=DeprecationWarning)
        yield
