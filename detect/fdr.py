"""Which documents of a corpus to call machine-made, with a bound on the share of these that is wrong.

Benjamini-Hochberg (Y. Benjamini and Y. Hochberg 1995, JRSS B 57) and its adaptive form with Storey's estimate of the
share of null documents (J. Storey, J. Taylor and D. Siegmund 2004, JRSS B 66). This rate, the false discovery rate, is
a mean over corpora, not a bound for the one at hand.

Which may be used on what: p-values that share a calibration set are positively dependent (PRDS), so Benjamini-Hochberg
holds for conformal p of one calibration, Mondrian groups included, and for exact p of independent documents (S. Bates
et al. 2023, Annals of Statistics 51, arXiv:2104.08279). Storey's form holds for independent p and for conformal p of
one shared calibration (same paper; A. Marandon et al. 2024, Annals of Statistics 52, arXiv:2208.06685); for several
groups together it is not proven. Near copies of one page are one document: collapse them first.

p-values come as log10, for exact ones lie far below 1e-308. Abstained documents are NaN: not tested, not counted, never
rejected. One sort of the values; no index array, so 1e8 documents need about 3 GB.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]

_CHUNK = 1 << 22
_CACHED = 1 << 17


@dataclass(frozen=True)
class Discoveries:
    """The outcome for D documents.

    Attributes:
        rejected: (D,) bool, called machine-made.
        log10_q: (D,) float64, log10 of the adjusted p (q-value): the smallest level at which the document is rejected;
            NaN if not tested.
        level: the false discovery rate asked for.
        log10_threshold: the largest rejected log10 p; -inf if nothing is rejected.
        n_tested, n_rejected: documents.
        null_share: the estimated share of human documents that entered; 1.0 for Benjamini-Hochberg.
    """

    rejected: NDArray[np.bool_]
    log10_q: F64
    level: float
    log10_threshold: float
    n_tested: int
    n_rejected: int
    null_share: float


@dataclass(frozen=True)
class CalibrationSize:
    """How many human documents a calibration needs before conformal p-values can reject anything.

    Attributes:
        least: below it no document can be rejected, however high its score.
        stable: ten times that: the cut then rests on ten human scores and not on one.
    """

    least: int
    stable: int


def benjamini_hochberg(log10_p: ArrayLike, level: float = 0.1) -> Discoveries:
    """Return the documents rejected at this false discovery rate; `log10_p` is (D,), NaN for abstained.

    Raises:
        ValueError: if not 0 < level < 1, or a log10 p is above 0.
    """
    return _step_up(_checked(log10_p, level), level, 1.0)


def storey(log10_p: ArrayLike, level: float = 0.1, tail: float = 0.5) -> Discoveries:
    """Return the documents rejected with Storey's estimate (1 + #{p > tail}) / (n (1 - tail)) of the share of humans.

    Only p <= tail can be rejected, as the finite-sample proof asks for. Where many documents are machine-made this
    finds more; where few are, about the same.

    Raises:
        ValueError: if level or tail is not in (0, 1), or a log10 p is above 0.
    """
    if not 0.0 < tail < 1.0:
        raise ValueError(f"tail must be in (0, 1), got {tail}")
    values = _checked(log10_p, level)
    above = int((values > math.log10(tail)).sum())
    n = len(values) - int(np.isnan(values).sum())
    null_share = (1 + above) / (n * (1.0 - tail)) if n else 1.0
    return _step_up(values, level, null_share, math.log10(tail))


def calibration_size(level: float, share: float) -> CalibrationSize:
    """Return how many calibration documents a discovery needs when this share of the corpus is to be rejected.

    Rejecting a share r at level q takes p <= q r, and a conformal p is at least 1/(n + 1); so n + 1 >= 1/(q r).

    Raises:
        ValueError: if level or share is not in (0, 1].
    """
    for name, value in (("level", level), ("share", share)):
        if not 0.0 < value <= 1.0:
            raise ValueError(f"{name} must be in (0, 1], got {value}")
    least = math.ceil(1.0 / (level * share) - 1e-9)
    return CalibrationSize(least, 10 * least)


def size_warning(n_calibration: int, level: float, share: float) -> str:
    """Return in one line that a calibration is too small for this level and share; empty if it is not."""
    size = calibration_size(level, share)
    if n_calibration >= size.stable:
        return ""
    what = "cannot find anything" if n_calibration + 1 < size.least else "rests on fewer than ten human scores"
    return (
        f"a false discovery rate of {level:.2g} with {share:.2g} of the documents machine-made {what} with "
        f"{n_calibration} calibration documents; it needs at least {size.least}, better {size.stable}"
    )


def _checked(log10_p: ArrayLike, level: float) -> F64:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be in (0, 1), got {level}")
    values = np.asarray(log10_p, np.float64)
    if values.ndim != 1:
        raise ValueError(f"log10_p must be one-dimensional, got shape {values.shape}")
    if (values > 0.0).any():
        raise ValueError(f"log10_p must be at most 0, got {np.nanmax(values)}; these are logarithms, not p-values")
    return values


def _step_up(values: F64, level: float, null_share: float, largest: float = 0.0) -> Discoveries:
    """Return the step-up procedure at level / null_share on log10 p no larger than `largest`."""
    tested = np.sort(values)  # NaN last
    n = len(tested) - int(np.isnan(tested).sum())
    if not n:
        nothing = np.full(values.shape, np.nan)
        return Discoveries(np.zeros(values.shape, np.bool_), nothing, level, -math.inf, 0, 0, null_share)
    distinct, count = _distinct(tested[:n])
    # The smallest level at which p is rejected: min over p' >= p of p' n pi0 / #{<= p'}; beyond `largest` never.
    adjusted = distinct + math.log10(n * null_share) - np.log10(np.cumsum(count))
    adjusted = np.where(distinct <= largest, adjusted, 0.0)
    adjusted = np.minimum(np.minimum.accumulate(adjusted[::-1])[::-1], 0.0)
    passing = np.flatnonzero((adjusted <= math.log10(level) + 1e-12) & (distinct <= largest))
    threshold = float(distinct[passing[-1]]) if len(passing) else -math.inf
    rejected = values <= threshold if len(passing) else np.zeros(values.shape, np.bool_)
    log10_q = _look_up(distinct, adjusted, values)
    return Discoveries(rejected, log10_q, level, threshold, n, int(rejected.sum()), null_share)


def _distinct(ordered: F64) -> tuple[F64, NDArray[np.int64]]:
    """Return the distinct values of an ascending array and how often each occurs."""
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return ordered[first], np.diff(first, append=len(ordered))


def _look_up(distinct: F64, adjusted: F64, values: F64) -> F64:
    """Return the entry of `adjusted` at the place of each value in `distinct`, NaN for NaN; in chunks, to bound memory.

    Chunks are sorted first where the table is larger than a cache: one pass over it instead of a miss a document.
    """
    found = np.empty(values.shape)
    padded = np.append(adjusted, np.nan)  # NaN sorts behind every value
    for start in range(0, len(values), _CHUNK):
        part = values[start : start + _CHUNK]
        if len(distinct) > _CACHED:
            order = np.argsort(part)
            found[start + order] = padded[np.searchsorted(distinct, part[order])]
        else:
            found[start : start + _CHUNK] = padded[np.searchsorted(distinct, part)]
    return found
