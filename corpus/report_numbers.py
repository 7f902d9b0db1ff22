"""The statistics of a corpus report that are read off a tally: discoveries, and the histogram of p-values.

Benjamini-Hochberg runs on the bins of the histogram of log10 p, each bin at the largest p it may hold, so what it calls a
discovery is one on the exact values too, and at most the documents of one bin (1/64 decade) are missed. See
`assay.detect.fdr` for when the rate holds; copies of one page count as many times as they are there.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .tally_bins import F64, I64, P_EDGES


@dataclass(frozen=True)
class BinnedDiscoveries:
    """Benjamini-Hochberg over a histogram.

    Attributes:
        level: the false discovery rate asked for.
        tested: documents with a p-value.
        n: discoveries.
        log10_threshold: the largest p that is one; -inf if none is.
        expected_false_discoveries: false ones among them at most to be expected: tested times the threshold. Not the
            documents that chance alone calls at alpha, which the report names `expected_called_by_chance`.
    """

    level: float
    tested: int
    n: int
    log10_threshold: float
    expected_false_discoveries: float

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record."""
        threshold = self.log10_threshold if self.n else None
        expected = rounded(self.expected_false_discoveries)
        return {**vars(self), "log10_threshold": threshold, "expected_false_discoveries": expected}


def discoveries(p_values: I64, level: float) -> BinnedDiscoveries:
    """Return the discoveries at this false discovery rate; `p_values` is a (B,) histogram in the bins of a tally.

    Raises:
        ValueError: if not 0 < level < 1.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be in (0, 1), got {level}")
    tested = int(p_values.sum())
    at_most = np.cumsum(p_values[::-1])[::-1]  # documents in this bin and below
    allowed = at_most * level >= tested * 10.0**-P_EDGES * (1.0 - 1e-12)
    passing = np.flatnonzero(allowed & (p_values > 0))
    if not len(passing):
        return BinnedDiscoveries(level, tested, 0, -math.inf, 0.0)
    first = int(passing[0])
    edge = float(P_EDGES[first])
    return BinnedDiscoveries(level, tested, int(at_most[first]), -edge, tested * 10.0**-edge)


def decades(p_values: I64, *, uniform: bool = True) -> dict[str, list[float] | None]:
    """Return the histogram in quarter decades for a plot: `edges` of log10 p, `counts`, and what `null` text would give.

    `null` is None where the p-values of unmarked human text are not uniform: of a selection of documents (`uniform` false).
    Edges descend from 0; the last bin holds all that is smaller, from where the counts end, or 1e-12 at the least.
    """
    filled = np.flatnonzero(p_values)
    deepest = float(P_EDGES[filled[-1]]) if len(filled) else 0.0
    step = 0.25 if deepest <= 24.0 else 1.0 if deepest <= 100.0 else 5.0
    last = max(min(math.ceil((deepest + 1e-9) / step) * step, 400.0), 6.0)
    edges: F64 = np.arange(0.0, last + step / 2.0, step)
    total = float(p_values.sum())
    bins = np.minimum(np.searchsorted(edges, P_EDGES, side="right") - 1, len(edges) - 2)
    counts = np.bincount(bins, p_values, minlength=len(edges) - 1)
    null = total * (10.0 ** -edges[:-1] - np.append(10.0 ** -edges[1:-1], 0.0))
    return {
        "log10_p": [-float(edge) for edge in edges],
        "counts": [int(count) for count in counts],
        "null": [float(f"{value:.6g}") for value in null] if uniform else None,
    }


def rounded(value: float) -> float:
    """Return the value with six significant digits."""
    return float(f"{value:.6g}")
