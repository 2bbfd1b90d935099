"""What can be done to brands, campaigns, groups, invitations and perks: one function each, one transaction each."""

from campaigns.actions.answering import accept, decline, expire_invitations, mark_all_seen, mark_seen, renew_link
from campaigns.actions.brands import add_member, create_brand, delete_brand, remove_member
from campaigns.actions.choosing import (
    ask_for_group,
    choose_group,
    choose_waiting,
    handles_in,
    shortlist_group,
    why_not_chosen,
)
from campaigns.actions.errors import (
    CampaignError,
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
from campaigns.actions.inviting import InviteReport, invite, shortlist
from campaigns.actions.mailing import send_due_invitations
from campaigns.actions.measuring import ask_for_return, measure_return, measure_waiting
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
from campaigns.actions.segments import Filled, exclude_people, make_exclusion_list, save_segment
from campaigns.actions.stock import CodesReport, FoundCodes, NoCodes, add_codes, generate_codes, read_codes

__all__ = [
    "CampaignError",
    "CodesReport",
    "Filled",
    "FoundCodes",
    "InviteReport",
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
    "generate_codes",
    "give_feedback",
    "handles_in",
    "hold",
    "invite",
    "make_exclusion_list",
    "mark_all_seen",
    "mark_seen",
    "measure_return",
    "measure_waiting",
    "read_codes",
    "redeem",
    "remove_member",
    "renew_link",
    "revoke",
    "save_segment",
    "send_due_invitations",
    "serve_all",
    "serve_waiting",
    "set_fulfilment",
    "shortlist",
    "shortlist_group",
    "take_back",
    "why_not_chosen",
]
