"""JSON Lines and plain text from a window of plain bytes: lines split in bulk, each with its place.

What is a record and how a bad one is reported is `records`; one rule differs: a record whose id is no string or integer
keeps its text, under the id that its place gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from .crawl_items import CrawlDocument, Lost, PlaceNumbers, ReadOptions, lost_at, place_id
from .members import Break
from .records import Malformed, describe_utf8, kind_of, names_of, parse_object
from .window import Window

FILL_BYTES = 1 << 18


class Line(NamedTuple):
    """A line without its end, and the place of its first byte."""

    data: bytes
    place: PlaceNumbers


def fits_lines(head: bytes) -> bool:
    """Say whether a member gives any bytes: lines may begin before it, so nothing more can be asked."""
    return bool(head)


def read_lines(window: Window, max_bytes: int) -> Iterator[Line | Lost]:
    """Yield the lines; after each, the window stands where the next one begins."""
    while True:
        end = _line_end(window, max_bytes)
        pos = window.pos
        if (end if end >= 0 else len(window.data)) - pos > max_bytes:
            place = window.here()
            yield lost_at(place, "too_big", _skip_line(window, max_bytes), True)
        elif end >= 0:
            line = window.data[pos:end]
            place = window.numbers_at(pos)
            window.pos = end + 1
            yield Line(line, place)
        elif window.broken is not None:
            yield _pass_damage(window, window.broken, max_bytes)
        else:
            if pos < len(window.data):
                place = window.numbers_at(pos)
                window.pos = len(window.data)
                yield Line(window.data[pos:], place)
            return


def _line_end(window: Window, max_bytes: int) -> int:
    """Return the index of the next line end, -1 if there is none within the cap."""
    end = window.data.find(b"\n", window.pos)
    while end < 0:
        seen = len(window.data) - window.pos
        if seen > max_bytes or (not window.fill(max(FILL_BYTES, 2 * seen)) and len(window.data) == seen):
            return -1
        end = window.data.find(b"\n", window.pos + seen)
    return end


def _pass_damage(window: Window, broken: Break, max_bytes: int) -> Lost:
    """Go behind the damage and the line it tore; the loss begins where that line did."""
    place = window.here()
    window.recover()
    _skip_torn(window, max_bytes)
    return lost_at(place, broken.reason, f"{broken.message}, at file offset {broken.member:,}", False)


def _skip_torn(window: Window, max_bytes: int) -> None:
    """Pass over the end of a line whose beginning the damage took."""
    if window.pos < len(window.data) and not window.data.startswith((b"{", b"\xef\xbb\xbf{"), window.pos):
        _skip_line(window, max_bytes)


def _skip_line(window: Window, max_bytes: int) -> str:
    """Go behind the line, holding one piece of it at a time; return the message."""
    passed = 0
    while (end := window.data.find(b"\n", window.pos)) < 0:
        passed += len(window.data) - window.pos
        window.pos = len(window.data)
        if not window.more():
            break
    else:
        passed += end - window.pos
        window.pos = end + 1
    return f"the line has {passed:,} bytes, expected at most {max_bytes:,}; split the document"


def document_of_line(line: Line, options: ReadOptions, file_name: str) -> CrawlDocument | Lost | None:
    """Read one JSON object a line; None if the line is blank."""
    try:
        text = line.data.decode("utf-8")
        text = text.removeprefix("\ufeff") if line.place[2] == 0 else text
        if not text or text.isspace():
            return None
        values = parse_object(text)
    except UnicodeDecodeError as error:
        return lost_at(line.place, "bad_utf8", describe_utf8(error, "the line"), True, place_id(file_name, line.place))
    except Malformed as error:
        return lost_at(line.place, "bad_json", str(error), True, place_id(file_name, line.place))
    return document_of_values(values, line.place, options, file_name)


def document_of_values(
    values: dict[str, Any], place: PlaceNumbers, options: ReadOptions, file_name: str
) -> CrawlDocument | Lost:
    """Make a document of the fields of a record."""
    given = values.get("id")
    has_id = isinstance(given, str) or (isinstance(given, int) and not isinstance(given, bool))
    own_id = str(given) if has_id else place_id(file_name, place)
    name = options.text_field
    text = values.get(name)
    if not isinstance(text, str):
        got = f"is {kind_of(text)}" if name in values else f"is missing, got {names_of(list(values))}"
        message = f'field "{name}" {got}, expected a string; name the right one with --text-field'
        return lost_at(place, "no_text_field", message, True, own_id)
    if len(text) > options.max_text_chars:
        message = f"the text has {len(text):,} characters, expected at most {options.max_text_chars:,}"
        return lost_at(place, "too_big", message, True, own_id)
    others = {key: value for key, value in values.items() if key != name and not (has_id and key == "id")}
    return CrawlDocument(own_id, text, place[0], _url(values), others, place[1])


def read_whole(window: Window, options: ReadOptions, file_name: str) -> CrawlDocument | Lost:
    """Read a text file as one document."""
    cap = options.max_record_bytes
    whole = not window.fill(cap + 1)
    if not whole:
        message = f"the file has more than {cap:,} bytes, expected one document; split it"
        return Lost(0, "too_big", message, True, file_name)
    if broken := window.recover():
        return Lost(0, broken.reason, broken.message, True, file_name)
    data = window.data
    window.pos = len(data)
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        return Lost(0, "bad_utf8", describe_utf8(error, "the file"), True, file_name)
    if "\0" in text:
        message = "the file holds NUL characters, expected UTF-8 text; convert it if it is UTF-16"
        return Lost(0, "bad_encoding", message, True, file_name)
    if len(text) > options.max_text_chars:
        message = f"the text has {len(text):,} characters, expected at most {options.max_text_chars:,}"
        return Lost(0, "too_big", message, True, file_name)
    return CrawlDocument(file_name, text, 0, "", {})


def _url(values: dict[str, Any]) -> str:
    """Return the field "url" of a record or of its "metadata" (Dolma), "" if there is none."""
    url = values.get("url")
    metadata = values.get("metadata")
    if url is None and isinstance(metadata, dict):
        url = cast("dict[str, Any]", metadata).get("url")
    return url if isinstance(url, str) else ""
