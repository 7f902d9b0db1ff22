"""GLTR: shares of tokens among the model's first 10, 100 and 1,000 guesses.

GLTR counts ranks from 0 and puts the text behind a start token (`start="auto"`). Its bins are r < 10, < 100, < 1000 there, which is r <= 10,
<= 100, <= 1000 from 1 as here. Deviation from RAID's one-number version, which counts 0-based ranks <= 10, that is eleven.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .lm_scores import LMScores
from .metrics import register_metric

EDGES = (10, 100, 1000)


@register_metric("gltr")
@dataclass(frozen=True)
class GLTR:
    """Share of tokens of rank 1 to 10; the four shares are its features."""

    name: ClassVar[str] = "gltr"
    summary: ClassVar[str] = "share of tokens among the model's ten best guesses"
    source: ClassVar[str] = "Gehrmann et al. 2019 (arXiv:1906.04043)"
    needs: ClassVar[frozenset[str]] = frozenset({"rank"})
    feature_names: ClassVar[tuple[str, ...]] = ("gltr_10", "gltr_100", "gltr_1000", "gltr_rest")

    def score(self, scores: LMScores) -> float:
        """Return the share of the first bin; NaN without a scored token."""
        return float(self.features(scores)[0])

    def contributions(self, scores: LMScores) -> NDArray[np.float64]:
        """Return 1 / N for a token of the first bin, else 0."""
        rank = scores.scored("rank")
        return scores.spread(np.where(np.isnan(rank), np.nan, rank <= EDGES[0]) / max(scores.n_scored, 1))

    def features(self, scores: LMScores) -> NDArray[np.float64]:
        """Return (4,) the shares of ranks 1-10, 11-100, 101-1000 and above; they sum to 1."""
        rank = scores.scored("rank")
        if not len(rank) or np.isnan(rank).any():
            return np.full(len(EDGES) + 1, np.nan)
        return np.bincount(np.searchsorted(EDGES, rank), minlength=len(EDGES) + 1) / len(rank)
