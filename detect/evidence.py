"""What each token says about a mark, and why the others say nothing.

The unit of evidence is a distinct (context, token) pair: a text that repeats itself repeats its luck, so repeats count once.
Nothing is dropped silently: every token that is not scored has a reason.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from assay.watermark import kernels
from assay.watermark.law import Law
from assay.watermark.pairs import CommonSet
from assay.watermark.schemes import Mark
from numpy.typing import NDArray

from .tokens import Tokens


class Reason(IntEnum):
    """Why a token is scored or not."""

    SCORED = kernels.SCORED
    """A distinct (context, token) pair."""
    SHORT_CONTEXT = kernels.SHORT_CONTEXT
    """Fewer tokens stand before it than the context is wide."""
    REPEAT = kernels.REPEAT
    """The same pair was scored before in this document."""
    SPECIAL = kernels.SPECIAL
    """It, or a token of its context, is a control token."""
    COMMON = kernels.COMMON
    """The pair belongs to a word sequence that human texts share (`assay.watermark.common`)."""


@dataclass(frozen=True)
class Evidence:
    """The evidence of one document with T tokens.

    Attributes:
        values: (T,) float64, the value of each token under the mark (green lists: 1 or 0); 0 where there is none.
        scored: (T,) bool.
        reason: (T,) uint8, a `Reason`.
        law: the null law of one scored value.
    """

    values: NDArray[np.float64]
    scored: NDArray[np.bool_]
    reason: NDArray[np.uint8]
    law: Law


@dataclass(frozen=True)
class BatchEvidence:
    """The evidence of D documents under one mark.

    Attributes:
        values: (N,) bool or float64, all documents one after the other.
        reason: (N,) uint8.
        offsets: (D + 1,) int64.
        n_scored: (D,) int64.
        n_positive: (D,) int64, scored values above zero (green lists: green tokens).
        law: the null law of one scored value.
    """

    values: NDArray[np.generic]
    reason: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    n_scored: NDArray[np.int64]
    n_positive: NDArray[np.int64]
    law: Law

    def document(self, d: int) -> Evidence:
        """Return the evidence of document d."""
        part = slice(self.offsets[d], self.offsets[d + 1])
        reason = self.reason[part]
        return Evidence(self.values[part].astype(np.float64), reason == Reason.SCORED, reason, self.law)


def gather(tokens: Tokens, mark: Mark, common: CommonSet | None = None) -> BatchEvidence:
    """Return the evidence of a batch under a mark; pairs in `common` are left out.

    One pass over the ids; 40 to 60 million tokens a second on one core (`bench/detect_ids.py`).
    """
    values, reason, counts = mark.evidence(tokens.ids, tokens.offsets, tokens.special, common or CommonSet())
    return BatchEvidence(values, reason, tokens.offsets, counts[:, 0], counts[:, 1], mark.law)
