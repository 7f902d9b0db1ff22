"""gzip, zstd and lz4 as members told by magic bytes: one decompressor a member, with capped output.

A member is what the formats allow to be concatenated: a gzip member (RFC 1952), a zstd frame (RFC 8878), an lz4 frame.
The dictionary of a WARC in zstd stands in a skippable frame at the head of the file (IIPC, "WARC file compression
with Zstandard", 2019), itself perhaps zstd-compressed.
"""

from __future__ import annotations

import importlib
import zlib
from typing import Any, Protocol

from assay.errors import DataError

OUT_BYTES = 1 << 20
ZSTD_FEED_BYTES = 4096  # a block of 4 bytes can swell to 128 KiB: 4 KiB in is at most 128 MiB out
ZSTD_WINDOW_BYTES = 1 << 27  # the library's own limit; a worker must stay small
ZSTD_DICTIONARY = b"\x5d\x2a\x4d\x18"
MAX_DICTIONARY_BYTES = 64 << 20


class Member(Protocol):
    """The decompressor of one member."""

    eof: bool

    def step(self, data: bytes) -> tuple[bytes, int]:
        """Take compressed bytes; return what they give, at most about 1 MiB, and how many bytes were not used."""
        ...


class Codec(Protocol):
    """A way of compression: how a member begins, and what undoes it."""

    name: str
    magic: bytes
    feed: int
    errors: tuple[type[Exception], ...]

    def begins(self, head: bytes) -> bool:
        """Say whether a member, or a frame to skip, begins with `head`."""
        ...

    def member(self) -> Member:
        """Return a fresh decompressor."""
        ...


class _GzipMember:
    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(31)
        self.eof = False

    def step(self, data: bytes) -> tuple[bytes, int]:
        inner = self._zlib
        out = inner.decompress(data, OUT_BYTES)
        if inner.eof:
            self.eof = True
            return out, len(inner.unused_data)
        return out, len(inner.unconsumed_tail)


class Gzip:
    """gzip by zlib."""

    name = "gzip"
    magic = b"\x1f\x8b\x08"
    feed = 16 << 10
    errors: tuple[type[Exception], ...] = (zlib.error,)

    def begins(self, head: bytes) -> bool:
        """Say whether a member begins with `head`."""
        return head.startswith(b"\x1f\x8b")

    def member(self) -> Member:
        """Return a fresh decompressor."""
        return _GzipMember()


class _ZstdMember:
    def __init__(self, inner: Any) -> None:
        self._zstd = inner
        self.eof = False

    def step(self, data: bytes) -> tuple[bytes, int]:
        out: bytes = self._zstd.decompress(data) if data else b""
        self.eof = bool(self._zstd.eof)
        return out, len(self._zstd.unused_data) if self.eof else 0


class Zstd:
    """zstd by `zstandard`, with the dictionary that the head of the file may hold."""

    name = "zstd"
    magic = b"\x28\xb5\x2f\xfd"
    feed = ZSTD_FEED_BYTES

    def __init__(self, dictionary: bytes | None) -> None:
        import zstandard

        self.errors: tuple[type[Exception], ...] = (zstandard.ZstdError,)
        given = None if dictionary is None else zstandard.ZstdCompressionDict(dictionary)
        self._decompressor = zstandard.ZstdDecompressor(dict_data=given, max_window_size=ZSTD_WINDOW_BYTES)

    def begins(self, head: bytes) -> bool:
        """Say whether a member begins with `head`."""
        return head.startswith(self.magic)

    def member(self) -> Member:
        """Return a fresh decompressor."""
        return _ZstdMember(self._decompressor.decompressobj())


class _Lz4Member:
    def __init__(self, inner: Any) -> None:
        self._lz4 = inner
        self.eof = False

    def step(self, data: bytes) -> tuple[bytes, int]:
        if not data and self._lz4.needs_input:
            return b"", 0
        out: bytes = self._lz4.decompress(data, OUT_BYTES)
        if self._lz4.eof:
            self.eof = True
            return out, len(self._lz4.unused_data or b"")
        parts = [out]
        while not self._lz4.needs_input:  # what it holds back would otherwise count as read
            more: bytes = self._lz4.decompress(b"", OUT_BYTES)
            parts.append(more)
            if self._lz4.eof:
                self.eof = True
                return b"".join(parts), len(self._lz4.unused_data or b"")
            if not more:
                break
        return b"".join(parts), 0


class Lz4:
    """lz4 frames by the `lz4` package."""

    name = "lz4"
    magic = b"\x04\x22\x4d\x18"
    feed = 16 << 10  # at most 255 times as much comes out: 4 MiB
    errors: tuple[type[Exception], ...] = (RuntimeError, EOFError)

    def __init__(self) -> None:
        try:
            self._frame: Any = importlib.import_module("lz4.frame")
        except ImportError as error:
            raise DataError("an lz4 file needs the package lz4; install it: pip install lz4") from error

    def begins(self, head: bytes) -> bool:
        """Say whether a member begins with `head`."""
        return head.startswith(self.magic)

    def member(self) -> Member:
        """Return a fresh decompressor."""
        return _Lz4Member(self._frame.LZ4FrameDecompressor())


def is_skippable(head: bytes) -> bool:
    """Say whether a skippable frame begins here (zstd and lz4 share them): 4 magic bytes, then its length."""
    return len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50


def is_compressed(head: bytes) -> bool:
    """Say whether a file that begins with `head` is gzip, zstd or lz4."""
    return head.startswith((Gzip.magic[:2], Zstd.magic, Lz4.magic)) or is_skippable(head)


def tell_codec(head: bytes, after_skipped: bytes, dictionary_frame: bytes | None) -> Codec | None:
    """Return the codec of a file, None if it is plain.

    `head` is how the file begins, `after_skipped` how it goes on behind leading skippable frames, and
    `dictionary_frame` the content of a leading dictionary frame.
    """
    if head.startswith(Gzip.magic[:2]):
        return Gzip()
    if not is_skippable(head):
        after_skipped = head
    if after_skipped.startswith(Lz4.magic):
        return Lz4()
    if after_skipped.startswith(Zstd.magic) or is_skippable(head):
        return Zstd(_plain_dictionary(dictionary_frame))
    return None


def _plain_dictionary(frame: bytes | None) -> bytes | None:
    if frame is None or not frame.startswith(Zstd.magic):
        return frame
    import zstandard

    try:
        return zstandard.ZstdDecompressor().decompress(frame, max_output_size=MAX_DICTIONARY_BYTES)
    except zstandard.ZstdError as error:
        raise DataError(f"the dictionary at the head of the file is damaged ({error}); fetch the file again") from error
