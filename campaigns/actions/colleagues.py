"""Colleagues of a brand: invited by e-mail by an owner, they join by the link."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.template.loader import render_to_string

from accounts.models import User
from campaigns.actions.auditing import Kind, record
from campaigns.actions.brands import let_in, lock_owned
from campaigns.actions.deliveries import Deliveries
from campaigns.actions.errors import AlreadyDone, InvitingRefused, NotOpen
from campaigns.actions.postbox import Outcome, Refused, post_to
from campaigns.links import join_url
from campaigns.models import AuditEntry, Brand, ColleagueInvitation, Membership
from campaigns.models.invitations import new_nonce
from campaigns.wording import Mail

Delivery = ColleagueInvitation.Delivery

GOOD_FOR: Final = timedelta(days=7)
# Of one brand, sent again included: more is a mistake, or somebody who uses us to write to strangers.
MOST_A_DAY: Final = 50
# An address isn't written to twice in a shorter time.
PAUSE: Final = timedelta(minutes=5)
# An address that nobody joined from isn't kept for longer.
KEPT_FOR: Final = timedelta(days=30)


@transaction.atomic
def invite_colleague(*, brand: Brand, email: str, role: str, by: User, now: datetime) -> ColleagueInvitation:
    """Invite an address to work for a brand in a role; `send_colleague_invitations` writes to it.

    Whether the address has a login isn't looked at, so that nobody learns it here.

    Raises
    ------
    NotYours
        The user doesn't own the brand.
    InvitingRefused
        The address is invited already, or the brand sent as many as it may in a day.
    """
    lock_owned(brand, by)
    if ColleagueInvitation.objects.filter(brand=brand, email__iexact=email).exists():
        raise InvitingRefused("This address is invited already: send it again, or take it back first.")
    _refuse_too_many(brand)
    invited = ColleagueInvitation.objects.create(
        brand=brand,
        email=email,
        role=Membership.Role(role),
        invited_at=now,
        invited_by=by,
        expires_at=now + GOOD_FOR,
    )
    record(Kind.MEMBER_INVITED, brand=brand.pk, by=by, what=f"invitation {invited.pk} as {invited.role}")
    return invited


@transaction.atomic
def invite_colleague_again(invited: ColleagueInvitation, *, by: User, now: datetime) -> None:
    """Send an invitation another time, under a new link, good for as long as a new one; the link from before is dead.

    Raises as `invite_colleague` does, and InvitingRefused where it was sent minutes ago; NotOpen where it is gone.
    """
    lock_owned(invited.brand, by)
    row = ColleagueInvitation.objects.select_for_update().filter(pk=invited.pk).first()
    if row is None:
        raise NotOpen("It is gone: somebody joined by it, or took it back.")
    if row.invited_at > now - PAUSE:
        raise InvitingRefused("It was sent less than five minutes ago.")
    _refuse_too_many(row.brand)
    row.nonce, row.invited_at, row.invited_by, row.expires_at = new_nonce(), now, by, now + GOOD_FOR
    row.delivery, row.sending_since = Delivery.DUE, None
    row.save(update_fields=["nonce", "invited_at", "invited_by", "expires_at", "delivery", "sending_since"])
    record(Kind.MEMBER_INVITED, brand=row.brand_id, by=by, what=f"invitation {row.pk} as {row.role}, again")


@transaction.atomic
def take_invitation_back(invited: ColleagueInvitation, *, by: User, now: datetime) -> None:
    """End an invitation: its link opens nothing any more, and the address is forgotten.

    Raises NotYours, and NotOpen where it is gone.
    """
    lock_owned(invited.brand, by)
    taken, _ = ColleagueInvitation.objects.filter(pk=invited.pk).delete()
    if not taken:
        raise NotOpen("It is gone: somebody joined by it, or took it back.")
    record(Kind.MEMBER_UNINVITED, brand=invited.brand_id, by=by, what=f"invitation {invited.pk}")


@transaction.atomic
def join_brand(invited: ColleagueInvitation, *, user: User, now: datetime) -> Membership:
    """Let a login work for the brand that its owner was invited to by this row, which goes with it.

    Of two who use one link at once, one joins.

    Raises
    ------
    NotOpen
        It was used, taken back or sent anew meanwhile, has expired, or who sent it owns the brand no more.
    AlreadyDone
        The login works for the brand already; the invitation stays, for whom it was meant.
    """
    brand, by = invited.brand, invited.invited_by
    Brand.objects.select_for_update(no_key=True).filter(pk=brand.pk).first()
    good = ColleagueInvitation.objects.good(now).filter(pk=invited.pk, nonce=invited.nonce)
    if not Brand.objects.owned_by(by).filter(pk=brand.pk).exists() or not by.is_active:
        raise NotOpen("Who invited you doesn't own the brand any more. Ask its owner for a new invitation.")
    if not good.exists():
        raise NotOpen("This invitation isn't good any more. Ask whoever sent it for a new one.")
    if member := Membership.objects.filter(brand=brand, user=user).first():
        raise AlreadyDone(f"You work for {brand} already, as {member.get_role_display().lower()}.")
    if user.is_service:
        raise NotOpen("A service user joins nobody.")
    good.delete()
    return let_in(brand=brand, user=user, role=invited.role, by=by, what=f"as {invited.role}, by e-mail")


def refuse_more_colleagues(*, brand: Brand, by: User) -> None:
    """Raise InvitingRefused where a brand may invite nobody more today; it stays so for the caller's transaction."""
    lock_owned(brand, by)
    _refuse_too_many(brand)


def _refuse_too_many(brand: Brand) -> None:
    """Raise InvitingRefused where a brand sent its day's share. The audit trail counts: no row of it can be removed."""
    sent = AuditEntry.objects.filter(brand=brand, kind=Kind.MEMBER_INVITED, at__gt=Now() - timedelta(days=1))
    if sent.count() >= MOST_A_DAY:
        raise InvitingRefused(f"A brand sends {MOST_A_DAY} such invitations a day, and has. Try again tomorrow.")


def send_colleague_invitations(*, now: datetime) -> int:
    """Write to the colleagues who are invited and weren't written to yet; return to how many.

    Each goes out once (`Deliveries`). Addresses that nobody joined from for a month after their link are forgotten.
    """
    ColleagueInvitation.objects.filter(expires_at__lt=now - KEPT_FOR).delete()
    return _COLLEAGUES.send_due(now=now)


def _wanted(rows: QuerySet[Any], now: datetime) -> QuerySet[Any]:
    good = rows.filter(pk__in=ColleagueInvitation.objects.good(now).values("pk"))
    return good.select_related("brand", "invited_by")


def _send(row: ColleagueInvitation, connection: BaseEmailBackend, at: datetime) -> Outcome:
    context = {
        "brand": row.brand,
        "by": row.invited_by.get_full_name() or row.invited_by.username,
        "role": row.get_role_display().lower(),
        "expires_at": row.expires_at,
        "link": join_url(row, settings.PUBLIC_URL),
    }
    what = f"invitation of colleague {row.pk}"
    # A subject is one line.
    subject = " ".join(render_to_string("campaigns/email/colleague_subject.txt", context).split())
    mail = Mail(subject, render_to_string("campaigns/email/colleague.txt", context))
    try:
        return post_to(row.email, mail, connection=connection, what=what)
    except Refused:
        return Outcome.FAILED


_COLLEAGUES: Final = Deliveries(
    "invitations of colleagues", ColleagueInvitation.objects.all, _wanted, _send, notes_time=False
)
