"""How much each token speaks for a machine: a learned function of the token's own fields and of its close past, added up.

A token's features are its fields of one pass (`LMScores`), their products, the cell of a table of rank against entropy, how the token departs from
the tokens before it, whether it has just been used, and which token it is if it is a frequent one. The value is linear in them, so the evidence
of a stretch is the sum over its tokens, for every stretch at once; this is what a search for stretches needs.

The weights are those of a logistic regression on the mean features of windows of `WINDOW` tokens (`token_evidence_fit.py`), divided by
`WINDOW`: the sum over one window is the log-odds of that window at even prior odds. Single tokens would not do for the fit: it would take neighbours
as independent, while the tokens of a text share its topic and its author. For the same reason sums over longer stretches overstate the odds:
values are scores for a calibration to judge, no probabilities.

Only tokens with a letter count (`counted`): line breaks, blanks, figures and punctuation add nothing and are not in the past of others. Collections of labelled
text differ in layout for reasons that have nothing to do with who wrote; with line breaks among the features, the fit found little else.

Only the past is looked at, at most `PAST` tokens far. After a change of author the first tokens are judged against the other author's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .lm_scores import LMScores

F64 = NDArray[np.float64]

VERSION = "1"
"""Of the features; weights are for one."""

WINDOW = 64
"""Tokens of a window in the fit."""

PAST = 64
"""How far back a token's features look."""

_NEAR = 16
_MOST = 20.0
_RANKS = np.array([2, 6, 21, 101, 1001])
_ENTROPIES = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
_CELLS = tuple(
    f"rank from {rank}, entropy from {entropy:g}" for rank in (1, *_RANKS.tolist()) for entropy in (0.0, *_ENTROPIES)
)
FEATURES = (
    "surprisal",
    "entropy",
    "log rank",
    "least surprisal",
    "deviation",
    "excess / deviation",
    "surprisal^2 / 20",
    "entropy^2 / 10",
    "log rank^2 / 10",
    "surprisal * entropy / 10",
    "least surprisal * surprisal / 10",
    *_CELLS,
    "excess of the last 16",
    "surprisal of the last 64",
    "entropy of the last 16",
    "excess * excess of the last 16 / 4",
    "|excess - excess of the last 16|",
    "|surprisal - surprisal of the last 64|",
    "used in the last 64",
    "used in the last 64, rank from 2",
    "used in the last 64, rank from 21",
)
"""Names of the columns of `token_features`. Excess is surprisal minus entropy; deviation that of the log-probability."""


@dataclass(frozen=True)
class TokenEvidence:
    """The weights of the features.

    Attributes:
        weights: (F,) float64, of `FEATURES`.
        by_token: (V,) float32, by token id; 0 for tokens that are not frequent.
        counted: (V,) bool, by token id, which tokens count.
        offset: added to every token that counts, so that human tokens lie below zero and machine tokens above by as much on average.
        half_gap: how much that is, per token, for the texts of the fit.
    """

    weights: F64
    by_token: NDArray[np.float32]
    counted: NDArray[np.bool_]
    offset: float
    half_gap: float

    def __post_init__(self) -> None:
        if self.weights.shape != (len(FEATURES),):
            raise ValueError(f"weights must be of {len(FEATURES)} features, got shape {self.weights.shape}")
        if self.by_token.ndim != 1 or not len(self.by_token):
            raise ValueError(f"by_token must have one entry a token of the vocabulary, got shape {self.by_token.shape}")
        if self.counted.shape != self.by_token.shape or self.counted.dtype != np.bool_:
            raise ValueError(f"counted must be bool of shape {self.by_token.shape}, got {self.counted.shape}")
        if not self.half_gap > 0:
            raise ValueError(f"half_gap must be above 0, got {self.half_gap}: the weights tell no machine from a human")

    def values(self, scores: LMScores) -> F64:
        """Return (T,) float64: what each token adds; 0 for one that is not scored or does not count, NaN where a field is not finite.

        Raises:
            ValueError: if a token is not of the vocabulary that the weights are for.
        """
        places = counted_places(scores, self.counted)
        whole = np.zeros(len(scores), np.float64)
        own = self.by_token[scores.ids[places]]
        whole[places] = token_features(scores, places) @ self.weights + own + self.offset
        return whole


def counted_places(scores: LMScores, counted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return (n,) int64, ascending: the scored tokens that count, of (V,) bool `counted`.

    Raises:
        ValueError: if a token is not of the vocabulary that `counted` is for.
    """
    ids = scores.ids[scores.first :]
    if len(ids) and int(ids.max()) >= len(counted):
        raise ValueError(f"token {ids.max()} is not of the vocabulary of {len(counted)} that was fitted")
    return np.flatnonzero(counted[ids]) + scores.first


def token_features(scores: LMScores, places: NDArray[np.int64]) -> F64:
    """Return (n, F) float64, the features of the tokens at `places` (n,) in the order of `FEATURES`; these are each other's past.

    With a reference model the deviation is under the reference.
    """
    at = places - scores.first
    surprisal = np.clip(-scores.scored("log_prob")[at], 0.0, _MOST)
    entropy, least = scores.scored("entropy")[at], -scores.scored("top_log_prob")[at]
    deviation = np.sqrt(np.maximum(scores.scored("sigma2")[at], 0.0))
    rank = scores.scored("rank")[at]
    log_rank, excess = np.log(rank), surprisal - entropy
    near, far = _mean_before(excess, _NEAR), _mean_before(surprisal, PAST)
    used = _used_before(scores.ids[places], PAST)
    own = (surprisal, entropy, log_rank, least, deviation, excess / (deviation + 0.5))
    products = (surprisal**2 / 20, entropy**2 / 10, log_rank**2 / 10, surprisal * entropy / 10, least * surprisal / 10)
    past = (near, far, _mean_before(entropy, _NEAR), excess * near / 4, abs(excess - near), abs(surprisal - far))
    again = (used, used & (rank >= 2), used & (rank >= 21))
    columns = (*own, *products, *_cells(rank, entropy).T, *past, *again)
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def _cells(rank: F64, entropy: F64) -> F64:
    """Return (n, cells) one-hot."""
    row, column = np.searchsorted(_RANKS, rank, "right"), np.searchsorted(_ENTROPIES, entropy, "right")
    hot = np.zeros((len(rank), len(_CELLS)))
    hot[np.arange(len(rank)), row * (len(_ENTROPIES) + 1) + column] = 1.0
    return hot


def _mean_before(values: F64, count: int) -> F64:
    """Return (n,): the mean of the up to `count` values before each; 0 before the first."""
    total = np.concatenate((np.zeros(1), np.cumsum(values)))
    place = np.arange(len(values))
    start = np.maximum(place - count, 0)
    return (total[place] - total[start]) / np.maximum(place - start, 1)


def _used_before(ids: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """Return (n,): whether the same token is among the `count` before it."""
    order = np.argsort(ids, kind="stable")
    again = ids[order][1:] == ids[order][:-1]
    used = np.zeros(len(ids), np.bool_)
    used[order[1:]] = again & (np.diff(order) <= count)
    return used
