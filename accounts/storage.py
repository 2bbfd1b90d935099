"""Where the activity log's files lie: a folder of this machine, or a bucket of an object store that speaks S3.

Everything goes through a file system of pyarrow. Two things differ: how a file appears whole (by rename, or by its
upload's end), and what an error means: one of a folder is about a file, one of a bucket mostly about the way there.
"""

import hashlib
import os
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple, cast

import pyarrow as pa
import pyarrow.dataset
import pyarrow.fs
import pyarrow.parquet

# What readers take: a path, or a file of a bucket, with the file system that opens it.
Readable = Path | pyarrow.dataset.ParquetFileFragment

_S3: Final = "s3://"
# A store that doesn't answer is given up after about a minute: whoever moves rows to the log holds a lock meanwhile.
_CONNECT_SECONDS: Final = 5
_SILENT_SECONDS: Final = 15
_ATTEMPTS: Final = 3
_CHUNK: Final = 1 << 20

# How pyarrow says that the store, or the way there, failed.
_OF_STORE: Final = re.compile(r"AWS Error (\w+|\[code \d+\])(?: \(HTTP status (\d+)\))? during (\w+)")
# What the operator has to mend, by the store's own name for what went wrong.
_NAMES_NO_BUCKET: Final = {"NO_SUCH_BUCKET", "RESOURCE_NOT_FOUND"}
_REFUSES: Final = {
    "ACCESS_DENIED",
    "INVALID_ACCESS_KEY_ID",
    "INVALID_CLIENT_TOKEN_ID",
    "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN",
    "REQUEST_EXPIRED",
    "SIGNATURE_DOES_NOT_MATCH",
    "UNRECOGNIZED_CLIENT",
}


_ADDRESSES: Final = "check AWS_ENDPOINT_URL (http://host:port) and AWS_CA_BUNDLE (a file)"


class LogUnreachable(Exception):
    """Say in one line why the object store of the log can't be asked, and what to do. Holds no key and no password."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A file as it was written: its name below the root, bytes, and SHA-256 as hexadecimal digits."""

    path: str
    bytes: int
    sha256: str


class Encoding(NamedTuple):
    """How columns are written, by Parquet's names of them: what repeats once and numbered, close numbers by their gaps.

    All others are written as they are.
    """

    repeating: tuple[str, ...]
    close: tuple[str, ...]


