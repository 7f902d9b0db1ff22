"""The finished stretches of an unfinished shard, and how they become its files.

A segment is a Parquet file of rows, what is kept of its documents, and a JSON record written last: how far the reader is and all
counts so far. A worker that comes after a kill goes on behind the last one that is whole. Segments end at counts of documents, never
at times, so that the joined files are the same bytes however often the work was interrupted.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .durable import read_json, replace_durably, write_json

if TYPE_CHECKING:
    from .crawl import CrawlDocument, Lost
    from .keep import KeepWriter
    from .sidecar import SidecarWriter

_COPY_BYTES = 1 << 20
_PARQUET: dict[str, Any] = {"compression": "zstd", "compression_level": 1}


class SegmentWriter:
    """One segment while it is written, under temporary names in the shard's folder of parts."""

    def __init__(
        self, folder: Path, number: int, schema: Any, keep: "KeepWriter | None", sidecar: "SidecarWriter | None"
    ) -> None:
        import pyarrow.parquet as pq

        self._folder, self._number = folder, number
        self._rows: Any = pq.ParquetWriter(folder / "open.parquet", schema, **_PARQUET)
        self._batches: list[Any] = []
        self._schema = schema
        self._others = [writer for writer in (keep, sidecar) if writer is not None]

    def add(self, items: "list[CrawlDocument | Lost]", rows: Any) -> None:
        """Add a batch: its items, and their rows (`pyarrow.RecordBatch`)."""
        self._batches.append(rows)
        for writer in self._others:
            writer.add(items, rows)

    def table(self) -> Any:
        """Return the rows so far as a `pyarrow.Table`."""
        import pyarrow as pa

        return pa.Table.from_batches(self._batches, self._schema)

    def finish(self, record: Mapping[str, Any]) -> None:
        """Give all files their names, the record last."""
        self._rows.write_table(self.table())
        self._rows.close()
        for writer in self._others:
            writer.close()
        for path in sorted(self._folder.glob("open.*")):
            suffix = path.name.removeprefix("open")
            replace_durably(path, self._folder / f"{self._number:05d}{suffix}")
        write_json(self._folder / f"{self._number:05d}.json", dict(record))

    def abandon(self) -> None:
        """Let go of the open files after an error; what they hold is begun again."""
        self._rows.close()
        for writer in self._others:
            writer.close()


def open_base(folder: Path) -> Path:
    """Return how the names of the files of the segment in work begin."""
    return folder / "open"


def last_segment(folder: Path) -> dict[str, Any] | None:
    """Return the record of the last whole segment, with its "number"; what a kill left after it is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [int(path.stem) for path in folder.glob("*.json") if path.stem.isdigit()]
    last = max(numbers, default=-1)
    for path in folder.iterdir():
        head = path.name.partition(".")[0]
        if path.name.endswith(".tmp") or not head.isdigit() or int(head) > last:
            path.unlink()
    record = read_json(folder / f"{last:05d}.json") if last >= 0 else None
    return None if record is None else {**record, "number": last}


def join_rows(folder: Path, path: Path, schema: Any) -> str:
    """Make the rows of all segments one Parquet file, a row group each, and return its BLAKE2b-128 in hex."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    segments = sorted(folder.glob("[0-9]*.parquet"))
    if len(segments) == 1:  # a copy, as the parts stay until the shard is marked as done
        _join_bytes(segments, temporary)
    else:
        writer: Any = pq.ParquetWriter(temporary, schema, **_PARQUET)
        for segment in segments:
            table = pq.read_table(segment, schema=schema)
            writer.write_table(table, row_group_size=max(1, table.num_rows))
        writer.close()
    digest = file_hash(temporary)
    replace_durably(temporary, path)
    return digest


def join_streams(folder: Path, suffix: str, path: Path) -> str:
    """Put the compressed parts that end in `suffix` one after the other: zstd and gzip allow that. Returns the hash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    _join_bytes(sorted(folder.glob(f"[0-9]*{suffix}")), temporary)
    digest = file_hash(temporary)
    replace_durably(temporary, path)
    return digest


def _join_bytes(parts: list[Path], path: Path) -> None:
    with path.open("wb") as out:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, out, _COPY_BYTES)


def file_hash(path: str | os.PathLike[str]) -> str:
    """Return the BLAKE2b-128 of a file in hex."""
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(_COPY_BYTES):
            digest.update(block)
    return digest.hexdigest()
