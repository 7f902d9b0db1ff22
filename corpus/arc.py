"""ARC records (Internet Archive, 1996 and 2004), the form before WARC, handed on as WARC `response` records.

A record is one line, `URL IP-address date content-type length` (version 1) or with five fields more in front of the
length (version 2), then that many bytes. warcio, the one reader that knows ARC, refuses one-member gzip files and cannot
go on at a given place; the format is a line, so it is read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .crawl_items import Lost, Place, lost_at
from .warc import HEAD_BYTES, WarcRecord
from .window import Window

MAX_LINE_BYTES = 64 << 10
_LINE = re.compile(
    rb"(?P<url>[A-Za-z][A-Za-z0-9+.-]*:[^\r\n]*?) (?P<ip>\S+) (?P<date>\d{8,18}) (?P<type>[^ \r\n]*)"
    rb"(?: [^ \r\n]+ [^ \r\n]+ [^ \r\n]+ [^ \r\n]+ [^ \r\n]+)? (?P<length>[^ \r\n]+)\r?\n"
)
_NEXT = re.compile(rb"\n(?=" + _LINE.pattern.replace(b"(?P<", b"(?P<n") + rb")")


def fits_arc(head: bytes) -> bool:
    """Say whether plain bytes begin with an ARC record."""
    return _LINE.match(head.lstrip(b"\r\n")) is not None


def read_arc_records(window: Window, max_bytes: int) -> Iterator[WarcRecord | Lost]:
    """Yield the records from the window's position on; after each, the window stands where the next one begins."""
    while _to_line(window):
        place = window.place_at(window.pos)
        while (window.data.find(b"\n", window.pos) < 0) and len(window.data) - window.pos < MAX_LINE_BYTES:
            if not window.more():
                break
        line = _LINE.match(window.data, window.pos)
        if line is None:
            yield _to_next_line(window, place, "no ARC record begins here")
        elif not line["length"].isdigit():
            got = line["length"][:20].decode("ascii", "replace")
            window.pos = line.end() - 1
            yield _to_next_line(window, place, f"the record has length {got!r}, expected a number")
        else:
            window.pos = line.end()
            yield _take(window, place, line, max_bytes)
    place = window.here()
    broken = window.recover()
    if broken is not None:
        yield lost_at(place, broken.reason, broken.message, False)
        yield from read_arc_records(window, max_bytes)


def _to_line(window: Window) -> bool:
    """Pass over line ends; return False at the end and at damage."""
    while True:
        rest = window.data[window.pos : window.pos + 64]
        stripped = rest.lstrip(b"\r\n")
        window.pos += len(rest) - len(stripped)
        if stripped:
            return True
        if window.pos == len(window.data) and not window.more():
            return False


def _take(window: Window, place: Place, line: re.Match[bytes], max_bytes: int) -> WarcRecord | Lost:
    length = int(line["length"])
    url = line["url"].decode("utf-8", "replace")
    headers = {
        "warc-type": "filedesc" if url.startswith("filedesc:") else "response",
        "warc-target-uri": url,
        "warc-date": line["date"].decode(),
        "content-type": line["type"].decode("ascii", "replace"),
    }
    if length > max_bytes:
        window.fill(HEAD_BYTES)
        body = window.data[window.pos : window.pos + HEAD_BYTES]
        have = window.skip(length)
    else:
        window.fill(length)
        body = window.data[window.pos : window.pos + length]
        window.pos += len(body)
        have = len(body)
    if window.pos == len(window.data):
        window.more()  # the member's checksum stands behind its last byte
    broken = window.broken if window.pos == len(window.data) else None
    if broken is not None and window.place_at(max(0, len(window.data) - 1)).member == broken.member:
        window.recover()
        return lost_at(place, broken.reason, f"{broken.message}; the record that begins here is lost", False)
    if have < length:
        message = f"{have:,} of the {length:,} bytes of this record are there; the file ends inside it"
        return lost_at(place, "truncated", message, False)
    return WarcRecord(place, headers, body, length)


def _to_next_line(window: Window, place: Place, message: str) -> Lost:
    begin = window.place_at(window.pos).total
    while True:
        found = _NEXT.search(window.data, window.pos)
        if found:
            window.pos = found.end()
            break
        window.pos = max(window.pos, len(window.data) - MAX_LINE_BYTES)
        if not window.more():
            window.pos = len(window.data)
            break
    passed = window.place_at(window.pos).total - begin
    return lost_at(place, "bad_header", f"{message}; went on {passed:,} bytes behind", False)
