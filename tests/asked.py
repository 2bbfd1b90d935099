"""Which queries a piece of code asks, for tests that state the list of them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

_VERBS = re.compile(r'\b(?:FROM|INSERT INTO|UPDATE) "(\w+)"')


@contextmanager
def tables_asked() -> Iterator[list[str]]:
    """Yield a list that holds, once the block has ended, the table of each query in order; joined ones left out.

    What isn't about a table, such as a savepoint, stands there as it was sent.
    """
    asked: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield asked
    for query in captured:
        outer, count = query["sql"], 1
        while count:  # subqueries, from the inside out
            outer, count = re.subn(r"\([^()]*\)", "", outer)
        # Of `accounts.queries.numbers` all is within another query.
        found = _VERBS.search(query["sql"] if query["sql"].startswith("SELECT string_agg(") else outer)
        asked.append(found[1] if found else query["sql"])
