"""Which topics a post is about: by its hashtags, and by names and aliases standing in its text. Pure.

A name is found as whole words, case aside ("Data Science" in "on data-science!", not "art" in "party"). Texts and names
are cut into words the same way: at everything that is no letter, digit or mark, so that hyphens and apostrophes part
words; addresses of pages and @handles are left out first. "++" and "#" behind a word belong to it (C++, C#).

- A hashtag is compared without word borders: #DataScience and #data_science are "data science".
- A hashtag that no topic names is no topic: tags are coined by the thousand, by anybody, for a joke, an event or a
  campaign, and a filter or a page can only offer topics that somebody named. An operator adds a topic or an alias, and
  the next run finds it in the whole log.
- A name reaches over no comma, colon, bracket or line end ("big data, science" isn't "data science").
- A name within a longer matched name doesn't count: "data science" isn't "science".
- A name of one or two letters has to stand as it is written (R, AI, UX), for "r" and "ai" are other words; as a hashtag
  it is found in any case.
- A script without spaces between words (Chinese, Thai) is matched by hashtag only.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

MATCHES = pa.schema([pa.field("post", pa.int64(), nullable=False), pa.field("topic", pa.int64(), nullable=False)])

Ints = npt.NDArray[np.int64]
# A pa.Array or pa.ChunkedArray: pyarrow's stubs want the element type, which is known only when a column is read.
Column: TypeAlias = Any
pc: Any = pyarrow.compute

# As `map`.
Mapped: TypeAlias = Callable[[Callable[[pa.Table], pa.Table], Iterable[pa.Table]], Iterable[pa.Table]]

# "++" as one letter-like character while words are cut, so that C++ isn't C.
_PLUS_PLUS = "\u29fa"
_NO_WORDS = r"https?://\S+|@[\pL\pN_]+"
# Variation selectors are marks, but stick to emoji, not to words.
_BETWEEN_WORDS = rf"[^\pL\pN\pM_#{_PLUS_PLUS}]+|[\x{{FE00}}-\x{{FE0F}}]"
# A phrase ends at these. The full stop isn't among them: St. Louis.
_BREAKS = r"[,;:!?()\[\]{}|\n…]+"
# Of what stands nowhere in the vocabulary.
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class TopicName:
    """A topic and what it goes by. A name that starts with # is a hashtag only."""

    id: int
    slug: str
    names: tuple[str, ...]


