"""AUROC and shares above a threshold under every draw of cluster weights at once.

Humans are ranked once: their distinct scores, and for each draw the cumulative weight below each. AUROC is then a weighted mean over the other texts
of the human weight below them, ties counted half (Mann-Whitney). The threshold of a rate is set anew in each draw: the lowest human score that at
most this share of the human weight exceeds, as `ranking.threshold_at` for weights; a text is found if its score is strictly higher. So the interval
of a rate holds the luck of the threshold too.

Texts without a score (-inf, `score_rows`) are left out of both sides of an AUROC, and set no threshold; among those that a share is of they count, as
never above.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .cluster_draws import ClusterDraws
from .score_rows import Side

F64, F32, I64 = NDArray[np.float64], NDArray[np.float32], NDArray[np.int64]


@dataclass(frozen=True)
class Share:
    """Share of texts above a threshold that is set in each draw.

    Attributes:
        value: share.
        threshold: that `value` is of.
        draws: (B,) shares in each draw; NaN where it lost a side.
        stricter: (B,) the same with one human fewer above the threshold (none if there is none).
    """

    value: float
    threshold: float
    draws: F64
    stricter: F64


@dataclass
class _Block:
    """Humans under some draws: `cumulative` (D + 1, b) float32, weight of the scores below each distinct one, and of all."""

    cumulative: F32
    cuts: dict[tuple[float, int], I64] = field(default_factory=dict[tuple[float, int], I64])

    def cut(self, rate: float, fewer: int) -> I64:
        """Return (b,) which distinct score is the threshold, with so many humans fewer allowed above it."""
        if (rate, fewer) not in self.cuts:
            total = self.cumulative[-1]
            allowed = np.floor(rate * total.astype(np.float64) + 1e-9).astype(np.float32)
            exceeding = total - self.cumulative[1:] > np.maximum(allowed - fewer, 0.0)
            self.cuts[rate, fewer] = np.minimum(exceeding.sum(axis=0), len(exceeding) - 1)
        return self.cuts[rate, fewer]


class RankedHumans:
    """Human texts that others are ranked against.

    Attributes:
        texts: all of them.
        side: those that have a score, which alone are ranked.
    """

    def __init__(self, side: Side, draws: ClusterDraws) -> None:
        self.texts, self.side = side, side.having_score()
        self._draws = draws
        self._distinct, self._at = np.unique(self.side.score, return_inverse=True)
        self._blocks = list(draws.blocks(self.side.n + 1))
        self._kept: _Block | None = None

    def _block(self, block: slice) -> _Block:
        if self._kept is not None:
            return self._kept
        order = np.argsort(self._at, kind="stable")
        weights = self._draws.of(self.side.cluster[order], block)
        cumulative = np.zeros((len(self._distinct) + 1, weights.shape[1]), np.float32)
        if self.side.n:
            starts = np.searchsorted(self._at[order], np.arange(len(self._distinct)))
            summed = weights if len(starts) == self.side.n else np.add.reduceat(weights, starts, axis=0, dtype=np.int32)
            np.cumsum(summed, axis=0, dtype=np.float32, out=cumulative[1:])
        made = _Block(cumulative)
        if len(self._blocks) == 1:
            self._kept = made
        return made

    def auroc(self, others: Side) -> F64:
        """Return (1 + B,) the AUROC of others that have a score against these humans, the figure itself first; NaN where a draw lost a side."""
        others = others.having_score()
        left = np.searchsorted(self._distinct, others.score, side="left")
        right = np.searchsorted(self._distinct, others.score, side="right")
        found: list[F64] = []
        for block in self._blocks:
            cumulative = self._block(block).cumulative
            won, weight = (np.zeros(cumulative.shape[1]) for _ in range(2))
            for start in range(0, others.n, 2048):
                rows = slice(start, start + 2048)
                weights = self._draws.of(others.cluster[rows], block)
                below = cumulative[left[rows]] + cumulative[right[rows]]
                won += (below * weights).sum(axis=0, dtype=np.float64)
                weight += weights.sum(axis=0, dtype=np.int64)
            found.append(_ratio(won / 2.0, weight * cumulative[-1]))
        return np.concatenate(found)

    def shares_above(self, others: Side, rates: tuple[float, ...]) -> dict[float, Share]:
        """Return the share of others above the threshold of each rate."""
        if not self.side.n:
            raise ValueError("a threshold needs at least one human text that has a score")
        left = np.searchsorted(self._distinct, others.score, side="left")
        order = np.argsort(left, kind="stable")
        left = left[order]
        found: dict[tuple[float, int], list[F64]] = {(rate, fewer): [] for rate in rates for fewer in (0, 1)}
        thresholds: dict[float, float] = {}
        for block in self._blocks:
            humans = self._block(block)
            cumulative = np.zeros((others.n + 1, humans.cumulative.shape[1]), np.float32)
            np.cumsum(self._draws.of(others.cluster[order], block), axis=0, dtype=np.float32, out=cumulative[1:])
            total = cumulative[-1]
            defined = np.where(humans.cumulative[-1] > 0.0, total, 0.0)
            for (rate, fewer), parts in found.items():
                cut = humans.cut(rate, fewer)
                thresholds.setdefault(rate, float(self._distinct[cut[0]]))
                below = cumulative[np.searchsorted(left, cut, side="right"), np.arange(len(cut))]
                parts.append(_ratio(total - below, defined))
        drawn = {key: np.concatenate(parts) for key, parts in found.items()}
        return {
            rate: Share(float(drawn[rate, 0][0]), thresholds[rate], drawn[rate, 0][1:], drawn[rate, 1][1:])
            for rate in rates
        }


def weighted_share(hits: NDArray[np.bool_], cluster: I64, draws: ClusterDraws) -> F64:
    """Return (1 + B,) the share of hits (n,) in each draw, the figure itself first."""
    found: list[F64] = []
    for block in draws.blocks(len(hits)):
        weights = draws.of(cluster, block)
        found.append(_ratio(weights[hits].sum(axis=0, dtype=np.int64), weights.sum(axis=0, dtype=np.int64)))
    return np.concatenate(found)


def roc_curve(humans: F64, machine: F64, points: int = 200) -> tuple[F64, F64]:
    """Return false and true positive rates of the ROC curve, both from 0 to 1, thinned to at most `points` of its corners.

    Corners are kept on a logarithmic grid of false-positive rates down to 1/n, because what is of interest lies left of 1 %; none is moved.
    """
    distinct = np.unique(np.concatenate([humans, machine]))[::-1]
    fpr = 1.0 - np.searchsorted(np.sort(humans), distinct, side="left") / len(humans)
    tpr = 1.0 - np.searchsorted(np.sort(machine), distinct, side="left") / len(machine)
    fpr, tpr = np.concatenate([[0.0], fpr]), np.concatenate([[0.0], tpr])
    grid = np.concatenate([[0.0], np.geomspace(1.0 / len(humans), 1.0, points - 2)])
    keep = np.unique(np.concatenate([[0], np.searchsorted(fpr, grid + 1e-12, side="right") - 1]))
    return fpr[keep], tpr[keep]


def _ratio(part: F64 | F32 | I64, whole: F64 | F32 | I64) -> F64:
    whole = whole.astype(np.float64)
    return np.divide(part.astype(np.float64), whole, out=np.full(len(part), np.nan), where=whole > 0)
