"""Texts with a label, for training and testing classifiers: human or machine, with a group to leave out and a cluster that belongs together.

A record without a usable label or group is reported with its place and left out; the others go on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from assay.errors import DataError
from numpy.typing import NDArray

from .documents import Document, read_documents

HUMAN = ("human", "0", "false")
MACHINE = ("ai", "machine", "synthetic", "generated", "1", "true")

_SAID = 3  # records that are complained of one by one


@dataclass(frozen=True)
class Fields:
    """Names of the fields of a labelled record; no group field means one group, no cluster field each text by itself."""

    text: str = "text"
    label: str = "label"
    group: str | None = None
    cluster: str | None = None


@dataclass
class Labelled:
    """N labelled texts.

    Attributes:
        texts: as read.
        machine: per text, whether a machine wrote it.
        groups: name of what is left out together (a domain, a generator).
        clusters: name of what is resampled together (the same prompt or original).
        skipped: records that could not be used.
    """

    texts: list[str] = field(default_factory=list[str])
    machine: list[bool] = field(default_factory=list[bool])
    groups: list[str] = field(default_factory=list[str])
    clusters: list[str] = field(default_factory=list[str])
    skipped: int = 0

    @property
    def labels(self) -> NDArray[np.bool_]:
        """(N,) bool, True for machine text."""
        return np.array(self.machine, np.bool_)


def read_labelled(files: Sequence[str], fields: Fields, say: Callable[[str], None]) -> Labelled:
    """Return the labelled texts of JSON Lines or Parquet files; each record that cannot be used goes to `say`.

    Raises:
        DataError: if a file cannot be opened, or nothing usable is left, or only one label.
    """
    found = Labelled()
    first = ""
    for path in files:
        for document in read_documents(path, text_field=fields.text):
            problem = _add(found, document, fields) if isinstance(document, Document) else document.message
            if problem:
                found.skipped += 1
                first = first or f"{document.place}: {problem}"
                if found.skipped <= _SAID:
                    say(f"{document.place}: {problem}")
    if found.skipped > _SAID:
        say(f"and {found.skipped - _SAID:,} more records that could not be used")
    if not found.texts:
        raise DataError(
            f"none of {found.skipped:,} records could be used; the first: {first}" if first else _empty(files)
        )
    if not any(found.machine) or all(found.machine):
        kind = "machine" if any(found.machine) else "human"
        raise DataError(
            f"need human and machine texts, got {len(found.texts):,} {kind} ones only; expected both in field {fields.label!r}"
        )
    return found


def _empty(files: Sequence[str]) -> str:
    return f"{', '.join(files)}: no documents; expected human and machine texts, one JSON object a line"


def _add(found: Labelled, document: Document, fields: Fields) -> str:
    """Add one document; return what is wrong with it, or nothing."""
    values = document.fields
    label = machine_label(values.get(fields.label))
    if label is None:
        got = repr(values[fields.label]) if fields.label in values else "no such field"
        return (
            f"field {fields.label!r} must be human or ai (or 0 or 1), got {got}; name the right one with --label-field"
        )
    if fields.group is not None and not isinstance(values.get(fields.group), str | int):
        got = repr(values[fields.group]) if fields.group in values else "no such field"
        return f"field {fields.group!r} must name the group, got {got}; name the right one with --group-field"
    found.texts.append(document.text)
    found.machine.append(label)
    found.groups.append("all" if fields.group is None else str(values[fields.group]))
    cluster = None if fields.cluster is None else values.get(fields.cluster)
    found.clusters.append(f"text {len(found.texts)}" if cluster is None else f"cluster {cluster}")
    return ""


def machine_label(value: Any) -> bool | None:
    """Return whether a label says machine; None if it says neither."""
    name = str(value).strip().lower()
    return True if name in MACHINE else False if name in HUMAN else None
