"""Rows of a Parquet file as documents, row group by row group, so that reading can begin at any of them.

A row group that is damaged is a loss with its rows, and the next one is read. The file may be on any fsspec file system.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from assay.errors import DataError

from .crawl_items import CrawlDocument, Lost, ReadOptions
from .crawl_lines import document_of_values
from .records import describe_utf8, names_of
from .remote import one_line

BATCH_ROWS = 256


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
            elif self.row < rows:
                expected = f'no column "{options.text_field}", got {names_of(names)}'
                message = f"{rows:,} rows from row {base:,} have {expected}; name the right one with --text-field"
                self.row = rows
                yield Lost(base, "no_text_field", message, False, "")
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
                first = base + self.row
                message = f"{rows - self.row:,} rows from row {first:,} on are damaged ({one_line(error)})"
                self.row = rows
                yield Lost(first, "damaged_row_group", message, False, "")
                return
            if batch is None:
                return
            skip = max(0, self.row - passed)
            passed += batch.num_rows
            if skip >= batch.num_rows:
                continue
            for values in _values(batch.slice(skip)):
                number = base + self.row
                self.row += 1
                if isinstance(values, Lost):
                    yield Lost(number, values.reason, values.message, True, f"{file_name}:{number}")
                else:
                    yield document_of_values(values, number, options, f"{file_name}:{number}")


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
