r"""A file of any supported format as a stream of records; what cannot be read is an `Unreadable`, and reading goes on.

JSON Lines (one UTF-8 object a line), Parquet, and plain text; the format is told by content first, by name second.
Lines end at "\n" only, "\r" before it is white space; blank lines count as lines but are no records. Numbers outside
JSON (NaN, Infinity), which many writers put into JSON Lines, are read as Python reads them.
"""

import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, cast

from assay.errors import DataError

from .decompress import head_of, open_bytes

MAX_RECORD_BYTES = 64 << 20
SKIP_BYTES = 1 << 20

Format = Literal["jsonl", "parquet", "text"]

_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".txt": "text",
    ".md": "text",
}
_COMPRESSED = (".gz", ".zst")
_REFUSED = {
    b"\xff\xfe": ("UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8"),
    b"\xfe\xff": ("UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8"),
    b"\xfd7zXZ\0": ("xz-compressed", "decompress it first: xz -dc"),
    b"BZh91AY&SY": ("bzip2-compressed", "decompress it first: bzip2 -dc"),
    b"\x04\x22\x4d\x18": ("lz4-compressed", "decompress it first: lz4 -dc"),
    b"%PDF-": ("a PDF", "extract its text first: pdftotext"),
    b"PK\x03\x04": ("a zip archive", "unpack it first: unzip -p"),
}
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_KINDS: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}
_STRINGLESS = frozenset({int, float, bool, type(None)})


class Malformed(ValueError):
    """A record that is none; the message is one line for the user."""


@dataclass(frozen=True)
class Unreadable:
    """A record that cannot be read; `message` is one line without the place."""

    place: str
    message: str
    id: str


@dataclass(frozen=True)
class Record:
    """One object of a file; `values` holds all its fields, the id as well."""

    id: str
    place: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Source:
    """An open input: what it is, and the stream of its plain bytes (of Parquet: of the file)."""

    path: str
    format: Format
    stream: "io.BufferedReader[Any]"
    max_bytes: int

    @property
    def name(self) -> str:
        """The file name without its folders, "-" for stdin: what ids are made of."""
        return os.path.basename(self.path)

    def unreadable(self, line: int, message: str) -> Unreadable:
        """Report the record on `line`."""
        return Unreadable(f"{self.path}:{line}", message, f"{self.name}:{line}")


def open_source(path: str, stdin: BinaryIO | None, max_bytes: int) -> Source:
    """Open `path` ("-" is stdin) and tell its format.

    Raises:
        DataError: if it cannot be opened, or is of a format that is not supported.

    """
    stream = open_bytes(path, stdin)
    try:
        return Source(path, _tell_format(path, head_of(stream)), stream, max_bytes)
    except DataError:
        stream.close()
        raise


def read_jsonl(source: Source) -> Iterator[Record | Unreadable]:
    """Read one object a line."""
    for line in read_lines(source):
        if isinstance(line, Unreadable):
            yield line
            continue
        number, text = line
        try:
            yield make_record(source, parse_object(text), f"{source.path}:{number}", f"{source.name}:{number}")
        except Malformed as error:
            yield source.unreadable(number, str(error))


def make_record(source: Source, values: dict[str, Any], place: str, default_id: str) -> Record | Unreadable:
    """Give `values` its id: its own field "id", or `default_id` where there is none."""
    own = values.get("id")
    if own is None:
        return Record(default_id, place, values)
    if isinstance(own, str) or (isinstance(own, int) and not isinstance(own, bool)):
        return Record(str(own), place, values)
    message = f'field "id" must be a string or an integer, got {kind_of(own)}; rename or repair the field'
    return Unreadable(place, message, default_id)


def read_lines(source: Source) -> Iterator[tuple[int, str] | Unreadable]:
    """Read the lines that are not blank, with their numbers from 1, holding one line at a time."""
    cap = source.max_bytes
    number = 0
    with source.stream as stream:
        while True:
            number += 1
            try:
                data = stream.readline(cap + 1)
                too_long = 0 if len(data) <= cap or data.endswith(b"\n") else len(data) + _skip_line(stream)
            except OSError as error:
                yield source.unreadable(number, f"{error}; this line and all after it are lost; fetch the file again")
                return
            if not data:
                return
            if too_long:
                message = f"the line has {too_long:,} bytes, expected at most {cap:,}; split the document"
                yield source.unreadable(number, message)
                continue
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError as error:
                yield source.unreadable(number, describe_utf8(error, "the line"))
                continue
            text = text.removeprefix("\ufeff") if number == 1 else text
            if text.strip():
                yield number, text.rstrip("\r\n")


