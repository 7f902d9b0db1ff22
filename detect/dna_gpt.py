"""DNA-GPT, white-box: the second half of a text against the halves a model writes after the same first half.

Deviations: means over the tokens, not sums, because the regenerated halves are not equally long; the halves part at a token (the paper parts at a word).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .lm_scores import LMScores
from .metrics import register_metric


@register_metric("dna_gpt")
@dataclass(frozen=True)
class DnaGPT:
    """mean log q(y) - mean_k mean log q(y_k), y the tokens after the first `keep` of the text, y_k those of rewrite k.

    Attributes:
        keep: share of the tokens that the rewrites have in common with the text; `assay.detect.rewriting.Continuation` has the same default.
    """

    keep: float = 0.5

    name: ClassVar[str] = "dna_gpt"
    summary: ClassVar[str] = "log-likelihood of the second half against that of regenerated halves"
    source: ClassVar[str] = "Yang et al. 2023 (arXiv:2305.17359), eq. 3"
    needs: ClassVar[frozenset[str]] = frozenset({"log_prob"})

    def score_rewrites(self, scores: LMScores, rewrites: Sequence[LMScores]) -> float:
        """Return the difference; NaN if a side has no scored token after the kept ones."""
        cut = kept_tokens(len(scores), self.keep)
        own = _tail(scores, cut)
        found = [tail for tail in (_tail(r, cut) for r in rewrites) if not math.isnan(tail)]
        return own - float(np.mean(found)) if found else float("nan")


def kept_tokens(n_tokens: int, keep: float) -> int:
    """Return how many tokens of a text its regenerated versions begin with."""
    return round(n_tokens * keep)


def _tail(scores: LMScores, cut: int) -> float:
    tail = scores.log_prob[max(cut, scores.first) :]
    return float(tail.astype(np.float64).mean()) if len(tail) else float("nan")
