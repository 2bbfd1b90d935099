"""What pages and the admin read about campaigns."""

from campaigns import links
from campaigns.models import Invitation


def invitation_of(token: str) -> Invitation | None:
    """Return the invitation that a personal link opens, with campaign, brand and person; None for any other text.

    One query, none where the signature is wrong.
    """
    pk = links.read_token(token)
    if pk is None:
        return None
    rows = Invitation.objects.select_related("campaign__brand", "person__user")
    invitation = rows.filter(pk=pk).first()
    return invitation if invitation is not None and links.is_current(token, invitation) else None
