"""The link by which an invited colleague joins a brand."""

from datetime import datetime

from campaigns import links
from campaigns.models import Brand, ColleagueInvitation


def colleague_invited_by(token: str, *, now: datetime) -> ColleagueInvitation | None:
    """Return the invitation whose link this is, with brand and who sent it; None for any that lets nobody in.

    It lets nobody in where it was used, taken back, sent anew or has expired, nor where who sent it owns the brand no
    more. Two queries, none where the signature is wrong.
    """
    named = links.read_join_token(token)
    if named is None:
        return None
    rows = ColleagueInvitation.objects.good(now).select_related("brand", "invited_by")
    invited = rows.filter(pk=named[0], nonce=named[1]).first()
    if invited is None or not Brand.objects.owned_by(invited.invited_by).filter(pk=invited.brand_id).exists():
        return None
    return invited
