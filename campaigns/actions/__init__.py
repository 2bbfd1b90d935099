"""What can be done to brands, campaigns, groups, invitations, perks, posts: one function each, one transaction each."""

from campaigns.actions.answering import accept, decline, expire_invitations, mark_all_seen, mark_seen, renew_link
from campaigns.actions.approving import approve, ask_for_approval, send_back, set_approval_required
from campaigns.actions.auditing import record_campaign, record_export
from campaigns.actions.bounces import take_bounce
from campaigns.actions.brands import add_member, create_brand, delete_brand, is_only_owner, remove_member, rename_brand
from campaigns.actions.choosing import (
    ask_for_group,
    choose_group,
    choose_waiting,
    handles_in,
    shortlist_group,
    why_not_chosen,
)
from campaigns.actions.errors import (
    AlreadyDone,
    ApprovalRefused,
    CampaignError,
    LastOwner,
    MeasuringRefused,
    NoCodeLeft,
    NoPurpose,
    NoSeatLeft,
    NotOpen,
    NotOut,
    NotYours,
    SegmentRefused,
    SelectionRefused,
)
from campaigns.actions.finding_posts import find_posts
from campaigns.actions.handovers import DetailsRefused, Given, forget_details, give_details, move_on
from campaigns.actions.inviting import InviteReport, invite, shortlist
from campaigns.actions.mailing import send_due_invitations
from campaigns.actions.measuring import ask_for_return, measure_return, measure_waiting
from campaigns.actions.notices import note_told, send_due_notices
from campaigns.actions.perks import (
    expire_codes,
    hold,
    redeem,
    revoke,
    serve_all,
    serve_waiting,
    set_fulfilment,
    take_back,
)
from campaigns.actions.remarks import NothingSaid, counter_offer, give_feedback
from campaigns.actions.reminding import (
    note_label,
    note_reminded,
    put_back,
    remind,
    send_due_reminders,
    take_out,
)
from campaigns.actions.segments import Filled, exclude_people, make_exclusion_list, save_segment
from campaigns.actions.stock import CodesReport, FoundCodes, NoCodes, add_codes, generate_codes, read_codes
from campaigns.actions.wording import MailRefused, send_test, write_mail

__all__ = [
    "AlreadyDone",
    "ApprovalRefused",
    "CampaignError",
    "CodesReport",
    "DetailsRefused",
    "Filled",
    "FoundCodes",
    "Given",
    "InviteReport",
    "LastOwner",
    "MailRefused",
    "MeasuringRefused",
    "NoCodeLeft",
    "NoCodes",
    "NoPurpose",
    "NoSeatLeft",
    "NotOpen",
    "NotOut",
    "NotYours",
    "NothingSaid",
    "SegmentRefused",
    "SelectionRefused",
    "accept",
    "add_codes",
    "add_member",
    "approve",
    "ask_for_approval",
    "ask_for_group",
    "ask_for_return",
    "choose_group",
    "choose_waiting",
    "counter_offer",
    "create_brand",
    "decline",
    "delete_brand",
    "exclude_people",
    "expire_codes",
    "expire_invitations",
    "find_posts",
    "forget_details",
    "generate_codes",
    "give_details",
    "give_feedback",
    "handles_in",
    "hold",
    "invite",
    "is_only_owner",
    "make_exclusion_list",
    "mark_all_seen",
    "mark_seen",
    "measure_return",
    "measure_waiting",
    "move_on",
    "note_label",
    "note_reminded",
    "note_told",
    "put_back",
    "read_codes",
    "record_campaign",
    "record_export",
    "redeem",
    "remind",
    "remove_member",
    "rename_brand",
    "renew_link",
    "revoke",
    "save_segment",
    "send_back",
    "send_due_invitations",
    "send_due_notices",
    "send_due_reminders",
    "send_test",
    "serve_all",
    "serve_waiting",
    "set_approval_required",
    "set_fulfilment",
    "shortlist",
    "shortlist_group",
    "take_back",
    "take_bounce",
    "take_out",
    "why_not_chosen",
    "write_mail",
]
