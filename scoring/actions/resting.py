"""What those who rest received, from what was kept the night before, and from the log for whoever is new among them."""

import numpy as np
from django.conf import settings

from accounts.actions.spool import scratch_folder
from scoring.engine import POSTS, Inputs, Parameters
from scoring.engine.activity import activity
from scoring.engine.arrays import Ints
from scoring.engine.daily import summaries
from scoring.engine.received import Received, involving, received_by, together
from scoring.engine.tables import Workspace


def with_new_ones(
    workspace: Workspace,
    kept: Received,
    accounts: Ints,
    inputs: Inputs,
    *,
    formula: Parameters,
) -> Received:
    """Return what accounts received: what is kept of them, and of those of whom nothing is, from the log.

    The log's rows that involve the new ones are written beside it on the way: a well-known person's needn't fit into
    memory. `inputs` are the log's interactions from the first day that matters to the moment. Where nobody is new
    nothing is read.
    """
    new = np.setdiff1d(accounts, kept.accounts)
    if not new.size:
        return kept
    with scratch_folder(settings.SCRATCH) as folder, Workspace(workspace.connection) as inner:
        path = folder / "interactions.parquet"
        inner.write(involving(inner, inputs.interactions, new), path)
        seen = activity(inner, Inputs([path], POSTS.empty_table(), inputs.until, erased=inputs.erased))
        pairs = summaries(inner, seen, until=inputs.until, formula=formula).pairs
        # Kept in the outer one, which lives on.
        found = received_by(workspace, pairs, new, until=inputs.until, formula=formula)
    return together(kept, found)
