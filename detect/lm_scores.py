"""What one forward pass says of each token of a text: the fields every metric is computed from.

q is the scoring model's distribution at a token's place, p the reference model's (q itself without one). Logarithms are natural. A token
that is not scored (the first one of a text without a start token) has NaN, and rank 0.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

F32, F64, I32, I64 = NDArray[np.float32], NDArray[np.float64], NDArray[np.int32], NDArray[np.int64]


@dataclass(frozen=True)
class LMSignature:
    """Everything that two scores must share to be comparable.

    Attributes:
        version: of Assay.
        model: scoring model as the user named it.
        revision: its hub commit, or None for a folder.
        weights: fingerprint of its weights (`assay.detect.lm.weights_fingerprint`); names do not change when weights do.
        dtype: arithmetic of the forward pass; the reductions are float32 always.
        reference, reference_revision, reference_weights, reference_dtype: the same of the second model; None without one.
        tokenizer: fingerprint of the tokenizer both share.
        start: `auto` or `none`, as asked for.
        start_token: id of the token the text follows; None if it follows nothing and its first token is not scored.
        context: longest window in tokens.
        stride: how far the next window goes on.
    """

    version: str
    model: str
    revision: str | None
    weights: str
    dtype: str
    reference: str | None
    reference_revision: str | None
    reference_weights: str | None
    reference_dtype: str | None
    tokenizer: str
    start: str
    start_token: int | None
    context: int
    stride: int

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record; of a reference model only if there is one."""
        return {k: v for k, v in asdict(self).items() if self.reference is not None or not k.startswith("reference")}


@dataclass(frozen=True)
class LMScores:
    """The fields of one document of T tokens; views of arrays that its batch shares.

    Attributes:
        ids: (T,) int32.
        chars: (T, 2) int64, where each token starts and stops in the text, in characters.
        first: first scored token; all from there on are scored. 0 after a start token, else 1.
        log_prob: (T,) float32, log q(x).
        rank: (T,) int32, 1 + how many entries of the vocabulary are more probable than x under q.
        entropy: (T,) float32, of q.
        mu: (T,) float32, mean of log q under p; minus the cross-entropy of p against q.
        sigma2: (T,) float32, variance of log q under p.
        top_log_prob: (T,) float32, log q of the most probable entry.
        end_mu: `mu` at the place after the last token, which Binoculars averages too; NaN for an empty text.
        n_tokens: tokens of the whole text; more than T if it was cut at `max_tokens`.
        signature: how the fields came about.
    """

    ids: I32
    chars: I64
    first: int
    log_prob: F32
    rank: I32
    entropy: F32
    mu: F32
    sigma2: F32
    top_log_prob: F32
    end_mu: float
    n_tokens: int
    signature: LMSignature

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_scored(self) -> int:
        """How many tokens are scored."""
        return max(len(self.ids) - self.first, 0)

    @property
    def cut(self) -> bool:
        """Whether the text goes on after the last of these tokens."""
        return len(self.ids) < self.n_tokens

    def scored(self, field: str) -> F64:
        """Return a field of the scored tokens, (n_scored,) float64; NaN for rank 0, which says that the logits were not finite."""
        values = getattr(self, field)[self.first :].astype(np.float64)
        return np.where(values > 0, values, np.nan) if field == "rank" else values

    def spread(self, values: F64) -> F64:
        """Return (T,) float64: `values` (n_scored,) at the scored tokens, 0 at the others."""
        whole = np.zeros(len(self.ids), np.float64)
        whole[self.first :] = values
        return whole
