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

    `offset` and `skip` lead back to it. `offset` is a byte of the file: of a plain file where the line or record
    begins, of a compressed one where the member or frame does; decompressed from there, the line or record begins
    `skip` bytes in (0 in plain files and with one member a record). Of Parquet `offset` is the row from 0. `url` is ""
    where there is none.
    """

    id: str
    text: str
    offset: int
    url: str
    fields: dict[str, Any]
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """Something that cannot be read; `reason` is a slug, `message` one line.

    `row` is true where it stood in the place of one document (a line, a row, a text record), false for a stretch of
    the file that may have held any number of them. `offset` and `skip` are as those of a document.
    """

    offset: int
    reason: str
    message: str
    row: bool
    id: str
    skip: int = 0


class Passed(NamedTuple):
    """A whole record that holds no text; `what` says of which kind ("request", "image/png")."""

    what: str


PlaceNumbers = tuple[int, int, int]  # those of a `Place`, which is too slow to make for each line or row


class Place(NamedTuple):
    """A place in a possibly compressed file: where a member begins, and how many decompressed bytes into it.

    Of a plain file every byte begins a member. `total` counts the plain bytes before the place since the start of the
    stream.
    """

    member: int
    skip: int
    total: int

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


def place_id(file_name: str, place: PlaceNumbers) -> str:
    """Return the id of what has none of its own: its place, which nothing else in the file has."""
    member, skip, _ = place
    return f"{file_name}:{member}+{skip}" if skip else f"{file_name}:{member}"


def lost_at(place: PlaceNumbers, reason: str, message: str, row: bool, own_id: str = "") -> Lost:
    """Make a loss of a place; inside a member the message says how far, as the file offset alone does not."""
    member, skip, _ = place
    if skip:
        message = f"{message}; {skip:,} plain bytes into the member at file offset {member:,}"
    return Lost(member, reason, message, row, own_id, skip)
