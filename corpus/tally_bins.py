"""The bins of a tally. They are fixed, so that tallies of any two scans can be added.

* log10 p: 1/64 decade down to 1e-12, 1/8 decade to 1e-100, a decade to 1e-400, and one bin below. An edge is
  10 ** -(edge), and a p on an edge counts to the bin below it, so a bin's `edges[i]` is the largest p it holds: used in
  place of its p-values, it errs to the side of the null. The powers of ten (so the usual alphas) are edges.
* depth: of a mark's randomised p, sqrt(-log10 p) in steps of 1/8, which is about even in z.
* scored tokens: every number below 16, then eighths of an octave. Within a bin the length differs by less than 9 %.
* characters: octaves.
"""

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

P_EDGES: F64 = np.asarray(
    np.concatenate((np.arange(0, 12 * 64) / 64.0, 12.0 + np.arange(0, 88 * 8) / 8.0, 100.0 + np.arange(0, 301))),
    np.float64,
)
"""(1773,) ascending -log10 p at which bins begin; the last is open."""

DEPTH_STEP = 1.0 / 8.0
N_DEPTHS = 161
DEPTH_EDGES: F64 = np.square(np.arange(N_DEPTHS) * DEPTH_STEP)
"""(161,) ascending -log10 p at which depth bins begin; the last is open."""

_EXACT = 16
_OCTAVES = 14
TOKEN_EDGES: I64 = np.concatenate(
    (np.arange(_EXACT), np.unique(np.rint(_EXACT * 2.0 ** (np.arange(8 * _OCTAVES + 1) / 8.0)).astype(np.int64)))
)
"""(T,) ascending numbers of scored tokens at which bins begin; the last is open, from 262,144 on."""

N_LENGTHS = 32

_ROUNDING = 1e-9  # a conformal p is k / (n + 1) and meets an edge exactly, but for rounding


def p_bins(log10_p: F64) -> I64:
    """Return the bin of each log10 p; (D,) finite and at most 0, -inf allowed."""
    return np.searchsorted(P_EDGES, -log10_p + _ROUNDING, side="right") - 1


def depth_bins(log10_p: F64) -> I64:
    """Return the depth bin of each log10 p; (D,) at most 0."""
    depth = np.sqrt(np.maximum(-log10_p, 0.0)) / DEPTH_STEP
    return np.minimum(depth, N_DEPTHS - 1.0).astype(np.int64)


def token_bins(n_scored: NDArray[np.integer]) -> I64:
    """Return the bin of each number of scored tokens; (D,) not negative."""
    return np.searchsorted(TOKEN_EDGES, n_scored, side="right") - 1


def middle_tokens() -> I64:
    """Return the length that stands for each bin of scored tokens."""
    last = TOKEN_EDGES[-1:] * 2
    upper = np.concatenate((TOKEN_EDGES[1:], last)) - 1
    return np.rint(np.sqrt(TOKEN_EDGES * upper.astype(np.float64))).astype(np.int64)


def length_bins(n_chars: NDArray[np.integer]) -> I64:
    """Return the octave of each number of characters: 0 for none, else its bit length; (D,) not negative."""
    return np.minimum(np.frexp(n_chars.astype(np.float64))[1], N_LENGTHS - 1).astype(np.int64)


def length_range(octave: int) -> tuple[int, int]:
    """Return the least and the largest number of characters of an octave."""
    return (0, 0) if octave == 0 else (1 << (octave - 1), (1 << octave) - 1)
