"""Everything that writes to people, identities, their activity, API keys, claims, merges, rests and second factors."""

from accounts.actions.activity import ActivityRefused, NewActivity, move_activity_to_log, record_activity
from accounts.actions.api_keys import create_api_key, revoke_api_key, state_purpose
from accounts.actions.claims import ClaimRefused, claim_person
from accounts.actions.daily import days_at_rest, sweep_log
from accounts.actions.erasing import erase_person, keeps_login
from accounts.actions.importing import ImportReport, Progress, import_activity
from accounts.actions.merging import MergeRefused, merge_people, reasons_against, reasons_against_undoing, undo_merge
from accounts.actions.people import move_identity
from accounts.actions.resting import RestRefused, declare_rest, end_rest
from accounts.actions.second_factors import reset_second_factor
from accounts.actions.upkeep import Tidied, discard_file, tidy_log

__all__ = [
    "ActivityRefused",
    "ClaimRefused",
    "ImportReport",
    "MergeRefused",
    "NewActivity",
    "Progress",
    "RestRefused",
    "Tidied",
    "claim_person",
    "create_api_key",
    "days_at_rest",
    "declare_rest",
    "discard_file",
    "end_rest",
    "erase_person",
    "import_activity",
    "keeps_login",
    "merge_people",
    "move_activity_to_log",
    "move_identity",
    "reasons_against",
    "reasons_against_undoing",
    "record_activity",
    "reset_second_factor",
    "revoke_api_key",
    "state_purpose",
    "sweep_log",
    "tidy_log",
    "undo_merge",
]
