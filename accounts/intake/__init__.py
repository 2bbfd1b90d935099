"""Readers of formats: a file or folder in, typed Arrow tables in batches out. Pure: no Django, no clock, no network.

`open_source` is the door. A new format is a function in `FORMATS`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from accounts.intake.dataset import open_dataset
from accounts.intake.higgs import open_higgs
from accounts.intake.rtweet import open_rtweet
from accounts.intake.schema import (
    ACCOUNTS,
    DEFAULT_NETWORK,
    INTERACTION_KINDS,
    INTERACTIONS,
    POST_KINDS,
    POSTS,
    WEB,
    Batch,
    NotThisFormat,
    Reject,
    Source,
)
from accounts.intake.twitter_v2 import open_twitter_v2
from accounts.intake.websites import link_interactions, website_host

__all__ = [
    "ACCOUNTS",
    "DEFAULT_NETWORK",
    "FORMATS",
    "INTERACTIONS",
    "INTERACTION_KINDS",
    "POSTS",
    "POST_KINDS",
    "WEB",
    "Batch",
    "NotThisFormat",
    "Reject",
    "Source",
    "link_interactions",
    "open_source",
    "website_host",
]

Opener = Callable[[Path, str | None, Mapping[str, str] | None], Source]

FORMATS: dict[str, Opener] = {
    "dataset": open_dataset,
    "higgs": open_higgs,
    "rtweet": open_rtweet,
    "twitter-v2": open_twitter_v2,
}


def open_source(
    path: Path, format: str, *, network: str | None = None, handles: Mapping[str, str] | None = None
) -> Source:
    """Open a file or folder as the format it is said to be; raise NotThisFormat in one line if it isn't that.

    `network` is the network of rows that name none, where the format leaves it open. `handles` maps lower-case handles
    that are known already to their ids: it is asked where a row names a handle that the file itself doesn't explain.
    """
    if format not in FORMATS:
        raise NotThisFormat(f"there is no format {format!r}; known are {', '.join(FORMATS)}")
    if not path.exists():
        raise NotThisFormat(f"there is no file or folder {path}")
    return FORMATS[format](path, network, handles)
