r"""WARC records (ISO 28500, versions 0.17 to 1.1) from a window of plain bytes, tolerant of what crawls really hold.

Names in any case, line ends of one byte or two, lengths that are missing or wrong, rubbish between records. A record is
yielded only after the byte behind it was read or its member's checksum was found right, so that what a damaged member
gives last is a loss and not a text with wrong bytes.

Not here: what is text (`warc_text`), ARC (`arc`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .crawl_items import Lost, Place, lost_at
from .header_block import MAX_HEADER_BYTES, find_end, parse_headers
from .window import Window

HEAD_BYTES = 64 << 10  # of a record over the cap: enough for the headers that say what it was
_BEGIN = re.compile(rb"WARC/[01]\.\d+[ \t]*\r?\n", re.IGNORECASE)
_NEXT = re.compile(rb"\nWARC/[01]\.\d+[ \t]*\r?\n", re.IGNORECASE)
_NEXT_BYTES = 16  # a longer match cannot be cut by the end of the window
_DIGITS = re.compile(r"\d{1,15}")


class WarcRecord(NamedTuple):
    """A record; of one over the cap `body` holds only the first part, and `length` says how long it is."""

    place: Place
    headers: dict[str, str]
    body: bytes
    length: int


def fits_warc(head: bytes) -> bool:
    """Say whether plain bytes begin with a WARC record."""
    return _BEGIN.match(head.lstrip(b"\r\n")) is not None


def read_records(window: Window, max_bytes: int) -> Iterator[WarcRecord | Lost]:
    """Yield the records from the window's position on; after each, the window stands where the next one begins."""
    while True:
        _skip_line_ends(window)
        if window.pos == len(window.data):
            if window.more():
                continue
            place = window.here()
            broken = window.recover()
            if broken is None:
                return
            yield lost_at(place, broken.reason, broken.message, False)
            continue
        yield from _next_record(window, max_bytes)


def _next_record(window: Window, max_bytes: int) -> Iterator[WarcRecord | Lost]:
    window.fill(_NEXT_BYTES)
    place = window.place_at(window.pos)
    if not _BEGIN.match(window.data, window.pos):
        yield _skip_to_next(window, place, "bad_header", "no WARC record begins here")
        return
    end = _header_end(window)
    if end is None:
        yield _skip_to_next(window, place, "bad_header", "the header of this record has no end", 1)
        return
    headers = parse_headers(window.data[window.pos : end[0]])
    digits = _DIGITS.fullmatch(headers.get("content-length", ""))
    window.pos = end[1]
    if digits is None:
        got = headers.get("content-length")
        what = "no Content-Length" if not got else f"Content-Length {got[:40]!r}"
        yield _skip_to_next(window, place, "bad_header", f"the record has {what}, expected a number")
        return
    length = int(digits[0])
    if length > max_bytes:
        record = _take_long(window, place, headers, length)
    else:
        record = _take(window, place, headers, length, max_bytes)
    yield _released(window, record)


def _header_end(window: Window) -> tuple[int, int] | None:
    while True:
        end = find_end(window.data, window.pos)
        # an end at the very edge may be that of a header or of the line ends of a longer one: see what follows
        if end is not None or len(window.data) - window.pos > MAX_HEADER_BYTES or not window.more():
            return end


def _take(
    window: Window, place: Place, headers: dict[str, str], length: int, max_bytes: int
) -> WarcRecord | tuple[Place, str, str]:
    """Take a body by its length; by the next record where the length leads elsewhere."""
    alone = place.skip == 0 and not window.plain
    whole = _fill_in_member(window, length) if alone else window.fill(length)
    if whole and _length_is_right(window, length):
        body = window.data[window.pos : window.pos + length]
        window.pos += length
        return WarcRecord(place, headers, body, length)
    end = _search_next(window, max_bytes)
    if end is None and not whole:
        have = len(window.data) - window.pos
        window.pos = len(window.data)
        return (place, "truncated", f"{have:,} of the {length:,} bytes of this record are there")
    stop = len(window.data) if end is None else end
    if whole and end is None:
        stop = window.pos + length  # rubbish behind the last record: the next turn reports it
    body = window.data[window.pos : stop]
    window.pos = stop
    if not (whole and end is None):
        body = body.removesuffix(b"\n").removesuffix(b"\r").removesuffix(b"\n").removesuffix(b"\r")
    return WarcRecord(place, headers, body, len(body))


