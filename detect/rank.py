"""Mean rank of the tokens, negated. Heavy-tailed: one rare word outweighs a page; `log_rank` is the tame one."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .lm_scores import LMScores
from .metrics import register_metric


@register_metric("rank")
@dataclass(frozen=True)
class Rank:
    """-mean_t r_t, ranks from 1."""

    name: ClassVar[str] = "rank"
    summary: ClassVar[str] = "mean rank of the tokens, negated"
    source: ClassVar[str] = "Gehrmann et al. 2019 (arXiv:1906.04043)"
    needs: ClassVar[frozenset[str]] = frozenset({"rank"})

    def score(self, scores: LMScores) -> float:
        """Return minus the mean; NaN without a scored token."""
        return -float(scores.scored("rank").mean()) if scores.n_scored else float("nan")

    def contributions(self, scores: LMScores) -> NDArray[np.float64]:
        """Return -r_t / N."""
        return scores.spread(-scores.scored("rank") / max(scores.n_scored, 1))
