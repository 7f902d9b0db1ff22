"""Mean entropy of the model's distributions, negated. A feature for a classifier, not a detector.

Deviation: DetectGPT's baseline takes high entropy for machine text. Recomputed on its successors' own result files that sign gives
an AUROC of .50 with the generator as scorer and .16 to .55 with another model, so it is turned round here.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .lm_scores import LMScores
from .metrics import register_metric


@register_metric("entropy")
@dataclass(frozen=True)
class Entropy:
    """-mean_t H(q_t), in nats."""

    name: ClassVar[str] = "entropy"
    summary: ClassVar[str] = "mean entropy of the model's distributions, negated"
    source: ClassVar[str] = (
        "Gehrmann et al. 2019 (arXiv:1906.04043); Mitchell et al. 2023 (arXiv:2301.11305), section 5"
    )
    needs: ClassVar[frozenset[str]] = frozenset({"entropy"})

    def score(self, scores: LMScores) -> float:
        """Return minus the mean; NaN without a scored token."""
        return -float(scores.scored("entropy").mean()) if scores.n_scored else float("nan")

    def contributions(self, scores: LMScores) -> NDArray[np.float64]:
        """Return -H(q_t) / N."""
        return scores.spread(-scores.scored("entropy") / max(scores.n_scored, 1))
