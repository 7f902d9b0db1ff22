"""DNA-DetectLLM: how much of a text's perplexity is left when every token is repaired to the model's own choice.

The paper averages over the steps of a repair; the mean of its two ends is the closed form, computed here. The denominator is that of Binoculars, its
extra place included.

Deviations: negated (theirs is lower for machine text). The authors' thresholds are copied from Binoculars without a new fit, so none is given here.
"""

from dataclasses import dataclass
from typing import ClassVar

from .binoculars import cross_entropy
from .lm_scores import LMScores
from .metrics import register_metric


@register_metric("dna_detectllm")
@dataclass(frozen=True)
class DnaDetectLLM:
    """[mean_t log q_t(x_t) + mean_t max_v log q_t(v)] / (2 x cross-entropy)."""

    name: ClassVar[str] = "dna_detectllm"
    summary: ClassVar[str] = "mean of the text's and the repaired text's perplexity over cross-perplexity, negated"
    source: ClassVar[str] = "Zhu et al. 2025 (arXiv:2509.15550)"
    needs: ClassVar[frozenset[str]] = frozenset({"log_prob", "top_log_prob", "mu", "end_mu"})

    def score(self, scores: LMScores) -> float:
        """Return minus the ratio; NaN as Binoculars is."""
        denominator = cross_entropy(scores)
        if not denominator > 0:
            return float("nan")
        both = float(scores.scored("log_prob").mean() + scores.scored("top_log_prob").mean())
        return both / (2 * denominator)
