"""Logins, people and their identities, activity, the manifest of the activity log, API keys."""

from accounts.models.activity import Activity, InteractionKind, LogFile
from accounts.models.merges import FollowsMerge, Merge
from accounts.models.people import (
    NETWORK_SLUG,
    ApiKey,
    Identity,
    Network,
    Person,
    PersonQuerySet,
    User,
    Viewer,
)
from accounts.models.places import Place

__all__ = [
    "NETWORK_SLUG",
    "Activity",
    "ApiKey",
    "FollowsMerge",
    "Identity",
    "InteractionKind",
    "LogFile",
    "Merge",
    "Network",
    "Person",
    "PersonQuerySet",
    "Place",
    "User",
    "Viewer",
]
