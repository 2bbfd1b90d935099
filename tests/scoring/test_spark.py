"""What an operator is told who asks for Spark and lacks something."""

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from accounts.actions.spool import SPOOL
from scoring.actions import spark as opening
from scoring.actions.computing import engine_connection
from scoring.actions.errors import ScoringError
from scoring.actions.runs import describe
from scoring.actions.spark import SparkMissing
from tests import spark


@pytest.fixture
def asked_for(settings: Settings) -> Settings:
    settings.SCORING_ENGINE = "spark"
    settings.SPARK_MASTER = f"spark://127.0.0.1:{spark.free_port()}"
    return settings


def refusal(settings: Settings) -> str:
    """Return what opening the engine is refused with; the ledger says the same, and nothing is left behind."""
    with pytest.raises(SparkMissing) as refused, engine_connection():
        pass
    assert isinstance(refused.value, ScoringError)
    assert describe(refused.value) == str(refused.value)
    assert "\n" not in str(refused.value)
    assert list((Path(settings.ACTIVITY_LOG) / SPOOL).iterdir()) == []
    return str(refused.value)


def test_without_pyspark(asked_for: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    assert refusal(asked_for) == "SCORING_ENGINE is spark, and PySpark isn't installed: run `make spark`"


def java(folder: Path, says: str) -> str:
    """Make a Java that says of which version it is, and return its home."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "java"
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    program.chmod(0o755)
    return str(folder)


@pytest.mark.skipif(spark.missing() == "PySpark isn't installed", reason="PySpark isn't installed")
def test_without_java_or_with_an_old_one(asked_for: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    do = "Spark needs Java 17 or 21: install it (Debian: openjdk-17-jre-headless), or let JAVA_HOME name it"
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nothing"))
    assert refusal(asked_for) == f"SCORING_ENGINE is spark, and there is no Java: {do}"
    (tmp_path / "old").mkdir()
    monkeypatch.setenv("JAVA_HOME", java(tmp_path / "old", 'openjdk version "11.0.2" 2019-01-15'))
    assert refusal(asked_for) == f"SCORING_ENGINE is spark, and Java is of version 11: {do}"


@pytest.mark.skipif(spark.missing() is not None, reason=str(spark.missing()))
def test_a_master_that_does_not_answer(asked_for: Settings) -> None:
    told = refusal(asked_for)
    assert told == (
        f"the Spark master at {asked_for.SPARK_MASTER} doesn't answer (Connection refused): start it, or set "
        "SPARK_MASTER to another"
    )
