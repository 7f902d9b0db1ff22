"""Tell what a file is by its content, under its compression: WARC (WET, WAT), ARC, Parquet, JSON Lines, plain text."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal

from assay.errors import DataError

from .arc import fits_arc
from .crawl_items import Place
from .members import Unpacker, codec_of
from .records import Malformed, parse_object
from .remote import cannot_read, open_binary, size_of
from .warc import fits_warc
from .window import Window

Format = Literal["warc", "arc", "jsonl", "parquet", "text"]

HEAD_BYTES = 64 << 10
_JSONL_NAMES = (".jsonl", ".ndjson", ".json")
_COMPRESSED_NAMES = (".gz", ".zst", ".zstd", ".lz4")
_FOREIGN = {
    b"\xff\xfe": "UTF-16 text; convert it: iconv -f UTF-16 -t UTF-8",
    b"\xfe\xff": "UTF-16 text; convert it: iconv -f UTF-16 -t UTF-8",
    b"\xfd7zXZ\0": "xz-compressed; decompress it first: xz -dc",
    b"BZh": "bzip2-compressed; decompress it first: bzip2 -dc",
    b"%PDF-": "a PDF; extract its text first: pdftotext",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"PAR1": "Parquet inside another compression; decompress it first",
}
_WARC_LINE = re.compile(rb"(?:^|\n)WARC/[01]\.\d+[ \t]*\r?\n", re.IGNORECASE)


@dataclass(frozen=True)
class Told:
    """The format of a file, or None and why it is none that can be read."""

    format: Format | None
    why: str = ""
    compression: str = ""


def tell_format(path: str) -> Told:
    """Tell the format of a file.

    Raises:
        DataError: if it cannot be opened or read.

    """
    if size_of(path) == 0:
        return Told(None, "empty: 0 bytes")
    with open_binary(path) as file:
        try:
            if file.read(4) == b"PAR1":
                return Told("parquet")
            codec = codec_of(file)
            window = Window(iter(Unpacker(file, codec, Place(0, 0, 0), None, bool)), Place(0, 0, 0))
            damage = ""
            while not window.fill(HEAD_BYTES) and window.broken is not None and window.pos == len(window.data):
                damage = damage or window.broken.message
                window.recover()
        except OSError as error:
            raise DataError(cannot_read(path, error)) from error
        head = window.data[window.pos :]
    name = codec.name if codec else ""
    if not head:
        return Told(None, damage or "no data: nothing could be decompressed from it", name)
    told, why = _by_content(head, _stem(path), window.ended)
    return Told(told, why, name)


def _by_content(head: bytes, stem: str, whole: bool) -> tuple[Format | None, str]:
    for magic, why in _FOREIGN.items():
        if head.startswith(magic):
            return None, why
    if fits_warc(head):
        return "warc", ""
    if fits_arc(head):
        return "arc", ""
    if _holds_object(head) or (stem.endswith(_JSONL_NAMES) and _is_text(head, whole)):
        return "jsonl", ""
    if _WARC_LINE.search(head) and b"WARC-Type" in head and not _is_text(head, whole):
        return "warc", ""
    if _WARC_LINE.search(head) and stem.endswith((".warc", ".wet", ".wat")):
        return "warc", ""
    if _is_text(head, whole):
        return "text", ""
    return None, "no format that is read: not WARC, ARC, JSON Lines, Parquet or UTF-8 text"


def _stem(path: str) -> str:
    name = os.path.basename(path).lower()
    stem, suffix = os.path.splitext(name)
    return stem if suffix in _COMPRESSED_NAMES else name


def _holds_object(head: bytes) -> bool:
    """Say whether one of the first lines is a JSON object, or the head is the beginning of one long one."""
    lines = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n")
    for line in lines[:5]:
        if line.lstrip().startswith(b"{"):
            try:
                parse_object(line.decode("utf-8"))
            except (Malformed, UnicodeDecodeError):
                continue
            return True
    return len(lines) == 1 and re.match(rb'\{\s*"', lines[0]) is not None


def _is_text(head: bytes, whole: bool) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return not whole and error.end >= len(head) - 3 and error.reason == "unexpected end of data"
    return True
