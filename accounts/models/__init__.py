"""Logins, people and their identities, activity, the manifest of the activity log, API keys, rests."""

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
from accounts.models.rests import Rest, RestQuerySet

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
    "Rest",
    "RestQuerySet",
    "User",
    "Viewer",
]
