"""Counts by name, bounded in size and the same whatever the order of the documents.

Schemes that keep the names seen most often (Misra-Gries, Space-Saving) depend on the order of the input, so a resumed
scan, or shards merged in another order, would not give the same report. `CountsByName` counts exactly up to a cap of distinct
names; beyond it keeps the names with the smallest hashes, the bottom-k sample (E. Cohen and H. Kaplan 2007, "Summarizing data
using bottom-k sketches", PODC). Whether a name is kept depends on its hash alone, so the counts of kept names are exact. What
is lost is said: past the cap the names are a random sample, and the most frequent one may not be among them.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from assay.errors import DataError
from numpy.typing import NDArray

LONGEST_NAME = 120
"""Characters of a name that are kept: an address may be kilobytes long."""


def _rank(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


class CountsByName:
    """Integer counts in `width` columns for at most `cap` names."""

    def __init__(self, cap: int, width: int = 1) -> None:
        self.cap = cap
        self.width = width
        self.truncated = False
        self._counts: dict[str, NDArray[np.int64]] = {}
        self._ranks: dict[str, int] = {}
        self._limit = 1 << 64

    def add(self, name: str, counts: Sequence[int] | NDArray[np.int64]) -> None:
        """Add the counts of one name, (width,) integers."""
        name = name[:LONGEST_NAME]
        kept = self._counts.get(name)
        if kept is not None:
            kept += np.asarray(counts, np.int64)
            return
        rank = _rank(name)
        if rank > self._limit:
            return
        self._counts[name] = np.array(counts, np.int64)
        self._ranks[name] = rank
        if len(self._counts) > 2 * self.cap:
            self._prune()

    def merge(self, other: "CountsByName") -> None:
        """Add the counts of another of the same cap and width."""
        other._prune()
        if other.truncated:
            self.truncated = True
            self._limit = min(self._limit, other._limit)
        for name, counts in other._counts.items():
            self.add(name, counts)
        self._prune()

    def counts(self) -> dict[str, NDArray[np.int64]]:
        """Return the counts of the kept names, by name."""
        self._prune()
        return {name: self._counts[name] for name in sorted(self._counts)}

    @property
    def names(self) -> int:
        """How many names there are: exact below the cap, an estimate (standard error 1 / sqrt(cap)) above."""
        self._prune()
        if not self.truncated:
            return len(self._counts)
        return round((self.cap - 1) / ((self._limit + 1) / 2.0**64))

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record."""
        return {"truncated": self.truncated, "counts": {k: v.tolist() for k, v in self.counts().items()}}

    @classmethod
    def from_record(cls, record: dict[str, Any], cap: int, width: int = 1) -> "CountsByName":
        """Return the counts of a record; `cap` and `width` are those it was made with."""
        made = cls(cap, width)
        for name, counts in record["counts"].items():
            if len(counts) != width:
                raise DataError(f"the counts of {name!r} have {len(counts)} columns, expected {width}; scan again")
            made.add(name, counts)
        if record["truncated"]:
            made.truncated = True
            made._limit = max(made._ranks.values())
        return made

    def _prune(self) -> None:
        """Keep the `cap` names of the smallest ranks."""
        keep = sorted((rank, name) for name, rank in self._ranks.items() if rank <= self._limit)
        if len(keep) > self.cap:
            self.truncated = True
            keep = keep[: self.cap]
            self._limit = keep[-1][0]
        if len(keep) < len(self._counts):
            self._counts = {name: self._counts[name] for _, name in keep}
            self._ranks = {name: rank for rank, name in keep}
