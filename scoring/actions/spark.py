"""Opening Spark for the engine, and saying in one line what is missing where that can't be."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet

from scoring.actions.errors import ScoringError

# What Spark 4.0 runs on.
JAVA: Final = 17
_ANSWER_SECONDS: Final = 5
_EXECUTOR_SECONDS: Final = 60


class SparkMissing(ScoringError):
    """Spark, or something that it needs, isn't there."""


@contextmanager
def spark_connection(master: str, folder: Path, memory: str) -> Iterator[Any]:
    """Open a session on a Spark master, which ends with its Java process.

    A cluster's own wishes (memory and cores of executors, addresses, secrets) stand in `spark-defaults.conf`, in the
    folder that `SPARK_CONF_DIR` names, as for any program on Spark.

    Parameters are the master's address, a folder that the driver and all workers have under the same path, and how much
    memory tables may take (`4096m`) if the master is this process itself. Raises SparkMissing.
    """
    if find_spec("pyspark") is None:
        raise SparkMissing("SCORING_ENGINE is spark, and PySpark isn't installed: run `make spark`")
    _refuse_without_java()
    _refuse_silent(master)
    session = _session(master, folder, memory)
    try:
        _refuse_without_executors(session, master)
        _refuse_apart(session, folder)
        from scoring.engine.spark import SparkBackend

        yield SparkBackend().connect(session)
    finally:
        _end(session)


def _refuse_without_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    told = ""
    if java is not None:
        with suppress(OSError, subprocess.TimeoutExpired):
            found = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60)  # noqa: S603
            told = found.stderr + found.stdout
    version = re.search(r'version "(\d+)', told)
    do = f"Spark needs Java {JAVA} or 21: install it (Debian: openjdk-{JAVA}-jre-headless), or let JAVA_HOME name it"
    if version is None:
        raise SparkMissing(f"SCORING_ENGINE is spark, and there is no Java: {do}")
    if int(version[1]) < JAVA:
        raise SparkMissing(f"SCORING_ENGINE is spark, and Java is of version {version[1]}: {do}")


def _refuse_silent(master: str) -> None:
    """Refuse a master that doesn't answer: Spark itself takes a minute to say so, and many lines."""
    if not master.startswith("spark://"):
        return
    hosts = [host.rsplit(":", 1) for host in master.removeprefix("spark://").split(",")]
    why = ""
    for host, port in hosts:
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS):
                return
        except OSError as error:
            why = error.strerror or type(error).__name__
    raise SparkMissing(f"the Spark master at {master} doesn't answer ({why}): start it, or set SPARK_MASTER to another")


def _session(master: str, folder: Path, memory: str) -> Any:
    from pyspark.sql import SparkSession

    from scoring.engine.spark import FOLDER, SETTINGS

    builder: Any = SparkSession.builder
    builder = builder.master(master).appName("sway").config(map=SETTINGS).config(FOLDER, str(folder))
    # The pages of a running program, for whoever finds its port; and a line that moves, on standard error.
    builder = builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
    if master.startswith("local"):
        builder = builder.config("spark.driver.memory", memory)
        builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    try:
        return builder.getOrCreate()
    except Exception as error:  # whatever Java said went to standard error
        _end(None)
        raise SparkMissing(
            f"Spark can't start at {master} ({type(error).__name__}): standard error has its words; "
            "the cluster has to run the version of PySpark that is installed here"
        ) from error


def _refuse_without_executors(session: Any, master: str) -> None:
    """Wait for the first executor: without any, Spark waits for ever."""
    if master.startswith("local"):
        return
    status = session.sparkContext._jsc.sc()
    until = time.monotonic() + _EXECUTOR_SECONDS
    # The driver is one of those listed.
    while status.getExecutorMemoryStatus().size() < 2:
        if status.isStopped() or time.monotonic() > until:
            raise SparkMissing(
                f"the Spark master at {master} gave no executor within {_EXECUTOR_SECONDS} seconds: start workers, see "
                "that they have the memory and cores that spark-defaults.conf asks for, and that nobody else holds them"
            )
        time.sleep(0.1)


def _refuse_apart(session: Any, folder: Path) -> None:
    """Refuse workers that don't have the folder: what they write then stays with them, and nobody says so."""
    probe, rows = folder / "probe", 2 * session.sparkContext.defaultParallelism
    try:
        session.range(0, rows, 1, rows).write.parquet(str(probe))
        found = sum(pyarrow.parquet.read_metadata(path).num_rows for path in probe.glob("*.parquet"))
    except Exception as error:  # of Java: whatever it was, the folder can't be written to
        raise SparkMissing(_apart(folder)) from error
    if found != rows:
        raise SparkMissing(_apart(folder))
    shutil.rmtree(probe)


def _apart(folder: Path) -> str:
    return (
        f"Spark's workers can't write to {folder.parent}: mount SWAY_DATA on all of them under the same path, "
        "and run them as a user who may write there"
    )


def _end(session: Any) -> None:
    """Stop the session and its Java process, which would keep its memory from night to night."""
    from pyspark import SparkContext

    if session is not None:
        session.stop()
    gateway: Any = SparkContext._gateway
    if gateway is not None:
        gateway.shutdown()
        with suppress(OSError):
            gateway.proc.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            gateway.proc.wait(timeout=30)
        SparkContext._gateway = SparkContext._jvm = None
