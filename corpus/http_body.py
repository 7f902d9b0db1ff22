r"""An HTTP message in a record as its plain body: tolerant of transfer and content encodings that are not there.

Crawlers store what was sent, or what they made of it, with headers that no longer say which. So an encoding that the
headers claim is undone if the body bears it out, else the body is kept as it is (an IANA crawl that claims chunked for
plain bodies; every page of ClueWeb09 claims gzip). What a cut or damaged stream gives before the damage is kept.
"""

from __future__ import annotations

import io
import re
import zlib
from dataclasses import dataclass

from .header_block import find_end, parse_headers

STEP_BYTES = 1 << 16
_CHUNK = re.compile(rb"[ \t\r\n]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})", re.IGNORECASE)


class TooLong(ValueError):
    """A body is longer than the cap once it is decompressed."""


@dataclass(frozen=True)
class HttpMessage:
    """A response: `status` 0 if its first line says none, header names in lower case, the body as it stands."""

    status: int
    headers: dict[str, str]
    body: bytes


def split_message(data: bytes) -> HttpMessage | None:
    """Split a response into headers and body; None if `data` does not begin like HTTP."""
    if data[:5].upper() != b"HTTP/":
        return None
    end = find_end(data, 0) or (len(data), len(data))
    status = _STATUS.match(data)
    return HttpMessage(int(status[1]) if status else 0, parse_headers(data[: end[0]]), data[end[1] :])


def plain_body(headers: dict[str, str], body: bytes, max_bytes: int) -> bytes:
    """Undo the transfer and content encodings that `headers` claim, as far as the body bears them out.

    Raises:
        TooLong: if more than `max_bytes` come out.

    """
    codings = [name for field in ("content-encoding", "transfer-encoding") for name in _codings(headers.get(field, ""))]
    for coding in reversed(codings):
        if coding == "chunked":
            body = dechunk(body)
        elif coding in ("gzip", "x-gzip", "deflate"):
            body = _inflate(body, max_bytes)
        elif coding == "br":
            body = _unbrotli(body, max_bytes)
        elif coding == "zstd":
            body = _unzstd(body, max_bytes)
    return body


def dechunk(body: bytes) -> bytes:
    """Return the body without chunk sizes (RFC 9112, 7.1); the body itself if it does not begin with a chunk.

    What follows a chunk that is damaged is kept as it is: text with a stray number beats no text.
    """
    parts: list[bytes] = []
    at = 0
    while match := _CHUNK.match(body, at):
        size = int(match[1], 16)
        if size == 0:
            return b"".join(parts)
        begin, end = match.end(), match.end() + size
        if not parts and end < len(body) and body[end : end + 1] not in (b"\r", b"\n"):
            return body  # the first "size" is text: a chunk ends in a line end
        parts.append(body[begin:end])
        at = end
    if not parts:
        return body
    return b"".join([*parts, body[at:].removeprefix(b"\r\n")])


def _codings(value: str) -> list[str]:
    return [name.strip().lower() for name in value.split(",") if name.strip()]


def _inflate(body: bytes, max_bytes: int) -> bytes:
    """Undo gzip (any members), zlib or bare deflate; the body itself if it is none of them."""
    if body[:2] == b"\x1f\x8b":
        return _inflate_as(body, 31, max_bytes) or body
    return _inflate_as(body, 15, max_bytes) or _inflate_whole(body, max_bytes) or body


def _inflate_as(body: bytes, wbits: int, max_bytes: int) -> bytes:
    """Return what inflates before the first bad byte, b"" if nothing does."""
    parts: list[bytes] = []
    size = 0
    rest = body
    while rest:
        inner = zlib.decompressobj(wbits)
        while not inner.eof:
            try:
                part = inner.decompress(rest[:STEP_BYTES], STEP_BYTES)
            except zlib.error:
                return b"".join(parts)
            rest = (inner.unused_data or inner.unconsumed_tail) + rest[STEP_BYTES:]
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                raise TooLong(f"the body inflates to more than {max_bytes:,} bytes")
            if not part and not rest:
                return b"".join(parts)
        if wbits != 31 or rest[:2] != b"\x1f\x8b":
            break
    return b"".join(parts)


def _inflate_whole(body: bytes, max_bytes: int) -> bytes:
    """Undo bare deflate if all of the body is it: it has no magic, and text can look like it for some bytes."""
    inner = zlib.decompressobj(-15)
    try:
        plain = inner.decompress(body, max_bytes + 1)
    except zlib.error:
        return b""
    if len(plain) > max_bytes:
        raise TooLong(f"the body inflates to more than {max_bytes:,} bytes")
    return plain if inner.eof else b""


def _unbrotli(body: bytes, max_bytes: int) -> bytes:
    from fastwarc.stream_io import BrotliReader

    return _read_capped(BrotliReader(io.BytesIO(body)), body, max_bytes)


def _unzstd(body: bytes, max_bytes: int) -> bytes:
    from fastwarc.stream_io import ZstdReader

    if not body.startswith(b"\x28\xb5\x2f\xfd"):
        return body
    return _read_capped(ZstdReader(io.BytesIO(body)), body, max_bytes)


def _read_capped(reader: object, body: bytes, max_bytes: int) -> bytes:
    """Read a decompressing stream until its end or its damage; the body itself if nothing comes out."""
    read = getattr(reader, "read")  # noqa: B009 - the two readers share no typed base
    parts: list[bytes] = []
    size = 0
    while size <= max_bytes:
        try:
            part: bytes = read(STEP_BYTES)
        except (OSError, ValueError, RuntimeError):
            break  # what came before the damage is kept
        if not part:
            break
        parts.append(part)
        size += len(part)
    if size > max_bytes:
        raise TooLong(f"the body decompresses to more than {max_bytes:,} bytes")
    return b"".join(parts) or body
