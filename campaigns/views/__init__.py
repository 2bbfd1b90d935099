"""Pages of the invited."""

from campaigns.views.invitation import invitation
from campaigns.views.me import answer, end, me, rest

__all__ = ["answer", "end", "invitation", "me", "rest"]
