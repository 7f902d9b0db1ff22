"""One p-value from several tests of one text: marks, metrics, classifiers.

The tests read the same words, so nothing is known of their dependence, and both rules hold under any:

* Bonferroni, K min p: best when one test sees something and the others nothing, as with marks. It is what
  `Threshold.decide` does.
* Harmonic mean, a_K K / sum(1/p): better by up to K / a_K when several detectors agree, worse by up to a_K when one
  stands alone. D. Wilson 2019 (PNAS 116) scales it for independent tests, where it is only asymptotically exact; a_K is
  the smallest factor that holds under EVERY dependence (V. Vovk and R. Wang 2020, Biometrika 107, arXiv:1212.4966):
  a_K = (y + K)^2 / (K (y + 1)) with y > 0 the root of y^2 = K ((y + 1) ln(y + 1) - y); about ln K,
  below e ln K; 2 for K = 2.

Choose the rule before looking: the smaller of both is no p-value (double it). A detector that abstains is NaN and does
not count; whether it abstains must depend on the text's form (length, language), never on the p-values of the others.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Combined:
    """One p-value a document.

    Attributes:
        log10_p: float64 without the last axis of what was combined, at most 0; NaN where every test abstained.
        tried: int64 of that shape, how many tests were combined.
    """

    log10_p: F64
    tried: I64


def bonferroni(log10_p: ArrayLike) -> Combined:
    """Combine (..., K) log10 p-values over the last axis by K min p, NaN for abstained tests."""
    values, tried = _counted(log10_p)
    smallest = np.where(np.isnan(values), 0.0, values).min(axis=-1, initial=0.0)
    return _combined(smallest + np.log10(np.maximum(tried, 1)), tried)


def harmonic_mean(log10_p: ArrayLike) -> Combined:
    """Combine (..., K) log10 p-values over the last axis by a_K times their harmonic mean, NaN for abstained tests."""
    values, tried = _counted(log10_p)
    smallest = np.where(np.isnan(values), 0.0, values).min(axis=-1, initial=0.0)
    # sum of 1/p = 10^-smallest * sum of 10^(smallest - log10 p): no overflow at any depth
    with np.errstate(invalid="ignore"):  # -inf - -inf, which counts as 1 below
        relative = np.where(values == smallest[..., None], 0.0, smallest[..., None] - values)
    total = np.where(np.isnan(values), 0.0, 10.0**relative).sum(axis=-1)
    factors = np.array([harmonic_factor(k) for k in range(1, values.shape[-1] + 1)] or [1.0])
    k = np.maximum(tried, 1)
    return _combined(smallest + np.log10(factors[k - 1] * k / np.where(total > 0.0, total, 1.0)), tried)


@lru_cache(maxsize=256)
def harmonic_factor(k: int) -> float:
    """Return a_K, the smallest factor that makes the harmonic mean of K p-values a p-value under any dependence.

    Raises:
        ValueError: if k is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if k <= 2:
        return float(k)
    low, high = 1.0, float(k * k)
    for _ in range(200):
        y = 0.5 * (low + high)
        low, high = (y, high) if y * y < k * ((y + 1.0) * math.log1p(y) - y) else (low, y)
    return (low + k) ** 2 / (k * (low + 1.0))


def _counted(log10_p: ArrayLike) -> tuple[F64, I64]:
    values = np.asarray(log10_p, np.float64)
    if values.ndim < 1:
        raise ValueError(f"log10_p must have an axis of tests, got shape {values.shape}")
    if (values > 0.0).any():
        raise ValueError(f"log10_p must be at most 0, got {np.nanmax(values)}; these are logarithms, not p-values")
    return values, (~np.isnan(values)).sum(axis=-1, dtype=np.int64)


def _combined(log10_p: F64, tried: I64) -> Combined:
    return Combined(np.where(tried > 0, np.minimum(log10_p, 0.0), np.nan), tried)
