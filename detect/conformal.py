"""Conformal p-values: a score becomes p = (1 + #{human scores >= s}) / (1 + n), with no law assumed.

Source: V. Vovk, A. Gammerman and G. Shafer 2005, Algorithmic Learning in a Random World (Mondrian form: section 4.5);
split form and dependence between test documents: S. Bates et al. 2023 (Annals of Statistics 51, arXiv:2104.08279).

What holds: if the document at hand is exchangeable with the n calibration documents of its group, P[p <= a] <= a for
every a, whatever the score and its law; ties count against the document (>=), so discrete scores stay valid. What does
not follow: the rate is an average over calibration sets (for a given set see `assay.detect.levels`), and nothing is
said of text from another source. p never goes below 1/(n + 1).

Scores are kept as float32 rounded up, and above `EXACT` of them the lower ones as knots rounded up; both can only raise
p.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

EXACT = 20_000
"""Largest number of calibration scores that are all kept."""

_TOP = 10_000
_KNOTS = 10_000


@dataclass(frozen=True)
class NullScores:
    """The scores of one group of human documents.

    Attributes:
        scores: (m,) float64, strictly ascending, each a float32.
        at_least: (m,) int64, how many calibration documents score at least as high.
    """

    scores: F64
    at_least: I64

    @property
    def n(self) -> int:
        """How many documents there are."""
        return int(self.at_least[0])

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that any score can reach."""
        return 1.0 / (self.n + 1)

    @property
    def repeats(self) -> I64:
        """(m,) int64, how many documents have each score."""
        return self.at_least - np.append(self.at_least[1:], 0)

    def all_scores(self) -> F64:
        """Return (n,) float64, ascending, ties repeated."""
        return np.repeat(self.scores, self.repeats)

    def p_values(self, scores: ArrayLike, rng: np.random.Generator | None = None) -> F64:
        """Return the conformal p of each score as float64; NaN for a score that is not finite.

        With `rng`, ties and the document's own place are randomised, (#{> s} + U (1 + #{= s})) / (n + 1): exactly
        uniform under exchangeability, but different on every run. The default is the conservative one.
        """
        values = np.asarray(scores, np.float64)
        at_least = np.append(self.at_least, 0)
        count = at_least[np.searchsorted(self.scores, values, side="left")].astype(np.float64)
        if rng is None:
            count += 1.0
        else:
            above = at_least[np.searchsorted(self.scores, values, side="right")]
            count = above + (1.0 - rng.random(values.shape)) * (1.0 + count - above)
        return np.where(np.isfinite(values), count / (self.n + 1.0), np.nan)

    def rank(self, alpha: float) -> int:
        """Return k = floor(alpha (n + 1)); p <= alpha is a score above the k-th largest. 0 if none reaches alpha."""
        return int(alpha * (self.n + 1) * (1 + 1e-12))

    def cut(self, alpha: float) -> float:
        """Return the score above which p <= alpha (strictly above); inf if no score reaches alpha."""
        rank = self.rank(alpha)
        if not rank:
            return float("inf")
        return float(self.scores[np.flatnonzero(self.at_least >= rank)[-1]])


def null_scores(scores: ArrayLike) -> NullScores:
    """Return the finite ones of `scores` (n,) as a null sample: float32 rounded up, knots beyond `EXACT`.

    Beyond it the highest 10,000 stay; of the rest about 10,000 evenly spaced by rank stay and the others are raised to
    the next of these, which raises a p-value by at most a factor of 1 + n/1e8.

    Raises:
        ValueError: if no score is finite.
    """
    values = np.asarray(scores, np.float64).ravel()
    values = np.sort(_float32_up(values[np.isfinite(values)]))
    if not len(values):
        raise ValueError("a null sample needs at least one finite score, got none")
    if len(values) > EXACT:
        lower = len(values) - _TOP
        ends = np.unique(np.linspace(0, lower, _KNOTS + 1).astype(np.int64))[1:]  # half-open ends of the runs
        values[:lower] = np.repeat(values[ends - 1], np.diff(ends, prepend=0))
    return from_repeats(*np.unique(values, return_counts=True))


def from_repeats(scores: F64, repeats: I64) -> NullScores:
    """Return a null sample from (m,) strictly ascending scores and how many documents have each."""
    return NullScores(scores.astype(np.float64), np.cumsum(repeats[::-1])[::-1].astype(np.int64))


def mondrian_p(
    scores: ArrayLike, groups: I64, nulls: Sequence[NullScores], rng: np.random.Generator | None = None
) -> F64:
    """Return (D,) float64 conformal p-values, each within its own group; NaN without a finite score or a group.

    Args:
        scores: (D,) real.
        groups: (D,) index into `nulls`, -1 for a document of no calibrated group.
        nulls: the calibration scores of each group.
        rng: randomise, see `NullScores.p_values`.

    Raises:
        ValueError: if the shapes differ.
    """
    values = np.asarray(scores, np.float64)
    if values.ndim != 1 or values.shape != groups.shape:
        raise ValueError(f"scores and groups must be one-dimensional of one length, got {values.shape}, {groups.shape}")
    p = np.full(values.shape, np.nan)
    for code, null in enumerate(nulls):
        at = np.flatnonzero(groups == code)
        p[at] = null.p_values(values[at], rng)
    return p


def _float32_up(values: F64) -> F64:
    """Return the smallest float32 at or above each value, as float64."""
    with np.errstate(over="ignore"):
        nearest = values.astype(np.float32)
    up = np.where(nearest.astype(np.float64) < values, np.nextafter(nearest, np.float32(np.inf)), nearest)
    return np.clip(up.astype(np.float64), np.finfo(np.float32).min, None)
