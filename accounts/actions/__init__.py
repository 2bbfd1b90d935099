"""Everything that writes to people, identities, their activity, API keys and claims."""

from accounts.actions.importing import ImportReport, Progress, import_activity

__all__ = ["ImportReport", "Progress", "import_activity"]
