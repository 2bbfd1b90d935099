"""What a night, an import and publishing cost, line by line against its bound.

    python -m benchmarks.engine                                  all lines, at a million, ten and fifty million acts
    python -m benchmarks.engine --sizes 1000000 --only import    one line at one size

Exit code 0: every bound holds; 2: one fails. Made-up activity and databases lie below --folder meanwhile: 8 GB for ten
million acts, and five times that for fifty.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tqdm import tqdm

from benchmarks.engine import importing, nights, pairs, publishing, walks
from benchmarks.score.bound import Bound, Part

Line = Callable[[int, Path, int], Part]
# Lines that are measured at each size.
LINES: Final[dict[str, Line]] = {
    "import": importing.measured,
    "night": nights.measured,
    "pairs": pairs.measured,
    "walk": walks.measured,
}
# Lines that have a size of their own.
PUBLISH: Final = "publish"
_SCORES: Final = 1_000_000
# So many times the acts may take so many times as long.
_TIMES: Final = 5
_GROWTH: Final = 8.0


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for, print each line with its bound, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000000,10000000,50000000", help="acts, with commas between")
    parser.add_argument("--only", nargs="+", choices=[*LINES, PUBLISH], help="some lines alone")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--scores", type=int, default=_SCORES, help="scores to publish")
    parser.add_argument("--folder", type=Path, help="where the data lies meanwhile; the system's temporary folder else")
    asked = parser.parse_args(arguments)
    sizes = [int(size) for size in asked.sizes.split(",")]
    only = asked.only or [*LINES, PUBLISH]
    jobs = [(LINES[name], size) for name in LINES if name in only for size in sizes]
    if PUBLISH in only:
        jobs.append((publishing.measured, asked.scores))
    bounds: list[Bound] = []
    took: dict[tuple[str, int], float] = {}
    for line, size in tqdm(jobs, desc="lines", file=sys.stderr):
        with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
            found = line(size, Path(folder), asked.rounds)
        took |= {(what, size): seconds for what, seconds in found.seconds.items()}
        here = [*found.bounds, *(_growth(what, size, took) for what in found.seconds if (what, size // _TIMES) in took)]
        print(*found.lines, *(bound.line() for bound in here), "", sep="\n", flush=True)
        bounds += here
    failed = sum(not bound.holds for bound in bounds)
    print(f"{len(bounds) - failed} of {len(bounds)} bounds hold")
    return 2 if failed else 0


def _growth(what: str, size: int, took: Mapping[tuple[str, int], float]) -> Bound:
    before = size // _TIMES
    return Bound(
        f"{what}, from {before:,} to {size:,} acts, times as long", took[what, size] / took[what, before], high=_GROWTH
    )


if __name__ == "__main__":
    sys.exit(main())
