"""The laboratory's table: how well the score foretells, what it costs the honest, and what cheating buys.

    python -m benchmarks.score                      all judged worlds, with seeds of this commit
    python -m benchmarks.score --seed tuning usual  one world, with other seeds: to try things out

Real data is read where DATA (by default ../shared/data) has it, and left out where it doesn't.
"""

import argparse
import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tqdm import tqdm

from benchmarks.score import bots, coordinated, real
from benchmarks.score.bound import Part, left_out
from benchmarks.score.judge import Judgement, engine, judge_setting
from benchmarks.score.report import bounds_of, print_foresight, print_rankers, print_worlds
from benchmarks.score.settings import WORLDS

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

# The parts beside the worlds, each with the folder of real data that it reads.
REAL = {
    "higgs": partial(real.higgs_part, DATA),
    "rstudioconf": partial(real.conference_part, DATA),
    "coordinated": partial(coordinated.part, DATA),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="*", help="names of worlds; all without")
    parser.add_argument("--seed", help="what the worlds' seeds derive from; the commit's hash without")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    unknown = set(asked.worlds) - {setting.name for setting in WORLDS}
    if unknown:
        parser.error(f"no world {', '.join(sorted(unknown))}; there are {', '.join(s.name for s in WORLDS)}")
    base = asked.seed or commit()
    chosen = [setting for setting in WORLDS if not asked.worlds or setting.name in asked.worlds]
    jobs: list[Callable[[], Judgement | Part]] = [partial(judge_setting, base, engine, each) for each in chosen]
    # The longest first, or one process would end alone.
    jobs = [
        *(job if (DATA / name).exists() else partial(left_out, name, DATA) for name, job in REAL.items()),
        *jobs,
    ]
    jobs = [partial(bots.part, base), *jobs]
    bar = tqdm(desc="worlds and data", total=len(jobs))
    # A process for each, so that none keeps what another needed.
    with bar, multiprocessing.get_context("spawn").Pool(asked.processes, maxtasksperchild=1) as pool:
        running = [pool.apply_async(job, callback=lambda _done: bar.update()) for job in jobs]
        results = [each.get() for each in running]
    found = [result for result in results if isinstance(result, Judgement)]
    print(f"{len(found)} worlds, seeds from {base}\n")
    print_rankers(found)
    print_worlds(found)
    print_foresight(found)
    bounds = list(bounds_of(found))
    for part in results:
        if isinstance(part, Part):
            print(*part.lines, "", sep="\n")
            bounds += part.bounds
    for bound in bounds:
        print(bound.line())
    failed = sum(not bound.holds for bound in bounds)
    print(f"\n{len(bounds) - failed} of {len(bounds)} bounds hold")
    return int(failed > 0)


def commit() -> str:
    """Return the hash of the commit that stands in the work tree."""
    return subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607  # git from the path


if __name__ == "__main__":
    sys.exit(main())
