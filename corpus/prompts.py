"""Prompts to generate from: JSON Lines or Parquet, or a text file with one prompt a line.

A record's prompt is its field `prompt_field`, failing that "messages", failing that `text_field`. Each may hold a string or a
chat: a list of {"role", "content"}, for the model's chat template. The fields that were not chosen stay in `fields`.
(Chat data sets such as UltraChat hold a "prompt" and, in "messages", the prompt with its answer: the prompt must win.)
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from .parquet import read_parquet
from .records import (
    MAX_RECORD_BYTES,
    Malformed,
    Record,
    Source,
    Unreadable,
    kind_of,
    names_of,
    open_source,
    read_jsonl,
    read_lines,
)

__all__ = ["Prompt", "Unreadable", "read_prompts"]

Messages = tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Prompt:
    """One prompt; where `messages` is not empty it is a chat, and `text` only its last message, for show."""

    id: str
    text: str
    fields: dict[str, Any]
    messages: Messages = ()


def read_prompts(
    path: str,
    *,
    prompt_field: str = "prompt",
    text_field: str = "text",
    stdin: BinaryIO | None = None,
    max_bytes: int = MAX_RECORD_BYTES,
) -> Iterator[Prompt | Unreadable]:
    """Read the prompts of `path` ("-" is JSON Lines on stdin); of those with the same id only the first is one.

    Raises:
        DataError: if the file is missing, a directory, unreadable, or of a format that is not supported.

    """
    source = open_source(path, stdin, max_bytes)
    names = tuple(dict.fromkeys((prompt_field, "messages", text_field)))
    if source.format == "text":
        records = _one_a_line(source, prompt_field)
    elif source.format == "parquet":
        records = read_parquet(source, names)
    else:
        records = read_jsonl(source)
    return _distinct(records, names)


def _one_a_line(source: Source, prompt_field: str) -> Iterator[Record | Unreadable]:
    for line in read_lines(source):
        if isinstance(line, Unreadable):
            yield line
        else:
            number, text = line
            yield Record(f"{source.name}:{number}", f"{source.path}:{number}", {prompt_field: text})


def _distinct(records: Iterator[Record | Unreadable], names: tuple[str, ...]) -> Iterator[Prompt | Unreadable]:
    places: dict[str, str] = {}  # id -> where it was seen first
    for record in records:
        if isinstance(record, Unreadable):
            yield record
            continue
        try:
            prompt = _prompt(record, names)
        except Malformed as error:
            yield Unreadable(record.place, str(error), record.id)
            continue
        first = places.setdefault(record.id, record.place)
        if first == record.place:
            yield prompt
        else:
            message = f"the id {json.dumps(record.id)} stands at {first} already, expected it once; prompt left out"
            yield Unreadable(record.place, message, record.id)


def _prompt(record: Record, names: tuple[str, ...]) -> Prompt:
    values = record.values
    chosen = next((name for name in names if values.get(name) is not None), None)
    if chosen is None:
        expected = " or ".join(f'"{name}"' for name in names)
        raise Malformed(f"no prompt: expected a field {expected}, got {names_of(list(values))}; name the right field")
    fields = {name: value for name, value in values.items() if name not in ("id", chosen)}
    value = values[chosen]
    if isinstance(value, str):
        return Prompt(record.id, value, fields)
    messages = _messages(chosen, value)
    return Prompt(record.id, messages[-1]["content"], fields, messages)


def _messages(field: str, value: object) -> Messages:
    if not isinstance(value, list) or not value:
        got = "an empty list" if value == [] else kind_of(value)
        raise Malformed(f'field "{field}" must be a string or a list of messages, got {got}; repair the record')
    messages = cast("list[Any]", value)
    for number, message in enumerate(messages, 1):
        parts = cast("dict[str, Any]", message) if isinstance(message, dict) else {}
        if not isinstance(parts.get("role"), str) or not isinstance(parts.get("content"), str):
            expected = '{"role": string, "content": string}'
            raise Malformed(f'message {number} of field "{field}" must be {expected}; repair the record')
    return tuple(messages)
