"""The counts a corpus report is made of: bounded, exact, and the same in whatever order documents and shards come.

One `Tally` a shard, merged at the end. It holds integers only (counts, and the smallest hashes), in fixed bins,
so a resumed scan and an uninterrupted one give equal records, and the report is a function of the record. It holds no
text. A record is below 2 MB for a corpus of any size with up to five marks (hosts and files: `bounded_counts`; distinct
documents: `tally_distinct`).

What is counted: a row with text is a document. A row without one (`n_chars` null) is a document that was lost; the
losses themselves, which may be stretches without rows, come by `add_lost`, records that hold no text by `add_passed`.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from assay.errors import DataError

from .bounded_counts import CountsByName
from .tally_bins import F64, I64, N_LENGTHS, length_bins
from .tally_detector import VERDICTS, DetectorTally
from .tally_distinct import DistinctDocuments

VERSION: Final = 2
PLACES: Final = 20
"""Places of a loss that are kept for each reason."""

_CAPS: Final = {"hosts": 5000, "files": 5000, "reasons": 300, "languages": 300, "errors": 300, "declared": 50}
_NUMBER = re.compile(r"\d[\d.,e+-]*")
_HASH_BYTES = 16


class Tally:
    """Counts over the rows of a scan.

    Args:
        detectors: `DetectorInfo` records: `name`, and `gamma` of a mark.
        alpha: error rate of the verdicts.
    """

    def __init__(self, detectors: Sequence[Mapping[str, Any]], alpha: float) -> None:
        self.info = [dict(one) for one in detectors]
        self.alpha = alpha
        self.detectors = {one["name"]: DetectorTally(one["name"], one.get("gamma")) for one in self.info}
        self.overall = DetectorTally("")
        self.lost_documents = 0
        self.characters = 0
        self.lengths: I64 = np.zeros((N_LENGTHS, len(VERDICTS)), np.int64)
        self.named = {what: CountsByName(cap, len(VERDICTS)) for what, cap in _CAPS.items()}
        self.distinct = DistinctDocuments(len(self.detectors))
        self.lost: dict[str, dict[str, Any]] = {}
        self.passed: Counter[str] = Counter()

    @property
    def documents(self) -> int:
        """Documents read."""
        return int(self.lengths.sum())

    def add(self, rows: Any) -> None:
        """Count a `pyarrow.RecordBatch` or `Table` with the columns of a scan's output.

        Raises:
            DataError: if a column is missing.
        """
        import pyarrow as pa
        import pyarrow.compute

        pc: Any = pyarrow.compute
        table: Any = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        missing = [name for name in self._columns() if name not in table.column_names]
        if missing:
            raise DataError(f"rows of a scan have no column {missing[0]!r}; scan again into a new folder")
        has_text: Any = pc.is_valid(table["n_chars"])
        if lost := table.num_rows - int(pc.sum(has_text).as_py() or 0):
            self.lost_documents += lost
            self._name("errors", table.filter(pc.invert(has_text)), _error_slug)
            table = table.filter(has_text)
        if table.num_rows:
            self._documents(table)

    def _documents(self, table: Any) -> None:
        verdict = _codes(table["verdict"])
        n_chars: I64 = table["n_chars"].to_numpy().astype(np.int64)
        self.characters += int(n_chars.sum())
        crossed = np.bincount(length_bins(n_chars) * len(VERDICTS) + verdict, minlength=self.lengths.size)
        self.lengths += crossed.reshape(self.lengths.shape)
        words = _hash_words(table["hash"])
        u: F64 = ((words[:, 1] >> np.uint64(11)).astype(np.float64) + 1.0) / 2.0**53
        self.overall.add(_floats(table["log10_p"]), verdict, np.empty(0), np.empty(0, np.int64), u)
        cells = np.empty((len(u), len(self.detectors)), np.int16)
        for column, (name, tally) in enumerate(self.detectors.items()):
            cells[:, column] = tally.add(
                _floats(table[f"{name}.log10_p"]),
                _codes(table[f"{name}.verdict"]),
                _floats(table[f"{name}.statistic"]),
                np.nan_to_num(_floats(table[f"{name}.n_scored"])).astype(np.int64),
                u,
            )
        self.distinct.add(words[:, 0], cells)
        self._name("hosts", table, column="host")
        self._name("files", table, column="file")
        self._name("languages", table, column="language")
        self._name("declared", table, column="declared")
        self._name("errors", table, _error_slug)
        self._reasons(table)

    def _name(self, what: str, table: Any, slug: Any = str, *, column: str = "") -> None:
        column = column or "error"
        for name, counts in _crossed(table[column], _codes(table["verdict"])):
            if name or column in ("host", "language"):
                self.named[what].add(slug(name), counts)

    def _reasons(self, table: Any) -> None:
        for joined, counts in _crossed(table["reasons"], _codes(table["verdict"])):
            for slug in sorted({self.reason_slug(part) for part in joined.split("; ") if part}):
                self.named["reasons"].add(slug, counts)

    def reason_slug(self, reason: str) -> str:
        """Return a reason without its detector's name, with numbers as #: what is counted as one."""
        for name in self.detectors:
            reason = reason.removeprefix(f"{name}: ")
        return _NUMBER.sub("#", reason)

    def add_lost(self, reason: str, place: str, message: str) -> None:
        """Count what could not be read; of each reason the `PLACES` first places, in the order of their text, are kept."""
        entry = self.lost.setdefault(reason, {"count": 0, "places": []})
        entry["count"] += 1
        entry["places"] = sorted([*entry["places"], [place, message]])[:PLACES]

    def add_passed(self, passed: Mapping[str, int]) -> None:
        """Count records that are not text, by reason."""
        self.passed.update(dict(passed))

    def merge(self, other: "Tally") -> None:
        """Add the counts of another tally.

        Raises:
            DataError: if it was made with other detectors or another alpha.
        """
        if (self.info, self.alpha) != (other.info, other.alpha):
            raise DataError("two tallies were made with other detectors or another alpha; scan again into a new folder")
        for name, tally in self.detectors.items():
            tally.merge(other.detectors[name])
        self.overall.merge(other.overall)
        self.lost_documents += other.lost_documents
        self.characters += other.characters
        self.lengths += other.lengths
        for what, counts in self.named.items():
            counts.merge(other.named[what])
        self.distinct.merge(other.distinct)
        for reason, entry in other.lost.items():
            ours = self.lost.setdefault(reason, {"count": 0, "places": []})
            ours["count"] += entry["count"]
            ours["places"] = sorted([*ours["places"], *entry["places"]])[:PLACES]
        self.add_passed(other.passed)

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record: equal for equal documents, in whatever order they came."""
        return {
            "version": VERSION,
            "alpha": self.alpha,
            "detectors": self.info,
            "tallies": [tally.to_record() for tally in self.detectors.values()],
            "overall": self.overall.to_record(),
            "lost_documents": self.lost_documents,
            "characters": self.characters,
            "lengths": self.lengths.tolist(),
            "named": {what: counts.to_record() for what, counts in self.named.items()},
            "distinct": self.distinct.to_record(),
            "lost": {reason: self.lost[reason] for reason in sorted(self.lost)},
            "passed": {reason: self.passed[reason] for reason in sorted(self.passed) if self.passed[reason]},
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Tally":
        """Return the tally of a record.

        Raises:
            DataError: if it is of another version.
        """
        if record.get("version") != VERSION:
            raise DataError(
                f"a tally of version {record.get('version')}, expected {VERSION}; scan again into a new folder"
            )
        made = cls(record["detectors"], record["alpha"])
        made.detectors = {one["name"]: DetectorTally.from_record(one) for one in record["tallies"]}
        made.overall = DetectorTally.from_record(record["overall"])
        made.lost_documents, made.characters = record["lost_documents"], record["characters"]
        made.lengths += np.asarray(record["lengths"], np.int64)
        for what, counts in record["named"].items():
            made.named[what] = CountsByName.from_record(counts, _CAPS[what], len(VERDICTS))
        made.distinct = DistinctDocuments.from_record(record["distinct"], len(made.detectors))
        made.lost = {
            reason: {"count": entry["count"], "places": [list(place) for place in entry["places"]]}
            for reason, entry in record["lost"].items()
        }
        made.add_passed(record["passed"])
        return made

    def _columns(self) -> list[str]:
        shared = ["n_chars", "hash", "language", "declared", "verdict", "log10_p", "reasons", "error", "host", "file"]
        each = [f"{name}.{what}" for name in self.detectors for what in ("log10_p", "statistic", "n_scored", "verdict")]
        return shared + each


def _error_slug(error: str) -> str:
    return error.partition(":")[0]


def _codes(column: Any) -> I64:
    """Return the place of each verdict in `VERDICTS`; null is `abstain`."""
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute
    found: Any = pc.index_in(column.cast(pa.string()), value_set=pa.array(VERDICTS))
    return found.fill_null(VERDICTS.index("abstain")).to_numpy().astype(np.int64)


def _floats(column: Any) -> F64:
    """Return a column as (D,) float64, NaN for null."""
    import pyarrow as pa

    return column.cast(pa.float64()).to_numpy()


def _crossed(column: Any, verdict: I64) -> list[tuple[str, I64]]:
    """Return each distinct string of a column with its counts by verdict; null is empty."""
    import pyarrow as pa

    encoded: Any = column.cast(pa.string()).fill_null("").combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes: I64 = encoded.indices.to_numpy().astype(np.int64)
    names: list[str] = encoded.dictionary.to_pylist()
    width = len(VERDICTS)
    counts = np.bincount(codes * width + verdict, minlength=len(names) * width).reshape(-1, width)
    return list(zip(names, counts, strict=True))


def _hash_words(column: Any) -> Any:
    """Return (D, 2) uint64: the two halves of each 16-byte hash; zeros for null."""
    import pyarrow as pa

    held: Any = column.combine_chunks()
    if isinstance(held, pa.ChunkedArray):
        held = pa.concat_arrays(held.chunks)
    if held.null_count:
        held = pa.array([value or bytes(_HASH_BYTES) for value in held.to_pylist()], pa.binary(_HASH_BYTES))
    words = np.frombuffer(held.buffers()[1], ">u8", 2 * len(held), held.offset * _HASH_BYTES)
    return words.astype(np.uint64).reshape(-1, 2)
