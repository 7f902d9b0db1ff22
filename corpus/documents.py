r"""Documents to be examined, one after the other, from JSON Lines, Parquet, or text files (one document each).

Text is handed on as it stands in the file: line ends, white space and an empty text are kept, a byte order mark is not.
A NUL that JSON spells out (\u0000) is text like any other; a NUL byte in a text file means UTF-16 or no text at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from .parquet import read_parquet
from .records import (
    MAX_RECORD_BYTES,
    Record,
    Source,
    Unreadable,
    describe_utf8,
    kind_of,
    names_of,
    open_source,
    read_jsonl,
)

__all__ = ["Document", "Unreadable", "read_documents"]


@dataclass(frozen=True)
class Document:
    """One text; `fields` are the other fields of its record, `place` is where a user finds it.

    `given_id` is the id as the record has it, a string or an integer, so that results can be joined to their input.
    """

    id: str
    text: str
    fields: dict[str, Any]
    place: str
    given_id: str | int = field(default="", compare=False)


def read_documents(
    path: str, *, text_field: str = "text", stdin: BinaryIO | None = None, max_bytes: int = MAX_RECORD_BYTES
) -> Iterator[Document | Unreadable]:
    """Read the documents of `path` ("-" is JSON Lines on stdin) in order, one record in memory at a time.

    The file is opened at the call, so a wrong path is known before the first document is examined. A line or a text
    file of more than `max_bytes` is reported, not read. Ids that repeat are handed on as they are.

    Raises:
        DataError: if the file is missing, a directory, unreadable, or of a format that is not supported.

    """
    source = open_source(path, stdin, max_bytes)
    if source.format == "text":
        return _read_text(source)
    if source.format == "parquet":
        records = read_parquet(source, (text_field,))
    else:
        records = read_jsonl(source)
    return (_document(record, text_field) for record in records)


def _document(record: Record | Unreadable, text_field: str) -> Document | Unreadable:
    if isinstance(record, Unreadable):
        return record
    values = record.values
    if text_field not in values:
        message = f'field "{text_field}" is missing, got {names_of(list(values))}; name the right one with --text-field'
        return Unreadable(record.place, message, record.id)
    text = values[text_field]
    if not isinstance(text, str):
        message = f'field "{text_field}" must be a string, got {kind_of(text)}; repair the record'
        return Unreadable(record.place, message, record.id)
    fields = {name: value for name, value in values.items() if name not in ("id", text_field)}
    own = values.get("id")
    return Document(record.id, text, fields, record.place, record.id if own is None else own)


def _read_text(source: Source) -> Iterator[Document | Unreadable]:
    """Read the whole file as one document."""
    with source.stream as stream:
        try:
            data = stream.read(source.max_bytes + 1)
        except OSError as error:
            yield Unreadable(source.path, f"{error}; the document is lost; fetch the file again", source.name)
            return
    if len(data) > source.max_bytes:
        message = f"the file has more than {source.max_bytes:,} bytes, expected one document; split it"
        yield Unreadable(source.path, message, source.name)
        return
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        yield Unreadable(source.path, describe_utf8(error, f"the file (line {line_of(data, error)})"), source.name)
        return
    if "\0" in text:
        message = (
            "the file holds NUL characters, expected UTF-8 text; convert it if it is UTF-16, leave it out if binary"
        )
        yield Unreadable(source.path, message, source.name)
        return
    yield Document(source.name, text, {}, source.path, source.name)


def line_of(data: bytes, error: UnicodeDecodeError) -> int:
    """Return the line, from 1, on which the bad byte stands."""
    return data.count(b"\n", 0, error.start) + 1
