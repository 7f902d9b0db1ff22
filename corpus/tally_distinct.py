"""Which documents of a corpus are distinct: a random sample of them, each once, and how much copies weigh.

A page copied a thousand times is one piece of evidence. Scaling all counts by one factor is right only if every page is
copied equally often; one page of p = 0.002 copied 1,000 times would pass for a share of marked text. So the share of a corpus
with copies is that of its DISTINCT documents, read off a sample in which each stands once: the documents with the smallest
hashes (bottom-k, as in `bounded_counts`), with the cell that each detector counted them in. Up to `SAMPLE` distinct documents it is all of
them. What beyond that tells whether copies matter:

* the number of distinct documents, (k - 1) / (the largest hash held, as a share of all hashes), standard error 0.8 %;
* Kish's effective number, N^2 / sum of squared multiplicities (L. Kish 1965, Survey Sampling, section 11.7), which sees the single
  heavy page that a sample misses. The sum is estimated from documents counted in 4096 slots by their hash, (c - mean)^2
  summed (as in N. Alon, Y. Matias and M. Szegedy 1999), standard error 2.2 %.

All of it is the same in whatever order documents and shards come. Near copies are distinct here.
"""

import base64
from typing import Any, Final

import numpy as np
from assay.errors import DataError
from numpy.typing import NDArray

from .tally_bins import I64

SAMPLE: Final = 1 << 14
_SLOTS = 1 << 12
_SLOT_SHIFT = np.uint64(52)
_MOST = (1 << 64) - 1
_FEW_DISTINCT, _LITTLE_EFFECTIVE = 0.97, 0.9  # four standard errors below 1

U64 = NDArray[np.uint64]
I16 = NDArray[np.int16]


class DistinctDocuments:
    """A sample of distinct documents with `columns` cells each; a cell is a bin, -1 where a detector tested nothing."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._slots: I64 = np.zeros(_SLOTS, np.int64)
        self._ranks: U64 = np.zeros(0, np.uint64)
        self._cells: I16 = np.zeros((0, columns), np.int16)
        self._limit = _MOST
        self._waiting: list[tuple[U64, I16]] = []

    def add(self, ranks: U64, cells: I16) -> None:
        """Add D documents: (D,) 64 bits of their hashes and (D, columns) cells."""
        self._slots += np.bincount((ranks >> _SLOT_SHIFT).astype(np.int64), minlength=_SLOTS)
        small = ranks <= np.uint64(self._limit)
        self._waiting.append((ranks[small], cells[small]))
        if sum(len(waiting) for waiting, _ in self._waiting) > SAMPLE:
            self._settle()

    def merge(self, other: "DistinctDocuments") -> None:
        """Add the documents of another of as many columns."""
        other._settle()
        self._settle()
        self._limit = min(self._limit, other._limit)
        self._waiting = [(other._ranks, other._cells)]
        self._slots += other._slots
        self._settle()

    @property
    def documents(self) -> int:
        """Documents seen, copies included."""
        return int(self._slots.sum())

    @property
    def complete(self) -> bool:
        """Whether the sample holds every distinct document."""
        self._settle()
        return self._limit == _MOST

    @property
    def distinct(self) -> float:
        """Distinct documents: exact where the sample is complete."""
        if self.complete:
            return float(len(self._ranks))
        return (SAMPLE - 1) / ((self._limit + 1) / 2.0**64)

    @property
    def effective(self) -> float:
        """Kish's effective number of documents."""
        counts = self._slots.astype(np.float64)
        squares = float(np.square(counts - counts.mean()).sum()) / (1.0 - 1.0 / _SLOTS)
        return counts.sum() ** 2 / squares if squares else 0.0

    @property
    def copies_matter(self) -> bool:
        """Whether a share must be read off the sample and not off all documents."""
        n = self.documents
        if self.complete:
            return len(self._ranks) < n
        return self.distinct < _FEW_DISTINCT * n or self.effective < _LITTLE_EFFECTIVE * n

    def counts(self, column: int, size: int) -> I64:
        """Return (size,) how many distinct documents of the sample each cell of a column holds."""
        self._settle()
        cells = self._cells[:, column]
        return np.bincount(cells[cells >= 0].astype(np.int64), minlength=size)

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record."""
        self._settle()
        width = next(size for size in (2, 4, 8) if int(self._slots.max()) < 1 << (8 * size))
        return {
            "limit": self._limit,
            "ranks": _text(self._ranks.astype("<u8")),
            "cells": _text(self._cells.astype("<i2")),
            "slots": _text(self._slots.astype(f"<u{width}")),
        }

    @classmethod
    def from_record(cls, record: dict[str, Any], columns: int) -> "DistinctDocuments":
        """Return the documents of a record.

        Raises:
            DataError: if its parts do not belong together.
        """
        made = cls(columns)
        ranks = np.frombuffer(base64.b64decode(record["ranks"]), "<u8")
        cells = np.frombuffer(base64.b64decode(record["cells"]), "<i2")
        content = base64.b64decode(record["slots"])
        slots = np.frombuffer(content, f"<u{len(content) // _SLOTS}")
        if len(cells) != len(ranks) * columns or len(slots) != _SLOTS:
            raise DataError(
                f"a tally has {len(cells)} cells for {len(ranks)} documents, expected {columns} a document; "
                "scan again into a new folder"
            )
        made._limit = record["limit"]
        made._ranks = ranks.astype(np.uint64)
        made._cells = cells.astype(np.int16).reshape(-1, columns)
        made._slots += slots.astype(np.int64)
        return made

    def _settle(self) -> None:
        """Take in what waits: each hash once, the smallest `SAMPLE` of them.

        A text read in two ways (a declared language) has two cells; the larger stands, whichever came first.
        """
        if not self._waiting:
            return
        ranks = np.concatenate([self._ranks, *(one for one, _ in self._waiting)])
        cells = np.concatenate([self._cells, *(one for _, one in self._waiting)])
        self._waiting = []
        small = ranks <= np.uint64(self._limit)
        ranks, cells = ranks[small], cells[small]
        order = np.argsort(ranks, kind="stable")
        self._ranks, first = np.unique(ranks[order], return_index=True)
        self._cells = np.maximum.reduceat(cells[order], first, axis=0) if len(first) else cells
        if len(self._ranks) > SAMPLE:
            self._ranks, self._cells = self._ranks[:SAMPLE], self._cells[:SAMPLE]
            self._limit = int(self._ranks[-1])


def _text(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode()
