"""Means over texts with intervals from a bootstrap of clusters: texts of one prompt are drawn together.

One draw of weights serves all measures of a source and its twin, so that a difference is of the same texts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

F64, I64 = NDArray[np.float64], NDArray[np.int64]

_CHUNK = 1 << 22


@dataclass(frozen=True)
class ClusterDraws:
    """Draws of clusters.

    Attributes:
        clusters: (D,) int64 from 0, which cluster each text is of.
        weights: (draws, C) int32, how often each cluster is in each draw.
    """

    clusters: I64
    weights: NDArray[np.int32]

    def estimate(self, values: F64) -> dict[str, Any]:
        """Return the mean of values (D,), NaN left out, as a JSON-ready estimate: value, low, high (95 %, percentiles), n, clusters."""
        there = np.isfinite(values)
        number = self.weights.shape[1]
        counts = np.bincount(self.clusters[there], minlength=number).astype(np.float64)
        used = int((counts > 0).sum())
        if not used:
            return estimate(np.nan, np.nan, np.nan, 0, 0)
        sums = np.bincount(self.clusters[there], values[there], number)
        low = high = np.nan
        if used > 1:
            total = self.weights @ counts
            means = (self.weights @ sums)[total > 0] / total[total > 0]
            low, high = np.quantile(means, (0.025, 0.975))
        return estimate(float(sums.sum() / counts.sum()), float(low), float(high), int(there.sum()), used)


def cluster_draws(clusters: list[str], draws: int, rng: np.random.Generator) -> ClusterDraws:
    """Return draws of the clusters that texts name."""
    names, codes = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    number = max(len(names), 1)
    weights = np.empty((draws, number), np.int32)
    step = max(1, _CHUNK // number)
    for start in range(0, draws, step):
        part = weights[start : start + step]
        part[:] = rng.multinomial(number, np.full(number, 1.0 / number), len(part))
    return ClusterDraws(codes.astype(np.int64), weights)


def estimate(value: float, low: float, high: float, n: int, clusters: int) -> dict[str, Any]:
    """Return a JSON-ready estimate, null for what is not finite."""
    return {"value": _finite(value), "low": _finite(low), "high": _finite(high), "n": n, "clusters": clusters}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
