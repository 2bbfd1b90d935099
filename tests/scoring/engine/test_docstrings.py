"""The engine's docstrings: their examples run, and numpydoc finds nothing to mend."""

import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import scoring.engine

ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted(module.name for module in pkgutil.iter_modules(scoring.engine.__path__, "scoring.engine."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_some_examples_there_are() -> None:
    found = [doctest.DocTestFinder().find(importlib.import_module(name)) for name in MODULES]
    assert sum(len(test.examples) for tests in found for test in tests) >= 10


def test_numpydoc_finds_nothing() -> None:
    files = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "scoring" / "engine").glob("*.py"))

    lint = subprocess.run(
        [sys.executable, "-m", "numpydoc", "lint", *files], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (lint.stdout + lint.stderr).strip() == ""
    assert lint.returncode == 0
