"""Files as they lie on the disk: opened, counted, looked at before they are believed."""

import gzip
import io
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from accounts.intake.columns import Column
from accounts.intake.schema import NotThisFormat, Reject

# Bytes of a text file that are looked at before it is believed.
SNIFF = 64 << 10

# What reading a damaged gzip file raises.
GZIP_FAULTS = (EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a file: columns by name, the line of each row, and rows that couldn't even be parted."""

    columns: dict[str, Column]
    lines: np.ndarray[Any, np.dtype[np.int64]]
    rejects: list[Reject] = field(default_factory=list)
    bytes_read: int = 0


class Counted(io.RawIOBase):
    """A file that is read once and remembers how far it is, and how it ends."""

    def __init__(self, path: Path) -> None:
        self._disk = path.open("rb")
        zipped = path.suffix == ".gz"
        self._plain = cast(IO[bytes], gzip.GzipFile(fileobj=self._disk) if zipped else self._disk)
        self.tail = b""  # the last few bytes, unpacked
        self.position = 0  # bytes read from the disk

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._plain.read(len(buffer))
        buffer[: len(data)] = data
        self.position = self._disk.tell()
        if data:
            self.tail = (self.tail + data[-4:])[-4:]
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._plain.close()
            self._disk.close()
        super().close()


def sniff_text(path: Path) -> bytes:
    """Return the beginning of a text file; raise NotThisFormat if it is binary or isn't the gzip that it claims."""
    with path.open("rb") as disk:
        zipped = disk.read(2) == b"\x1f\x8b"
    if zipped != (path.suffix == ".gz"):
        found = "is compressed with gzip but isn't called .gz" if zipped else "is called .gz but isn't gzip"
        raise NotThisFormat(f"{path.name} {found}")
    try:
        with Counted(path) as source:
            head = io.BufferedReader(source, SNIFF).read(SNIFF)
    except (*GZIP_FAULTS, OSError) as error:
        raise NotThisFormat(f"{path.name} can't be read: {error}") from error
    if b"\0" in head:
        raise NotThisFormat(f"{path.name} should be UTF-8 text but holds bytes of value 0: a binary file or UTF-16")
    return head


def one_line(error: BaseException) -> str:
    """Return an error's message, short and on one line."""
    return " ".join(str(error).split())[:200]
