"""Brands, who works for them, their campaigns, the groups chosen for these, invitations, and perks."""

from campaigns.models.approvals import Approval, ApprovalQuerySet
from campaigns.models.audit import AuditEntry, AuditEntryQuerySet
from campaigns.models.brands import Brand, BrandQuerySet, Membership, MembershipQuerySet
from campaigns.models.campaigns import Campaign, CampaignPlace, CampaignQuerySet
from campaigns.models.colleagues import ColleagueInvitation, ColleagueInvitationQuerySet
from campaigns.models.handovers import Handover, HandoverQuerySet
from campaigns.models.holdouts import Holdout, HoldoutQuerySet
from campaigns.models.invitations import (
    Invitation,
    InvitationQuerySet,
    Shortlisting,
    ShortlistingQuerySet,
    new_nonce,
)
from campaigns.models.mails import (
    BouncedAddress,
    BouncedAddressQuerySet,
    MailText,
    MailTextQuerySet,
    Notice,
    NoticeQuerySet,
)
from campaigns.models.perks import PerkCode, PerkCodeQuerySet, PerkEntry, PerkEntryQuerySet
from campaigns.models.posts import CampaignPost, CampaignPostQuerySet, PostLook
from campaigns.models.remarks import Remark, RemarkQuerySet
from campaigns.models.returns import CampaignReturn, CampaignReturnQuerySet, Participant, ParticipantQuerySet
from campaigns.models.segments import Exclusion, ExclusionList, ExclusionQuerySet, OfBrandQuerySet, Segment
from campaigns.models.selections import Selected, SelectedQuerySet, Selection, SelectionQuerySet

__all__ = [
    "Approval",
    "ApprovalQuerySet",
    "AuditEntry",
    "AuditEntryQuerySet",
    "BouncedAddress",
    "BouncedAddressQuerySet",
    "Brand",
    "BrandQuerySet",
    "Campaign",
    "CampaignPlace",
    "CampaignPost",
    "CampaignPostQuerySet",
    "CampaignQuerySet",
    "CampaignReturn",
    "CampaignReturnQuerySet",
    "ColleagueInvitation",
    "ColleagueInvitationQuerySet",
    "Exclusion",
    "ExclusionList",
    "ExclusionQuerySet",
    "Handover",
    "HandoverQuerySet",
    "Holdout",
    "HoldoutQuerySet",
    "Invitation",
    "InvitationQuerySet",
    "MailText",
    "MailTextQuerySet",
    "Membership",
    "MembershipQuerySet",
    "Notice",
    "NoticeQuerySet",
    "OfBrandQuerySet",
    "Participant",
    "ParticipantQuerySet",
    "PerkCode",
    "PerkCodeQuerySet",
    "PerkEntry",
    "PerkEntryQuerySet",
    "PostLook",
    "Remark",
    "RemarkQuerySet",
    "Segment",
    "Selected",
    "SelectedQuerySet",
    "Selection",
    "SelectionQuerySet",
    "Shortlisting",
    "ShortlistingQuerySet",
    "new_nonce",
]
