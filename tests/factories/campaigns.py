"""Rows of the campaigns app."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import factory.declarations
from factory.django import DjangoModelFactory

from campaigns.models import (
    Approval,
    AuditEntry,
    BouncedAddress,
    Brand,
    Campaign,
    CampaignPlace,
    CampaignPost,
    CampaignReturn,
    ColleagueInvitation,
    Exclusion,
    ExclusionList,
    Handover,
    Holdout,
    Invitation,
    MailText,
    Membership,
    Notice,
    Participant,
    PerkCode,
    Segment,
    Selected,
    Selection,
    Shortlisting,
)
from tests.factories.accounts import IdentityFactory, PersonFactory, UserFactory

# factory_boy's declarations carry no types.
make: Any = factory.declarations

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class BrandFactory(DjangoModelFactory[Brand]):
    class Meta:
        model = Brand

    name = make.Sequence(lambda n: f"Airline number {n}")
    slug = make.Sequence(lambda n: f"airline-{n}")
    created_at = NOW


class MembershipFactory(DjangoModelFactory[Membership]):
    """A row only: `campaigns.actions.add_member` gives the login its rights as well."""

    class Meta:
        model = Membership

    brand = make.SubFactory(BrandFactory)
    user = make.SubFactory(UserFactory)
    created_at = NOW


class ColleagueInvitationFactory(DjangoModelFactory[ColleagueInvitation]):
    """One whose e-mail is due. A row only: its sender owns no brand, so the link opens nothing."""

    class Meta:
        model = ColleagueInvitation

    brand = make.SubFactory(BrandFactory)
    email = make.Sequence(lambda n: f"colleague{n}@example.org")
    invited_at = NOW
    invited_by = make.SubFactory(UserFactory)
    expires_at = NOW + timedelta(days=7)


class CampaignFactory(DjangoModelFactory[Campaign]):
    """Forty seats from February to the end of May 2026."""

    class Meta:
        model = Campaign

    brand = make.SubFactory(BrandFactory)
    name = make.Sequence(lambda n: f"Route number {n}")
    perk_text = "a free flight to Toronto"
    purpose = "Choose whom to offer a free flight to Toronto."
    seats = 40
    starts_on = date(2026, 2, 1)
    ends_on = date(2026, 5, 31)
    created_at = NOW


class CampaignPlaceFactory(DjangoModelFactory[CampaignPlace]):
    class Meta:
        model = CampaignPlace

    campaign = make.SubFactory(CampaignFactory)
    name = "Toronto"
    latitude = 43.70011
    longitude = -79.4163


class ShortlistingFactory(DjangoModelFactory[Shortlisting]):
    class Meta:
        model = Shortlisting

    campaign = make.SubFactory(CampaignFactory)
    person = make.SubFactory(PersonFactory)
    added_at = NOW


class InvitationFactory(DjangoModelFactory[Invitation]):
    class Meta:
        model = Invitation

    campaign = make.SubFactory(CampaignFactory)
    person = make.SubFactory(PersonFactory)
    invited_at = NOW


class MailTextFactory(DjangoModelFactory[MailText]):
    """An invitation's own wording."""

    class Meta:
        model = MailText

    campaign = make.SubFactory(CampaignFactory)
    kind = MailText.Kind.INVITATION
    subject = "{brand}: {perk}"
    text = "Dear {name}, {link}"
    written_at = NOW


class NoticeFactory(DjangoModelFactory[Notice]):
    """Due, to somebody who came off the waiting list."""

    class Meta:
        model = Notice

    invitation = make.SubFactory(InvitationFactory, state="accepted", answered_at=NOW)
    kind = Notice.Kind.SEAT
    made_at = NOW


class BouncedAddressFactory(DjangoModelFactory[BouncedAddress]):
    class Meta:
        model = BouncedAddress

    person = make.SubFactory(PersonFactory)
    address = make.Sequence(lambda n: f"gone-{n}@example.org")
    status = "5.1.1"
    at = NOW


