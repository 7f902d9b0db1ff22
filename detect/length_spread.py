"""How far human scores scatter at a length, so that a score can be told in units of that scatter.

A score that is a mean over tokens scatters more in short texts. One threshold for a range of lengths is then decided by its shortest texts, and ranks of texts of
different lengths are not comparable. Here log |score - mean of its group| of human texts is regressed on the log of the length, piecewise linear with bends at
`KNOTS`, within groups, each group counting alike (S. Glejser 1969, JASA 64, for the regression of absolute residuals). Only the spread is taken out, not the
mean: in what domains write short and what long the mean also holds the domain.

The spread is 1 at `REFERENCE` tokens. Lengths outside the fitted range have that of its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]

KNOTS = (64, 128, 256, 512)
REFERENCE = 300

_FLOOR = 0.05
"""Added to absolute residuals, in units of their mean, so that their logarithm has no far tail below."""

_RIDGE = 0.01
"""Of the slopes; the groups' weights sum to their number."""


@dataclass(frozen=True)
class LengthSpread:
    """The spread of human scores by length, relative to that at `REFERENCE`.

    Attributes:
        low, high: range of the lengths that it was fitted on.
        slopes: (1 + len(KNOTS),) float64, of log spread on log length, and what each knot adds.
    """

    low: int
    high: int
    slopes: F64

    def at(self, lengths: ArrayLike) -> F64:
        """Return (D,) float64, positive, for (D,) lengths."""
        clipped = np.clip(np.asarray(lengths, np.float64), self.low, self.high)
        reference = np.clip(float(REFERENCE), self.low, self.high)
        return np.exp((_basis(clipped) - _basis(np.array([reference]))) @ self.slopes)


def fit_length_spread(scores: F64, lengths: ArrayLike, groups: Sequence[str]) -> LengthSpread:
    """Fit on (D,) scores of human texts, finite, with their (D,) lengths and groups.

    Raises:
        ValueError: without texts.
    """
    sizes = np.maximum(np.asarray(lengths, np.float64), 1.0)
    if not len(sizes):
        raise ValueError("a spread by length needs human scores, got none")
    code = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)[1]
    weight = 1.0 / np.sqrt(np.bincount(code)[code])
    rows = _basis(sizes)
    mean = _within(rows, scores, code, weight)
    residual = np.abs(mean)
    spread = np.log(residual + _FLOOR * max(float(residual.mean()), 1e-12))
    slopes = _slopes(rows, spread, code, weight)
    return LengthSpread(int(sizes.min()), int(sizes.max()), slopes)


def _basis(lengths: F64) -> F64:
    """Return (D, 1 + K): the log of each length, and what it exceeds each knot's by."""
    log = np.log(np.maximum(lengths, 1.0))
    return np.column_stack([log, *(np.maximum(log - np.log(knot), 0.0) for knot in KNOTS)])


def _within(rows: F64, values: F64, code: NDArray[np.int64], weight: F64) -> F64:
    """Return the (D,) residuals of values on rows, within groups."""
    slopes = _slopes(rows, values, code, weight)
    return _centred(values[:, None], code)[:, 0] - _centred(rows, code) @ slopes


def _slopes(rows: F64, values: F64, code: NDArray[np.int64], weight: F64) -> F64:
    """Return the weighted ridge regression of values on rows, both centred within groups."""
    x, y = _centred(rows, code) * weight[:, None], _centred(values[:, None], code)[:, 0] * weight
    return np.asarray(np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ y), np.float64)


def _centred(rows: F64, code: NDArray[np.int64]) -> F64:
    counts = np.bincount(code).astype(np.float64)
    means = np.column_stack([np.bincount(code, column) / counts for column in rows.T])
    return rows - means[code]
