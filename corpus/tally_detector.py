"""What a tally keeps of one detector: verdicts, the histogram of its p-values, and for a mark its documents by length.

The table of a mark holds documents by number of scored tokens and by depth of a RANDOMISED p-value: with X green tokens
of n, p = P[X' > X] + u P[X' = X], u uniform. It is exactly uniform on unmarked text whatever n, where the exact tail is
only super-uniform and its steps depend on n (D. R. Cox and D. V. Hinkley 1974, Theoretical Statistics, section 4.5); so
one null law fits all lengths and `assay.corpus.share` needs no second one. u is taken from the document's hash: the
same document has the same p in every run. Nothing is decided by this p: verdicts and discoveries use the exact tail.
"""

from typing import Any

import numpy as np
from assay.errors import DataError
from numpy.typing import NDArray

from .tally_bins import DEPTH_EDGES, F64, I64, P_EDGES, TOKEN_EDGES, depth_bins, p_bins, token_bins

VERDICTS = ("detected", "not_detected", "abstain")
"""Order of the verdicts in every row of counts."""


class DetectorTally:
    """Counts of one detector; `gamma` is the null chance of a green token, None for what has no such law."""

    def __init__(self, name: str, gamma: float | None = None) -> None:
        self.name = name
        self.gamma = gamma
        self.verdicts: I64 = np.zeros(len(VERDICTS), np.int64)
        self.p_values: I64 = np.zeros(len(P_EDGES), np.int64)
        self.depths: I64 = np.zeros((len(TOKEN_EDGES), len(DEPTH_EDGES)), np.int64)

    @property
    def tested(self) -> int:
        """Documents that have a p-value."""
        return int(self.p_values.sum())

    @property
    def table(self) -> I64:
        """What the share is read off: the (T, D) table of a mark, the (B,) histogram of another."""
        return self.p_values if self.gamma is None else self.depths

    def add(self, log10_p: F64, verdict: I64, statistic: F64, n_scored: I64, u: F64) -> NDArray[np.int16]:
        """Add D documents; all arguments are (D,), verdicts are codes into `VERDICTS`, -1 for none, p is NaN for no p-value.

        Returns the cell of the (flat) `table` that each document was counted in, (D,), -1 for none.
        """
        cells = np.full(len(log10_p), -1, np.int16)  # a table has 20,600 cells at most
        self.verdicts += np.bincount(verdict[verdict >= 0], minlength=len(VERDICTS))
        spoke = ~np.isnan(log10_p)
        bins = p_bins(log10_p[spoke])
        self.p_values += np.bincount(bins, minlength=len(P_EDGES))
        if self.gamma is None:
            cells[spoke] = bins
            return cells
        spoke &= n_scored > 0
        length, green = n_scored[spoke], np.rint(statistic[spoke]).astype(np.int64)
        depth = depth_bins(randomised(log10_p[spoke], green, length, u[spoke], self.gamma))
        cell = token_bins(length) * len(DEPTH_EDGES) + depth
        self.depths += np.bincount(cell, minlength=self.depths.size).reshape(self.depths.shape)
        cells[spoke] = cell
        return cells

    def merge(self, other: "DetectorTally") -> None:
        """Add the counts of another."""
        self.verdicts += other.verdicts
        self.p_values += other.p_values
        self.depths += other.depths

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record; cells that hold nothing are left out."""
        return {
            "name": self.name,
            "gamma": self.gamma,
            "verdicts": self.verdicts.tolist(),
            "p_values": _sparse(self.p_values),
            "depths": _sparse(self.depths.ravel()),
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "DetectorTally":
        """Return the counts of a record."""
        made = cls(record["name"], record["gamma"])
        made.verdicts += np.asarray(record["verdicts"], np.int64)
        made.p_values += _dense(record["p_values"], made.p_values.size)
        made.depths += _dense(record["depths"], made.depths.size).reshape(made.depths.shape)
        return made


def randomised(log10_p: F64, green: I64, n_scored: I64, u: F64, gamma: float) -> F64:
    """Return log10 of the randomised p-value of (D,) documents; `u` is (D,) in (0, 1]."""
    from assay.detect.exact import binomial_log10_sf_batch  # imported late: numba

    more = np.minimum(green + 1, n_scored)
    ratio = 10.0 ** (binomial_log10_sf_batch(more, n_scored, gamma) - log10_p)
    ratio = np.where(green >= n_scored, 0.0, np.minimum(ratio, 1.0))
    return log10_p + np.log10(ratio + u * (1.0 - ratio))


def _sparse(counts: NDArray[np.int64]) -> list[list[int]]:
    """Return [gap to the previous filled bin, count] pairs."""
    at = np.flatnonzero(counts)
    return np.column_stack((np.diff(at, prepend=0), counts[at])).tolist()


def _dense(pairs: list[list[int]], size: int) -> I64:
    counts = np.zeros(size, np.int64)
    if pairs:
        table = np.asarray(pairs, np.int64)
        at = np.cumsum(table[:, 0])
        if at[-1] >= size:
            raise DataError(f"a tally has {int(at[-1]) + 1} bins, expected {size}; scan again with this version")
        counts[at] = table[:, 1]
    return counts
