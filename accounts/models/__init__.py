"""Logins, people and their identities, activity, the manifest of the activity log, API keys."""

from accounts.models.activity import Activity, ErasedAccount, InteractionKind, LogFile, LogFileQuerySet
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
    "ErasedAccount",
    "FollowsMerge",
    "Identity",
    "InteractionKind",
    "LogFile",
    "LogFileQuerySet",
    "Merge",
    "Network",
    "Person",
    "PersonQuerySet",
    "Place",
    "User",
    "Viewer",
]
