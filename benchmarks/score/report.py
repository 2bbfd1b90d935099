"""What the table says of made-up worlds, and what is asked of them."""

from collections.abc import Callable, Iterable
from statistics import fmean

from benchmarks.score.attacks import CLASSES
from benchmarks.score.bound import Bound
from benchmarks.score.foresight import Foresight
from benchmarks.score.judge import Judgement

RECENT = "distinct, last 28 days"


def print_rankers(found: list[Judgement]) -> None:
    print(f"{'mean over worlds':<26}{'Spearman':>9}{'nDCG@100':>10}{'overlap':>9}", end="")
    print("".join(f"{name:>19}" for name in CLASSES))
    names = ["ceiling", *found[0].baselines, "the score"]
    for name in names:
        verdicts = [each.baselines.get(name, each.ceiling if name == "ceiling" else each.formula) for each in found]
        print(f"{name:<26}", end="")
        print(f"{fmean(v.spearman for v in verdicts):>9.3f}{fmean(v.ndcg for v in verdicts):>10.3f}", end="")
        print(f"{fmean(v.overlap for v in verdicts):>9.3f}", end="")
        print("".join(f"{fmean(v.gained[kind] for v in verdicts):>+19.1f}" for kind in CLASSES))
    print()


def print_worlds(found: list[Judgement]) -> None:
    heads = ("Spearman", "best else", "ceiling", "gap closed", "nDCG", "its recent", *CLASSES[:3], "nonsense at")
    print(f"{'world':<16}" + "".join(f"{head:>14}" for head in heads) + f"{'honest lose':>16}{'friends lose':>16}")
    for each in found:
        mine = each.formula
        figures = [mine.spearman, each.best_baseline, each.ceiling.spearman, each.gap_closed, mine.ndcg]
        figures.append(each.baselines[RECENT].ndcg)
        print(f"{each.name:<16}" + "".join(f"{figure:>14.3f}" for figure in figures), end="")
        print("".join(f"{mine.gained[kind]:>+14.1f}" for kind in CLASSES[:3]) + f"{mine.nonsense:>14.1f}", end="")
        for kind in ("honest", "friend"):
            middle, worst = each.lost[kind]
            print(f"{f'{middle:.1f} / {worst:.1f}':>16}", end="")
        print()
    print()


def print_foresight(found: list[Judgement]) -> None:
    """Print what bands held in each world, and by how much scores changed in a day; nothing without bands."""
    if any(each.foresight is None for each in found):
        return
    print(f"{'':<16}{'80 % bands hold':>16}{'of 20 or more':>16}{'people':>8}", end="")
    print(f"{'silent day: median':>22}{'90 %':>8}{'99 %':>8}{'ordinary: median':>20}{'90 %':>8}{'99 %':>8}")
    for each in found:
        seen = each.foresight
        assert seen is not None
        print(f"{each.name:<16}{seen.held:>16.3f}{seen.held_large:>16.3f}{seen.large:>8}", end="")
        for width, change in ((22, seen.silent), (20, seen.ordinary)):
            print(f"{change[0]:>{width}.2f}{change[1]:>8.2f}{change[2]:>8.2f}", end="")
        print()
    for name, end in (("lowest", min), ("highest", max)):
        held, of_large = (end(getattr(each.foresight, what) for each in found) for what in ("held", "held_large"))
        print(f"{name:<16}{held:>16.3f}{of_large:>16.3f}")
    print()


def bounds_of(found: list[Judgement]) -> Iterable[Bound]:
    """Yield what issue 3 asks of the judged worlds."""

    def mean(figure: Callable[[Judgement], float]) -> float:
        return fmean(figure(each) for each in found)

    yield Bound("Spearman above the best baseline, mean", mean(lambda e: e.formula.spearman - e.best_baseline), 0.07)
    yield Bound("share of the gap to the ceiling, mean", mean(lambda e: e.gap_closed), 0.55)
    for name in found[0].baselines:
        yield Bound(
            f"nDCG@100 above '{name}', mean",
            mean(lambda e, name=name: e.formula.ndcg - e.baselines[name].ndcg),  # type: ignore[misc]
            -0.01 if name == RECENT else 0.0,
        )
    yield Bound(
        "nDCG@100 above 'distinct, last 28 days', worst world",
        min(e.formula.ndcg - e.baselines[RECENT].ndcg for e in found),
        -0.015,
    )
    for each in found:
        allowed = {"camouflage 50": 8.0, "answered 10": 10.0, "answered 50": 20.0}.get(each.name, 5.0)
        if each.name != "clever":
            yield Bound(f"{each.name}: bought audiences gain, median", each.formula.gained["bought"], high=allowed)
    for kind, allowed in (("pod", 5.0), ("like-for-like", 5.0), ("link-only", 5.0)):
        yield Bound(
            f"{kind} gains, median of worlds",
            sorted(e.formula.gained[kind] for e in found)[len(found) // 2],
            high=allowed,
        )
    yield Bound("nonsense stands at, highest of worlds", max(e.formula.nonsense for e in found), high=40.0)
    for kind, middle, worst in (("honest", 2.0, 8.0), ("friend", 5.0, 10.0)):
        yield Bound(f"{kind} people lose, median, highest of worlds", max(e.lost[kind][0] for e in found), high=middle)
        yield Bound(f"{kind} people lose, worst decile, mean", mean(lambda e, kind=kind: e.lost[kind][1]), high=worst)  # type: ignore[misc]
    yield from _bounds_of_foresight([each.foresight for each in found if each.foresight])


def _bounds_of_foresight(found: list[Foresight]) -> Iterable[Bound]:
    if not found:
        return
    yield Bound("80 % bands hold, mean", fmean(each.held for each in found), 0.75, 0.87)
    yield Bound("80 % bands hold, of 20 and more, mean", fmean(each.held_large for each in found), 0.75, 0.87)
    # A point is what docs/scoring.md says means little; one new supporter of somebody whom one person acts on, at most
    # 1.5 people, is 99 ln(3.5 / 2) / ln(1e7) = 3.4 points.
    for name, at, most in (("nine in ten", 1, 1.0), ("99 in a hundred", 2, 3.4)):
        yield Bound(f"an ordinary day changes the score of {name} by", max(e.ordinary[at] for e in found), high=most)
        yield Bound(f"a silent day changes the score of {name} by", max(e.silent[at] for e in found), high=most)
