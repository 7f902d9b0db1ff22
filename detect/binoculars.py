"""Binoculars: perplexity of the text over the cross-entropy of an observer against the performer.

The performer is the scoring model q, in both places, as in the authors' code (the paper's notation leaves it open); the observer is the reference p. With one model
p = q and the denominator is its entropy. The authors average the numerator over the N predicted tokens and the denominator over N + 1 places:
it is not shifted, so the place after the last token counts.

Deviations: the ratio is negated (theirs is lower for machine text); an end-of-text token inside a text stays in the denominator (their mask is
`ids != pad` with pad = end of text, so it drops out); a text of one token is NaN and not "human"; texts are not cut at 512 tokens
unless the scorer is told to (`max_tokens=512`).
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .lm_scores import LMScores
from .metrics import register_metric

THRESHOLDS = {"accuracy": 0.9015310749276843, "low-fpr": 0.8536432310785527}
"""Published cuts on the authors' ratio: best F1, and what they call 0.01 % false positives; Falcon-7B and -instruct, bfloat16, 512 tokens (ahans30/Binoculars, `detector.py`).

Neither travels: on poetry, books and reviews the second lets through more than 1 % of human texts.
"""


@register_metric("binoculars")
@dataclass(frozen=True)
class Binoculars:
    """-(mean_t -log q_t(x_t)) / (mean over one place more of -sum_v p log q)."""

    name: ClassVar[str] = "binoculars"
    summary: ClassVar[str] = "perplexity over cross-perplexity of a pair of models, negated"
    source: ClassVar[str] = "Hans et al. 2024 (arXiv:2401.12070), eq. 4"
    needs: ClassVar[frozenset[str]] = frozenset({"log_prob", "mu", "end_mu"})

    def score(self, scores: LMScores) -> float:
        """Return minus the ratio; NaN without a scored token, or if the pair agrees with certainty everywhere."""
        denominator = cross_entropy(scores)
        return float(scores.scored("log_prob").mean()) / denominator if denominator > 0 else float("nan")


def cross_entropy(scores: LMScores) -> float:
    """Return the mean of -sum_v p log q over the scored tokens and the place after the last; NaN without a scored token."""
    if not scores.n_scored:
        return float("nan")
    return -float(np.append(scores.scored("mu"), scores.end_mu).mean())


def published_verdict(score: float, mode: str = "low-fpr") -> bool | None:
    """Return whether the authors' cut for `mode` calls this score machine text; None for NaN, which they call human.

    Raises:
        KeyError: if there is no such mode.
    """
    threshold = THRESHOLDS[mode]
    return None if math.isnan(score) else bool(-score < threshold)
