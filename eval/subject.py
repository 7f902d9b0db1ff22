"""A text as it goes through an evaluation: what is known of it, and nothing of what becomes of it."""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Subject:
    """One text of an evaluation, before any attack.

    Attributes:
        id: unique within its source.
        text: as it came.
        label: who wrote it.
        source: dataset, or generation and mark ("gen/w1").
        role: `test`, or `calibration`: sets thresholds and is never tested.
        mark: name of the mark it carries; empty without one.
        generator, domain, lang, group: as its record says; empty if unknown.
        cluster: texts that are not independent share it.
        fields: the other fields of its record.
    """

    id: str
    text: str
    label: Literal["human", "machine"]
    source: str
    role: Literal["test", "calibration"] = "test"
    mark: str = ""
    generator: str = ""
    domain: str = ""
    lang: str = ""
    group: str = ""
    cluster: str = ""
    fields: dict[str, Any] = field(default_factory=dict[str, Any], compare=False)