class Matcher:
    """Finds topics in posts.

    The cost is that of cutting texts into words plus a few passes over arrays of words; the number of topics hardly
    matters. Two topics may share a name: both are found.
    """

    def __init__(self, topics: Sequence[TopicName]) -> None:
        tags: dict[str, set[int]] = {}
        phrases: dict[tuple[str, ...], set[int]] = {}
        exact: dict[str, set[int]] = {}
        names = [(topic.id, name) for topic in topics for name in topic.names]
        for topic, tag in [*names, *((topic.id, topic.slug) for topic in topics)]:
            if key := compact(tag):
                tags.setdefault(key, set()).add(topic)
        for (topic, name), words in zip(names, _cut([name for _, name in names]), strict=True):
            if name.lstrip().startswith("#") or not words:
                continue
            if len(words) == 1 and _is_short(words[0]):
                exact.setdefault(words[0], set()).add(topic)
            else:
                phrases.setdefault(tuple(map(_folded, words)), set()).add(topic)
        self._tags = _Lookup(tags)
        self._exact = _Lookup(exact)
        self._words = {word: number for number, word in enumerate(sorted({w for phrase in phrases for w in phrase}))}
        self._trie = _Trie(phrases, self._words)

    def match(self, posts: pa.Table) -> pa.Table:
        """Return the topics of posts: (post, topic), each pair once, ordered by both.

        `posts` needs the columns post, text and topics (hashtags, without or with the #); the two latter may be null.
        """
        posts = posts.combine_chunks()
        keys = _ints(posts["post"])
        found = [self._in_tags(keys, posts["topics"]), *self._in_texts(keys, posts["text"])]
        return _distinct(np.concatenate([post for post, _ in found]), np.concatenate([topic for _, topic in found]))

    def match_all(self, batches: Iterable[pa.Table], each: Mapped = map) -> pa.Table:
        """Return the topics of posts that come in batches, so that only those of a few texts are in memory.

        `each` goes through the batches as `map` does; it may take several at a time.
        """
        found = [pa.Table.from_batches([], MATCHES), *each(self.match, batches)]
        together = pa.concat_tables(found)
        return _distinct(_ints(together["post"]), _ints(together["topic"]))

    def _in_tags(self, keys: Ints, tags: Column) -> tuple[Ints, Ints]:
        lists = _array(tags, pa.list_(pa.string()))
        values = pc.list_flatten(lists).dictionary_encode()
        rows, topics = self._tags.find(
            _taken([compact(tag or "") for tag in values.dictionary.to_pylist()], values.indices)
        )
        return keys[_ints(pc.list_parent_indices(lists))[rows]], topics

    def _in_texts(self, keys: Ints, texts: Column) -> Iterator[tuple[Ints, Ints]]:
        text = _array(texts, pa.string())
        text = pc.replace_substring_regex(text, _NO_WORDS, " ")
        text = pc.replace_substring(text, "++", _PLUS_PLUS)
        text = pc.replace_substring_regex(text, r"#([\pL\pN_])", r" #\1")
        text = pc.replace_substring_regex(text, _BREAKS, " # ")
        text = pc.replace_substring_regex(text, _BETWEEN_WORDS, " ")
        lists = pc.split_pattern(text, " ")
        parents = _ints(pc.list_parent_indices(lists))
        values = pc.list_flatten(lists).dictionary_encode()
        distinct = values.dictionary.to_pylist()
        indices = values.indices

        rows, topics = self._tags.find(_taken([compact(w) if w[:1] == "#" else "" for w in distinct], indices))
        yield keys[parents[rows]], topics
        rows, topics = self._exact.find(_taken([_normal(w) for w in distinct], indices))
        yield keys[parents[rows]], topics

        # A hashtag and a break are unknown words, so no phrase reaches over them.
        known = np.array([self._words.get(_folded(word), _UNKNOWN) for word in distinct], np.int64)
        rows, topics = self._trie.find(known[_ints(indices)], parents)
        yield keys[parents[rows]], topics


class _Lookup:
    """Topics by a text."""

    def __init__(self, entries: dict[str, set[int]]) -> None:
        self._texts = pa.array(list(entries), pa.string())
        self._topics = _Ragged(list(entries.values()))

    def find(self, texts: Column) -> tuple[Ints, Ints]:
        """Return (index into texts, topic) of every text that has topics."""
        entry = pc.index_in(texts, value_set=self._texts).fill_null(_UNKNOWN)
        entries = _ints(entry)
        rows = np.flatnonzero(entries >= 0)
        return self._topics.expand(rows, entries[rows])


class _Ragged:
    """Topics of entries 0, 1, 2 …, any number each."""

    def __init__(self, topics: list[set[int]]) -> None:
        self._counts = np.array([len(entry) for entry in topics], np.int64)
        self._starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(self._counts)])
        self._topics = np.array([topic for entry in topics for topic in sorted(entry)], np.int64)

    def expand(self, rows: Ints, entries: Ints) -> tuple[Ints, Ints]:
        """Return each row as often as its entry has topics, and these."""
        counts = self._counts[entries]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(rows, counts), self._topics[np.repeat(self._starts[entries], counts) + within]


