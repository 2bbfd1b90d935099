"""Pages about people and their scores."""

from scoring.views.figures import sheet_of
from scoring.views.pages import about_the_score, find_profile, how_it_works, identities_of, profile

__all__ = ["about_the_score", "find_profile", "how_it_works", "identities_of", "profile", "sheet_of"]
