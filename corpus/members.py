"""A file, compressed or not, as pieces of plain bytes that know their place; damage is a break, not the end.

What two widely used readers do not (FastWARC 2.0.1 and warcio 1.8.1 were measured): after a member whose deflate stream
or checksum is bad, reading goes on with the next member that decompresses to something fit; what such a member gave
before the bad byte is delivered; and a file that is cut inside a member says so. Memory is bounded: at most a few MiB a
piece, however far a member expands.

Not here: what the bytes mean. `fits` says which member reading may go on with after damage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from .compression import Codec, is_skippable, tell_codec
from .crawl_items import Place

READ_BYTES = 1 << 20
PROBE_BYTES = 4 << 10  # compressed bytes of a candidate that are tried
MAX_FRAME_BYTES = 64 << 20


class Piece(NamedTuple):
    """Plain bytes; `skip` is where they begin in the member that begins at file offset `member`."""

    data: bytes
    member: int
    skip: int


class Break(NamedTuple):
    """From here on the member at file offset `member` cannot be read; the next piece is of another one."""

    member: int
    reason: str
    message: str


class RawBytes:
    """The bytes [start, stop) of a file, taken in small parts without copying the rest each time."""

    def __init__(self, file: BinaryIO, start: int, stop: int | None) -> None:
        self._file = file
        self._stop = stop
        self.seek(start)

    def seek(self, offset: int) -> None:
        """Go on at a file offset."""
        self._file.seek(offset)
        self._chunk = b""
        self._index = 0
        self.at = offset

    def take(self, n: int) -> bytes:
        """Return at most `n` bytes, b"" only at the end."""
        if self._index >= len(self._chunk) and not self._refill():
            return b""
        part = self._chunk[self._index : self._index + n]
        self._index += len(part)
        self.at += len(part)
        return part

    def give_back(self, n: int) -> None:
        """Put back the last `n` bytes of the last part taken."""
        self._index -= n
        self.at -= n

    def peek(self, n: int) -> bytes:
        """Return up to `n` bytes, fewer only at the end, without taking them."""
        while len(self._chunk) - self._index < n and self._refill():
            pass
        return self._chunk[self._index : self._index + n]

    def _refill(self) -> bool:
        left = READ_BYTES
        end = self.at + len(self._chunk) - self._index
        if self._stop is not None:
            left = min(left, self._stop - end)
        more = self._file.read(left) if left > 0 else b""
        if not more:
            return False
        self._chunk = self._chunk[self._index :] + more
        self._index = 0
        return True


def codec_of(file: BinaryIO) -> Codec | None:
    """Tell the compression of a seekable file by its head, None if it is plain."""
    raw = RawBytes(file, 0, None)
    head = raw.peek(8)
    dictionary = None
    while is_skippable(frame := raw.peek(8)):
        size = 8 + int.from_bytes(frame[4:8], "little")
        if raw.at == 0 and frame.startswith(b"\x5d") and size <= MAX_FRAME_BYTES:
            dictionary = raw.peek(size)[8:]
        raw.seek(raw.at + size)
    return tell_codec(head, raw.peek(4), dictionary)


class Unpacker:
    """Iterate over the pieces and breaks of bytes [start, stop) of a file.

    `at` is where to begin: the member at `at.member`, of which the first `at.skip` plain bytes are left out.
    `fits(head)` says whether the first plain bytes of a member look like what is looked for after damage.
    """

    def __init__(
        self, file: BinaryIO, codec: Codec | None, at: Place, stop: int | None, fits: Callable[[bytes], bool]
    ) -> None:
        self._raw = RawBytes(file, at.member if codec else at.member + at.skip, stop)
        self._codec = codec
        self._at = at
        self._fits = fits

    @property
    def bytes_taken(self) -> int:
        """File offset up to which bytes were consumed."""
        return self._raw.at

    def __iter__(self) -> Iterator[Piece | Break]:
        if self._codec is None:
            return self._plain()
        return self._members(self._codec)

    def _plain(self) -> Iterator[Piece | Break]:
        first = begin = self._raw.at
        while data := self._raw.take(READ_BYTES):
            yield Piece(data, first, begin - first)
            begin = self._raw.at

    def _members(self, codec: Codec) -> Iterator[Piece | Break]:
        raw = self._raw
        skip = self._at.skip
        while head := raw.peek(8):
            if is_skippable(head):
                raw.seek(raw.at + 8 + int.from_bytes(head[4:8], "little"))
            elif codec.begins(head):
                yield from self._member(codec, skip)
            elif head[0] == 0:
                self._skip_padding()
            else:
                at = raw.at
                message = f"no {codec.name} member begins here; went on with the next whole one"
                yield Break(at, "damaged_member", message)
                self._find_next(codec, at + 1)
            skip = 0

    def _member(self, codec: Codec, skip: int) -> Iterator[Piece | Break]:
        """Yield what one member holds from plain byte `skip` on, and a break if it does not reach its end."""
        raw = self._raw
        start = raw.at
        member = codec.member()
        out = 0
        while not member.eof:
            before = raw.at
            data = raw.take(codec.feed)
            try:
                plain, unused = member.step(data)
            except codec.errors as error:
                plain = _salvage(codec, raw, start, before, data, out)
                if len(plain) > max(0, skip - out):
                    yield Piece(plain[max(0, skip - out) :], start, max(skip, out))
                why = " ".join(str(error).split())
                message = f"the {codec.name} member is damaged ({why}); text read from it before may hold wrong bytes"
                yield Break(start, "damaged_member", message)
                self._find_next(codec, start + 1)
                return
            raw.give_back(unused)
            if plain:
                end = out + len(plain)
                if end > skip:
                    yield Piece(plain if skip <= out else plain[skip - out :], start, max(skip, out))
                out = end
            elif not data and not member.eof:
                yield Break(start, "truncated", f"the file ends inside this {codec.name} member")
                return

    def _skip_padding(self) -> None:
        raw = self._raw
        while data := raw.take(READ_BYTES):
            rest = data.lstrip(b"\0")
            if rest:
                raw.give_back(len(rest))
                return

    def _find_next(self, codec: Codec, offset: int) -> None:
        """Go to the next member from file offset `offset` on that decompresses to what fits, or to the end."""
        raw = self._raw
        raw.seek(offset)
        while chunk := raw.peek(READ_BYTES):
            index = chunk.find(codec.magic)
            if index < 0:
                raw.take(max(1, len(chunk) - len(codec.magic) + 1))
                continue
            raw.take(index)
            if self._fits(head_of_member(codec, raw.peek(PROBE_BYTES))):
                return
            raw.take(1)


def head_of_member(codec: Codec, compressed: bytes) -> bytes:
    """Return the first plain bytes of the member that begins with `compressed`, b"" if it is none."""
    try:
        return codec.member().step(compressed)[0]
    except codec.errors:
        return b""


def _salvage(codec: Codec, raw: RawBytes, start: int, before: int, data: bytes, out: int) -> bytes:
    """Return the plain bytes after the first `out` that a damaged member gives up to its bad byte.

    An error discards what the same call had decompressed, so the member is read again from its start, and the part
    `data` at file offset `before`, which holds the bad byte, byte by byte.
    """
    raw.seek(start)
    member = codec.member()
    seen = 0
    parts: list[bytes] = []
    try:
        while raw.at < before and not member.eof:
            plain, unused = member.step(raw.take(min(codec.feed, before - raw.at)))
            raw.give_back(unused)
            parts += [plain[max(0, out - seen) :]] if seen + len(plain) > out else []
            seen += len(plain)
        for i in range(len(data)):
            plain, _ = member.step(data[i : i + 1])
            parts += [plain[max(0, out - seen) :]] if seen + len(plain) > out else []
            seen += len(plain)
    except codec.errors:
        pass  # the bad byte, met again: all before it is in `parts`
    return b"".join(parts)
