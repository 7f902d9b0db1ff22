"""Fast-DetectGPT, analytic: how far the text's log-likelihood lies above what the model expects of its own samples, in standard deviations.

q scores, p samples (the reference; q itself without one). Its authors' demonstration turns the score into a probability by two normals
for each pair of models, kept here to reproduce it. It is not monotone (a very low score also comes out as machine) and flags 10 to 13 % of human
documents at one half: calibrate the score itself instead.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .lm_scores import LMScores
from .metrics import register_metric


@register_metric("fast_detectgpt")
@dataclass(frozen=True)
class FastDetectGPT:
    """[sum_t log q_t(x_t) - sum_t mu_t] / sqrt(sum_t sigma2_t). It grows with the square root of the length of machine text."""

    name: ClassVar[str] = "fast_detectgpt"
    summary: ClassVar[str] = "conditional probability curvature (Fast-DetectGPT, analytic)"
    source: ClassVar[str] = "Bao et al. 2024 (arXiv:2310.05130), eq. 6"
    needs: ClassVar[frozenset[str]] = frozenset({"log_prob", "mu", "sigma2"})

    def score(self, scores: LMScores) -> float:
        """Return the discrepancy; NaN without a scored token, or if the model is certain everywhere."""
        if not scores.n_scored:
            return float("nan")
        spread = _deviation(scores)
        above = float((scores.scored("log_prob") - scores.scored("mu")).sum())
        return above / spread if spread > 0 else float("nan")

    def contributions(self, scores: LMScores) -> NDArray[np.float64]:
        """Return (log q_t(x_t) - mu_t) / sqrt(sum sigma2): the text's own deviation divides each."""
        above, spread = scores.scored("log_prob") - scores.scored("mu"), _deviation(scores)
        return scores.spread(above / spread if spread > 0 else np.full_like(above, np.nan))


def _deviation(scores: LMScores) -> float:
    return math.sqrt(float(scores.scored("sigma2").sum())) if scores.n_scored else 0.0


@dataclass(frozen=True)
class Normals:
    """Normals of the score on human text (`human_mean`, `human_sd`) and machine text (`machine_mean`, twice `human_sd`)."""

    human_mean: float
    human_sd: float
    machine_mean: float


NORMALS = {
    "gpt-j-6B_gpt-neo-2.7B": Normals(0.2713, 0.9366, 2.2334),
    "gpt-neo-2.7B_gpt-neo-2.7B": Normals(-0.2489, 0.9968, 1.8983),
    "falcon-7b_falcon-7b-instruct": Normals(-0.0707, 0.9520, 2.9306),
    "llama3-8b_llama3-8b-instruct": Normals(0.1603, 1.0791, 2.4686),
}
"""By sampling and scoring model; from the authors' code (baoguangsheng/fast-detect-gpt, `local_infer.py`, 2026-02)."""


def published_probability(score: float, pair: str) -> float:
    """Return the probability of machine text, prior one half, that the authors' demonstration shows for `pair`.

    Raises:
        KeyError: if no normals are published for the pair.
    """
    law = NORMALS[pair]
    ratio = (score - law.machine_mean) / (2 * law.human_sd), (score - law.human_mean) / law.human_sd
    log_odds = -math.log(2.0) - 0.5 * ratio[0] ** 2 + 0.5 * ratio[1] ** 2  # the deviations differ by the factor 2
    return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds > -700 else 0.0
