"""DetectGPT: machine text sits on a peak of the model's likelihood, so rewriting it a little costs more than it costs human text.

Deviation: the paper's rewrites fill masked spans with T5, which sees both sides; `assay.detect.rewriting` re-samples them from a causal model, which sees the left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .lm_scores import LMScores
from .metrics import register_metric


@register_metric("detectgpt")
@dataclass(frozen=True)
class DetectGPT:
    """(ll(x) - mean_k ll(x_k)) / std_k ll(x_k), ll the mean log-probability of a token; the paper's normalised form."""

    name: ClassVar[str] = "detectgpt"
    summary: ClassVar[str] = "log-likelihood against that of rewrites, in their standard deviations"
    source: ClassVar[str] = "Mitchell et al. 2023 (arXiv:2301.11305), eq. 1"
    needs: ClassVar[frozenset[str]] = frozenset({"log_prob"})

    def score_rewrites(self, scores: LMScores, rewrites: Sequence[LMScores]) -> float:
        """Return the normalised discrepancy; NaN without a scored token on either side."""
        found = [float(r.scored("log_prob").mean()) for r in rewrites if r.n_scored]
        if not scores.n_scored or not found:
            return float("nan")
        spread = float(np.std(found)) or 1.0  # the authors' code: 1 in place of 0, and the population's deviation
        return (float(scores.scored("log_prob").mean()) - float(np.mean(found))) / spread