class _Trie:
    """Phrases of words as a table of transitions, walked for all positions of all texts at once.

    A state is a number, 0 the root; the transition from state s by word w stands under s · |words| + w.
    """

    def __init__(self, phrases: dict[tuple[str, ...], set[int]], words: dict[str, int]) -> None:
        self._width = max(len(words), 1)
        states: dict[tuple[int, ...], int] = {(): 0}
        moves: dict[int, int] = {}
        accepted: dict[int, set[int]] = {}
        for phrase, topics in phrases.items():
            path = tuple(words[word] for word in phrase)
            for end in range(1, len(path) + 1):
                if path[:end] not in states:
                    states[path[:end]] = len(states)
                    moves[states[path[: end - 1]] * self._width + path[end - 1]] = states[path[:end]]
            accepted[states[path]] = topics
        ordered = sorted(moves)
        self._moves = np.array(ordered, np.int64)
        self._next = np.array([moves[move] for move in ordered], np.int64)
        self._topics = _Ragged([accepted.get(state, set()) for state in range(len(states))])
        self._accepts = np.array([state in accepted for state in range(len(states))], np.bool_)

    def find(self, words: Ints, parents: Ints) -> tuple[Ints, Ints]:
        """Return (index of a phrase's first word, topic) for every phrase that is in no longer one."""
        at = np.flatnonzero(words >= 0)
        begun = at
        state = np.zeros(len(at), np.int64)
        length = np.zeros(len(words), np.int64)  # of the longest phrase that begins here
        last = np.zeros(len(words), np.int64)  # its state
        step = 0
        while len(at):
            state, alive = self._move(state, words[at])
            begun, state = begun[alive], state[alive]
            step += 1
            ends = self._accepts[state]
            length[begun[ends]] = step
            last[begun[ends]] = state[ends]
            at = begun + step
            on = at < len(words)
            on[on] = (words[at[on]] >= 0) & (parents[at[on]] == parents[begun[on]])
            at, begun, state = at[on], begun[on], state[on]
        starts = np.flatnonzero(length)
        ends_at = starts + length[starts]
        # What began earlier and reaches at least as far holds this one.
        reached = np.maximum.accumulate(np.concatenate([np.zeros(1, np.int64), ends_at]))[:-1]
        starts = starts[ends_at > reached]
        return self._topics.expand(starts, last[starts])

    def _move(self, state: Ints, word: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
        if not len(self._moves):
            return state, np.zeros(len(state), np.bool_)
        move = state * self._width + word
        place = np.minimum(np.searchsorted(self._moves, move), len(self._moves) - 1)
        return self._next[place], self._moves[place] == move


def _normal(word: str) -> str:
    """Return a word with its letters in one of their equivalent forms, and no underscores around it."""
    word = word.strip("_")
    return word if word.isascii() else unicodedata.normalize("NFKC", word)


def _folded(word: str) -> str:
    word = _normal(word).casefold()
    return word if word.isascii() else unicodedata.normalize("NFKC", word)


def _is_short(word: str) -> bool:
    return len(word) <= 2 and word.isalpha()


def _cut(names: list[str]) -> list[list[str]]:
    """Return each name's words, as texts are cut."""
    texts = pc.replace_substring(pa.array(names, pa.string()), "++", _PLUS_PLUS)
    texts = pc.replace_substring_regex(texts, _BETWEEN_WORDS, " ")
    return [[word for word in map(_normal, text.split()) if word.strip("#")] for text in texts.to_pylist()]


def compact(tag: str) -> str:
    """Return a hashtag or a name as hashtags are compared: folded, without anything between its letters."""
    return "".join(c for c in _folded(tag.replace("++", _PLUS_PLUS)) if c.isalnum() or c == _PLUS_PLUS or _is_mark(c))


def cautious(names: Iterable[str]) -> tuple[str, ...]:
    """Return names with those of one word as hashtags, for names that nobody looked through.

    "Apple", "Rush" and "It" are found in #Apple, and not in every text that has the word.

    >>> cautious(["Rush", "Wu Tang Clan", "#nba"])
    ('#Rush', 'Wu Tang Clan', '#nba')
    """
    names = list(names)
    return tuple(
        f"#{name}" if len(words) < 2 and not name.lstrip().startswith("#") else name
        for name, words in zip(names, _cut(names), strict=True)
    )


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M" and not "\ufe00" <= character <= "\ufe0f"


def _taken(texts: list[str], indices: Column) -> Column:
    return pa.array(texts, pa.string()).take(indices)


def _array(column: Column, kind: Any) -> Column:
    """Return a column as one array; a column of nulls takes the type that it stands for."""
    return column.combine_chunks().cast(kind)


def _ints(column: Column) -> Ints:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return np.asarray(column.to_numpy(zero_copy_only=False)).astype(np.int64)


def _distinct(posts: Ints, topics: Ints) -> pa.Table:
    pairs = np.unique(np.stack([posts, topics], axis=1), axis=0) if len(posts) else np.zeros((0, 2), np.int64)
    return pa.table([pa.array(pairs[:, 0]), pa.array(pairs[:, 1])], schema=MATCHES)
