"""LRR, the log-likelihood log-rank ratio of DetectLLM."""

from dataclasses import dataclass
from typing import ClassVar

from .lm_scores import LMScores
from .log_rank import mean_log_rank
from .metrics import register_metric


@register_metric("lrr")
@dataclass(frozen=True)
class LRR:
    """-sum_t log q_t(x_t) / sum_t log r_t.

    Deviation: where every token has rank 1 (memorised text, a very short one) the paper's ratio is infinite or 0/0; here it is NaN.
    """

    name: ClassVar[str] = "lrr"
    summary: ClassVar[str] = "ratio of log-likelihood to log-rank"
    source: ClassVar[str] = "Su et al. 2023 (arXiv:2306.05540), eq. 1"
    needs: ClassVar[frozenset[str]] = frozenset({"log_prob", "rank"})

    def score(self, scores: LMScores) -> float:
        """Return the ratio; NaN if no token has a rank above 1."""
        log_rank = mean_log_rank(scores)
        return -float(scores.scored("log_prob").mean()) / log_rank if log_rank > 0 else float("nan")
