"""Parquet rows as records, a batch at a time; pyarrow is imported here and nowhere else.

Values are those of `to_pylist`: dates, decimals and bytes arrive as Python objects, which `writer` knows how to write.
"""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from assay.errors import DataError

from .records import Record, Source, Unreadable, describe_utf8, make_record, names_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

BATCH_ROWS = 128


def read_parquet(source: Source, wanted: tuple[str, ...]) -> Iterator[Record | Unreadable]:
    """Read the rows of a Parquet file; the file is opened and its columns are checked at the call.

    Raises:
        DataError: if it is not whole, or has none of the columns `wanted`.

    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with source.stream as stream:
        if not isinstance(stream.raw, io.FileIO) or not stream.seekable():
            raise DataError(f"{source.path} is Parquet in a stream, expected a plain file; write it to a file first")
    try:
        file = pq.ParquetFile(source.path)
    except (pa.ArrowException, OSError) as error:
        got = " ".join(str(error).split())
        message = f"{source.path} is not a whole Parquet file ({got}), expected one; fetch or write it again"
        raise DataError(message) from error
    columns = list(file.schema_arrow.names)
    if not set(wanted) & set(columns):
        file.close()
        expected = " or ".join(f'"{name}"' for name in wanted)
        message = f"{source.path} has no column {expected}, got {names_of(columns)}; name the right column"
        raise DataError(message)
    return _rows(source, file)


def _rows(source: Source, file: "pq.ParquetFile") -> Iterator[Record | Unreadable]:
    import pyarrow as pa

    number = 0
    with file:
        batches = file.iter_batches(batch_size=BATCH_ROWS)
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                got = " ".join(str(error).split())
                yield _unreadable(
                    source, number + 1, f"{got}; this row and all after it are lost; fetch the file again"
                )
                return
            if batch is None:
                return
            for values in _values(batch):
                number += 1
                if isinstance(values, str):
                    yield _unreadable(source, number, values)
                else:
                    yield make_record(source, values, f"{source.path}:row {number}", f"{source.name}:{number}")


def _values(batch: "pa.RecordBatch") -> Iterator[dict[str, Any] | str]:
    """Yield each row as a dict, or as the reason why it is none (Arrow does not check UTF-8 when it reads)."""
    try:
        rows = batch.to_pylist()
    except ValueError:  # some row of the batch cannot be read: take them one by one, which says which
        rows = None
    if rows is not None:
        yield from rows
        return
    for row in range(batch.num_rows):
        try:
            yield batch.slice(row, 1).to_pylist()[0]
        except UnicodeDecodeError as error:
            yield describe_utf8(error, "a string")
        except ValueError as error:
            yield f"a value that Python cannot hold ({' '.join(str(error).split())}); repair the row"


def _unreadable(source: Source, row: int, message: str) -> Unreadable:
    return Unreadable(f"{source.path}:row {row}", message, f"{source.name}:{row}")
