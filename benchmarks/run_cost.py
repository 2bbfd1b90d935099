"""What the engine's run on the Higgs log costs, against the engine of an earlier commit in the same minutes.

    python -m benchmarks.run_cost                     against the last commit before the formula 2026-12
    python -m benchmarks.run_cost --against HEAD~1    against any other

Each run is a process of its own, and the two engines take turns; the least of each counts, for the machine is shared.
Reads the Higgs data where ../shared/data has it, and says so where it doesn't.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from tarfile import open as open_archive

import pyarrow as pa
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
BEFORE = "dd702130"
TIME, MEMORY = 1.0, 1.2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default=BEFORE, metavar="COMMIT")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    from benchmarks.score.bound import Bound, left_out
    from benchmarks.score.real import HIGGS, HIGGS_SPLIT, higgs

    if not (DATA / HIGGS).exists():
        print(*left_out("higgs", DATA).lines)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        acts, before = Path(folder, "acts.arrow"), Path(folder, "before")
        with pa.OSFile(str(acts), "wb") as sink, pa.ipc.new_file(sink, (table := higgs(DATA).acts).schema) as writer:
            writer.write_table(table)
        _checked_out(asked.against, before)
        costs: dict[Path, list[tuple[float, float]]] = {before: [], ROOT: []}
        for _round in tqdm(range(asked.rounds), desc="rounds"):
            for engine, found in costs.items():
                found.append(_measured(engine, acts, HIGGS_SPLIT.cut))
    seconds, megabytes = ([min(run[what] for run in found) for found in costs.values()] for what in (0, 1))
    print(f"{'higgs, one run':<20}{asked.against[:8]:>12}{'now':>12}")
    print(f"{'seconds':<20}{seconds[0]:>12.2f}{seconds[1]:>12.2f}")
    print(f"{'largest memory, MB':<20}{megabytes[0]:>12.0f}{megabytes[1]:>12.0f}")
    bounds = (
        Bound("time, as a multiple", seconds[1] / seconds[0], high=TIME),
        Bound("memory, as a multiple", megabytes[1] / megabytes[0], high=MEMORY),
    )
    for bound in bounds:
        print(bound.line())
    return int(not all(bound.holds for bound in bounds))


def _checked_out(commit: str, folder: Path) -> None:
    archive = ["git", "-C", str(ROOT), "archive", commit, "scoring"]
    found = subprocess.run(archive, capture_output=True, check=True)  # noqa: S603  # a commit of the own repository
    with open_archive(fileobj=BytesIO(found.stdout)) as files:
        files.extractall(folder, filter="data")


def _measured(engine: Path, acts: Path, until: int) -> tuple[float, float]:
    command = [sys.executable, "-P", __file__, "--run", str(engine), str(acts), str(until)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # this very file
    seconds, kilobytes = found.stdout.split()
    return float(seconds), float(kilobytes) / 1024


def run(engine: str, acts: str, until: int) -> None:
    """Run once with the engine of a folder, and print the seconds and the largest memory in KB."""
    sys.path.insert(0, engine)
    from scoring.engine import POSTS, Inputs, Parameters, compute

    with pa.OSFile(acts, "rb") as source:
        inputs = Inputs(pa.ipc.open_file(source).read_all(), POSTS.empty_table(), until)
    started = time.perf_counter()
    compute(inputs, Parameters(half_life_days=1, horizon_days=2))
    print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        sys.exit(main())