class HandoverFactory(DjangoModelFactory[Handover]):
    """An address to send something to."""

    class Meta:
        model = Handover

    invitation = make.SubFactory(
        InvitationFactory, state="accepted", answered_at=NOW, campaign__details_kind=Campaign.Details.ADDRESS
    )
    kind = Campaign.Details.ADDRESS
    full_name = "Ann Ash"
    street = "1 Elm Road"
    city = "Toronto"
    country = "CA"
    given_at = NOW
    kept_until = date(2026, 7, 30)


class HoldoutFactory(DjangoModelFactory[Holdout]):
    class Meta:
        model = Holdout

    campaign = make.SubFactory(CampaignFactory)
    person = make.SubFactory(PersonFactory)
    drawn_at = NOW


class CampaignReturnFactory(DjangoModelFactory[CampaignReturn]):
    """One that was asked for, and isn't measured yet."""

    class Meta:
        model = CampaignReturn

    campaign = make.SubFactory(CampaignFactory)
    asked_at = NOW
    figures = CampaignReturn.FIGURES


class ParticipantFactory(DjangoModelFactory[Participant]):
    class Meta:
        model = Participant

    measured = make.SubFactory(CampaignReturnFactory)
    person = make.SubFactory(PersonFactory)
    answer = "accepted"


class SelectionFactory(DjangoModelFactory[Selection]):
    """A group that was asked for, and isn't chosen yet."""

    class Meta:
        model = Selection

    campaign = make.SubFactory(CampaignFactory)
    seats = 40
    asked_at = NOW


class SelectedFactory(DjangoModelFactory[Selected]):
    class Meta:
        model = Selected

    selection = make.SubFactory(SelectionFactory, state=Selection.State.DONE, finished_at=NOW)
    person = make.SubFactory(PersonFactory)
    rank = make.Sequence(lambda n: n + 1)
    reach = 20.0
    adds = 15.0


class ApprovalFactory(DjangoModelFactory[Approval]):
    """One that waits for its answer."""

    class Meta:
        model = Approval

    selection = make.SubFactory(SelectionFactory, state=Selection.State.DONE, finished_at=NOW)
    asked_at = NOW


class AuditEntryFactory(DjangoModelFactory[AuditEntry]):
    class Meta:
        model = AuditEntry

    brand = make.SubFactory(BrandFactory)
    kind = AuditEntry.Kind.SHORTLISTED


class PerkCodeFactory(DjangoModelFactory[PerkCode]):
    """In stock. Elsewhere only the actions bring it, for the ledger has to agree; they write its lines too."""

    class Meta:
        model = PerkCode

    campaign = make.SubFactory(CampaignFactory)
    code = make.Sequence(lambda n: f"CODE-{n}")
    added_at = NOW


class SegmentFactory(DjangoModelFactory[Segment]):
    """Scores from 20 on."""

    class Meta:
        model = Segment

    brand = make.SubFactory(BrandFactory)
    name = make.Sequence(lambda n: f"Segment number {n}")
    query = make.LazyFunction(lambda: {"score_from": ["20"]})
    described = make.LazyFunction(lambda: ["score from 20"])
    created_at = NOW


class ExclusionListFactory(DjangoModelFactory[ExclusionList]):
    class Meta:
        model = ExclusionList

    brand = make.SubFactory(BrandFactory)
    name = make.Sequence(lambda n: f"List number {n}")
    created_at = NOW


class ExclusionFactory(DjangoModelFactory[Exclusion]):
    class Meta:
        model = Exclusion

    exclusion_list = make.SubFactory(ExclusionListFactory)
    person = make.SubFactory(PersonFactory)


class CampaignPostFactory(DjangoModelFactory[CampaignPost]):
    """A post without a label, by somebody who accepted; its reminder is due."""

    class Meta:
        model = CampaignPost

    invitation = make.SubFactory(InvitationFactory, state="accepted", answered_at=NOW)
    identity = make.LazyAttribute(lambda post: IdentityFactory.create(person=post.invitation.person))
    post = make.Sequence(lambda n: n + 1)
    post_id = make.Sequence(lambda n: f"post-{n}")
    at = NOW
    found_at = NOW
    label_state = CampaignPost.LabelState.MISSING
    reminder = CampaignPost.Reminder.DUE
