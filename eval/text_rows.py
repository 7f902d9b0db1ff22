"""The records of a file of texts, whatever holds them: JSON Lines, one JSON value, CSV, Parquet, a `datasets` folder or hub id.

`corpus/records.py` reads what people feed a command; benchmarks also come as one indented JSON list (DetectRL), one JSON object of lists (Fast-DetectGPT) and
CSV of gigabytes (RAID). What holds a file is told by its content, gzip and zstd undone. JSON Lines, CSV and Parquet are read one record at a time; one JSON value
is read whole. Nothing is executed: a cell with a Python literal is text here.

Not here: what the fields of a record mean (`text_formats.py`).
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, cast

from assay.corpus.decompress import head_of, open_bytes
from assay.corpus.parquet import read_parquet
from assay.corpus.records import (
    MAX_RECORD_BYTES,
    Malformed,
    Record,
    Source,
    Unreadable,
    kind_of,
    parse_object,
    read_jsonl,
)
from assay.errors import DataError

Rows = Iterator[Record | Unreadable]
Holder = Literal["jsonl", "json", "csv", "parquet", "datasets"]

TEXT_COLUMNS = ("text", "generation", "machine_text", "human_answers", "human", "original", "question", "Question")
"""Columns of which a Parquet or CSV file with texts has at least one, unless the user names another."""

_MAX_FIELD = 16 << 20
"""Bytes of one CSV field; Python's own limit, 128 KiB, is below the longest documents."""


def open_rows(path: str, text_field: str = "") -> Rows:
    """Return the records of a file in order; it is opened, and what holds it told, at the call.

    Args:
        path: a file; a folder that `datasets` can read goes through `dataset_rows`.
        text_field: name of the text field where the user gives one.

    Raises:
        DataError: if it cannot be opened, or holds none of the formats.
    """
    stream = open_bytes(path, None)
    head = head_of(stream)
    holder = _holder(path, head, text_field)
    if holder == "csv":
        return _csv_rows(path, stream)
    if holder == "json":
        return _json_rows(path, stream)
    if holder == "jsonl":
        return read_jsonl(Source(path, "jsonl", stream, MAX_RECORD_BYTES))
    wanted = (text_field,) if text_field else TEXT_COLUMNS
    return read_parquet(Source(path, "parquet", stream, MAX_RECORD_BYTES), wanted)


def dataset_rows(path_or_id: str, config: str, split: str, revision: str) -> Rows:
    """Return the records of a split of a `datasets` hub id or folder, streaming.

    Raises:
        DataError: in one line, if the library is not there, or the data set or split is not.
    """
    check_datasets(path_or_id)
    datasets: Any = import_module("datasets")
    try:
        saved = Path(path_or_id).is_dir() and _is_saved(Path(path_or_id))
        loaded: Any = (
            datasets.load_from_disk(path_or_id)
            if saved
            else datasets.load_dataset(path_or_id, config or None, streaming=True, revision=revision or None)
        )
    except Exception as error:  # the library raises dozens of kinds; each becomes the one line that the user reads
        raise DataError(f"cannot load the data set {path_or_id!r}: {_first_line(error)}; check its name") from error
    if isinstance(loaded, Mapping) or hasattr(loaded, "keys"):
        names = [str(name) for name in loaded]
        chosen = split or (names[0] if len(names) == 1 else "")
        if chosen not in names:
            got = f"no split {split!r}" if split else "several splits"
            raise DataError(f"data set {path_or_id!r} has {got}; name one as split: {', '.join(names)}")
        loaded = loaded[chosen]
    return _numbered(loaded, Path(path_or_id).name + (f"[{split}]" if split else ""))


def check_datasets(path_or_id: str) -> None:
    """Refuse a data set where the library that reads it is not installed; nothing is imported.

    Raises:
        DataError: in one line.
    """
    from importlib.util import find_spec

    if find_spec("datasets") is None:
        raise DataError(f"the data set {path_or_id!r} needs the package datasets; install it: pip install datasets")


def _is_saved(folder: Path) -> bool:
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _numbered(rows: Any, name: str) -> Rows:
    for number, row in enumerate(rows, 1):
        place = f"{name}:row {number}"
        yield Record(own_id(row, f"{name}:{number}"), place, dict(row))


def own_id(values: Mapping[str, Any], otherwise: str) -> str:
    """Return a record's own id, or `otherwise`."""
    own = values.get("id")
    return str(own) if isinstance(own, str | int) and not isinstance(own, bool) and own != "" else otherwise


