"""What can be done to brands, campaigns, groups and invitations: one function each, one transaction each."""

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
from campaigns.actions.errors import CampaignError, NoSeatLeft, NotOpen, NotYours, SelectionRefused
from campaigns.actions.inviting import InviteReport, invite, shortlist
from campaigns.actions.mailing import send_due_invitations

__all__ = [
    "CampaignError",
    "InviteReport",
    "NoSeatLeft",
    "NotOpen",
    "NotYours",
    "SelectionRefused",
    "accept",
    "add_member",
    "ask_for_group",
    "choose_group",
    "choose_waiting",
    "create_brand",
    "decline",
    "delete_brand",
    "expire_invitations",
    "handles_in",
    "invite",
    "mark_all_seen",
    "mark_seen",
    "remove_member",
    "renew_link",
    "send_due_invitations",
    "shortlist",
    "shortlist_group",
    "why_not_chosen",
]
