"""Perplexity, negated: the same order as the mean log-probability, on the scale people quote."""

import math
from dataclasses import dataclass
from typing import ClassVar

from .lm_scores import LMScores
from .metrics import register_metric


@register_metric("perplexity")
@dataclass(frozen=True)
class Perplexity:
    """-exp(-mean_t log q_t(x_t)); the perplexity itself is minus this. `log_likelihood` is its logarithmic scale."""

    name: ClassVar[str] = "perplexity"
    summary: ClassVar[str] = "perplexity, negated"
    source: ClassVar[str] = "Jelinek et al. 1977 (JASA 62, S63)"
    needs: ClassVar[frozenset[str]] = frozenset({"log_prob"})

    def score(self, scores: LMScores) -> float:
        """Return minus the perplexity; NaN without a scored token."""
        return -math.exp(-float(scores.scored("log_prob").mean())) if scores.n_scored else float("nan")
