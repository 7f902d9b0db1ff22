"""Mean log-rank of the tokens, negated."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .lm_scores import LMScores
from .metrics import register_metric


@register_metric("log_rank")
@dataclass(frozen=True)
class LogRank:
    """-mean_t log r_t, ranks from 1."""

    name: ClassVar[str] = "log_rank"
    summary: ClassVar[str] = "mean logarithm of the tokens' rank, negated"
    source: ClassVar[str] = "Mitchell et al. 2023 (arXiv:2301.11305), section 5; Su et al. 2023 (arXiv:2306.05540)"
    needs: ClassVar[frozenset[str]] = frozenset({"rank"})

    def score(self, scores: LMScores) -> float:
        """Return minus the mean; NaN without a scored token."""
        return -mean_log_rank(scores)

    def contributions(self, scores: LMScores) -> NDArray[np.float64]:
        """Return -log r_t / N."""
        return scores.spread(-np.log(scores.scored("rank")) / max(scores.n_scored, 1))


def mean_log_rank(scores: LMScores) -> float:
    """Return mean_t log r_t; NaN without a scored token."""
    return float(np.log(scores.scored("rank")).mean()) if scores.n_scored else float("nan")
