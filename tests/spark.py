"""A standalone Spark for tests: a master and workers on loopback, which die with the process that started them."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from config.launcher.tied import tied

# Little data: what a JVM does to be fast later, and what Spark does to be fast on much, takes longer than it saves.
_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
DEFAULTS = f"""
spark.driver.host                 127.0.0.1
spark.driver.bindAddress          127.0.0.1
spark.driver.memory               512m
spark.driver.extraJavaOptions     {_JAVA}
spark.executor.memory             512m
spark.executor.extraJavaOptions   {_JAVA}
spark.sql.shuffle.partitions      2
spark.sql.adaptive.enabled        false
spark.sql.codegen.wholeStage      false
spark.sql.codegen.factoryMode     NO_CODEGEN
"""


def missing() -> str | None:
    """Return why there can be no Spark here, or None."""
    if find_spec("pyspark") is None:
        return "PySpark isn't installed"
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        return "there is no Java (Debian: openjdk-17-jre-headless)"
    return None


def free_port() -> int:
    """Return a port of this machine that nobody listens at now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def environment(folder: Path) -> dict[str, str]:
    """Return what a driver's environment needs besides: settings for little data, in a folder."""
    (folder / "conf").mkdir(parents=True, exist_ok=True)
    (folder / "conf" / "spark-defaults.conf").write_text(DEFAULTS)
    return {"SPARK_CONF_DIR": str(folder / "conf"), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(folder)}


@contextmanager
def cluster(folder: Path, *, workers: int = 2) -> Iterator[str]:
    """Run a master and workers of one core each, and yield the master's address."""
    import pyspark

    run = str(Path(pyspark.__file__).parent / "bin" / "spark-class")
    daemon = {"SPARK_DAEMON_MEMORY": "192m", "SPARK_DAEMON_JAVA_OPTS": _JAVA}
    env = os.environ | environment(folder) | daemon
    port = free_port()
    address = f"spark://127.0.0.1:{port}"
    at = ["--host", "127.0.0.1", "--webui-port", "0"]
    of_worker = [*at, "--port", "0", "--cores", "1", "--memory", "512m", "--work-dir", str(folder / "work"), address]
    with ExitStack() as started, (folder / "log").open("w") as log:

        def start(name: str, *arguments: str) -> None:
            command = [run, f"org.apache.spark.deploy.{name}", *arguments]
            process = subprocess.Popen(tied(command, ending=signal.SIGKILL), env=env, stdout=log, stderr=log)
            started.callback(process.wait)
            started.callback(process.kill)

        start("master.Master", *at, "--port", str(port))
        _wait_for(port, folder / "log")
        for _ in range(workers):
            start("worker.Worker", *of_worker)
        yield address


def _wait_for(port: int, log: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if time.monotonic() > until:
                raise RuntimeError(f"the Spark master didn't start: {log.read_text()[-2000:]}") from None
            time.sleep(0.1)
