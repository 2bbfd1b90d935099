"""People with a login who are invited, and codes, for the tests of the ledger."""

from typing import Any

from accounts.models import User
from campaigns.actions import accept
from campaigns.models import Campaign, Invitation, PerkCode, PerkEntry
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, InvitationFactory, PerkCodeFactory


def guest(campaign: Campaign, name: str, **given: Any) -> Invitation:
    """Return the invitation of somebody new who can sign in."""
    user = User.objects.create_user(name)
    person = PersonFactory.create(user=user, claimed_at=NOW, claimed_via="invitation")
    invitation: Invitation = InvitationFactory.create(campaign=campaign, person=person, **given)
    return invitation


def says_yes(invitation: Invitation, **given: Any) -> Invitation:
    user = invitation.person.user
    assert user is not None
    accept(invitation, by=user, **({"now": NOW} | given))
    return invitation


def codes(campaign: Campaign, number: int, **given: Any) -> list[PerkCode]:
    return [PerkCodeFactory.create(campaign=campaign, code=f"C{n}", **given) for n in range(1, number + 1)]


def stands(invitation: Invitation) -> tuple[str, str | None, str | None]:
    """Return the state of an invitation, and the code that counts as the person's with its state."""
    row = Invitation.objects.get(pk=invitation.pk)
    code = PerkCode.objects.standing().filter(invitation=row).first()
    return (row.state, code.code, code.state) if code else (row.state, None, None)


def lines(code: PerkCode) -> list[tuple[str, int | None]]:
    """Return what the ledger says of a code: what happened, and with whose invitation."""
    return list(PerkEntry.objects.filter(code=code).order_by("pk").values_list("kind", "invitation"))