def _fill_in_member(window: Window, length: int) -> bool:
    """Have `length` bytes, unless the member ends before and the next one begins with a record."""
    while len(window.data) - window.pos < length:
        if not window.more():
            return False
        at = window.next_member()
        if at is not None and at < window.pos + length and fits_warc(window.data[at : at + _NEXT_BYTES]):
            return False
    return True


def _length_is_right(window: Window, length: int) -> bool:
    """Say whether the next record, or the end, stands where the length leads, with or without its two line ends."""
    window.fill(length + 4 + _NEXT_BYTES)
    at = window.pos + length
    behind = window.data[at : at + 4 + _NEXT_BYTES]
    rest = behind.lstrip(b"\r\n")
    if not rest or _BEGIN.match(rest):
        return True
    member = window.next_member()
    return member is not None and member == at


def _search_next(window: Window, max_bytes: int) -> int | None:
    """Return the index in the data of the next record's first byte, None if the file has no more, or far away."""
    seen = window.pos
    while True:
        found = _NEXT.search(window.data, max(window.pos, seen))
        member = window.next_member()
        if member is not None and fits_warc(window.data[member : member + _NEXT_BYTES]):
            return min(member, found.start() + 1) if found else member
        if found:
            return found.start() + 1
        have = len(window.data) - window.pos
        if have > max_bytes:
            return None
        if not window.more():
            return None
        seen = window.pos + max(0, have - _NEXT_BYTES)


def _take_long(
    window: Window, place: Place, headers: dict[str, str], length: int
) -> WarcRecord | tuple[Place, str, str]:
    window.fill(min(length, HEAD_BYTES))
    head = window.data[window.pos : window.pos + min(length, HEAD_BYTES)]
    skipped = window.skip(length)
    if skipped < length:
        return (place, "truncated", f"{skipped:,} of the {length:,} bytes of this record are there")
    return WarcRecord(place, headers, head, length)


def _released(window: Window, record: WarcRecord | tuple[Place, str, str]) -> WarcRecord | Lost:
    """Give the record out once what follows it was seen; as a loss where its own member breaks off first."""
    _skip_line_ends(window)
    broken = window.broken
    place = record[0]
    if broken is not None and window.pos == len(window.data) and _same_member(window, broken.member):
        window.recover()
        return lost_at(place, broken.reason, f"{broken.message}; the record that begins here is lost", False)
    if isinstance(record, WarcRecord):
        return record
    window.recover()
    return lost_at(place, record[1], f"{record[2]}; the file ends inside it", False)


def _same_member(window: Window, member: int) -> bool:
    return window.place_at(max(0, len(window.data) - 1)).member == member


def _skip_line_ends(window: Window) -> None:
    while True:
        data, pos = window.data, window.pos
        end = len(data)
        while pos < end and data[pos] in b"\r\n":
            pos += 1
        window.pos = pos
        if pos < end or not window.more():
            return


def _skip_to_next(window: Window, place: Place, reason: str, message: str, least: int = 0) -> Lost:
    """Go to where the next record begins, holding little; say what stretch was left out."""
    window.pos += least
    passed = least
    while True:
        member = window.next_member()
        found = _NEXT.search(window.data, max(0, window.pos - 1))
        ends = [found.start() + 1] if found else []
        if member is not None and fits_warc(window.data[member : member + _NEXT_BYTES]):
            ends.append(member)
        if ends:
            passed += min(ends) - window.pos
            window.pos = min(ends)
            break
        keep = min(_NEXT_BYTES, len(window.data) - window.pos)
        passed += len(window.data) - window.pos - keep
        window.pos = len(window.data) - keep
        if not window.more():
            passed += keep
            window.pos = len(window.data)
            break
    broken = window.recover() if window.pos == len(window.data) else None
    if broken is not None:  # one damage, one report: what stood in front of it belongs to it
        return lost_at(place, broken.reason, broken.message, False)
    return lost_at(place, reason, f"{message}; went on {passed:,} bytes behind", False)
