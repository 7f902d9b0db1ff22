"""Documents that belong together (one source, one prompt, near duplicates) and what that means for counting them.

Documents of one cluster are not independent: a thousand copies of a page are one page. `one_per_cluster` draws one of
each, which makes the rest exchangeable; `cluster_counts` and `resample` keep all and let a bootstrap draw clusters, not
documents (A. C. Davison and D. V. Hinkley 1997, Bootstrap Methods and their Application, section 3.8).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_MOST_RESAMPLED = 1000


@dataclass(frozen=True)
class ScoredSample:
    """Scores of one kind of text, and which of them belong together.

    Attributes:
        scores: (D,) float64, finite.
        clusters: (D,) int64 codes from 0 without gaps; each document its own if none were given.
    """

    scores: F64
    clusters: I64

    @property
    def n_clusters(self) -> int:
        """How many independent units there are."""
        return int(self.clusters.max()) + 1


def scored_sample(scores: ArrayLike, clusters: ArrayLike | None = None) -> ScoredSample:
    """Return a sample without the documents that have no finite score.

    Args:
        scores: (D,) real.
        clusters: (D,) labels of any kind that can be compared; None for independent documents.

    Raises:
        ValueError: if the shapes differ, or nothing is left.
    """
    values = np.asarray(scores, np.float64)
    keep = np.isfinite(values)
    if values.ndim != 1 or not keep.any():
        raise ValueError(f"a sample needs a one-dimensional array with finite scores, got shape {values.shape}")
    values = values[keep]
    if clusters is None:
        return ScoredSample(values, np.arange(len(values), dtype=np.int64))
    labels = np.asarray(clusters)
    if labels.shape != keep.shape:
        raise ValueError(f"clusters must have one label a score, got shapes {labels.shape} and {keep.shape}")
    return ScoredSample(values, cluster_codes(labels[keep]))


def cluster_codes(labels: NDArray[np.generic]) -> I64:
    """Return (D,) int64 codes from 0 without gaps, equal where the labels are."""
    return np.unique(labels, return_inverse=True)[1].astype(np.int64, copy=False)


def one_per_cluster(clusters: I64, rng: np.random.Generator) -> I64:
    """Return the sorted indices of one document of each cluster, each of the cluster's documents equally likely.

    Not the first: where files are sorted by length or date, the first is not a typical one.
    """
    order = rng.permutation(len(clusters))
    return np.sort(order[np.unique(clusters[order], return_index=True)[1]])


def cluster_counts(bins: I64, clusters: I64, n_bins: int, rng: np.random.Generator) -> F64:
    """Return (C, n_bins) float64: documents of each cluster in each bin.

    More than 1000 clusters are dealt at random into 1000 groups of clusters: sums of independent clusters are
    independent, the variance estimate loses 2 %, and the cost no longer depends on the number of documents.
    """
    n = int(clusters.max()) + 1
    if n > _MOST_RESAMPLED:
        clusters, n = (rng.permutation(n) % _MOST_RESAMPLED)[clusters], _MOST_RESAMPLED
    return np.bincount(clusters * n_bins + bins, minlength=n * n_bins).reshape(n, n_bins).astype(np.float64)


def resample(counts: F64, n_boot: int, rng: np.random.Generator) -> F64:
    """Return (n_boot, K) float64: total counts of bootstrap samples of the rows of `counts` (C, K).

    Each row is drawn Poisson(1) times (J. Hanley and B. MacGibbon 2006, Computer Methods and Programs in Biomedicine
    83): ten times faster than a multinomial draw and the same for shares, whose total is divided out.
    """
    return rng.poisson(1.0, size=(n_boot, len(counts))) @ counts


def share_variance(counts: F64) -> F64:
    """Return (K,) float64: the variance of each bin's share of all documents, clusters being independent.

    The linearised (ratio) estimator: a cluster's residual is its count less its size times the share.
    """
    total, n = counts.sum(), len(counts)
    share = counts.sum(0) / total
    residual = counts - counts.sum(1, keepdims=True) * share
    return np.square(residual).sum(0) / total**2 * (n / max(n - 1, 1))
