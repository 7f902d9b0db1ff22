"""The table a scan writes: one row for each document, and for each place where one should have stood.

Columns: row (ordinal in the shard, from 0), id, file, offset and skip (which lead to the document: `CrawlDocument`), host, and then
what the scorer says (`scan_columns.py`). A document that could not be read or took too long keeps its row: the scorer's columns are
null but for the verdict, which is "abstain", and `error`, "reason: message"; so rows stand in line with the input.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .crawl import CrawlDocument, Lost


def rows_schema(scored: Any) -> Any:
    """Return the schema of the output (`pyarrow.Schema`) for that of the scorer's columns."""
    import pyarrow as pa

    own = [
        ("row", pa.int64()),
        ("id", pa.string()),
        ("file", pa.dictionary(pa.int32(), pa.string())),
        ("offset", pa.int64()),
        ("skip", pa.int64()),
        ("host", pa.string()),
    ]
    return pa.schema([*(pa.field(*one) for one in own), *scored])


def host_of(url: str) -> str:
    """Return the host of an absolute URL in lower case, "" if it has none; quick, as every document is asked."""
    _, found, rest = url.partition("://")
    if not found:
        return ""
    for end in "/?#":
        rest = rest.partition(end)[0]
    host = rest.rpartition("@")[2]
    return (host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]).lower()


def build_rows(items: Sequence["CrawlDocument | Lost"], first_row: int, file: str, scored: Any, schema: Any) -> Any:
    """Return the rows (`pyarrow.RecordBatch`) of `items`; `scored` holds one row for each that is a document, in order."""
    import numpy as np
    import pyarrow as pa

    from .crawl import CrawlDocument

    read = np.fromiter((isinstance(item, CrawlDocument) for item in items), bool, len(items))
    ids = [utf8(item.id) for item in items]
    places = [pa.array([getattr(item, name) for item in items], pa.int64()) for name in ("offset", "skip")]
    hosts = [utf8(host_of(item.url)) if isinstance(item, CrawlDocument) else "" for item in items]
    names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(items), np.int32)), pa.array([utf8(file)]))
    rows = pa.array(np.arange(first_row, first_row + len(items), dtype=np.int64))
    own = [rows, pa.array(ids, pa.string()), names, *places, pa.array(hosts, pa.string())]
    columns = scored.columns if read.all() else _with_gaps(items, read, scored)
    return pa.RecordBatch.from_arrays([*own, *columns], schema=schema)


def _with_gaps(items: Sequence["CrawlDocument | Lost"], read: Any, scored: Any) -> list[Any]:
    """Spread the scored rows over all items; the others are null but for what has to be said of them."""
    import numpy as np
    import pyarrow as pa

    from .crawl import CrawlDocument

    place = pa.array(np.cumsum(read) - 1, pa.int64(), mask=~read)
    columns: list[Any] = []
    for field, column in zip(scored.schema, scored.columns, strict=True):
        spread = column.take(place)
        if field.name == "verdict":
            spread = _filled(spread, ["abstain"] * len(items), ~read)
        elif field.name == "error":
            said = ["" if isinstance(item, CrawlDocument) else utf8(f"{item.reason}: {item.message}") for item in items]
            spread = _filled(spread, said, ~read)
        columns.append(spread)
    return columns


def _filled(column: Any, values: list[str], where: Any) -> Any:
    """Return `column` with `values` at `where`, in its own type."""
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute
    is_dictionary = pa.types.is_dictionary(column.type)
    plain = column.cast(pa.string()) if is_dictionary else column
    mixed = pc.if_else(pa.array(where), pa.array(values, pa.string()), plain)
    return mixed.dictionary_encode().cast(column.type) if is_dictionary else mixed


def utf8(text: str) -> str:
    """Return `text` with a question mark for each lone surrogate, which no UTF-8 file can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
