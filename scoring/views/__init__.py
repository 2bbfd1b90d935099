"""Pages about people and their scores."""

from scoring.views.figures import sheet_of
from scoring.views.language import TopicNamesMiddleware
from scoring.views.pages import (
    about_the_score,
    appeal,
    explanation,
    find_profile,
    how_it_works,
    identities_of,
    profile,
    reactions,
)

__all__ = [
    "TopicNamesMiddleware",
    "about_the_score",
    "appeal",
    "explanation",
    "find_profile",
    "how_it_works",
    "identities_of",
    "profile",
    "reactions",
    "sheet_of",
]
