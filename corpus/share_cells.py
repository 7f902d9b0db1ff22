"""How likely each cell of a mark's table is for unmarked and for marked text.

The table (`tally_detector`) is documents by scored tokens n and depth of the randomised p. For the fit, lengths are
joined to half octaves and depths below p = 1e-16 to wide cells. Under the null a depth cell has its width in p. Under a
green rate q the number of green tokens is Binomial(n, q), and the cell's chance follows exactly from the lattice of p
at n: sum over x of P[X = x] times the part of [P[X > x], P[X >= x]] that lies in the cell.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .tally_bins import DEPTH_EDGES, F64, I64, middle_tokens

RATES: F64 = np.asarray(np.concatenate((np.arange(0.12, 0.3, 0.04), np.arange(0.3, 0.96, 0.06))), np.float64)
"""(R,) green rates of marked text, as shares of the way from gamma to 1. Below the first, marked text is not told from
unmarked text of another kind, and is not counted."""

_FINE = 32  # depth cells of the tally that are kept, down to p = 1e-16
_WIDE = 8  # tally cells to one cell beyond
_EXACT = 2048
_POINTS = 400
_PER_GROUP = 4  # bins of scored tokens to a group: half an octave


@dataclass(frozen=True)
class Cells:
    """A mark's table as the fit reads it, G groups of lengths by K cells.

    Attributes:
        counts: (G, K) int64 documents.
        null: (K,) chance of each cell for unmarked text, sums to 1.
        marked: (G, R, K) the same under each green rate.
        z: (K,) normal score of each cell.
        tokens: (G,) mean scored tokens of each group.
    """

    counts: I64
    null: F64
    marked: F64
    z: F64
    tokens: F64


def cells(depths: I64, gamma: float) -> Cells | None:
    """Return the cells of a tally's (T, D) table; None without documents."""
    from scipy.special import ndtri  # imported late

    at = np.flatnonzero(depths.sum(1))
    if not len(at):
        return None
    starts = np.concatenate((np.arange(_FINE), np.arange(_FINE, len(DEPTH_EDGES), _WIDE)))
    edges = DEPTH_EDGES[starts]
    counts = np.add.reduceat(depths, starts, axis=1)
    group, n = at // _PER_GROUP, middle_tokens()[at]
    labels = np.unique(group)
    upper = 10.0**-edges
    null = upper - np.append(upper[1:], 0.0)
    z = np.asarray(-ndtri(np.maximum(upper - null / 2.0, 1e-300)), np.float64)
    chances = np.stack([_chances(int(length), gamma, edges) for length in n])
    joined, marked, tokens = [], [], []
    for label in labels:
        rows = np.flatnonzero(group == label)
        weight = depths[at[rows]].sum(1).astype(np.float64)
        weight /= weight.sum()
        joined.append(counts[at[rows]].sum(0))
        marked.append(np.tensordot(weight, chances[rows], 1))
        tokens.append(float(weight @ n[rows]))
    return Cells(np.stack(joined), null, np.stack(marked), z, np.array(tokens))


def _chances(n: int, gamma: float, edges: F64) -> F64:
    """Return (R, K): the chance of each cell for n scored tokens under each rate."""
    from assay.detect.exact import binomial_log10_sf_batch  # imported late: numba and scipy
    from scipy.stats import binom

    rates = gamma + (1.0 - gamma) * RATES
    if n <= _EXACT:
        green: I64 = np.arange(n + 1)
    else:  # the lattice is finer than any cell: points instead of all counts
        spread = 7.0 * np.sqrt(n) / 2.0
        points = [np.linspace(n * q - spread, n * q + spread, _POINTS) for q in rates]
        green = np.unique(np.clip(np.concatenate(points), 0, n).astype(np.int64))
    size = np.full(len(green), n)
    at_least = binomial_log10_sf_batch(green, size, gamma)
    following = np.append(green[1:], n)
    more = binomial_log10_sf_batch(following, size, gamma)
    more[-1] = -np.inf
    if n <= _EXACT:
        mass = np.stack([binom.pmf(green, n, q) for q in rates])
    else:
        below = np.stack([binom.sf(green - 1, n, q) for q in rates])
        mass = below - np.column_stack((below[:, 1:], np.zeros(len(rates))))
        mass[:, 0] += 1.0 - below[:, 0]
    return np.asarray(mass @ _overlap(at_least, more, edges), np.float64)


def _overlap(at_least: F64, more: F64, edges: F64) -> NDArray[np.float64]:
    """Return (X, K): the part of each count's p-interval [10**more, 10**at_least] in each cell."""
    ratio = 10.0 ** (more - at_least)
    edge = 10.0 ** np.minimum(-edges[None, :] - at_least[:, None], 0.0)
    width = np.maximum(1.0 - ratio, 1e-12)[:, None]
    below = np.clip((edge - ratio[:, None]) / width, 0.0, 1.0)  # of the interval, what is under the cell's upper edge
    return below - np.column_stack((below[:, 1:], np.zeros(len(below))))
