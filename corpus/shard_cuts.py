"""Where a long file may be cut so that every document is whole and in exactly one part.

Plain JSON Lines at line starts; gzip WARC (one member a record, as Common Crawl writes it) at members that begin with a
record; Parquet between row groups. Everything else stays whole: a gzip, zstd or lz4 stream cannot be entered in the
middle, a plain WARC has no mark that its own contents could not hold.

A gzip WARC may hold another one inside a record, whose members look like its own. So a cut is not the next magic bytes
but the end of a chain of members that began `LOOK_BACK_BYTES` before it: only a record of more than that many
compressed bytes could mislead it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from .compression import Gzip
from .crawl_items import Place
from .members import Piece, Unpacker
from .remote import open_binary
from .warc import fits_warc

if TYPE_CHECKING:
    from .told_format import Format

LOOK_BACK_BYTES = 4 << 20
LINE_STEP_BYTES = 1 << 16


def cuts_of(path: str, kind: Format, compression: str, size: int, shard_bytes: int) -> list[int]:
    """Return the places of the cuts, rising and inside the file: byte offsets, of Parquet row groups.

    Raises:
        DataError: if the file cannot be read.

    """
    if kind == "parquet":
        return _between_row_groups(path, shard_bytes)
    if kind == "jsonl" and not compression:
        find = _line_start
    elif kind == "warc" and compression == "gzip":
        find = _member_start
    else:
        return []
    cuts: list[int] = []
    with open_binary(path) as file:
        last = 0
        while last + shard_bytes < size:
            cut = find(file, last + shard_bytes, last)
            if cut is None or cut >= size:
                break
            cuts.append(cut)
            last = cut
    return cuts


def _line_start(file: BinaryIO, target: int, last: int) -> int | None:
    """Return where the first line begins at or after byte `target`, None if none does."""
    at = max(target - 1, last)
    file.seek(at)
    while chunk := file.read(LINE_STEP_BYTES):
        newline = chunk.find(b"\n")
        if newline >= 0:
            return at + newline + 1
        at += len(chunk)
    return None


def _member_start(file: BinaryIO, target: int, last: int) -> int | None:
    """Return where the first member with a record begins at or after byte `target`; one begins at `last`."""
    codec = Gzip()
    begin = max(last, target - LOOK_BACK_BYTES)
    for item in Unpacker(file, codec, Place(begin, 0, 0), None, fits_warc):
        if isinstance(item, Piece) and item.skip == 0 and item.member >= target and fits_warc(item.data):
            return item.member
    return None


def _between_row_groups(path: str, shard_bytes: int) -> list[int]:
    import pyarrow.parquet as pq

    cuts: list[int] = []
    with open_binary(path) as file:
        metadata: Any = pq.ParquetFile(file).metadata
        held = 0
        for i in range(metadata.num_row_groups):
            group: Any = metadata.row_group(i)
            size = sum(int(group.column(j).total_compressed_size) for j in range(group.num_columns))
            if held and held + size > shard_bytes:
                cuts.append(i)
                held = 0
            held += size
    return cuts
