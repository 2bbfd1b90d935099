"""Scores in the admin site. Each module registers its models when it is imported here."""

from scoring.admin import formulas, scores

__all__ = ["formulas", "scores"]
