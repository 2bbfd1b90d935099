"""What choosing a group costs, against the one pass that builds the sparse matrix of audiences.

    python -m benchmarks.choosing                  500 of 100,000 candidates, 20 million pairs
    python -m benchmarks.choosing --submodlib PY   certain audiences by submodlib too, with an interpreter that has it

Audiences have heavy tails on both sides. submodlib is given every pair as certain, which is all that its set cover
knows; submodlib-py 0.0.3 brings numba, scikit-learn and matplotlib, so it isn't among the project's own requirements.
Exit code 0: every bound holds; 2: one fails.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from benchmarks.score.bound import Bound
from campaigns.selection import Audience, Rules, choose

TIME: Final = 3.0
MEMORY: Final = 1536.0
ROUNDS: Final = 3


def make(candidates: int, pairs: int, folder: Path) -> None:
    """Write pairs: how many each candidate reaches falls with its place, and so does who is reached by how many."""
    random = np.random.default_rng(20261129)
    size = (np.arange(candidates) + 10.0) ** -0.8
    candidate = random.choice(candidates, size=pairs, p=size / size.sum())
    # Of four million, some are readers of many.
    member = (4_000_000 * random.power(0.6, size=pairs)).astype(np.int64)
    once = np.unique(candidate * 4_000_000 + member)
    candidate, member = np.divmod(once, 4_000_000)
    order = random.permutation(once.size)
    np.save(folder / "candidate.npy", candidate[order])
    np.save(folder / "member.npy", member[order] * 7919 - 2**40)
    np.save(folder / "people.npy", random.uniform(0.02, 0.9, once.size))


def measured(folder: Path, candidates: int, seats: int, certain: bool) -> dict[str, Any]:
    """Build the matrix and choose, some times by turns; return medians, memory and what came of it."""
    candidate, member, people = (np.load(folder / f"{name}.npy") for name in ("candidate", "member", "people"))
    if certain:
        people[:] = 1.0
    building, choosing = [], []
    for _round in range(ROUNDS):
        audience = chosen = None
        started = time.perf_counter()
        audience = Audience.of(candidates, candidate, member, people, most=1.0 if certain else 1.15)
        built = time.perf_counter()
        chosen = choose(audience, Rules(seats))
        choosing.append(time.perf_counter() - built)
        building.append(built - started)
    assert audience is not None
    assert chosen is not None
    return {
        "building": median(building),
        "choosing": median(choosing),
        "pairs": int(audience.chances.nnz),
        "reached": chosen.reached,
        "proved": chosen.proved,
        "mebibytes": _high_water(),
    }


def _high_water() -> float:
    """Return the most memory that this process had. What getrusage says counts whoever started it, before its exec."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


SUBMODLIB: Final = """
import sys, time, json
import numpy as np
from submodlib import SetCoverFunction
folder, candidates, seats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
candidate, member = (np.load(f"{folder}/{name}.npy") for name in ("candidate", "member"))
known, member = np.unique(member, return_inverse=True)
order = np.argsort(candidate, kind="stable")
parts = np.split(member[order], np.searchsorted(candidate[order], np.arange(1, candidates)))
covers = [set(part.tolist()) for part in parts]
started = time.perf_counter()
function = SetCoverFunction(n=candidates, num_concepts=int(known.size), cover_set=covers)
found = function.maximize(budget=seats, optimizer="LazyGreedy", stopIfZeroGain=True, stopIfNegativeGain=True)
print(json.dumps({"seconds": time.perf_counter() - started, "reached": sum(gain for _, gain in found)}))
"""


def main(arguments: list[str] | None = None) -> int:
    """Measure, print each line with its bound, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=20_000_000)
    parser.add_argument("--seats", type=int, default=500)
    parser.add_argument("--submodlib", metavar="PY", help="an interpreter that has submodlib")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.measure:
        told = measured(Path(asked.measure[0]), asked.candidates, asked.seats, asked.measure[1] == "certain")
        print(json.dumps(told))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        make(asked.candidates, asked.pairs, Path(folder))
        size = ["--candidates", str(asked.candidates), "--seats", str(asked.seats)]
        of = {sort: _run([*_SELF, *size, "--measure", folder, sort]) for sort in ("likely", "certain")}
        other = None
        if asked.submodlib:
            other = _run([asked.submodlib, "-c", SUBMODLIB, folder, str(asked.candidates), str(asked.seats)])
    likely = of["likely"]
    print(f"{asked.seats} of {asked.candidates:,} candidates, {likely['pairs']:,} pairs")
    for sort, found in of.items():
        print(
            f"{sort} audiences: building {found['building']:.2f} s, choosing {found['choosing']:.2f} s, "
            f"{found['reached']:,.0f} reached, at least {found['proved']:.1%} of the best"
        )
    bounds = [
        Bound("choosing, time against building the matrix", likely["choosing"] / likely["building"], high=TIME),
        Bound("the same, of certain audiences", of["certain"]["choosing"] / of["certain"]["building"], high=TIME),
        Bound("memory with the pairs, MiB", max(found["mebibytes"] for found in of.values()), high=MEMORY),
    ]
    if other is None:
        print("submodlib wasn't asked (--submodlib)")
    else:
        print(f"submodlib, certain audiences: {other['seconds']:.2f} s, {other['reached']:,.0f} reached")
        bounds.append(Bound("choosing, time against submodlib", of["certain"]["choosing"] / other["seconds"], high=1.0))
    print(*(bound.line() for bound in bounds), sep="\n")
    return 0 if all(bound.holds for bound in bounds) else 2


_SELF: Final = [sys.executable, "-m", "benchmarks.choosing"]


def _run(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # of this file
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


if __name__ == "__main__":
    sys.exit(main())
