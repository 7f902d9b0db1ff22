"""Header blocks of WARC and HTTP: names in any case, lines that end in CR LF or LF, folded lines, odd lines left out."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_HEADER_BYTES = 1 << 20
_FIELD = re.compile(r"\n([^:\r\n]*):[ \t]*([^\r\n]*)")


def find_end(data: bytes, start: int) -> tuple[int, int] | None:
    """Return where the block that begins at `start` ends and where what follows begins; None if no end is seen."""
    strict = data.find(b"\r\n\r\n", start)
    loose = data.find(b"\n\n", start, strict if strict >= 0 else len(data))
    mixed = data.find(b"\n\r\n", start, strict if strict >= 0 else len(data))
    ends = [(at, at + n) for at, n in ((strict, 4), (loose, 2), (mixed, 3)) if at >= 0]
    return min(ends) if ends else None


def parse_headers(block: bytes) -> dict[str, str]:
    """Return the fields of a block without its first line; names in lower case, of repeated ones the first.

    A folded line (it begins with white space) goes on the value above it; a line without a colon is left out.
    """
    text = block.decode("utf-8", "replace")
    if "\n " not in text and "\n\t" not in text:
        return {name.strip().lower(): value.rstrip() for name, value in reversed(_FIELD.findall(text))}
    headers: dict[str, str] = {}
    last = ""
    for line in text.split("\n")[1:]:
        name, colon, value = line.partition(":")
        if line[:1] in (" ", "\t"):
            if last:
                headers[last] = f"{headers[last]} {line.strip()}"
        elif colon:
            last = name.strip().lower()
            headers.setdefault(last, value.strip())
    return headers


@lru_cache(maxsize=256)  # a crawl holds few, and every record has one
def media_type(value: str) -> str:
    """Return `text/html` of `Text/HTML; charset=UTF-8`."""
    return value.partition(";")[0].strip().strip("\"'").lower()


def charset_of(value: str) -> str:
    """Return the charset parameter of a content type, "" if it has none."""
    found = re.search(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]+)", value, re.IGNORECASE)
    return found[1].lower() if found else ""
