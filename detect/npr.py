"""NPR, the normalised perturbed log-rank of DetectLLM. For the rewrites see `detectgpt`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .lm_scores import LMScores
from .log_rank import mean_log_rank
from .metrics import register_metric


@register_metric("npr")
@dataclass(frozen=True)
class NPR:
    """mean_k logrank(x_k) / logrank(x), logrank the mean over the tokens."""

    name: ClassVar[str] = "npr"
    summary: ClassVar[str] = "log-rank of rewrites over that of the text"
    source: ClassVar[str] = "Su et al. 2023 (arXiv:2306.05540), eq. 2"
    needs: ClassVar[frozenset[str]] = frozenset({"rank"})

    def score_rewrites(self, scores: LMScores, rewrites: Sequence[LMScores]) -> float:
        """Return the ratio; NaN without a scored token on either side, or if no token of the text has a rank above 1."""
        own, found = mean_log_rank(scores), [mean_log_rank(r) for r in rewrites if r.n_scored]
        return float(np.mean(found)) / own if found and own > 0 else float("nan")
