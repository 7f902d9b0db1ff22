"""Write verdicts as dolma attributes: `attributes/EXPERIMENT/<same file>.jsonl.gz`, row by row beside the documents.

dolma (Soldaini et al. 2024, arXiv:2402.00159) keeps what taggers say apart from what they say it of: a line
{"id", "source", "attributes": {name: [[start, stop, value], ...]}} for each line of the document file, so that several taggers
live side by side and a mixer sets the thresholds later. Each of ours says one thing of the whole document, [[0, length, value]]:
`assay__NAME__log10_p` for each detector, `assay__log10_p` (corrected for how many looked) and `assay__detected`, 1 or 0. What
abstained says nothing: []. A document that could not be read has a line too, or the two files would be out of step.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .writer import JsonLinesWriter

if TYPE_CHECKING:
    from .crawl import CrawlDocument, Lost

_P = ".log10_p"


class SidecarWriter:
    """Writes one segment's attributes to `base`.attributes.jsonl.gz."""

    def __init__(self, base: Path) -> None:
        self._file = JsonLinesWriter(f"{base}.attributes.jsonl.gz")

    def add(self, items: Sequence["CrawlDocument | Lost"], rows: Any) -> None:
        """Write a line for each of `items` from its row (`pyarrow.RecordBatch`)."""
        from .keep import without_surrogates

        names = [name for name in rows.schema.names if name.endswith(_P)]
        columns = {attribute_name(name): rows.column(name).to_pylist() for name in [*names, "log10_p"]}
        lengths, verdicts = rows.column("n_chars").to_pylist(), rows.column("verdict").to_pylist()
        records: list[dict[str, Any]] = []
        for i, item in enumerate(items):
            whole = [0, lengths[i] or 0]
            said = {name: [] if values[i] is None else [[*whole, values[i]]] for name, values in columns.items()}
            said["assay__detected"] = [] if verdicts[i] == "abstain" else [[*whole, int(verdicts[i] == "detected")]]
            record: dict[str, Any] = {"id": item.id, "attributes": said}
            if isinstance(source := getattr(item, "fields", {}).get("source"), str):
                record = {"id": item.id, "source": source, "attributes": said}
            records.append(record)
        self._file.write_all([without_surrogates(record) for record in records])

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def attribute_name(column: str) -> str:
    """Return the attribute of a column: "greenlist:news.log10_p" is assay__greenlist_news__log10_p."""
    detector = column.removesuffix("log10_p").removesuffix(".")
    plain = re.sub(r"[^0-9A-Za-z_]+", "_", detector)
    return f"assay__{plain}__log10_p" if plain else "assay__log10_p"


def attribute_paths(paths: Sequence[str]) -> dict[str, str]:
    """Return for each document file its attribute file, relative to `attributes/EXPERIMENT/`.

    What follows "/documents/" in a path, as dolma lays its folders out; else what differs between the paths.
    """
    folders = [os.path.dirname(path) for path in paths]
    try:
        common = os.path.commonpath(folders) if folders else ""
    except ValueError:  # absolute and relative ones: nothing in common
        common = ""
    found: dict[str, str] = {}
    for path in paths:
        _, dolma, rest = path.rpartition("/documents/")
        relative = rest if dolma else os.path.relpath(path, common) if common else path.lstrip("/")
        stem = re.sub(r"(\.(gz|zst|lz4|bz2|xz))+$", "", relative.replace("://", "/"), flags=re.IGNORECASE)
        found[path] = f"{stem.removesuffix('.jsonl')}.jsonl.gz"
    return found
