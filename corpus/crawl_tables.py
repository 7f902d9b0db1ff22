"""Rows of a Parquet file as documents, row group by row group, so that reading can begin at any of them.

Of a row group that is damaged or lacks the text column each row is a loss of its own, as the footer knows how many there
are, and the next one is read. The file may be on any fsspec file system.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from assay.errors import DataError

from .crawl_items import CrawlDocument, Lost, ReadOptions, lost_at, place_id
from .crawl_lines import document_of_values
from .records import describe_utf8, names_of
from .remote import one_line

BATCH_ROWS = 256
MAX_GROUP_ROWS = 64 << 20  # the most that Arrow writes: a footer that says more could hold a scan for ever


class TableReader:
    """The rows of row groups [start, stop); `group` and `row` say where reading stands, `row` inside the group."""

    def __init__(self, path: str, file: BinaryIO, start: int, stop: int | None) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self._file = pq.ParquetFile(file, pre_buffer=False, page_checksum_verification=True)
        except (pa.ArrowException, OSError) as error:
            got = one_line(error)
            message = f"{path} is not a whole Parquet file ({got}), expected one; fetch or write it again"
            raise DataError(message) from error
        self._metadata: Any = self._file.metadata
        groups = self._file.num_row_groups
        self._stop = groups if stop is None else min(stop, groups)
        self.group = start
        self.row = 0

    def seek(self, group: int, row: int) -> None:
        """Go on at a row of a row group."""
        self.group = group
        self.row = row

    def rows_of(self, group: int) -> int:
        """Return how many rows a row group has."""
        return int(self._metadata.row_group(group).num_rows)

    def bytes_before(self, start: int) -> int:
        """Return the compressed size of the row groups from `start` to where reading stands."""
        done = sum(self._size(group) for group in range(start, min(self.group, self._stop)))
        if self.row and self.group < self._stop:
            done += self._size(self.group) * self.row // max(1, self.rows_of(self.group))
        return done

    def _size(self, group: int) -> int:
        row_group: Any = self._metadata.row_group(group)
        return sum(int(row_group.column(i).total_compressed_size) for i in range(row_group.num_columns))

    def read(self, options: ReadOptions, file_name: str) -> Iterator[CrawlDocument | Lost]:
        """Yield the rows from where reading stands; `group` and `row` are those of the next one."""
        names: list[str] = list(self._file.schema_arrow.names)
        base = sum(self.rows_of(group) for group in range(self.group))
        while self.group < self._stop:
            rows = self.rows_of(self.group)
            if options.text_field in names:
                yield from self._read_group(base, options, file_name)
            else:
                got = f'the file has no column "{options.text_field}", got {names_of(names)}'
                yield from self._lose_rest(
                    base, "no_text_field", f"{got}; name the right one with --text-field", file_name
                )
            base += rows
            self.group, self.row = self.group + 1, 0

    def _read_group(self, base: int, options: ReadOptions, file_name: str) -> Iterator[CrawlDocument | Lost]:
        import pyarrow as pa

        rows = self.rows_of(self.group)
        passed = 0
        batches = self._file.iter_batches(batch_size=BATCH_ROWS, row_groups=[self.group])
        while True:
            try:
                batch: Any = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                got = f"row group {self.group:,} cannot be read from row {base + passed:,} on ({one_line(error)})"
                yield from self._lose_rest(base, "damaged_row_group", f"{got}; write the file again", file_name)
                return
            if batch is None:
                got = f"row group {self.group:,} ends at row {base + passed:,}, its footer says {base + rows:,}"
                yield from self._lose_rest(base, "damaged_row_group", f"{got}; write the file again", file_name)
                return
            skip = max(0, self.row - passed)
            passed += batch.num_rows
            if skip >= batch.num_rows:
                continue
            for values in _values(batch.slice(skip)):
                number = base + self.row
                self.row += 1
                place = number, 0, number
                if isinstance(values, Lost):
                    yield lost_at(place, values.reason, values.message, True, place_id(file_name, place))
                else:
                    yield document_of_values(values, place, options, file_name)

    def _lose_rest(self, base: int, reason: str, message: str, file_name: str) -> Iterator[Lost]:
        """Yield a loss for each row of the group from `row` on: rows stay in line with the file's."""
        rows = self.rows_of(self.group)
        if rows - self.row > MAX_GROUP_ROWS:
            place = base + self.row, 0, 0
            self.row = rows
            yield lost_at(place, reason, f"{message}; the footer's {rows:,} rows are not believed", False)
        while self.row < rows:
            number = base + self.row
            self.row += 1
            place = number, 0, number
            yield lost_at(place, reason, message, True, place_id(file_name, place))


def _values(batch: Any) -> Iterator[dict[str, Any] | Lost]:
    """Yield each row as a dict, or why it is none (Arrow does not check UTF-8 when it reads)."""
    try:
        rows: list[dict[str, Any]] | None = batch.to_pylist()
    except ValueError:  # some row cannot be read: take them one by one, which says which
        rows = None
    if rows is not None:
        yield from rows
        return
    for row in range(batch.num_rows):
        try:
            yield batch.slice(row, 1).to_pylist()[0]
        except UnicodeDecodeError as error:
            yield Lost(0, "bad_utf8", describe_utf8(error, "a string"), True, "")
        except ValueError as error:
            yield Lost(0, "bad_value", f"a value that Python cannot hold ({one_line(error)}); repair the row", True, "")