class Storage:
    """The files below a root: a folder, which needn't exist yet, or `s3://bucket/prefix`.

    A bucket's credentials, region and address come from the variables that all programs of AWS read:
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL and the like, or the machine's role.
    Raises LogUnreachable where the store doesn't answer, refuses, or has no such bucket.
    """

    def __init__(self, root: Path | str) -> None:
        self.shown = str(root)
        self._local = not self.shown.startswith(_S3)
        # Folders whose names were forced to the disk.
        self._on_disk: set[Path] = set()
        self.files: pyarrow.fs.FileSystem
        if self._local:
            self.root = self.shown
            self.files = pyarrow.fs.LocalFileSystem()
            return
        self.root = self.shown.removeprefix(_S3).rstrip("/")
        connect: Any = pyarrow.fs.S3FileSystem  # the stubs lack what is new
        try:
            self.files = connect(
                # Keys and region it finds by itself; these two it leaves to whoever uses it.
                endpoint_override=os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None,
                tls_ca_file_path=os.environ.get("AWS_CA_BUNDLE") or None,
                connect_timeout=_CONNECT_SECONDS,
                request_timeout=_SILENT_SECONDS,
                retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
                # A small file is then one request, and one that fails leaves nothing begun.
                allow_delayed_open=True,
            )
        except (OSError, ValueError) as error:
            raise LogUnreachable(f"the object store of the activity log can't be named so: {_ADDRESSES}") from error

    def save(self, folder: str, rows: pa.Table, encoding: Encoding) -> Saved:
        """Write rows as a Parquet file below a folder, under a name that comes from its bytes.

        The file appears whole or not at all, and is on the disk, or in the store, when this returns.
        """
        save = self._save_local if self._local else self._upload
        return save(folder, rows, encoding)

    def _save_local(self, folder: str, rows: pa.Table, encoding: Encoding) -> Saved:
        place = Path(self.root) / folder
        # A folder's name is in its parent, which has to be on the disk once; who made it may have been killed before.
        parents = [each.parent for each in (place, place.parent) if each not in self._on_disk]
        place.mkdir(parents=True, exist_ok=True)
        temporary = place / f".{uuid.uuid4().hex}.tmp"
        try:
            _write(rows, temporary, encoding)
            with temporary.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = temporary.stat().st_size
            _to_disk(temporary)
            name = f"{folder}/{_name(digest)}"
            temporary.rename(Path(self.root) / name)
        finally:
            temporary.unlink(missing_ok=True)
        for parent in (place, *parents):
            _to_disk(parent)
        self._on_disk |= {place, place.parent}
        return Saved(name, size, digest)

    def _upload(self, folder: str, rows: pa.Table, encoding: Encoding) -> Saved:
        # In memory, where the rows are too, which take several times as much: the name is known before the upload.
        sink = pa.BufferOutputStream()
        _write(rows, sink, encoding)
        content = sink.getvalue()
        digest = hashlib.sha256(content).hexdigest()
        name = f"{folder}/{_name(digest)}"
        with self._reached():
            # In one piece: closing a stream of which a part was written would make an object of that part.
            stream = self.files.open_output_stream(self.full(name))
            stream.write(content)
            stream.close()
        return Saved(name, content.size, digest)

    def full(self, path: str) -> str:
        """Return where a file lies, as the file system names it; raise ValueError for a path that leads out."""
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts:
            raise ValueError(f"{path} is not a path inside the log")
        return f"{self.root}/{relative}"

    def readable(self, path: str) -> Readable:
        """Return a file as readers take it; nothing is read yet, nor looked whether it is there."""
        if self._local:
            return Path(self.full(path))
        fragment: Any = pyarrow.dataset.ParquetFileFormat().make_fragment(self.full(path), filesystem=self.files)
        return cast(pyarrow.dataset.ParquetFileFragment, fragment)

    def sizes(self, paths: Sequence[str]) -> list[int | OSError | None]:
        """Return how many bytes each file has, None for one that isn't there, and why one can't be looked at.

        A store is asked for several at once.
        """
        full = [self.full(path) for path in paths]
        if self._local:
            return [_size_on_disk(path) for path in full]
        with self._reached():
            sizes = [info.size if info.is_file else None for info in self.files.get_file_info(full)]
            if None in sizes:
                self._refuse_no_bucket()
        return [*sizes]

    def sha256(self, path: str) -> str:
        """Return the SHA-256 of a file's bytes as hexadecimal digits; raise FileNotFoundError where there is none."""
        digest = hashlib.sha256()
        with self._reached(), self.files.open_input_stream(self.full(path)) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def rows(self, path: str, columns: Sequence[str]) -> pa.Table:
        """Return some columns of a Parquet file; raise FileNotFoundError where there is none."""
        with self._reached(), open_parquet(self.readable(path)) as parquet:
            return parquet.read(list(columns))

    def parquet(self, path: str) -> pyarrow.parquet.ParquetFile:
        """Open a Parquet file; raise FileNotFoundError where there is none, and ArrowInvalid for what is none."""
        with self._reached():
            return open_parquet(self.readable(path))

    def written(self, folder: str) -> Iterator[tuple[str, datetime]]:
        """Yield every file below a folder, hidden ones too, with when it was last written; nothing without a folder."""
        wanted = pyarrow.fs.FileSelector(self.full(folder), recursive=True, allow_not_found=True)
        with self._reached():
            found = self.files.get_file_info(wanted)
            if not self._local and not found:
                self._refuse_no_bucket()
        for info in found:
            if info.is_file and info.mtime is not None:
                yield info.path.removeprefix(f"{self.root}/"), info.mtime

    def delete(self, path: str) -> None:
        """Delete a file; one that isn't there is deleted already."""
        with self._reached():
            try:
                self.files.delete_file(self.full(path))
            except FileNotFoundError:
                return

    def _refuse_no_bucket(self) -> None:
        """Raise LogUnreachable where there is no bucket: all of its files look missing, one by one."""
        bucket = self.root.partition("/")[0]
        if self.files.get_file_info(bucket).type == pyarrow.fs.FileType.NotFound:
            raise LogUnreachable(self._no_bucket())

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            # What isn't about the way to the store is about the file: damaged, perhaps.
            if self._local or not _OF_STORE.search(str(error)):
                raise
            raise LogUnreachable(self._what_to_do(str(error))) from error

    def _what_to_do(self, text: str) -> str:
        if "not a valid URI" in text:
            return f"the object store of the activity log can't be named so: {_ADDRESSES}"
        found = _OF_STORE.search(text)
        code, status, asked = found.groups() if found else ("UNKNOWN", None, "a request")
        if code in _NAMES_NO_BUCKET:
            return self._no_bucket()
        if code in _REFUSES or status in ("401", "403"):
            return (
                f"the object store refuses {asked} below {self.shown}: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY "
                "and what the key may do (docs/operations.md)"
            )
        if code == "NETWORK_CONNECTION":
            return (
                f"the object store of the activity log, {self.shown}, does not answer: start it, or check "
                "AWS_ENDPOINT_URL and AWS_REGION"
            )
        what = f"HTTP status {status}" if status else code
        return f"the object store of the activity log, {self.shown}, failed at {asked}: {what}; try again later"

    def _no_bucket(self) -> str:
        bucket = self.root.partition("/")[0]
        return f"there is no bucket {bucket} for the activity log: make it, or set ACTIVITY_LOG to another"


def open_parquet(file: Readable | str) -> pyarrow.parquet.ParquetFile:
    """Open what `Storage.readable` gives, or any path."""
    if isinstance(file, Path | str):
        return pyarrow.parquet.ParquetFile(file)
    # What a read needs is asked for in few requests, ahead of time.
    return pyarrow.parquet.ParquetFile(file.open(), pre_buffer=True)


def _size_on_disk(path: str) -> int | OSError | None:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        return error


def _write(rows: pa.Table, where: Any, encoding: Encoding) -> None:
    pyarrow.parquet.write_table(
        rows,
        where,
        compression="zstd",
        row_group_size=1 << 20,
        use_dictionary=list(encoding.repeating),  # type: ignore[arg-type]  # the stubs know yes and no
        column_encoding=dict.fromkeys(encoding.close, "DELTA_BINARY_PACKED"),
    )


def _name(digest: str) -> str:
    return f"{digest[:32]}.parquet"


def _to_disk(path: Path) -> None:
    """Force a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
