"""What e-mails say to whom: the campaign's own wording, or the usual one, with plain values in it."""

from collections.abc import Mapping, Sequence
from typing import Final

from django.conf import settings
from django.urls import reverse

from accounts.models import Person
from campaigns import wording
from campaigns.models import Campaign, CampaignPost, MailText, Notice, PerkCode
from campaigns.wording import Mail, Wording, one_line

WORDINGS: Final[Mapping[str, Wording]] = {
    MailText.Kind.INVITATION: wording.INVITATION,
    MailText.Kind.REMINDER: wording.REMINDER,
}
# Posts that one e-mail lists; it says how many more there are.
MOST_LISTED: Final = 20


def addresses_of(person: Person) -> list[str]:
    """Return the addresses that are known of a person, the one to write to first; the person comes with `user`.

    The address of the login is the person's own word; the other one somebody imported.
    """
    return [address for address in (person.user.email if person.user else "", person.email) if address]


def written_for(campaign: Campaign, kind: MailText.Kind) -> tuple[str, str]:
    """Return subject and text of a campaign's mails of a kind, the usual ones where nothing was written. One query."""
    row = MailText.objects.filter(campaign=campaign, kind=kind).values_list("subject", "text").first()
    usual = WORDINGS[kind]
    return row or (usual.subject, usual.text)


def invitation_values(campaign: Campaign, *, name: str, link: str) -> dict[str, str]:
    """Return what stands in an invitation's mail; the campaign comes with its brand."""
    return {
        **_values(campaign, name),
        "brief": campaign.brief,
        "answer_by": f"{campaign.ends_on:%-d %B %Y} (UTC)",
        "seats": f"{campaign.seats:,}",
        "link": link,
    }


def reminder_values(campaign: Campaign, *, name: str, posts: Sequence[CampaignPost], label: str) -> dict[str, str]:
    """Return what stands in a mail about posts without a label; each comes with its account."""
    lines = [f"- {_said_of(row)}" for row in posts[:MOST_LISTED]]
    if len(posts) > MOST_LISTED:
        lines.append(f"- and {len(posts) - MOST_LISTED} more")
    return {
        **_values(campaign, name),
        "posts": "\n".join(lines),
        "label": label,
        "link": own_page() + "#posts",
    }


def own_page() -> str:
    """Return the address of everybody's own page, after signing in."""
    return settings.PUBLIC_URL.rstrip("/") + reverse("me")


def mail_of(kind: MailText.Kind, values: Mapping[str, str], *, subject: str, text: str) -> Mail:
    """Return the e-mail that these texts, which have been checked, make of these values."""
    return wording.filled(WORDINGS[kind], values, subject=subject, text=text)


def notice_of(notice: Notice) -> Mail:
    """Return the e-mail of a notice as things stand; it comes with person, campaign and brand. One query.

    The code itself isn't in it: it is worth money, and stands on a page behind the person's own login.
    """
    invitation = notice.invitation
    codes = PerkCode.objects.standing().filter(invitation=invitation)
    values = {
        **_values(invitation.campaign, invitation.person.display_name),
        "code": _next(notice.kind != Notice.Kind.DETAILS and codes.exists(), invitation.campaign),
        "link": own_page(),
    }
    return wording.filled(_NOTICES[Notice.Kind(notice.kind)], values)


def _next(has_code: bool, campaign: Campaign) -> str:
    if campaign.details_kind == Campaign.Details.NONE:
        return "Your code is" if has_code else "What comes next is"
    asked = "where to send it" if campaign.details_kind == Campaign.Details.ADDRESS else "what to book"
    return f"Your code and a form that asks {asked} are" if has_code else f"A form that asks {asked} is"


_NOTICES: Final[Mapping[Notice.Kind, Wording]] = {
    Notice.Kind.SEAT: wording.SEAT,
    Notice.Kind.CODE: wording.CODE,
    Notice.Kind.DETAILS: wording.DETAILS,
}


def _values(campaign: Campaign, name: str) -> dict[str, str]:
    return {
        "name": one_line(name),
        "brand": one_line(campaign.brand.name),
        "perk": one_line(campaign.perk_text),
        "site": settings.PUBLIC_URL,
    }


def _said_of(row: CampaignPost) -> str:
    which = f": {one_line(row.post_id)}" if row.post_id else ""
    return f"{row.at:%-d %B %Y, %H:%M} UTC on {row.identity.network_id}{which}"
