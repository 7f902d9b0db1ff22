"""Write the documents a scan keeps, and beside them those it drops with the reason: `kept/` and `dropped/`, JSON Lines in zstd.

A kept record is the document as it was read: its id, its text under the name it had, and the other fields of its row (JSON Lines,
Parquet) or what the crawl says of it (url, date ...). A dropped one has "assay" besides: verdict, log10_p, reasons, error, file,
offset; one that could not be read has no text. A lone surrogate, which JSON escapes can spell and UTF-8 cannot, becomes U+FFFD.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from assay.errors import DataError

from .writer import JsonLinesWriter

if TYPE_CHECKING:
    from .crawl import CrawlDocument, Lost


class KeepWriter:
    """Writes one segment's kept and dropped documents to `base`.kept.jsonl.zst and `base`.dropped.jsonl.zst."""

    folders = {"kept": ".jsonl.zst", "dropped": ".jsonl.zst"}  # noqa: RUF012 (a constant of the class)

    def __init__(self, base: Path, verdicts: Sequence[str], text_field: str) -> None:
        self._verdicts = frozenset(verdicts)
        self._text_field = text_field
        self._kept = JsonLinesWriter(f"{base}.kept.jsonl.zst")
        self._dropped = JsonLinesWriter(f"{base}.dropped.jsonl.zst")

    def add(self, items: Sequence["CrawlDocument | Lost"], rows: Any) -> None:
        """Write `items` to one file or the other by the verdicts of their rows (`pyarrow.RecordBatch`)."""
        from .crawl import CrawlDocument

        columns = rows.select(["verdict", "log10_p", "reasons", "error", "file", "offset", "skip"]).to_pylist()
        kept: list[dict[str, Any]] = []
        dropped: list[dict[str, Any]] = []
        for item, found in zip(items, cast("list[dict[str, Any]]", columns), strict=True):
            record: dict[str, Any] = {"id": item.id}
            if isinstance(item, CrawlDocument):
                url = {"url": item.url} if item.url and "url" not in item.fields else {}
                record = {**record, self._text_field: item.text, **url, **item.fields}
                if found["verdict"] in self._verdicts:
                    kept.append(record)
                    continue
            why = {name: value for name, value in found.items() if value not in (None, "")}
            dropped.append({**record, "assay": why})
        _write(self._kept, kept)
        _write(self._dropped, dropped)

    def close(self) -> None:
        """Finish both files."""
        self._kept.close()
        self._dropped.close()


def _write(writer: JsonLinesWriter, records: list[dict[str, Any]]) -> None:
    try:
        writer.write_all(records)
    except DataError as error:
        if not isinstance(error.__cause__, UnicodeEncodeError):
            raise
        writer.write_all([cast("dict[str, Any]", without_surrogates(record)) for record in records])


def without_surrogates(value: Any) -> Any:
    """Copy a JSON value with U+FFFD for each lone surrogate."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {without_surrogates(key): without_surrogates(item) for key, item in items}
    if isinstance(value, list | tuple):
        return [without_surrogates(item) for item in cast("list[Any]", value)]
    return value
