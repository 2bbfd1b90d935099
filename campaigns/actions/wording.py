"""Managers write what a campaign's e-mails say, and try them on themselves."""

from datetime import datetime

from django.core.mail import get_connection
from django.db import transaction
from django.urls import reverse

from accounts.models import User
from campaigns.actions.auditing import Kind, record_for
from campaigns.actions.errors import CampaignError, NotYours
from campaigns.actions.postbox import Outcome, Refused, ServerDown, post_to
from campaigns.models import Campaign, MailText
from campaigns.queries.mails import WORDINGS
from campaigns.wording import Mail, WordingError, checked_subject, checked_text


class MailRefused(CampaignError):
    """The text can't be sent, or the test mail wasn't; the message says why."""


@transaction.atomic
def write_mail(
    *, campaign: Campaign, kind: MailText.Kind, subject: str, text: str, by: User, now: datetime
) -> MailText | None:
    """Keep what a campaign's mails of a kind say from now on; those sent stay as they were.

    Where it is word for word the usual text nothing is kept, and None returned: a later usual text then counts.
    Raises NotYours, and MailRefused for a text that can't be sent.
    """
    campaign = _managed(campaign, by)
    usual = WORDINGS[kind]
    try:
        subject, text = checked_subject(subject, usual), checked_text(text, usual)
    except WordingError as error:
        raise MailRefused(str(error)) from None
    rows = MailText.objects.filter(campaign=campaign, kind=kind)
    if (subject, text) == (usual.subject, usual.text):
        if rows.delete()[0]:
            record_for(Kind.CAMPAIGN_CHANGED, campaign, by, f"e-mail: the usual {kind} again")
        return None
    if row := rows.filter(subject=subject, text=text).first():
        return row
    written, _ = MailText.objects.update_or_create(
        campaign=campaign, kind=kind, defaults={"subject": subject, "text": text, "written_at": now, "written_by": by}
    )
    # Not what it says: lines of the trail name nobody.
    record_for(Kind.CAMPAIGN_CHANGED, campaign, by, f"e-mail: {kind} written")
    return written


def send_test(mail: Mail, *, by: User) -> None:
    """Send a mail to whoever asks, at the address of their own login and at no other. Raises MailRefused."""
    if not by.email:
        raise MailRefused(f"Your login has no e-mail address. Give it one at {reverse('account_email')} first.")
    connection = get_connection()
    try:
        outcome = post_to(by.email, mail, connection=connection, what=f"test mail of user {by.pk}")
    except Refused:
        outcome = Outcome.FAILED
    except ServerDown:
        raise MailRefused("The mail server doesn't answer just now. Nothing was sent; try again later.") from None
    finally:
        connection.close()
    if outcome != Outcome.SENT:
        raise MailRefused("The mail server turned your address down. Nothing was sent.")


def _managed(campaign: Campaign, by: User) -> Campaign:
    """Return the campaign, so that nobody else writes its mails until the transaction ends."""
    own = Campaign.objects.managed_by(by).select_for_update(no_key=True, of=("self",))
    found = own.filter(pk=campaign.pk).first()
    if found is None:
        raise NotYours("This campaign isn't one of your brand's.")
    return found
