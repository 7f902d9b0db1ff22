"""What false-positive rate a cut has: by theory for this calibration set, and as measured on humans it has not seen.

Two different things, both kept:

* `achieved`: the cut is the k-th largest of n human scores. For humans exchangeable with them its true false-positive
  rate is a draw from Beta(k, n + 1 - k) (below it with ties); the interval holds its central 95 %. Exact and free of
  the score's law (S. Wilks 1941, Annals of Mathematical Statistics 12; V. Vovk 2012, arXiv:1209.2673). No data can
  improve it: splitting the same sample at random only measures this law again.
* `held_out`: each fold's humans against the cut set on the other folds, with the Clopper-Pearson interval of the pooled
  count. With folds that mean something (domain, source, year) this measures whether the cut travels, which theory
  cannot say. With random folds it checks the code, and is labelled so. Folds share calibration documents, so the pooled
  interval is approximate.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .clusters import F64
from .conformal import NullScores, null_scores
from .intervals import Interval, binomial_interval

ALPHAS = (0.05, 0.01, 0.001)
RANDOM_FOLDS = "random"

_CONFIDENCE = 0.95
_N_RANDOM = 5


@dataclass(frozen=True)
class HeldOut:
    """False positives among humans that the cut was not set on.

    Attributes:
        folds: `random`, or how many folds of the user's were left out in turn.
        flagged, tested: documents, over all folds whose cut could be set.
        interval: Clopper-Pearson, 95 %.
        worst: the fold with the highest rate; empty for random folds.
        worst_flagged, worst_tested: its documents.
    """

    folds: str
    flagged: int
    tested: int
    interval: Interval
    worst: str
    worst_flagged: int
    worst_tested: int


@dataclass(frozen=True)
class Level:
    """A false-positive rate asked for, and what is known of the rate reached.

    Attributes:
        alpha: the rate asked for.
        rank: k; the cut is the k-th largest calibration score.
        cut: scores above it have p <= alpha.
        achieved: central 95 % of the true rate on humans like these.
        held_out: as measured; None where too few documents remain outside a fold.
    """

    alpha: float
    rank: int
    cut: float
    achieved: Interval
    held_out: HeldOut | None


def order_statistic_interval(rank: int, n: int, confidence: float = _CONFIDENCE) -> Interval:
    """Return the central interval of Beta(rank, n + 1 - rank), the false-positive rate above the rank-th largest of n.

    Raises:
        ValueError: if not 1 <= rank <= n.
    """
    from scipy.special import betaincinv  # imported late: scipy is slow to start

    if not 1 <= rank <= n:
        raise ValueError(f"rank must be from 1 to n, got {rank} of {n}")
    tail = (1.0 - confidence) / 2.0
    low, high = betaincinv(rank, n + 1 - rank, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


def levels(
    null: NullScores, scores: F64, folds: NDArray[np.str_] | None, rng: np.random.Generator
) -> tuple[Level, ...]:
    """Return what is known at each of `ALPHAS` that this many documents can reach.

    Args:
        null: the calibration scores as they are kept.
        scores: (n,) the same documents' scores, in the order of `folds`.
        folds: (n,) labels to leave out in turn; None for five random ones.
        rng: deals the random folds.
    """
    kind = RANDOM_FOLDS if folds is None else f"{len(np.unique(folds))} left out in turn"
    codes = rng.permutation(len(scores)) % _N_RANDOM if folds is None else folds
    reached = [alpha for alpha in ALPHAS if null.rank(alpha)]
    return tuple(
        Level(
            alpha,
            null.rank(alpha),
            null.cut(alpha),
            order_statistic_interval(null.rank(alpha), null.n),
            _held_out(alpha, scores, codes, kind),
        )
        for alpha in reached
    )


def _held_out(alpha: float, scores: F64, folds: NDArray[np.generic], kind: str) -> HeldOut | None:
    """Return the count of humans above the cut set on the other folds."""
    seen: list[tuple[str, int, int]] = []
    for fold in np.unique(folds):
        inside = folds == fold
        others = scores[~inside]
        cut = null_scores(others).cut(alpha) if len(others) else np.inf
        if np.isfinite(cut):
            seen.append((str(fold), int((scores[inside] > cut).sum()), int(inside.sum())))
    if not seen:
        return None
    flagged, tested = sum(s[1] for s in seen), sum(s[2] for s in seen)
    worst = max(seen, key=lambda fold: fold[1] / fold[2])
    name = "" if kind == RANDOM_FOLDS else worst[0]
    return HeldOut(kind, flagged, tested, binomial_interval(flagged, tested, _CONFIDENCE), name, worst[1], worst[2])
