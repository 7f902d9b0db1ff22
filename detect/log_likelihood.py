"""Mean log-probability of the tokens: the oldest metric, and the numerator of most others."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .lm_scores import LMScores
from .metrics import register_metric


@register_metric("log_likelihood")
@dataclass(frozen=True)
class LogLikelihood:
    """mean_t log q_t(x_t), in nats."""

    name: ClassVar[str] = "log_likelihood"
    summary: ClassVar[str] = "mean log-probability of the tokens"
    source: ClassVar[str] = (
        "Solaiman et al. 2019 (arXiv:1908.09203); Mitchell et al. 2023 (arXiv:2301.11305), section 5"
    )
    needs: ClassVar[frozenset[str]] = frozenset({"log_prob"})

    def score(self, scores: LMScores) -> float:
        """Return the mean; NaN without a scored token."""
        return float(scores.scored("log_prob").mean()) if scores.n_scored else float("nan")

    def contributions(self, scores: LMScores) -> NDArray[np.float64]:
        """Return log q_t(x_t) / N."""
        return scores.spread(scores.scored("log_prob") / max(scores.n_scored, 1))
