"""Lastde: log-likelihood over the spread of its diversity entropy at several time scales.

The log-probabilities are a time series. At scale tau they are averaged over tau neighbours; consecutive windows of `size` of them are compared by
cosine, and the histogram of the cosines over [-1, 1] has an entropy, divided by the log of the number of bins. The standard deviation of that entropy over scales 1 to `scales` is
the denominator.

Deviations: cosines are clamped to [-1, 1], where torch.histc drops what rounding pushed outside. Lastde++ (a z-score against 100
draws from p at each token) is not here: draws need whole distributions, which one pass does not keep, and a draw flips with rounding, so that a text's score would
depend on the batch it is in. A histogram jumps: rounding that moves one cosine across a bin's edge changes the score in the third digit.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .lm_scores import LMScores
from .metrics import register_metric


@register_metric("lastde")
@dataclass(frozen=True)
class Lastde:
    """mean_t log q_t(x_t) / std_tau DE_tau.

    Attributes:
        size: neighbours in a window (the paper's s).
        bins_per_token: bins of the histogram for each token of the text (its epsilon over n).
        scales: largest scale (its tau').
    """

    size: int = 3
    bins_per_token: int = 10
    scales: int = 5

    name: ClassVar[str] = "lastde"
    summary: ClassVar[str] = "log-likelihood over the spread of multi-scale diversity entropy"
    source: ClassVar[str] = "Xu et al. 2024 (arXiv:2410.06072), eq. 8"
    needs: ClassVar[frozenset[str]] = frozenset({"log_prob"})

    def score(self, scores: LMScores) -> float:
        """Return the ratio; NaN for fewer tokens than give two windows at every scale, or if the entropy is the same at all."""
        series = scores.scored("log_prob")
        if len(series) < self.scales + self.size or not np.isfinite(series).all():
            return float("nan")
        bins = self.bins_per_token * len(series)
        spread = float(np.std([self._entropy(series, tau, bins) for tau in range(1, self.scales + 1)], ddof=1))
        return float(series.mean()) / spread if spread > 0 else float("nan")

    def _entropy(self, series: NDArray[np.float64], tau: int, bins: int) -> float:
        """Return the diversity entropy at scale `tau`."""
        smooth = np.lib.stride_tricks.sliding_window_view(series, tau).mean(axis=1)
        orbits = np.lib.stride_tricks.sliding_window_view(smooth, self.size)
        lengths = np.maximum(np.linalg.norm(orbits, axis=1), 1e-8)
        cosines = (orbits[:-1] * orbits[1:]).sum(axis=1) / (lengths[:-1] * lengths[1:])
        bin_of = np.minimum((np.clip(cosines, -1.0, 1.0) + 1.0) / 2.0 * bins, bins - 1).astype(np.int64)
        share = np.unique(bin_of, return_counts=True)[1] / len(bin_of)
        return -float((share * np.log(share)).sum()) / math.log(bins)
