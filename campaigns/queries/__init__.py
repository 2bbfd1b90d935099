"""What pages and the admin read about campaigns."""

from campaigns.queries.answering import Answered, answered_by, invitation_of, is_full, with_room
from campaigns.queries.counts import declined_since_chosen, fill_in, used_scores, with_answers, with_counts
from campaigns.queries.formulas import MOST_MOVED, Moved, campaigns_moved
from campaigns.queries.shortlists import (
    Invitable,
    Listed,
    approved_here,
    held_back_from,
    held_back_here,
    invitable,
    shortlist_of,
)

__all__ = [
    "MOST_MOVED",
    "Answered",
    "Invitable",
    "Listed",
    "Moved",
    "answered_by",
    "approved_here",
    "campaigns_moved",
    "declined_since_chosen",
    "fill_in",
    "held_back_from",
    "held_back_here",
    "invitable",
    "invitation_of",
    "is_full",
    "shortlist_of",
    "used_scores",
    "with_answers",
    "with_counts",
    "with_room",
]
