"""Print how often 90 % intervals hold the truth: `python -m benchmarks.coverage`, the table of docs/return.md."""

import argparse
from collections.abc import Iterable

import numpy as np

from benchmarks.coverage.campaigns import CAMPAIGNS
from benchmarks.coverage.methods import METHODS, enough
from benchmarks.coverage.worlds import World


def held(world: World, *, worlds: int, draws: int, seed: int) -> tuple[float, dict[str, float]]:
    """Return of which part of the worlds anything is said, and of these which part of the intervals holds the truth."""
    invited, holdout, truth = world.draw(worlds, seed=seed)
    told = enough(invited, holdout)
    found = {}
    for name, method in METHODS.items():
        low, high = method(invited, holdout, world.ratio, draws)
        found[name] = float(((low <= truth) & (truth <= high))[told].mean())
    return float(told.mean()), found


def _shares(shares: Iterable[float]) -> str:
    return " | ".join(f"{100 * share:.1f} %" for share in shares)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=4_000, help="Of each campaign.")
    parser.add_argument("--draws", type=int, default=1_000, help="Of each interval.")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    print("| campaign | invited / held back | told |", " | ".join(METHODS), "|")
    print("|---|---|---|" + "---|" * len(METHODS))
    rows: list[list[float]] = []
    for name, world in CAMPAIGNS.items():
        told, found = held(world, worlds=options.worlds, draws=options.draws, seed=options.seed)
        rows.append(list(found.values()))
        print(
            f"| {name} | {world.invited} / {world.held_back} | {100 * told:.0f} % | {_shares(found.values())} |",
            flush=True,
        )
    table = np.array(rows)
    for label, figures in (("least", table.min(axis=0)), ("mean", table.mean(axis=0)), ("most", table.max(axis=0))):
        print(f"| **{label}** | | | {_shares(figures)} |")
    error = 100 * (0.09 / options.worlds) ** 0.5
    print(f"\nOf {options.worlds:,} campaigns a share of 90 % is known to {error:.1f} points (one standard error).")


if __name__ == "__main__":
    main()