def _holder(path: str, head: bytes, text_field: str) -> Holder:
    if head.startswith(b"PAR1"):
        return "parquet"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        return "json"
    if start.startswith(b"{"):
        return "jsonl" if _one_object_a_line(start) else "json"
    columns = _header(start)
    if _stem(path).endswith((".csv", ".tsv")) or {text_field, *TEXT_COLUMNS} & set(columns) - {""}:
        return "csv"
    got = "nothing" if not start else repr(start[:30].decode("utf-8", "replace"))
    raise DataError(
        f"{path} begins with {got}; expected JSON Lines, a JSON list or object, CSV with a header, or Parquet; check the file"
    )


def _one_object_a_line(start: bytes) -> bool:
    """Say whether the first line is a whole object, as far as the head of the file shows."""
    line, newline, _ = start.partition(b"\n")
    if not newline:
        return line.strip() != b"{"
    try:
        parse_object(line.decode("utf-8"))
    except (Malformed, UnicodeDecodeError):
        return False
    return True


def _stem(path: str) -> str:
    return path.lower().removesuffix(".gz").removesuffix(".zst")


def _header(start: bytes) -> list[str]:
    line = start.partition(b"\n")[0].decode("utf-8", "replace")
    return next(csv.reader([line], delimiter="\t" if "\t" in line and "," not in line else ","), [])


def _json_rows(path: str, stream: "io.BufferedReader[Any]") -> Rows:
    """Yield the objects of a JSON list, or the one object of a file."""
    name = os.path.basename(path)
    with stream:
        try:
            value: Any = json.loads(stream.read())
        except OSError as error:
            raise DataError(f"{path}: {error}; fetch the file again") from error
        except (ValueError, RecursionError) as error:  # no UTF-8, no JSON
            raise DataError(f"{path} is not JSON: {_first_line(error)}; repair the file") from error
    if isinstance(value, dict):
        yield Record(name, path, cast("dict[str, Any]", value))
        return
    for number, item in enumerate(cast("list[Any]", value), 1):
        place, default = f"{path}:item {number}", f"{name}:{number}"
        if isinstance(item, dict):
            row = cast("dict[str, Any]", item)
            yield Record(own_id(row, default), place, row)
        else:
            yield Unreadable(place, f"expected a JSON object, got {kind_of(item)}; repair the list", default)


def _csv_rows(path: str, stream: "io.BufferedReader[Any]") -> Rows:
    """Yield the rows of a CSV file (RFC 4180, header first) with the line each ends on; empty cells are empty strings."""
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_FIELD))
    name = os.path.basename(path)
    with io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        delimiter = "\t" if _stem(path).endswith(".tsv") else ","
        reader = csv.reader(text, delimiter=delimiter)
        columns = _next_row(reader, path)
        if not isinstance(columns, list):
            raise DataError(f"{path} has no header; expected CSV with names in its first line")
        number = 0
        while (cells := _next_row(reader, path)) is not None:
            number += 1
            place, default = f"{path}:{reader.line_num}", f"{name}:{number}"
            if isinstance(cells, str):
                yield Unreadable(place, cells, default)
                if cells.startswith(_LOST):
                    return
            elif cells:
                yield _csv_record(columns, cells, place, default)


_LOST = "the rest is lost"


def _next_row(reader: Any, path: str) -> list[str] | str | None:
    """Return the next row, None at the end, or what is wrong with it."""
    try:
        return next(reader, None)
    except csv.Error as error:
        return f"not CSV: {error}; repair the row"
    except OSError as error:
        return f"{_LOST}: {error}; fetch {os.path.basename(path)} again"


def _csv_record(columns: list[str], cells: list[str], place: str, default: str) -> Record | Unreadable:
    if len(cells) != len(columns):
        return Unreadable(
            place, f"the row has {len(cells)} cells, expected {len(columns)} as in the header; repair the row", default
        )
    if any("\udc80" <= char <= "\udcff" for cell in cells if not cell.isascii() for char in cell):
        return Unreadable(place, "the row is not UTF-8; convert the file with iconv", default)
    values = dict(zip(columns, cells, strict=True))
    return Record(own_id(values, default), place, values)


def peeked(rows: Rows) -> tuple[Record | None, Rows]:
    """Return the first record that can be read (None if there is none), and all rows, that one included."""
    seen: list[Record | Unreadable] = []
    first: Record | None = None
    for row in rows:
        seen.append(row)
        if isinstance(row, Record):
            first = row
            break
    return first, _chained(seen, rows)


def _chained(seen: list[Record | Unreadable], rows: Rows) -> Rows:
    yield from seen
    yield from rows


def first_record(open_: Callable[[], Rows]) -> Record | None:
    """Return the first record of a file that is read no further."""
    return peeked(open_())[0]
