"""What reading a crawl yields: a document, or a loss with its place; and the options that decide what is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple, cast, get_args

from assay.errors import DataError

Extractor = Literal["resiliparse", "trafilatura"]


@dataclass(frozen=True)
class ReadOptions:
    """How documents are taken from files.

    `max_record_bytes` caps a record as it stands in the file and its body once decompressed; `max_text_chars` caps
    the text. What is longer is a `Lost` "too_big", and reading goes on behind it.

    Raises:
        DataError: if an option has an unknown value or is below 1.

    """

    text_field: str = "text"
    extract: Extractor = "resiliparse"
    max_record_bytes: int = 64 << 20
    max_text_chars: int = 10_000_000

    def __post_init__(self) -> None:
        if self.extract not in get_args(Extractor):
            expected = " or ".join(get_args(Extractor))
            raise DataError(f"extract is {self.extract!r}, expected {expected}; name one of them")
        for name in ("max_record_bytes", "max_text_chars"):
            if getattr(self, name) < 1:
                raise DataError(f"{name} must be >= 1, got {getattr(self, name)}; give a larger cap")

    def to_record(self) -> dict[str, Any]:
        """Return the options as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> ReadOptions:
        """Build the options that `to_record` gave; unknown names are left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in record.items() if name in known})


@dataclass(frozen=True, slots=True)
class CrawlDocument:
    """One text of a crawl.

    `offset` is the place in the file: the byte offset of the line, the record, or the compressed member that begins
    with it; inside a member or frame, the decompressed offset in it is added (of compressed lines: in the whole
    stream). Of Parquet it is the row from 0. `url` is "" where there is none.
    """

    id: str
    text: str
    offset: int
    url: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lost:
    """Something that cannot be read; `reason` is a slug, `message` one line.

    `row` is true where it stood in the place of one document (a line, a row, a text record), false for a stretch of
    the file that may have held any number of them.
    """

    offset: int
    reason: str
    message: str
    row: bool
    id: str


class Passed(NamedTuple):
    """A whole record that holds no text; `what` says of which kind ("request", "image/png")."""

    what: str


class Place(NamedTuple):
    """A place in a possibly compressed file: where a member begins, and how many decompressed bytes into it.

    `total` counts the decompressed bytes before the place since the start of the stream.
    """

    member: int
    skip: int
    total: int

    @property
    def offset(self) -> int:
        """The number that stands for the place: the file offset where the place begins a member."""
        return self.member + self.skip

    def to_record(self) -> dict[str, Any]:
        """Return the place as a JSON-able position."""
        return {"member": self.member, "skip": self.skip, "total": self.total}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Place:
        """Build the place that `to_record` gave.

        Raises:
            DataError: if the record is none.

        """
        values = [record.get(name) for name in cls._fields]
        if not all(isinstance(value, int) and value >= 0 for value in values):
            raise DataError(f"a position must hold member, skip and total >= 0, got {record}; start the shard anew")
        return cls(*cast("list[int]", values))
