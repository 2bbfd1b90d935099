"""Pages of the invited: people to campaigns, colleagues to a brand."""

from campaigns.views.invitation import invitation
from campaigns.views.joining import join
from campaigns.views.me import answer, end, me, rest

__all__ = ["answer", "end", "invitation", "join", "me", "rest"]
