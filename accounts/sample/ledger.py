"""What happens in the sample world, collected as arrays: posts and acts, numbered by their order of writing."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from accounts.sample.population import Bools, Ints

DAY: Final = 86_400
ACTS: Final = ("like", "repost", "reply", "quote", "mention")
LIKE, REPOST, REPLY, QUOTE, MENTION = range(5)
POSTS: Final = ("original", "reshare", "reply", "quote")
ORIGINAL, RESHARE, ANSWER, COMMENT = range(4)
NOBODY: Final = -1

Columns = Mapping[str, npt.NDArray[Any]]

# Post columns: second since the world's start; who; which kind; network 0 or 1; what it is about (a subject); whom it
# names; whose website it links to; the post that it answers.
_POST = ("at", "author", "kind", "network", "subject", "named", "site", "parent")
_ACT = ("at", "kind", "actor", "target", "post")


class Ledger:
    """Posts and acts of a world that lasts `end` seconds; what would come later doesn't happen."""

    def __init__(self, end: int) -> None:
        self.end = end
        self._posts: list[dict[str, Ints]] = []
        self._acts: list[dict[str, Ints]] = []
        self._count = 0

    def post(self, kind: int, **columns: npt.ArrayLike) -> Ints:
        """Add posts, all before the end, and return their numbers."""
        size = len(np.asarray(columns["at"]))
        row = {name: _filled(columns.get(name, NOBODY), size) for name in _POST if name != "kind"}
        self._posts.append(row | {"kind": _filled(kind, size)})
        self._count += size
        return np.arange(self._count - size, self._count)

    def act(self, kind: int, at: Ints, actor: Ints, target: Ints, post: Ints) -> None:
        """Add acts of `actor` on `target` by a post: for a mention the one that it stands in, else the one acted on."""
        size = len(at)
        self._acts.append(
            {"at": at, "kind": _filled(kind, size), "actor": actor, "target": target, "post": _filled(post, size)}
        )

    def repost(self, at: Ints, actor: Ints, target: Ints, post: Ints) -> None:
        """Add reposts, and the reshares by which they are made."""
        self.act(REPOST, at, actor, target, post)
        self._of(RESHARE, at, actor, post)

    def reply(self, at: Ints, actor: Ints, target: Ints, post: Ints) -> Ints:
        """Add replies and the posts that they are; return the numbers of these."""
        self.act(REPLY, at, actor, target, post)
        return self._of(ANSWER, at, actor, post)

    def quote(self, at: Ints, actor: Ints, target: Ints, post: Ints) -> None:
        self.act(QUOTE, at, actor, target, post)
        self._of(COMMENT, at, actor, post)

    def _of(self, kind: int, at: Ints, actor: Ints, post: Ints) -> Ints:
        """Add posts that refer to another and are about the same thing."""
        posts = self.posts()
        return self.post(
            kind, at=at, author=actor, network=posts["network"][post], subject=posts["subject"][post], parent=post
        )

    def posts(self) -> dict[str, Ints]:
        """Return all posts so far; a post's number is its index."""
        self._posts = [_joined(self._posts, _POST)]
        return self._posts[0]

    def acts(self) -> dict[str, Ints]:
        self._acts = [_joined(self._acts, _ACT)]
        return self._acts[0]

    def before_end(self, at: Ints) -> Bools:
        return np.asarray(at < self.end)


def _filled(values: npt.ArrayLike, size: int) -> Ints:
    return np.broadcast_to(np.asarray(values, np.int64), size)


def _joined(chunks: list[dict[str, Ints]], names: tuple[str, ...]) -> dict[str, Ints]:
    return {name: np.concatenate([np.zeros(0, np.int64), *(chunk[name] for chunk in chunks)]) for name in names}
