"""What counts as a mention: hashtags, @handles and links, as a manager names them and as posts have them."""

import re
import unicodedata
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from accounts.intake.websites import SHARED_HOSTS

# The stubs of pyarrow lack functions on whole columns.
pc: Any = pyarrow.compute

MOST_TAGS: Final = 50
LONGEST_TAG: Final = 200
_HASHTAG = re.compile(r"#\w+")
_HANDLE = re.compile(r"@\w(?:[\w.-]*\w)?(?:@[\w-]+(?:\.[\w-]+)+)?")
_HOST = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]")
# RE2, which looks neither ahead nor back: what stands around a tag is matched with it.
_WORD = r"\pL\pM\pN_"
_END_OF_WORD = rf"(?:$|[^{_WORD}])"
_END_OF_NAME = rf"(?:$|[^{_WORD}@.\-]|[.\-](?:$|[^{_WORD}]))"
_END_OF_PATH = rf"(?:$|[^{_WORD}\-])"
_SUBDOMAINS = rf"(?:[{_WORD}\-]+\.)*"


class TagsError(ValueError):
    """A line is none of what can be looked for; the message says which, and what to write."""


def tags_in(text: str) -> list[str]:
    """Return the tags of a text, one per line: in lower case, each once, links without scheme and "www.".

    Raises TagsError for the first line that is none, and for too many.

    >>> tags_in("#MapleToronto\\n@MapleAir\\nhttps://www.maple.example/Toronto/\\n\\n@mapleair")
    ['#mapletoronto', '@mapleair', 'maple.example/toronto']
    """
    found = list(dict.fromkeys(_tag(line.strip()) for line in text.splitlines() if line.strip()))
    if len(found) > MOST_TAGS:
        raise TagsError(f"These are {len(found)} tags. Name at most {MOST_TAGS}.")
    return found


def _tag(line: str) -> str:
    tag = unicodedata.normalize("NFKC", line).lower()
    if len(tag) <= LONGEST_TAG:
        if _HASHTAG.fullmatch(tag) or _HANDLE.fullmatch(tag):
            return tag
        address = _address(tag)
        if address:
            return address
    raise TagsError(
        f"“{line[:60]}” is none of these: #hashtag, @handle, host.com or host.com/page. Write one per line."
    )


def _address(tag: str) -> str:
    """Return host and path of a link, or nothing."""
    try:
        parts = urlsplit(tag if "://" in tag else f"https://{tag}")
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host) or re.search(r"\s", tag):
        return ""
    path = parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")
    if not path and host in SHARED_HOSTS:
        raise TagsError(f"Links to {host} are everybody's. Name the page: {host}/…")
    return host + path


class Tags:
    """Finds posts that hold any of some tags."""

    def __init__(self, tags: list[str]) -> None:
        in_texts, in_links = [], []
        for tag in tags:
            if tag.startswith("#"):
                in_texts.append(rf"(?:^|[^{_WORD}&/])[#＃]{_literal(tag[1:])}{_END_OF_WORD}")
            elif tag.startswith("@"):
                in_texts.append(rf"(?:^|[^{_WORD}@/])@{_literal(tag[1:])}{_END_OF_NAME}")
            else:
                address = _address_pattern(tag)
                in_texts.append(rf"(?:^|[\s\pP<>|]//|[\s(\[<>|\"'“”„‘’«»]){_SUBDOMAINS}{address}")
                in_links.append(rf"^(?:[a-z]+:)?(?://)?(?:[^/@]*@)?{_SUBDOMAINS}{address}")
        self._hashtags = pa.array([tag[1:] for tag in tags if tag.startswith("#")], pa.string())
        self._in_texts = "|".join(in_texts)
        self._in_links = "|".join(in_links)

    def found_in(self, posts: pa.Table) -> npt.NDArray[np.bool_]:
        """Say of each post whether it holds a tag: columns text, topics (hashtags without or with #) and links."""
        found = np.zeros(posts.num_rows, dtype=bool)
        if self._in_texts:
            text = _plain(posts["text"].combine_chunks())
            found |= _true(pc.match_substring_regex(text, self._in_texts))
        if len(self._hashtags):
            rows, values = _flat(posts["topics"])
            found[rows[_true(pc.is_in(pc.utf8_ltrim(values, characters="#"), value_set=self._hashtags))]] = True
        if self._in_links:
            rows, values = _flat(posts["links"])
            found[rows[_true(pc.match_substring_regex(values, self._in_links))]] = True
        return found


def _address_pattern(tag: str) -> str:
    host, slash, path = tag.partition("/")
    if not slash:
        host, mark, path = tag.partition("?")
        slash = f"/?{re.escape(mark)}" if mark else ""
    names = {host, _in_ascii(host)}
    either = "|".join(_literal(name) for name in sorted(names))
    if not path:
        return rf"(?:{either}){_END_OF_NAME}"
    return rf"(?:{either})(?::\d+)?{slash}{_literal(path)}{_END_OF_PATH}"


def _in_ascii(host: str) -> str:
    """Return how a host is written in links of old, `xn--…`."""
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _literal(text: str) -> str:
    # Of what Python escapes, RE2 knows all but the signs beyond ASCII.
    return "".join(re.escape(sign) if sign.isascii() else sign for sign in text)


def _plain(texts: Any) -> Any:
    return pc.utf8_lower(pc.utf8_normalize(texts.cast(pa.string()), form="NFKC"))


def _flat(lists: Any) -> tuple[npt.NDArray[np.int64], Any]:
    """Return the row of each value of a column of lists, and the values."""
    whole = lists.combine_chunks().cast(pa.list_(pa.string()))
    return pc.list_parent_indices(whole).to_numpy().astype(np.int64), _plain(pc.list_flatten(whole))


def _true(answers: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(answers.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)
