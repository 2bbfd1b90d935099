"""Campaigns of all sizes and rates, whose lift is known."""

from typing import Final

from benchmarks.coverage.worlds import World

# Named in the docs, in the tests, and by `python -m benchmarks.coverage`.
CAMPAIGNS: Final[dict[str, World]] = {
    "Poisson, no lift": World(40, 5, mean=2, unequal=0.5),
    "Poisson, as many again": World(40, 5, mean=2, unequal=0.5, lift=1, evenly=True),
    "a small campaign": World(10, 5, mean=2, unequal=1, lift=1, evenly=True),
    "a small campaign that everybody grew in": World(10, 5, mean=2, unequal=1, growth=2),
    "a small campaign, many mentions, doubled": World(10, 5, mean=20, unequal=1, growth=1.5, lift=1),
    "hardly any mentions": World(40, 10, mean=0.3, unequal=1),
    "hardly any mentions, a lift by each one's own rate": World(40, 10, mean=0.3, unequal=1, lift=1),
    "next to no mentions": World(80, 20, mean=0.1, unequal=1),
    "next to no mentions, many people": World(200, 40, mean=0.05, unequal=1, growth=1.5, lift=1),
    "everything doubled, no lift": World(40, 5, mean=2, unequal=1, growth=2),
    "everything doubled, a lift too": World(40, 10, mean=2, unequal=1, growth=2, lift=1, evenly=True),
    "many mentions, a lift by each one's own rate": World(40, 5, mean=20, unequal=1, growth=1.5, lift=1),
    "the same, as many held back": World(20, 20, mean=20, unequal=1, growth=1.5, lift=1),
    "the same, a large campaign": World(200, 40, mean=20, unequal=1, growth=1.5, lift=1),
    "the same, a very large one": World(500, 100, mean=20, unequal=1, growth=1.5, lift=1),
    "a few have nearly all, no lift": World(40, 5, mean=20, unequal=1.5, bursts=2),
    "a few have nearly all, doubled, no lift": World(40, 5, mean=20, unequal=1.5, bursts=2, growth=2),
    "a few have nearly all, a lift": World(40, 5, mean=20, unequal=1.5, bursts=2, growth=1.5, lift=0.5, evenly=True),
    "overdispersed, no lift": World(40, 10, mean=3, unequal=1.5, bursts=1),
    "overdispersed, a lift": World(40, 10, mean=3, unequal=1.5, bursts=1, lift=1, evenly=True),
    "overdispersed, everything doubled": World(40, 10, mean=20, unequal=1.5, bursts=2, growth=2),
    "as many held back as invited": World(20, 20, mean=3, unequal=1, bursts=1, growth=1.5, lift=0.5),
    "a middling campaign": World(80, 20, mean=3, unequal=1.5, bursts=1, growth=1.3, lift=0.5, evenly=True),
    "a large campaign": World(200, 40, mean=2, unequal=1, growth=1.5, lift=0.5, evenly=True),
    "a large campaign, overdispersed, no lift": World(200, 40, mean=20, unequal=1.5, bursts=2, growth=1.5),
    "half as long after": World(40, 10, mean=3, unequal=1, growth=1.5, lift=1, evenly=True, ratio=0.5),
}
