"""The Higgs data set's lines "actor target epoch kind", where one act can stand as two: De Domenico et al., 2013."""

import io
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from accounts.intake.columns import EARLIEST, LATEST, shown
from accounts.intake.files import GZIP_FAULTS, Counted, sniff_text
from accounts.intake.rows import Interaction, Rows, checked_id
from accounts.intake.schema import Batch, NotThisFormat, Reject

# Nearly every reply, and some reposts, stand again as a mention of the same person in the same second: the text of the
# tweet names whom it answers. Of such rows the first kind in this order is what was done.
KINDS: Final = {"RE": "reply", "RT": "repost", "MT": "mention"}
_PREFERENCE: Final = tuple(KINDS.values())
_NAMES: Final = ("higgs-activity_time.txt.gz", "higgs-activity_time.txt")
# A line is some thirty bytes; what is longer isn't one, and is never in memory whole.
_LONGEST: Final = 1 << 12


@dataclass(frozen=True)
class HiggsSource:
    """A file of acts in the order of time. In memory are the acts of one second beside a batch."""

    path: Path
    network: str

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def batches(self) -> Iterator[Batch]:
        rows = Rows(self.network)
        second = EARLIEST
        done: dict[tuple[str, str], str] = {}
        for line, position, text in _lines(self.path):
            rows.read += 1
            try:
                act = _act(text)
                if act.at < second:
                    raise ValueError(f"{act.at} comes after {second}: the file should go by time")
            except ValueError as error:
                rows.rejects.append(Reject(self.path.name, line, str(error)))
                continue
            if act.at > second:
                _add(rows, second, done)
                second, done = act.at, {}
                if rows.full:
                    yield rows.take(position)
            pair = act.actor, act.target
            done[pair] = min(act.kind, done.get(pair, act.kind), key=_PREFERENCE.index)
        _add(rows, second, done)
        yield rows.take(self.size_bytes)


class _Act(NamedTuple):
    at: int
    kind: str
    actor: str
    target: str


def open_higgs(path: Path, network: str | None, handles: Mapping[str, str] | None) -> HiggsSource:
    """Find the file, which may be named itself or lie in a folder, and check that it begins like one."""
    if path.is_dir():
        found = [path / name for name in _NAMES if (path / name).exists()]
        if not found:
            raise NotThisFormat(f"{path.name} holds no {' and no '.join(_NAMES)}")
        path = found[0]
    first = [text for text in sniff_text(path).split(b"\n") if text.strip()][:1]
    if not first:
        raise NotThisFormat(f"{path.name} is empty: lines of 'actor target epoch kind' were expected")
    cells = first[0].split()
    if len(cells) != 4 or not cells[2].isdigit():
        head = first[0][:100].decode(errors="replace")
        raise NotThisFormat(f"{path.name} should hold lines of 'actor target epoch kind'; it begins: {shown(head)}")
    return HiggsSource(path, network or "twitter")


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, position on disk and text of each line that isn't blank; of one too long its beginning."""
    number = 0
    with Counted(path) as source:
        try:
            buffered = io.BufferedReader(source, 1 << 16)
            while text := buffered.readline(_LONGEST):
                number += 1
                rest = text
                while len(rest) == _LONGEST and not rest.endswith(b"\n"):
                    rest = buffered.readline(_LONGEST)
                if text.strip():
                    yield number, source.position, text
        except (*GZIP_FAULTS, OSError) as error:
            raise NotThisFormat(f"{path.name} is damaged after line {number}: {error}") from error


def _act(line: bytes) -> _Act:
    try:
        cells = line.decode().split()
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8 text") from error
    if len(cells) != 4:
        raise ValueError(f"{len(cells)} values where there should be 4: actor target epoch kind")
    actor, target, at, code = cells
    if len(at) > 12 or not set(at) <= set(string.digits):
        raise ValueError(f"epoch {shown(at)} is no whole number of seconds")
    if not EARLIEST <= int(at) <= LATEST:
        raise ValueError(f"epoch {shown(at)} is outside the years 1970 to 2100")
    if code not in KINDS:
        raise ValueError(f"kind {shown(code)} is none of {', '.join(KINDS)}")
    return _Act(int(at), KINDS[code], checked_id(actor, "actor"), checked_id(target, "target"))


def _add(rows: Rows, second: int, done: Mapping[tuple[str, str], str]) -> None:
    for (actor, target), kind in done.items():
        rows.add_interaction(Interaction(second, kind, actor, target, None))
