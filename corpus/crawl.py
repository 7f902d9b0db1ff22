"""The documents of one shard of a crawl, streaming: WET, WARC, ARC, JSON Lines, Parquet, plain text.

Compression (gzip in any member layout, zstd with dictionaries, lz4, none) is told by content. Memory is bounded by the
caps of `ReadOptions`, whatever the size of the file. What cannot be read is a `Lost` with its place, and reading goes
on behind it; what holds no text is counted by kind in `passed`. `position` says where reading stands: a reader that
begins there yields what is left, neither more nor less.

Not here: which files and shards there are (`shards`), time limits for one document (the scan's), deduplication.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from assay.errors import DataError

from .arc import fits_arc, read_arc_records
from .crawl_items import CrawlDocument, Lost, Passed, Place, ReadOptions, place_id
from .crawl_lines import Line, document_of_line, fits_lines, read_lines, read_whole
from .members import Unpacker, codec_of
from .remote import cannot_read, open_binary
from .warc import WarcRecord
from .warc_members import RecordStream
from .warc_text import read_text
from .window import Window

if TYPE_CHECKING:
    from .shards import Shard

__all__ = ["CrawlDocument", "CrawlReader", "Lost", "ReadOptions"]

Item = CrawlDocument | Lost | Passed


class _Backend(Protocol):
    """A kind of file: its items, and where reading stands between two of them."""

    def items(self) -> Iterator[Item]: ...

    def position(self) -> dict[str, Any]: ...

    def bytes_read(self) -> int: ...


class CrawlReader:
    """Iterate over the documents and losses of a shard, from `position` on if one is given.

    Raises (while iterating):
        DataError: if the file cannot be opened or read, or vanishes.

    """

    def __init__(self, shard: Shard, options: ReadOptions, position: dict[str, Any] | None = None) -> None:
        self._shard = shard
        self._options = options
        self._position = dict(position) if position is not None else {}
        passed: dict[str, int] = self._position.get("passed", {})
        self.passed: Counter[str] = Counter(passed)
        self._backend: _Backend | None = None
        self._ended = bool(self._position.get("done"))

    def __iter__(self) -> Iterator[CrawlDocument | Lost]:
        path = self._shard.path
        if self._ended:
            return
        with open_binary(path) as file:
            try:
                self._backend = self._open(file)
                for item in self._backend.items():
                    if isinstance(item, Passed):
                        self.passed[item.what] += 1
                    else:
                        yield item
            except OSError as error:
                raise DataError(cannot_read(path, error)) from error
        self._ended = True

    def position(self) -> dict[str, Any]:
        """Return where reading stands, JSON-able: behind the last item that was yielded."""
        if self._ended:
            place = {"done": True}
        else:
            place = self._backend.position() if self._backend else self._position
        return {**place, "passed": dict(self.passed)}

    @property
    def bytes_read(self) -> int:
        """How many bytes of the (compressed) file were consumed, counted from the shard's start."""
        return self._backend.bytes_read() if self._backend else 0

    def _open(self, file: BinaryIO) -> _Backend:
        shard = self._shard
        if shard.format == "parquet":
            return _Table(shard, self._options, self._position, file)
        return _Stream(shard, self._options, self._position, file)


class _Stream:
    """A file that is a stream of bytes: records, lines, or one text."""

    def __init__(self, shard: Shard, options: ReadOptions, position: dict[str, Any], file: BinaryIO) -> None:
        codec = codec_of(file)
        start = Place(shard.start, 0, 0 if codec else shard.start)
        at = Place.from_record(position) if position.get("member") is not None else start
        self._shard = shard
        self._options = options
        self._name = os.path.basename(shard.path)
        self._records = RecordStream(file, codec, at, shard.stop, options.max_record_bytes)
        self._unpacker = Unpacker(file, codec, at, shard.stop, fits_arc if shard.format == "arc" else fits_lines)
        self._window = Window(iter(self._unpacker), at, plain=codec is None)

    def items(self) -> Iterator[Item]:
        window, options = self._window, self._options
        if self._shard.format == "warc":
            return self._texts(iter(self._records))
        if self._shard.format == "arc":
            return self._texts(read_arc_records(window, options.max_record_bytes))
        if self._shard.format == "jsonl":
            return self._documents()
        return iter([read_whole(window, options, self._name)])

    def position(self) -> dict[str, Any]:
        if self._shard.format == "text":
            return {"done": True}
        place = self._records.place() if self._shard.format == "warc" else self._window.place()
        return place.to_record() if place else {"done": True}

    def bytes_read(self) -> int:
        warc = self._shard.format == "warc"
        return (self._records.bytes_taken() if warc else self._unpacker.bytes_taken) - self._shard.start

    def _texts(self, records: Iterator[WarcRecord | Lost]) -> Iterator[Item]:
        for record in records:
            yield record if isinstance(record, Lost) else read_text(record, self._options, self._name)

    def _documents(self) -> Iterator[Item]:
        for line in read_lines(self._window, self._options.max_record_bytes):
            if isinstance(line, Line):
                item = document_of_line(line, self._options, self._name)
            else:
                item = replace(line, id=place_id(self._name, (line.offset, line.skip, 0))) if line.row else line
            if item is not None:
                yield item


class _Table:
    """A Parquet file."""

    def __init__(self, shard: Shard, options: ReadOptions, position: dict[str, Any], file: BinaryIO) -> None:
        from .crawl_tables import TableReader

        self._start = shard.start
        self._reader = TableReader(shard.path, file, shard.start, shard.stop)
        if "group" in position:
            self._reader.seek(position["group"], position["row"])
        self._items = self._reader.read(options, os.path.basename(shard.path))

    def items(self) -> Iterator[Item]:
        return iter(self._items)

    def position(self) -> dict[str, Any]:
        return {"group": self._reader.group, "row": self._reader.row}

    def bytes_read(self) -> int:
        return self._reader.bytes_before(self._start)
