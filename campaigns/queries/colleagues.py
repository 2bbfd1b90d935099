"""The link by which an invited colleague joins a brand."""

from datetime import datetime

from campaigns import links
from campaigns.models import ColleagueInvitation


def colleague_invited_by(token: str, *, now: datetime) -> ColleagueInvitation | None:
    """Return the invitation whose link this is, with brand and who sent it; None for any that lets nobody in.

    It lets nobody in where it was used, taken back, sent anew or has expired, nor where who sent it owns the brand no
    more. One query, none where the signature is wrong.
    """
    named = links.read_join_token(token)
    if named is None:
        return None
    rows = ColleagueInvitation.objects.good(now).select_related("brand", "invited_by")
    return rows.filter(pk=named[0], nonce=named[1]).first()
