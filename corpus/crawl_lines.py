"""JSON Lines and plain text from a window of plain bytes: lines split in bulk, each with its place.

What is a record and how a bad one is reported is `records`; one rule differs: a record whose id is no string or integer
keeps its text, under the id that its place gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from .crawl_items import CrawlDocument, Lost, ReadOptions
from .records import Malformed, describe_utf8, kind_of, names_of, parse_object
from .window import Window

FILL_BYTES = 1 << 18


class Line(NamedTuple):
    """A line without its end, and the offset of its first byte in the (decompressed) file."""

    data: bytes
    offset: int


def fits_lines(head: bytes) -> bool:
    """Say whether a member gives any bytes: lines may begin before it, so nothing more can be asked."""
    return bool(head)


def read_lines(window: Window, max_bytes: int) -> Iterator[Line | Lost]:
    """Yield the lines; after each, the window stands where the next one begins."""
    while True:
        end = _line_end(window, max_bytes)
        pos = window.pos
        offset = window.total + pos
        if (end if end >= 0 else len(window.data)) - pos > max_bytes:
            yield Lost(offset, "too_big", _skip_line(window, max_bytes), True, "")
        elif end >= 0:
            line = window.data[pos:end]
            window.pos = end + 1
            yield Line(line, offset)
        elif broken := window.recover():
            _skip_torn(window, max_bytes)
            yield Lost(offset, broken.reason, f"{broken.message}, at file offset {broken.member:,}", False, "")
        else:
            if pos < len(window.data):
                window.pos = len(window.data)
                yield Line(window.data[pos:], offset)
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
    own_id = f"{file_name}:{line.offset}"
    try:
        text = line.data.decode("utf-8")
        text = text.removeprefix("\ufeff") if line.offset == 0 else text
        if not text or text.isspace():
            return None
        values = parse_object(text)
    except UnicodeDecodeError as error:
        return Lost(line.offset, "bad_utf8", describe_utf8(error, "the line"), True, own_id)
    except Malformed as error:
        return Lost(line.offset, "bad_json", str(error), True, own_id)
    return document_of_values(values, line.offset, options, own_id)


def document_of_values(
    values: dict[str, Any], offset: int, options: ReadOptions, default_id: str
) -> CrawlDocument | Lost:
    """Make a document of the fields of a record."""
    given = values.get("id")
    has_id = isinstance(given, str) or (isinstance(given, int) and not isinstance(given, bool))
    own_id = str(given) if has_id else default_id
    name = options.text_field
    text = values.get(name)
    if not isinstance(text, str):
        got = f"is {kind_of(text)}" if name in values else f"is missing, got {names_of(list(values))}"
        message = f'field "{name}" {got}, expected a string; name the right one with --text-field'
        return Lost(offset, "no_text_field", message, True, own_id)
    if len(text) > options.max_text_chars:
        message = f"the text has {len(text):,} characters, expected at most {options.max_text_chars:,}"
        return Lost(offset, "too_big", message, True, own_id)
    others = {key: value for key, value in values.items() if key != name and not (has_id and key == "id")}
    return CrawlDocument(own_id, text, offset, _url(values), others)


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
