"""What the fields of a benchmark's records mean: one file a format, in a registry, told by content where nobody says.

A format turns one record into the texts it holds (`Entry`): one of a row of RAID, two of an M4 pair, many of an HC3 question. Labels come out as `human` or
`machine`, texts as they stand. The name of what belongs together (`cluster`) holds the file's name where it is made of a row number, so that two text sets
over one file share clusters and two files do not.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Protocol, TypeVar

from assay.corpus.labelled import machine_label
from assay.corpus.records import Record, names_of
from assay.errors import DataError

from .plan_tables import nearest

HUMAN, MACHINE = "human", "machine"


@dataclass(frozen=True)
class Entry:
    """One text of a record, before anything is checked.

    Attributes:
        id: unique within its file, if the file keeps its word.
        text: what should be a string.
        label: human, machine, or what the record has instead.
        generator, domain, lang: empty if the record does not say.
        cluster: what it belongs together with; empty for a text by itself.
        fields: the other fields of its record.
    """

    id: str
    text: Any
    label: Any
    generator: str = ""
    domain: str = ""
    lang: str = ""
    cluster: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])


class TextFormat(Protocol):
    """One format.

    Attributes:
        name: in plans.
        summary: one line for people.
        own_texts: whether it finds texts and labels itself, so that `fields` cannot name others.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    own_texts: ClassVar[bool]

    @staticmethod
    def recognises(values: Mapping[str, Any]) -> bool:
        """Say whether a record is of this format."""
        ...

    @staticmethod
    def entries(record: Record, file: str) -> Iterator[Entry]:
        """Yield the texts of a record of the file named `file` (without folders).

        Raises:
            ValueError: with what is wrong with the record, in one line without its place.
        """
        ...


T = TypeVar("T")
_FORMATS: dict[str, Any] = {}
_BUILT_IN = {
    "raid": "format_raid",
    "fast-detectgpt": "format_fast_detectgpt",
    "hc3": "format_hc3",
    "m4": "format_m4",
    "detectrl": "format_detectrl",
    "mgtbench": "format_mgtbench",
    "plain": "format_plain",
}
"""Name to file, in the order in which a record is asked what it is: `plain` takes what has a text."""


def register_format(name: str) -> Callable[[type[T]], type[T]]:
    """Register the decorated class as the format `name`."""

    def add(kind: type[T]) -> type[T]:
        if name in _FORMATS and _FORMATS[name] is not kind:
            raise ValueError(f"format {name!r} is registered twice: {_FORMATS[name]} and {kind}")
        kind.name = name  # pyright: ignore[reportAttributeAccessIssue]
        _FORMATS[name] = kind
        return kind

    return add


def format_names() -> list[str]:
    """Return the names of all formats, in the order in which records are asked."""
    return list(dict.fromkeys([*(name for name in _FORMATS if name not in _BUILT_IN), *_BUILT_IN]))


def find_format(name: str) -> TextFormat:
    """Return a format, importing its file on first use.

    Raises:
        DataError: if there is none, with the nearest name.
    """
    if name not in _FORMATS and name in _BUILT_IN:
        import_module(f"assay.eval.{_BUILT_IN[name]}")
    if name not in _FORMATS:
        raise DataError(f"unknown format {name!r}; {nearest(name, ['auto', *format_names()])}")
    return _FORMATS[name]


def tell_format(record: Record, path: str) -> TextFormat:
    """Return the format of a record.

    Raises:
        DataError: if it is of none, naming its fields.
    """
    for name in format_names():
        found = find_format(name)
        if found.recognises(record.values):
            return found
    raise DataError(
        f"{path}: cannot tell its format from its fields {names_of(list(record.values))}; say which it is (format = one of "
        f'{", ".join(format_names())}), or which field has the text (fields = {{text = "..."}})'
    )


def text_label(value: Any) -> str:
    """Return human or machine for a label as the field writes it; empty if it says neither."""
    if isinstance(value, float) and value in (0.0, 1.0):
        value = int(value)
    if str(value).strip().lower() == "llm":
        return MACHINE
    machine = machine_label(value)
    return "" if machine is None else MACHINE if machine else HUMAN


def word_of(value: Any) -> str:
    """Return a field that should be a name as one: empty for null, NaN and the empty string."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value).strip()


def texts_of(value: Any) -> list[Any]:
    """Return one text or a list of them as a list; a missing one is none."""
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the fields of a record but those that are texts, which a subject does not carry twice."""
    return {name: value for name, value in values.items() if name not in names}