def _skip_line(stream: "io.BufferedReader[Any]") -> int:
    """Read on to the end of the line without keeping it; return how many bytes that were."""
    skipped = 0
    while part := stream.readline(SKIP_BYTES):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


def parse_object(line: str) -> dict[str, Any]:
    """Parse one line that must be a JSON object every string of which UTF-8 can hold.

    Raises:
        Malformed: if it is not.

    """
    try:
        value: Any = json.loads(line)
    except json.JSONDecodeError as error:
        got = f"not JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}"
        raise Malformed(f"{got}; expected one whole object a line; repair the line") from error
    except (ValueError, RecursionError) as error:  # a number of > 4,300 digits; brackets nested too deep
        raise Malformed(f"JSON that cannot be read: {error}; repair the line") from error
    if not isinstance(value, dict):
        raise Malformed(f"expected a JSON object a line, got {kind_of(value)}; repair the line")
    fields = cast("dict[str, Any]", value)
    if not _is_ascii(fields) and "\\u" in line and _SURROGATE_ESCAPE.search(line):  # each test is faster than the next
        try:
            json.dumps(fields, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            got = f"a string holds the lone surrogate \\u{ord(error.object[error.start]):04x}"
            raise Malformed(f"{got}, expected text that UTF-8 can hold; replace the escape") from error
    return fields


def _is_ascii(fields: dict[str, Any]) -> bool:
    """Say whether all names are ASCII, and all values ASCII strings or hold none."""
    for name, value in fields.items():
        if not name.isascii():
            return False
        kind = type(value)
        if not (value.isascii() if kind is str else kind in _STRINGLESS):
            return False
    return True


def describe_utf8(error: UnicodeDecodeError, where: str) -> str:
    """Say which byte of `where`, counted from 1, is not UTF-8."""
    got = f"byte 0x{error.object[error.start]:02x} at byte {error.start + 1} of {where}"
    return f"not UTF-8: {got} ({error.reason}); expected UTF-8; convert the file with iconv"


def kind_of(value: object) -> str:
    """Name the JSON kind of a value."""
    return _KINDS.get(type(value), type(value).__name__)


def names_of(fields: list[str]) -> str:
    """List field names on one line, at most eight of them."""
    if not fields:
        return "no fields"
    more = f" and {len(fields) - 8} more" if len(fields) > 8 else ""
    return ", ".join(json.dumps(name, ensure_ascii=False) for name in fields[:8]) + more


def _tell_format(path: str, head: bytes) -> Format:
    for magic, (got, advice) in _REFUSED.items():
        if head.startswith(magic):
            raise DataError(f"{path} is {got}, expected UTF-8 text, gzip, zstd or Parquet; {advice}")
    told = _by_name(path)
    if head.startswith(b"PAR1") and told != "text":
        return "parquet"
    if told == "parquet":
        raise DataError(f"{path} is not Parquet, expected it to begin with 'PAR1'; check the file or its name")
    if told is None:
        return "jsonl" if _first_line_is_object(head) else "text"
    if told == "jsonl":
        _refuse_whole_json(path, head)
    return told


def _by_name(path: str) -> Format | None:
    if path == "-":
        return "jsonl"
    stem, suffix = os.path.splitext(path.lower())
    if suffix in _COMPRESSED:
        suffix = os.path.splitext(stem)[1]
    return _SUFFIXES.get(suffix)


def _first_line(head: bytes) -> tuple[str, bool]:
    """Return the first line that is not blank as far as `head` shows it, and whether it shows its end."""
    line, newline, _ = head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    return line.decode("utf-8", "replace").strip(), bool(newline)


def _first_line_is_object(head: bytes) -> bool:
    line, ended = _first_line(head)
    if not ended:  # the rest is longer than the buffer, or has not arrived yet, or there is none
        return re.match(r'\{\s*["}]', line) is not None
    try:
        parse_object(line)
    except Malformed:
        return False
    return True


def _refuse_whole_json(path: str, head: bytes) -> None:
    """Refuse one JSON value spread over many lines: each of them would be reported as malformed."""
    line, ended = _first_line(head)
    if re.match(r"\[\s*\{", line) or (line == "[" and ended):
        raise DataError(f"{path} is one JSON array, expected one object a line; convert it: jq -c '.[]'")
    if line == "{" and ended:
        raise DataError(f"{path} is indented JSON, expected one whole object a line; convert it: jq -c .")
