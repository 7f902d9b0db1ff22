r"""Declarations of machine origin that stand in a text itself: found, reported, and taken out before the text is tested.

Two are known:

* `c2pa`: the wrapper of a C2PA manifest in unstructured text (C2PA 2.4, annex A.8): U+FEFF, then one variation
  selector a byte: U+FE00 + b for b < 16, else U+E0100 + b - 16. The bytes are the magic `C2PATXT\0`, a version, the manifest's length (4 bytes, big-endian),
  and the manifest (JUMBF). Prefix and magic are 34 bytes of UTF-8, always the same. Readers eat a U+FEFF that opens a file, so the magic counts without
  it. The manifest is not verified: that takes certificates and the network. It says where a text comes from, which need not be a machine.
* `assay`: a text that is itself a record of `assay generate`, as a crawl that fetched such a file would hold it (one JSON object, or one a line):
  `"source_type": "trainedAlgorithmicMedia"` in its `provenance`. What remains is the text fields. The record beside a text, in the fields of the
  file that it was read from, is found by `declares_machine`.

A declaration is neither proof nor detection: anyone can add or remove one. Stripped of it a text is tested as if it had none.
Looking costs under a microsecond: an astral needle is refused by CPython for any text of the Basic Plane without a look at it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["", "c2pa", "assay"]
_MACHINE = frozenset({"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"})
_SOURCE_TYPE = "trainedAlgorithmicMedia"
_BOM = "\ufeff"
_HEADER_BYTES = 13
_OBJECT = re.compile(r"\s*\{")


def _selector(byte: int) -> str:
    return chr(0xFE00 + byte) if byte < 16 else chr(0xE0100 + byte - 16)


_MAGIC = "".join(map(_selector, b"C2PATXT\0"))
PREFIX = _BOM + _MAGIC
"""What every C2PA text wrapper begins with: nine characters, 34 bytes of UTF-8."""


@dataclass(frozen=True)
class Declared:
    """What a text declares of itself.

    Attributes:
        kind: `c2pa`, `assay`, or empty.
        text: the text without its declarations.
        manifest: the bytes of the first C2PA manifest; empty if there is none, or it is cut short.
        problem: what is wrong with the declaration, in words; else empty.
    """

    kind: Kind
    text: str
    manifest: bytes = b""
    problem: str = ""


def declared(text: str) -> Declared | None:
    """Return what a text declares of itself; None if nothing, as almost always."""
    if _MAGIC in text:
        return _c2pa(text)
    return _generated(text) if _OBJECT.match(text) and _SOURCE_TYPE in text else None


def declares_machine(fields: Mapping[str, Any]) -> bool:
    """Say whether the fields beside a text hold a provenance record of ours, or of the same form, that names a machine."""
    return _names_machine(fields.get("provenance"))


def wrapper(manifest: bytes, version: int = 1) -> str:
    """Return the C2PA text wrapper of a manifest, to be appended to a text."""
    head = b"C2PATXT\0" + bytes([version]) + len(manifest).to_bytes(4, "big")
    return _BOM + "".join(map(_selector, head + manifest))


def _c2pa(text: str) -> Declared:
    """Cut every wrapper out; one that promises more bytes than stand there goes as far as its selectors do."""
    kept: list[str] = []
    manifests: list[bytes] = []
    problem, at = "", 0
    while (found := text.find(_MAGIC, at)) >= 0:
        start = found - (text[found - 1 : found] == _BOM)
        kept.append(text[at:start])
        content, at, cut = _read(text, found)
        manifests.append(content)
        problem = problem or cut
    kept.append(text[at:])
    if len(manifests) > 1:
        problem = problem or f"{len(manifests)} wrappers, where the standard allows one"
    return Declared("c2pa", "".join(kept), manifests[0], problem)


def _read(text: str, start: int) -> tuple[bytes, int, str]:
    """Return the manifest whose magic begins at `start`, where its wrapper stops, and what is wrong with it."""
    head = _bytes(text, start, _HEADER_BYTES)
    length = int.from_bytes(head[9:], "big") if len(head) == _HEADER_BYTES else 0
    content = _bytes(text, start + len(head), length)
    stop = start + len(head) + len(content)
    if len(head) == _HEADER_BYTES and len(content) == length:
        return content, stop, ""
    return b"", stop, f"the manifest is cut short: {len(content)} of {length} bytes"


def _bytes(text: str, start: int, most: int) -> bytes:
    """Return the bytes of the variation selectors from `start` on; no slice, for a length that lies would copy the whole text."""
    found = bytearray()
    for at in range(start, min(start + most, len(text))):
        code = ord(text[at])
        if 0xFE00 <= code <= 0xFE0F:
            found.append(code - 0xFE00)
        elif 0xE0100 <= code <= 0xE01EF:
            found.append(code - 0xE0100 + 16)
        else:
            break
    return bytes(found)


def _generated(text: str) -> Declared | None:
    """Return the texts of records of `assay generate`, if every line, or the whole, is one or another JSON object."""
    records = _records(text)
    if not any(_names_machine(record.get("provenance")) for record in records):
        return None
    texts = [record["text"] for record in records if isinstance(record.get("text"), str)]
    return Declared("assay", "\n".join(texts))


def _records(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects that a text consists of; none if it holds anything else."""
    for parts in ([text], text.splitlines()):
        try:
            values: list[Any] = [json.loads(part) for part in parts if part.strip()]
        except (ValueError, RecursionError):
            continue
        return values if all(isinstance(value, dict) for value in values) else []
    return []


def _names_machine(provenance: Any) -> bool:
    if isinstance(provenance, str):  # a Parquet file may hold it as JSON
        try:
            provenance = json.loads(provenance)
        except (ValueError, RecursionError):
            return False
    if not isinstance(provenance, Mapping):
        return False
    source: Any = provenance.get("source_type")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] (JSON)
    return isinstance(source, str) and source in _MACHINE
