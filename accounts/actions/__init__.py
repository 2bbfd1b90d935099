"""Everything that writes to people, identities, their activity, API keys and claims."""

from accounts.actions.activity import ActivityRefused, NewActivity, move_activity_to_log, record_activity
from accounts.actions.api_keys import create_api_key, revoke_api_key
from accounts.actions.claims import ClaimRefused, claim_person
from accounts.actions.daily import sweep_log
from accounts.actions.importing import ImportReport, Progress, import_activity
from accounts.actions.people import move_identity

__all__ = [
    "ActivityRefused",
    "ClaimRefused",
    "ImportReport",
    "NewActivity",
    "Progress",
    "claim_person",
    "create_api_key",
    "import_activity",
    "move_activity_to_log",
    "move_identity",
    "record_activity",
    "revoke_api_key",
    "sweep_log",
]
