"""Open a file or stdin as one stream of plain bytes; gzip and zstd are told by their magic bytes, not by name.

Every stream ends in one of two ways: at its true end, or with `Damage` after all bytes that stand before the damage.
gzip members and zstd frames that follow each other are one stream (RFC 1952, 2.2; RFC 8878, 3). A plain file imports
neither decompressor.

Not here: archives (tar, zip) and xz, bzip2, lz4. They are refused by name in `records`.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from assay.errors import DataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER_BYTES = 1 << 17
ZSTD_FEED_BYTES = 1024  # a zstd block of 4 bytes can swell to 128 KiB: 1 KiB in is at most 32 MiB out
ZSTD_WINDOW_BYTES = 1 << 31  # frames of `zstd --long=31`; the library refuses more than 128 MiB by default


class Damage(OSError):
    """The compressed stream is cut or corrupt from here on."""


class _ChunkStream(io.RawIOBase):
    """Chunks of bytes as a raw stream for `io.BufferedReader`; closes `owner` with it."""

    def __init__(self, chunks: Iterator[bytes], owner: BinaryIO | None) -> None:
        self._chunks = chunks
        self._owner = owner
        self._rest = memoryview(b"")
        self._damage: Damage | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` with at most one chunk; once damaged, stay so (a spent generator looks like the end)."""
        if self._damage is not None:
            raise self._damage
        if not self._rest:
            try:
                self._rest = memoryview(next(self._chunks, b""))
            except Damage as damage:
                self._damage = damage
                raise
        view = memoryview(buffer)
        n = min(len(view), len(self._rest))
        view[:n] = self._rest[:n]
        self._rest = self._rest[n:]
        return n

    def close(self) -> None:
        if self._owner is not None:
            self._owner.close()
        super().close()


def open_bytes(path: str, stdin: BinaryIO | None) -> io.BufferedReader[Any]:
    """Open `path` ("-" is `stdin`, which is never closed) and undo gzip or zstd.

    Raises:
        DataError: if the file is missing, a directory, or may not be read.

    """
    file: io.BufferedReader[Any]
    if path == "-":
        file = io.BufferedReader(_ChunkStream(_arriving(stdin or sys.stdin.buffer), None), BUFFER_BYTES)
    else:
        try:
            file = io.BufferedReader(io.FileIO(path), BUFFER_BYTES)
        except OSError as error:
            raise DataError(_cannot_open(path, error)) from error
    magic = head_of(file)[:4]
    if magic[:2] == b"\x1f\x8b":
        chunks = _gunzip(file)
    elif magic == b"\x28\xb5\x2f\xfd" or (magic[1:] == b"\x2a\x4d\x18" and magic[0] & 0xF0 == 0x50):
        chunks = _unzstd(file)  # the second is a skippable frame, with which pzstd begins
    else:
        return file
    return io.BufferedReader(_ChunkStream(chunks, file), BUFFER_BYTES)


def head_of(stream: io.BufferedReader[Any]) -> bytes:
    """Return some first bytes without consuming them: b"" at the end, or where the damage comes first."""
    try:
        return stream.peek(1)
    except OSError:
        return b""  # the first real read meets it again and reports it


def _cannot_open(path: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"no such file: {path}; expected a file of documents or '-' for stdin; check the path"
    if isinstance(error, IsADirectoryError):
        return f"{path} is a directory, expected a file; name the files in it, for example {path.rstrip('/')}/*.jsonl"
    return f"cannot open {path}: {error.strerror}; expected a readable file; check its permissions"


def _arriving(stdin: BinaryIO) -> Iterator[bytes]:
    """Yield what stdin has as soon as it has it, so that `tail -f | assay detect -` works."""
    read = getattr(stdin, "read1", stdin.read)
    while chunk := read(BUFFER_BYTES):
        yield chunk


def _gunzip(file: io.BufferedReader[Any]) -> Iterator[bytes]:
    import gzip
    import zlib

    with gzip.GzipFile(fileobj=file) as unzipped:
        try:
            while chunk := unzipped.read1(BUFFER_BYTES):
                yield chunk
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise Damage(f"the gzip stream is cut or corrupt ({error})") from error


def _unzstd(file: io.BufferedReader[Any]) -> Iterator[bytes]:
    """Decompress frame by frame; `stream_reader` of zstandard would take a cut frame for the end of the file."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    frame = None
    data = b""
    while data := data or file.read1(ZSTD_FEED_BYTES):
        frame = frame or decompressor.decompressobj()
        try:
            chunk = frame.decompress(data)
        except zstandard.ZstdError as error:
            raise Damage(f"the zstd stream is corrupt ({error})") from error
        data = frame.unused_data if frame.eof else b""
        if frame.eof:
            frame = None
        if chunk:
            yield chunk
    if frame is not None:
        raise Damage("the zstd stream is cut in the middle of a frame")
