"""How a run's scores are spread, for the histograms of lists."""

from collections import Counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accounts.models import Identity, Network, Person
from accounts.queries import numbers
from scoring.models import RunFigures, Score, ScoreRun
from scoring.queries import month_before

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Lower ends of the bins; the first takes in what lies below it, the last is open.
BINS: Final[dict[str, tuple[float, ...]]] = {
    "score": tuple(float(low) for low in range(1, 100, 3)),
    "reach": (0.0, *(times * 10.0**power for power in range(7) for times in (1, 2, 5))),
    "growth": tuple(float(low) for low in range(-10, 11)),
    "width": tuple(float(low) for low in range(31)),
    "taken": tuple(low / 20 for low in range(20)),
}


def figures_of(run: ScoreRun, scores: pa.Table, topics: pa.Table, languages: pa.Table | None = None) -> RunFigures:
    """Return how rows that are about to be published are spread, not saved yet.

    `scores`, `topics` and `languages` are columns of `Score`, `TopicReach` and `WrittenLanguage`. Whoever is hidden by
    now isn't counted. Four queries, and one for each network.
    """
    (shown,) = numbers(Person.objects.unmerged().filter(is_hidden=False).order_by(), "id")
    person = scores["person"].to_numpy()
    there = np.isin(person, shown)
    people = np.sort(person[there])
    score, reach, forecast, low, high = (
        np.asarray(scores[name].to_numpy(), dtype=np.float64)[there]
        for name in ("score", "reach", "forecast", "low", "high")
    )
    scale = 99.0 / np.log1p(float(run.formula.parameters["scale_top"]))
    measures = {
        "score": score,
        "reach": reach,
        "width": scale * (np.log1p(high) - np.log1p(low)),
        "taken": 1.0 - np.divide(reach, forecast, out=np.ones_like(reach), where=forecast > 0),
    }
    earlier = month_before(run)
    if earlier is not None:
        measures["growth"] = _growth(person[there], score, earlier)
    return RunFigures(
        run=run,
        people=people.size,
        histograms={name: _histogram(BINS[name], values) for name, values in measures.items()},
        topics=_topics(topics, people),
        networks=_networks(people),
        languages={} if languages is None else _languages(languages, people),
    )


def _growth(person: Ints, score: Floats, earlier: ScoreRun) -> Floats:
    """Return by how much the score of each who had one then has changed."""
    before, was = numbers(Score.objects.filter(run=earlier).order_by(), "person_id", "score")
    _, now, then = np.intersect1d(person, before, assume_unique=True, return_indices=True)
    return np.asarray(score[now] - was[then])


def _histogram(bins: tuple[float, ...], values: Floats) -> dict[str, Any]:
    # What is 0.15 by the definition is a hair less by its sum.
    place = np.searchsorted(np.asarray(bins), values + 1e-9, side="right") - 1
    return {"from": list(bins), "people": np.bincount(np.maximum(place, 0), minlength=len(bins)).tolist()}


def _topics(topics: pa.Table, people: Ints) -> dict[str, int]:
    has_reach = np.asarray(topics["reach_with_below"].to_numpy(), dtype=np.float64) > 0
    has_reach &= np.isin(topics["person"].to_numpy(), people)
    found, counts = np.unique(topics["topic"].to_numpy()[has_reach], return_counts=True)
    return {str(topic): int(count) for topic, count in zip(found, counts, strict=True)}


def _languages(languages: pa.Table, people: Ints) -> dict[str, int]:
    shown = languages.filter(pa.array(np.isin(languages["person"].to_numpy(), people)))
    return dict(sorted(Counter(map(str, shown["language"].to_pylist())).items()))


def _networks(people: Ints) -> dict[str, int]:
    found = {}
    for slug in Network.objects.order_by("slug").values_list("slug", flat=True):
        (owners,) = numbers(Identity.objects.filter(network=slug, person__isnull=False).order_by(), "person_id")
        found[slug] = int(np.isin(people, owners).sum())
    return found
