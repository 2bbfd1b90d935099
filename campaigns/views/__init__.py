"""Pages of the invited."""

from campaigns.views.invitation import invitation
from campaigns.views.me import answer, me

__all__ = ["answer", "invitation", "me"]
