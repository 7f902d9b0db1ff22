"""Rows of logits to six numbers each, compiled by numba: one read for the maximum, one for all sums.

The vocabulary is taken in tiles that stay in the first-level cache: float32 sums within a tile, float64 between tiles. The variance is centred:
each tile about its own mean, tiles joined by Chan, Golub and LeVeque 1983 (eq. 1.5), so that nothing is subtracted that is nearly equal. `exp` is the polynomial
of Cephes (`expf`, Moshier 1992; below 2e-7 relative), which LLVM turns into vector code where a call into the C library would stay scalar.

A row with NaN, or with plus infinity, gives NaN and rank 0. Minus infinity is probability 0.
"""

import math
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic as _intrinsic
from numpy.typing import NDArray

F32, I32, I64 = NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]

LOG_PROB, ENTROPY, MU, SIGMA2, TOP = 0, 1, 2, 3, 4
FIELDS = 5
"""Columns of the kernels' output; the rank is beside it, an integer."""

TILE = 2048
FAST = {"reassoc", "contract", "nsz"}  # sums in any order; NaN and infinity keep their meaning

_LOG2_E = np.float32(1.4426950408889634)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_C0, _C1, _C2 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
_C3, _C4, _C5 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)
_ONE, _HALF = np.float32(1), np.float32(0.5)
_LOWEST = np.float32(-87.0)  # exp of it is 1.6e-38, the last before denormal numbers
_FLOOR = np.float32(-1e4)  # stands for minus infinity: times exp(-87) it is still nothing
_BIAS, _MANTISSA = np.int32(127), np.int32(23)


intrinsic: Any = _intrinsic  # its type is that of the function it takes, not of the one it makes


@intrinsic
def _float_of_bits(_context: Any, _bits: Any) -> Any:
    """Read the 32 bits of an integer as a float."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        from llvmlite import ir

        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@njit(cache=True, inline="always")
def _exp(x: Any) -> Any:
    """Return exp(x) for x <= 0."""
    x = max(x, _LOWEST)
    n = np.int32(np.floor(x * _LOG2_E + _HALF))
    f = np.float32(n)
    r = x - f * _LN2_HIGH
    r = r - f * _LN2_LOW
    y = ((((_C0 * r + _C1) * r + _C2) * r + _C3) * r + _C4) * r + _C5
    return (y * r * r + r + _ONE) * _float_of_bits(np.int32((n + _BIAS) << _MANTISSA))


@njit(cache=True, fastmath=FAST)
def _maximum(row: F32) -> Any:
    """Return the largest entry, or NaN if an entry is NaN or it is infinite."""
    top, strange = row[0], np.int32(0)
    for v in range(len(row)):
        top = max(top, row[v])
        strange += np.int32(math.isnan(row[v]))
    return top if strange == 0 and abs(top) < np.inf else np.float32(np.nan)


@njit(cache=True, nogil=True, fastmath=FAST)
def reduce_rows(logits: F32, targets: I64, out: F32, rank: I32) -> None:
    """Fill `out` (R, FIELDS) and `rank` (R,) from `logits` (R, V) of q and the ids `targets` (R,); p is q."""
    scratch = np.empty(TILE, np.float32)
    for i in range(len(logits)):
        row = logits[i]
        top = _maximum(row)
        if math.isnan(top):
            out[i], rank[i] = np.nan, 0
            continue
        own = row[targets[i]]
        total, mean, m2, above = 0.0, 0.0, 0.0, np.int32(1)
        for low in range(0, len(row), TILE):
            tile = row[low : low + TILE]
            s0, s1 = np.float32(0), np.float32(0)
            for v in range(len(tile)):
                d = max(tile[v] - top, _FLOOR)
                e = _exp(d)
                scratch[v] = e
                s0 += e
                s1 += e * d
                above += np.int32(tile[v] > own)
            centre, squares = s1 / s0, np.float32(0)
            for v in range(len(tile)):
                c = max(tile[v] - top, _FLOOR) - centre
                squares += scratch[v] * c * c
            joint, apart = total + s0, centre - mean
            m2 += squares + apart * apart * total * s0 / joint
            mean += apart * s0 / joint
            total = joint
        log_total = math.log(total)
        out[i, LOG_PROB] = own - top - log_total
        out[i, ENTROPY] = log_total - mean
        out[i, MU] = mean - log_total
        out[i, SIGMA2] = m2 / total
        out[i, TOP] = -log_total
        rank[i] = above


@njit(cache=True, nogil=True, fastmath=FAST)
def reduce_row_pairs(logits: F32, reference: F32, targets: I64, out: F32, rank: I32) -> None:
    """Do the same with `reference` (R, V), the logits of p, for mean and variance."""
    scratch = np.empty(TILE, np.float32)
    for i in range(len(logits)):
        row, second = logits[i], reference[i]
        top, second_top = _maximum(row), _maximum(second)
        if math.isnan(top) or math.isnan(second_top):
            out[i], rank[i] = np.nan, 0
            continue
        own = row[targets[i]]
        q_total, q_sum, p_total, mean, m2, above = 0.0, 0.0, 0.0, 0.0, 0.0, np.int32(1)
        for low in range(0, len(row), TILE):
            tile, other = row[low : low + TILE], second[low : low + TILE]
            q0, q1, s0, s1 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for v in range(len(tile)):
                d = max(tile[v] - top, _FLOOR)
                q = _exp(d)
                q0 += q
                q1 += q * d
                p = _exp(max(other[v] - second_top, _FLOOR))
                scratch[v] = p
                s0 += p
                s1 += p * d
                above += np.int32(tile[v] > own)
            centre, squares = s1 / s0, np.float32(0)
            for v in range(len(tile)):
                c = max(tile[v] - top, _FLOOR) - centre
                squares += scratch[v] * c * c
            joint, apart = p_total + s0, centre - mean
            m2 += squares + apart * apart * p_total * s0 / joint
            mean += apart * s0 / joint
            p_total = joint
            q_total += q0
            q_sum += q1
        log_total = math.log(q_total)
        out[i, LOG_PROB] = own - top - log_total
        out[i, ENTROPY] = log_total - q_sum / q_total
        out[i, MU] = mean - log_total
        out[i, SIGMA2] = m2 / p_total
        out[i, TOP] = -log_total
        rank[i] = above
