"""Write records as JSON Lines so that a run killed at any moment can go on where it stopped.

What a write promises:
* `write` and `write_all` hand their lines to the operating system before they return (one `os.write`, no buffer of ours),
  so that killing the process loses none of them and tears at most the line being written. `close` calls fsync once; a
  power cut before that may lose the last lines, never ones in the middle, and resuming copes with it.
* A full disk leaves whole records only: what was written of the last line is taken back.
* One process writes to a file at a time (`flock`; not between machines on every network file system).

Resuming needs plain `.jsonl`; `.gz` and `.zst` are written in one go, and are whole only after `close`.
NaN and Infinity become null (JSON has neither), dates ISO 8601, decimals and UUIDs strings, bytes base64.
"""

import contextlib
import datetime
import json
import math
import os
import stat
import sys
from collections.abc import Generator, Iterable
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from assay.errors import DataError

from .resume import Resumed, is_regular, lock_output, make_whole, resume_jsonl

__all__ = ["JsonLinesWriter", "Resumed", "resume_jsonl"]


class JsonLinesWriter:
    """A context manager that writes records to `path`, "-" being `stdout` (which is flushed, never closed).

    Without `append` an existing file is replaced. With it the file is made whole first (`resume_jsonl`), `resumed` says
    which ids it holds already, and every record needs an "id" that stands there once (1 and "1" are the same).

    Raises:
        DataError: if the file cannot be opened, is written to by another run, or cannot be resumed.

    """

    def __init__(self, path: str, *, append: bool = False, stdout: BinaryIO | None = None) -> None:
        self.path = path
        self.n_written = 0
        self.resumed = Resumed()
        self._append = append and path != "-"  # stdout holds nothing to resume
        self._ids: set[str] = set()  # kept with `append` only
        self._fd: int | None = None
        self._stream: BinaryIO | None = None  # stdout or a compressor; a plain file is written through its descriptor
        self._below: BinaryIO | None = None  # the file a compressor writes to
        if path == "-":
            self._stream = stdout or sys.stdout.buffer
            return
        suffix = os.path.splitext(path)[1].lower()
        if append and suffix in (".gz", ".zst"):
            raise DataError(f"cannot append to {path}: resume needs plain .jsonl; name an output without {suffix}")
        try:
            self._fd = _open(path)
        except OSError as error:
            message = f"cannot write to {path}: {error.strerror}; name a file in a folder that exists and is yours"
            raise DataError(message) from error
        try:
            self._begin(self._fd, suffix)
        except BaseException:
            os.close(self._fd)
            raise

    def _begin(self, fd: int, suffix: str) -> None:
        """Lock the file before anything in it is changed, then resume or empty it."""
        with self._reporting():
            lock_output(fd, self.path)
            if self._append:
                self.resumed = make_whole(fd, self.path)
                self._ids = set(self.resumed.ids)
            elif is_regular(fd):
                os.ftruncate(fd, 0)
        if suffix in (".gz", ".zst"):
            self._below = open(fd, "wb", closefd=False)  # noqa: SIM115 (`close` closes it)
            self._stream = _compressor(suffix, self._below)

    def write(self, record: dict[str, Any]) -> None:
        """Write one record as one line, "id" first; see `write_all`."""
        self.write_all((record,))

    def write_all(self, records: Iterable[dict[str, Any]]) -> None:
        """Write records with a single write.

        Raises:
            DataError: if the disk is full or fails, or a string is not UTF-8; a plain file then holds none of `records`.
            BrokenPipeError: as itself, if the reader of the output has gone.
            TypeError: if a record that is to be resumable has no id, or a field that JSON cannot hold.
            ValueError: if its id is written already, or the writer is closed.

        """
        ids: set[str] = set()
        lines: list[bytes] = []
        for record in records:
            if self._append:
                ids.add(self._new_id(record, ids))
            lines.append(self._line(record))
        with self._reporting():
            self._write(b"".join(lines))
        self._ids |= ids
        self.n_written += len(lines)

    def close(self) -> None:
        """Finish the output, force it to the disk, and let go of the lock; a second call does nothing."""
        fd, self._fd = self._fd, None
        if fd is None:
            return
        try:
            with self._reporting():
                if self._stream is not None and self._below is not None:
                    try:
                        self._stream.close()
                    finally:  # a buffer left open would flush into whatever file gets the descriptor next
                        self._below.close()
                if is_regular(fd):
                    os.fsync(fd)
        finally:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:  # the error on its way says more than one about closing
            with contextlib.suppress(DataError, BrokenPipeError):
                self.close()

    def _new_id(self, record: dict[str, Any], batch: set[str]) -> str:
        """Return the id of `record`; without one, or with one for the second time, the output could not resume."""
        own = record.get("id")
        if isinstance(own, bool) or not isinstance(own, str | int):
            raise TypeError(f"a record to resume from needs an id, a string or an integer, got {own!r}")
        if str(own) in self._ids or str(own) in batch:
            raise ValueError(f"the id {own!r} is written already, expected each once")
        return str(own)

    def _line(self, record: dict[str, Any]) -> bytes:
        if "id" in record:
            record = {"id": record["id"], **record}
        try:
            text = _encode(record)
        except ValueError:  # NaN or Infinity
            text = _encode(_finite(record))
        try:
            return text.encode("utf-8") + b"\n"
        except UnicodeEncodeError as error:
            got = f"record {record.get('id')!r} holds the lone surrogate \\u{ord(error.object[error.start]):04x}"
            raise DataError(f"{got}, expected text that UTF-8 can hold; repair it", place=self.path) from error

    def _write(self, data: bytes) -> None:
        """Write all of `data`; a plain file that cannot take all of it takes none."""
        rest = memoryview(data)
        if self._stream is not None:
            while rest:  # stdout may be raw (python -u), and then takes what it can
                rest = rest[self._stream.write(rest) :]
            if self._below is None:
                self._stream.flush()
            return
        if self._fd is None:
            raise ValueError(f"the writer of {self.path} is closed")
        size = os.fstat(self._fd).st_size
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            if is_regular(self._fd):
                os.ftruncate(self._fd, size)
            raise

    @contextlib.contextmanager
    def _reporting(self) -> Generator[None]:
        """Turn an error of the disk into one line that says what is safe."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            name = "stdout" if self.path == "-" else self.path
            kept = "the file is cut" if self._below else f"{self.n_written:,} records of this run are safely written"
            advice = "run the same command again: it resumes after them" if self._append else "start again"
            raise DataError(f"cannot write to {name}: {error.strerror}; {kept}; make room, then {advice}") from error


def _open(path: str) -> int:
    """Open `path` without a change to what is in it; a pipe or a device is only written to."""
    special = os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode)
    return os.open(path, os.O_APPEND | (os.O_WRONLY if special else os.O_RDWR | os.O_CREAT), 0o666)


def _compressor(suffix: str, file: BinaryIO) -> BinaryIO:
    if suffix == ".gz":
        import gzip

        return cast("BinaryIO", gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0))
    import zstandard

    return cast("BinaryIO", zstandard.ZstdCompressor().stream_writer(file, closefd=False))


def _finite(value: Any) -> Any:
    """Copy a JSON value with null for each NaN and Infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in cast("list[Any]", value)]
    return value


def _plain(value: object) -> str:
    """Write what Parquet can hold and JSON cannot."""
    import base64
    import decimal
    import uuid

    if isinstance(value, datetime.date | datetime.time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, decimal.Decimal | uuid.UUID | datetime.timedelta):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"a record cannot hold a {type(value).__name__}")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain).encode
